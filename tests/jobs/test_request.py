"""What settings and paths ask for, and what is refused before anything is read or written."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.frames import matted
from helpers.media import Brightness, run, shown
from PIL import Image

from streamcut import remove_video
from streamcut.compositing.background import image_background
from streamcut.core.config import MatteSettings, Settings
from streamcut.core.errors import ModelError, SinkError, UsageError
from streamcut.jobs.file import Job
from streamcut.jobs.request import check_borders, keep_of, parse_prompt, session_keywords
from streamcut.matting.keep import ALL, MAIN, Keep
from streamcut.sources import open_source
from streamcut.sources.size import Size

Clip = Callable[..., Path]


@pytest.mark.parametrize(("start", "duration", "frames"), [(None, 0.2, 5), (0.1, None, 17)])
def test_seconds_mean_what_is_written(
    clip: Clip, tmp_path: Path, start: float | None, duration: float | None, frames: int
) -> None:
    source = clip(count=20)
    made = run(source, tmp_path / "a.mkv", start=start, duration=duration)
    exact = Job(
        source,
        tmp_path / "b.mkv",
        session=Brightness(),
        start=None if start is None else Fraction(str(start)),
        duration=None if duration is None else Fraction(str(duration)),
    ).run()
    assert made.frames == exact.frames == frames


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_time_is_an_error_in_words(clip: Clip, tmp_path: Path, value: float) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        remove_video(clip(count=1), tmp_path / "a.mkv", start=value)


@pytest.mark.parametrize(("width", "height"), [(17, 1), (1, 1), (3, 3), (2, 2)])
def test_tiny_pictures_work_or_are_refused_in_words(
    clip: Clip, tmp_path: Path, width: int, height: int
) -> None:
    source = clip(count=2, width=width, height=height, pixel_format="yuv444p")
    run(source, tmp_path / "a.mkv", session=Brightness(1))
    assert len(shown(tmp_path / "a.mkv").times) == 2
    small = min(width, height) < 2
    for output, options, error in (
        ("a.mp4", {"background": "red"}, SinkError),
        ("b.mkv", {"stacked": True}, UsageError),
    ):
        if small:
            with pytest.raises(error, match=f"{width}x{height}"):
                run(source, tmp_path / output, session=Brightness(1), **options)
        else:
            run(source, tmp_path / output, session=Brightness(1), **options)


def test_a_size_that_follows_is_bounded_too() -> None:
    with pytest.raises(UsageError, match="too large"):
        Size.parse("720p").of(2000, 8)


def test_a_session_for_pictures_alone_is_refused(clip: Clip, tmp_path: Path) -> None:
    class Still:
        def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
            return [img.convert("L")]

    with pytest.raises(ModelError, match=r"Still has no input_size\(\)"):
        run(clip(count=1), tmp_path / "a.mkv", session=Still())


@pytest.mark.parametrize("kind", ["deep", "clear"])
def test_pictures_of_every_kind_as_background(clip: Clip, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "behind.png"
    if kind == "deep":
        ramp = np.linspace(0, 65535, 96).astype(np.uint16)
        cv2.imwrite(str(path), np.repeat(ramp[None], 64, axis=0))
    else:
        Image.new("RGBA", (96, 64), (255, 0, 0, 0)).save(path)
    with open_source(str(clip(count=1, pixel_format="yuv444p"))) as source:
        background = image_background(path, source.info)
        luma = background.layers(matted(next(iter(source)).source))[0]
    assert isinstance(luma, np.ndarray)
    if kind == "deep":
        assert np.abs(luma[0].astype(int) - np.linspace(16, 235, 96)).max() <= 2
    else:
        assert luma.max() == 16


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("0.5,0.25", (0.5, 0.25)),
        ("1,1", (1, 1)),
        ("320, 90", (0.5, 0.25)),
        ("0.1,0.2,0.5,1", (0.1, 0.2, 0.5, 1)),
        ("64,36,320,360", (0.1, 0.1, 0.5, 1)),
    ],
)
def test_a_prompt_is_a_point_or_a_box_in_fractions_or_pixels(
    text: str, shares: tuple[float, ...]
) -> None:
    assert parse_prompt(text, (640, 360)) == pytest.approx(shares)


@pytest.mark.parametrize(
    "text",
    ["here", "1", "1,2,3", "0.5,-0.1", "641,10", "10,361", "0.5,0.5,0.4,0.9", "nan,1", "inf,1"],
)
def test_what_is_no_prompt_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="prompt"):
        parse_prompt(text, (640, 360))


def test_pixels_need_a_picture_whose_size_is_known() -> None:
    assert parse_prompt("0.5,0.5", None) == (0.5, 0.5)
    with pytest.raises(UsageError, match="give fractions"):
        parse_prompt("320,180", None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prompt": "0.5,0.5"}, "prompt is for model=sam, not for portrait"),
        ({"cloth_category": "upper"}, "cloth_category is for model=u2net_cloth_seg"),
        ({"screen": "green"}, "screen is for model=chroma"),
        ({"plate": "room.png", "model": "chroma"}, "plate is for model=difference"),
    ],
)
def test_what_a_model_does_not_take_is_refused(
    clip: Clip, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        remove_video(clip(count=1), tmp_path / "out.mkv", **options)


def test_a_model_gets_what_it_takes() -> None:
    settings = MatteSettings(model="sam", prompt="64,36")
    assert session_keywords(settings, (640, 360)) == {"prompt": (0.1, 0.1)}
    assert session_keywords(MatteSettings(model="chroma"), (640, 360)) == {}
    assert session_keywords(MatteSettings(), (640, 360)) == {}


def test_settings_that_cannot_be_are_refused() -> None:
    check_borders(Settings())
    with pytest.raises(UsageError, match=r"^smooth is 0 to 1, not 1.5$"):
        check_borders(Settings(matte=MatteSettings(smooth=1.5)))
    with pytest.raises(UsageError, match=r"^expand and contract cannot be used together$"):
        check_borders(Settings().with_options({"expand": 2, "contract": 1}))


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("all", ALL),
        ("main", MAIN),
        ("0.5,0.25", Keep(True, (0.5, 0.25))),
        ("320,90", Keep(True, (0.5, 0.25))),
    ],
)
def test_who_is_kept_is_said_in_words_or_by_a_point(text: str, keep: Keep) -> None:
    settings = Settings(MatteSettings(keep=text))
    check_borders(settings)
    assert keep_of(settings, (640, 360)) == keep


@pytest.mark.parametrize("text", ["", "me", "1", "1,2,3", "-1,2", "nan,1", "1,inf"])
def test_what_is_nobody_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="keep is all, main or a point"):
        check_borders(Settings(MatteSettings(keep=text)))


def test_a_point_outside_the_picture_is_refused(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="keep 900,20 is outside the 96x64 frame"):
        run(clip(count=1), tmp_path / "out.webm", keep="900,20")
