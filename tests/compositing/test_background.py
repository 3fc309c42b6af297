"""Backgrounds: exactly the colour, the picture, the video's right moment, an unmixed blur."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.frames import matted
from helpers.media import (
    MS,
    copied,
    depth,
    inside,
    picture,
    pictures,
    run,
    shown,
    to_rgb,
    views,
    write,
)
from helpers.photographs import PHOTOGRAPHS
from numpy.typing import NDArray
from PIL import Image, ImageColor

from streamcut.compositing.background import (
    Background,
    Blur,
    Video,
    colour_background,
    image_background,
    parse_colour,
)
from streamcut.core.errors import SourceError, UsageError
from streamcut.jobs.request import parse_background
from streamcut.media.colour import Colour
from streamcut.media.frame import MattedFrame, StreamInfo
from streamcut.sources import open_source

Clip = Callable[..., Path]
FORMATS = ["yuv420p", "yuv444p", "yuv422p10le", "gbrp", "gbrp10le"]


def info(pixel_format: str = "yuv444p", colour: Colour | None = None, **options: Any) -> StreamInfo:
    width, height = options.pop("size", (96, 64))
    return StreamInfo(width, height, pixel_format, colour=colour or Colour(), **options)


def layers_of(background: Background, frame: MattedFrame) -> list[Any]:
    """The planes of a background that is no plain colour."""
    return list(background.layers(frame))


def rgb_of(
    layers: list[Any], pixel_format: str, matrix: str = "601", full: bool = False
) -> NDArray[Any]:
    """The layers as RGB, 0..255."""
    bits = depth(pixel_format)
    planes = [np.full((8, 8), layer) if isinstance(layer, int) else layer for layer in layers]
    if pixel_format.startswith("gbr"):
        return np.stack([planes[2], planes[0], planes[1]], axis=2) / ((1 << bits) - 1) * 255
    return to_rgb(planes, matrix=matrix, full=full, bits=bits)


@pytest.mark.parametrize("text", ["red", "#00ff00", "#369", "white", "black", "navy", "#123456"])
@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize(("matrix", "number"), [("601", 5), ("709", 1), ("2020", 9)])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
def test_colour(pixel_format: str, matrix: str, number: int, full: bool, text: str) -> None:
    colour = Colour(matrix=number, range=2 if full else 1)
    made = colour_background(text, info(pixel_format, colour)).layers(matted(picture(0)))
    far = rgb_of(made, pixel_format, matrix, full) - ImageColor.getrgb(text)
    assert np.abs(far).max() <= 2.5


def test_green_is_the_screen_green() -> None:
    assert parse_colour("green") == (0, 255, 0)
    assert parse_colour("lime") == (0, 255, 0)


@pytest.mark.parametrize("text", ["nocolour", "#12", "#ff000080", "", "rgb("])
def test_no_colour(text: str) -> None:
    with pytest.raises(UsageError):
        parse_colour(text)


def test_picture_covers_the_frame(tmp_path: Path) -> None:
    """Scaled until it covers, cropped at its centre, its proportions kept."""
    wide = np.zeros((100, 400, 3), np.uint8)
    wide[:, :125] = 255, 0, 0
    wide[:, 125:275] = 0, 255, 0
    wide[:, 275:] = 0, 0, 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    made = rgb_of(
        image_background(tmp_path / "wide.png", info()).layers(matted(picture(0))), "yuv444p"
    )
    assert made.shape == (64, 96, 3)
    assert np.abs(made[:, 4:-4] - (0, 255, 0)).max() < 4  # 150 of 400 by 100 is 96 by 64.
    tall = np.moveaxis(wide, 0, 1).copy()
    Image.fromarray(tall).save(tmp_path / "tall.png")
    made = rgb_of(
        image_background(tmp_path / "tall.png", info()).layers(matted(picture(0))), "yuv444p"
    )
    assert np.abs(made - (0, 255, 0)).max() < 4


def test_picture_is_upright_and_counts_the_pixels_aspect(tmp_path: Path) -> None:
    half = np.zeros((60, 100, 3), np.uint8)
    half[:, 50:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # A quarter turn to the right: what was left is on top.
    Image.fromarray(half).save(tmp_path / "turned.png", exif=exif)
    target = info(size=(60, 100))
    made = copied_luma(image_background(tmp_path / "turned.png", target))
    assert made[:45].max() < 20
    assert made[55:].min() > 230
    Image.fromarray(half).save(tmp_path / "plain.png")
    narrow = info(size=(50, 60), sample_aspect_ratio=Fraction(2))  # Shown as 100 by 60.
    made = copied_luma(image_background(tmp_path / "plain.png", narrow))
    assert made[:, :22].max() < 20
    assert made[:, 28:].min() > 230


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs(tmp_path: Path, name: str) -> None:
    """Upright, whole, in sRGB; black where they are transparent."""
    (tmp_path / "photo").write_bytes(PHOTOGRAPHS[name].make())
    behind = parse_background(str(tmp_path / "photo"), info("gbrp"))
    made = rgb_of(layers_of(behind, matted(picture(0))), "gbrp")
    behind.close()
    PHOTOGRAPHS[name].assert_is(made, behind="black")


def test_a_photograph_whose_library_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HEIF lying 6", "HEIC in tiles lying 1"):
        (tmp_path / name).write_bytes(PHOTOGRAPHS[name].make())
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    behind = parse_background(str(tmp_path / "HEIF lying 6"), info("gbrp"))
    made = rgb_of(layers_of(behind, matted(picture(0))), "gbrp")
    PHOTOGRAPHS["HEIF lying 6"].assert_is(made, behind="black")
    with pytest.raises(SourceError, match="made of tiles: HEIC needs pillow-heif"):
        parse_background(str(tmp_path / "HEIC in tiles lying 1"), info())


def copied_luma(background: Background) -> NDArray[Any]:
    return np.asarray(background.layers(matted(picture(0)))[0])


def test_no_picture(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(SourceError, match=r"text.png is not an image"):
        image_background(tmp_path / "text.png", info())
    with pytest.raises(SourceError):
        parse_background(str(tmp_path / "text.png"), info())
    with pytest.raises(UsageError, match="no such file"):
        parse_background(str(tmp_path / "absent.png"), info())


def at(seconds: Fraction) -> MattedFrame:
    shot = picture(0)
    shot.pts, shot.time_base = round(seconds / MS), MS
    return matted(shot)


def number_of(layers: list[Any]) -> int:
    """Which of the generator's pictures the layers are."""
    known = [views(picture(index))[0].astype(int) for index in range(12)]
    return int(np.argmin([np.abs(layers[0] - luma).mean() for luma in known]))


def looped(tmp_path: Path, times: list[int], **options: Any) -> Video:
    path = write(tmp_path / "behind.mkv", pictures(len(times)), times=times)
    return Video(lambda: open_source(str(path)), info("yuv420p", **options))


def test_video_runs_at_its_own_pace_and_loops(tmp_path: Path) -> None:
    """25 pictures a second behind 10: of each moment the picture that is due, round and round."""
    behind = looped(tmp_path, [0, 40, 80, 120, 160])
    seen = [number_of(behind.layers(at(Fraction(i, 10)))) for i in range(12)]
    behind.close()
    assert seen == [(i * 100 // 40) % 5 for i in range(12)]


def test_video_of_uneven_pace(tmp_path: Path) -> None:
    behind = looped(tmp_path, [0, 10, 200, 230])
    moments = [0, 5, 10, 150, 199, 200, 229, 230, 259, 260, 270, 459, 460]
    seen = [number_of(behind.layers(at(ms * MS))) for ms in moments]
    behind.close()
    assert seen == [0, 0, 1, 1, 1, 2, 2, 3, 3, 0, 1, 1, 2]


def test_video_begins_with_the_pictures(tmp_path: Path) -> None:
    """Late starts of either do not matter: the first is behind the first."""
    behind = looped(tmp_path, [3000, 3040, 3080])
    seen = [number_of(behind.layers(at(Fraction(7) + i * 40 * MS))) for i in range(5)]
    behind.close()
    assert seen == [0, 1, 2, 0, 1]


def test_a_gap_of_hours_passes_over_whole_loops(tmp_path: Path) -> None:
    """What is due is the same as if every loop had been decoded; three of them are, at most."""
    behind = looped(tmp_path, [0, 40, 80, 120, 160])
    opened: list[int] = []
    again = behind._opened

    def counted() -> Any:
        opened.append(1)
        return again()

    behind._opened = counted
    moments = [Fraction(0), Fraction(36_000), Fraction(36_000) + 90 * MS, Fraction(72_000)]
    seen = [number_of(behind.layers(at(moment))) for moment in moments]
    behind.close()
    assert seen == [int(moment * 25) % 5 for moment in moments]
    assert len(opened) < 8


def test_video_slower_than_the_pictures(tmp_path: Path) -> None:
    behind = looped(tmp_path, [0, 100])
    seen = [number_of(behind.layers(at(Fraction(i, 50)))) for i in range(15)]
    behind.close()
    assert seen == [(i // 5) % 2 for i in range(15)]


def test_video_of_one_picture(tmp_path: Path) -> None:
    behind = looped(tmp_path, [0])
    assert [number_of(behind.layers(at(Fraction(i)))) for i in range(3)] == [0, 0, 0]
    behind.close()


def test_video_is_cropped_and_converted(tmp_path: Path) -> None:
    shots = [shot.reformat(format="yuv420p") for shot in pictures(2, 192, 64)]
    path = write(tmp_path / "wide.mkv", shots, colour=(6, 6, 6, 1))
    target = info("yuv444p", Colour(1, 1, 1, 2))
    behind = Video(lambda: open_source(str(path)), target)
    made = to_rgb(layers_of(behind, at(Fraction(0))), matrix="709", full=True)
    behind.close()
    want = to_rgb(copied(shots[0]), matrix="601")[:, 48:144]
    assert np.abs(made - want).mean() < 4


def test_video_that_changes_covers_the_frame_and_is_black_where_transparent(tmp_path: Path) -> None:
    """Nothing is stretched, and no bars are seen."""
    for number, (size, alpha) in enumerate((((96, 64), 255), ((40, 80), 255), ((96, 64), 0))):
        image = Image.new("RGBA", size, (200, 200, 200, alpha))
        x, y = size[0] // 2, size[1] // 2
        image.paste((250, 10, 10, alpha), (x - 10, y - 10, x + 10, y + 10))
        image.save(tmp_path / f"{number}.png")
    target = info("gbrp")
    opened = partial(open_source, str(tmp_path / "%d.png"), cover=True)
    behind = Video(opened, target)
    red = [layers_of(behind, at(Fraction(index, 25)))[2] for index in range(3)]
    green = layers_of(behind, at(Fraction(2, 25)))[0]
    behind.close()
    assert red[1].min() >= 190
    assert (green == 0).all()
    assert (red[2] == 0).all()


def split(strong: float = 20.0) -> tuple[MattedFrame, list[Any]]:
    """A white subject on a black ground, its matte exact."""
    shot = picture(0)
    subject = inside(96, 64, 0)
    luma, *chroma = views(shot)
    luma[:] = np.where(subject, 235, 16)
    for plane in chroma:
        plane[:] = 128
    made = layers_of(Blur(strong), matted(shot, np.where(subject, 255, 0).astype(np.uint8)))
    return matted(shot), made


@pytest.mark.parametrize("strength", [5.0, 20.0, 100.0])
def test_blur_does_not_smear_the_subject_into_the_background(strength: float) -> None:
    _, made = split(strength)
    outside = ~inside(96, 64, 0, 1.15)
    assert np.percentile(made[0][outside], 99) < 30
    assert made[0].max() <= 235
    assert (made[1] == 128).all()


def test_blur_is_stronger_the_stronger() -> None:
    shot = picture(0, 320, 240)
    nothing = np.zeros((240, 320), np.uint8)
    spread = []
    for strength in (1.0, 10.0, 40.0):
        made = layers_of(Blur(strength), matted(shot, nothing))
        assert [plane.shape for plane in made] == [plane.shape for plane in views(shot)]
        assert made[0].astype(float).mean() == pytest.approx(views(shot)[0].mean(), abs=3)
        spread.append(np.abs(np.diff(made[0].astype(int), axis=1)).mean())
    assert spread[0] > spread[1] > spread[2]


@pytest.mark.parametrize("text", ["blur:0", "blur:101", "blur:x", "blur:-3"])
def test_blur_strengths_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="1 to 100"):
        parse_background(text, info())


def test_all_opaque_blur_is_defined() -> None:
    """Where everything is subject there is no background to take; it must not divide by zero."""
    shot = picture(0)
    made = layers_of(Blur(20), matted(shot, np.full((64, 96), 255, np.uint8)))
    assert 16 <= made[0].mean() <= 235


@pytest.mark.parametrize("kind", ["colour", "green", "picture", "video", "blur"])
def test_through_a_whole_job(clip: Clip, tmp_path: Path, kind: str) -> None:
    """Inside the subject its pixels, outside the background's: both exact in a lossless file."""
    source = clip(count=6)
    if kind == "picture":
        behind = picture(9).to_image()
        behind.save(tmp_path / "behind.png")
    if kind == "video":
        write(tmp_path / "behind.mkv", pictures(3))
    text = {
        "colour": "#204060",
        "green": "green",
        "picture": str(tmp_path / "behind.png"),
        "video": str(tmp_path / "behind.mkv"),
        "blur": "blur:30",
    }[kind]
    run(source, tmp_path / "out.mkv", background=text)
    for index, made in enumerate(shown(tmp_path / "out.mkv").planes()):
        within, without = inside(96, 64, index, 0.8), ~inside(96, 64, index, 1.4)
        given = copied(picture(index))
        assert np.array_equal(made[0][within], given[0][within])
        if kind in ("colour", "green"):
            wanted = {"colour": (0x20, 0x40, 0x60), "green": (0, 255, 0)}[kind]
            far = np.abs(to_rgb(made)[without & np.roll(without, 2, 1)] - wanted)
            assert np.percentile(far, 99) <= 3
        elif kind == "picture":
            far = np.abs(made[0].astype(int) - copied(picture(9))[0])[without]
            assert far.mean() < 2
        elif kind == "video":
            assert np.array_equal(made[0][without], copied(picture(index % 3))[0][without])
        else:
            assert made[0][without].max() < 100
