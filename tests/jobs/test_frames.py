"""A video's frames in a ``for`` loop: the pixels that a file would hold, and an end in any case."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.media import (
    Brightness,
    composited,
    copied,
    inside,
    pictures,
    to_rgb,
    views,
    write,
)
from PIL import Image

import streamcut
from streamcut.core.errors import SourceError, UsageError
from streamcut.sources import MediaSource

Clip = Callable[..., Path]
WIDTH, HEIGHT = 96, 64


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    yield
    assert [t.name for t in threading.enumerate() if t.name.startswith("streamcut-")] == []


def frames(source: Path, background: Any = None, **options: Any) -> streamcut.Frames:
    given: dict[str, Any] = {"session": Brightness(), "decontaminate": False, "smooth": 0}
    return streamcut.frames(source, background, **given | options)


def close(found: Any, wanted: Any, by: float = 3) -> bool:
    """Whether two pictures agree but for how chroma is enlarged."""
    return bool(np.abs(found.astype(float) - wanted).mean() < by)


# --- what a frame shows ---------------------------------------------------------------------


def test_each_frame_has_its_own_colours_matte_time_and_number(clip: Clip) -> None:
    made = list(frames(clip(count=6)))
    assert [frame.index for frame in made] == list(range(6))
    assert [frame.time for frame in made] == pytest.approx([index / 25 for index in range(6)])
    for index, frame in enumerate(made):
        for values, channels in ((frame.rgb, (3,)), (frame.alpha, ()), (frame.rgba, (4,))):
            assert values.dtype == np.uint8
            assert values.shape == (HEIGHT, WIDTH, *channels)
        assert close(frame.rgb, to_rgb(copied(pictures(index + 1)[-1])))
        union = (frame.alpha > 127) | inside(WIDTH, HEIGHT, index)
        assert ((frame.alpha > 127) & inside(WIDTH, HEIGHT, index)).sum() / union.sum() > 0.9
        assert np.array_equal(frame.rgba, np.dstack([frame.rgb, frame.alpha]))
        assert frame.size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("options", [{}, {"invert": True}, {"feather": 3}, {"matting": "every"}])
def test_the_matte_is_the_one_that_a_file_holds(clip: Clip, options: dict[str, Any]) -> None:
    source = clip(count=4)
    wanted = [copied(image)[0] for image in composited(source, only_mask=True, smooth=0, **options)]
    made = [frame.alpha for frame in frames(source, **options)]
    assert all(np.array_equal(one, other) for one, other in zip(made, wanted, strict=True))


@pytest.mark.parametrize("background", ["red", "blur", "#102030"])
def test_over_a_background_a_frame_is_what_a_file_holds(clip: Clip, background: str) -> None:
    source = clip(count=3)
    wanted = composited(source, background=background, smooth=0)
    made = list(frames(source, background))
    for frame, image in zip(made, wanted, strict=True):
        assert close(frame.rgb, to_rgb(copied(image)))
        assert np.array_equal(frame.over(background), frame.rgb)
    plain = list(frames(source))
    assert all(
        np.array_equal(one.over(background), other.rgb)
        for one, other in zip(plain, made, strict=True)
    )
    # The cutout stays one, whatever it is shown over.
    assert np.array_equal(made[0].rgba, plain[0].rgba)


def test_backgrounds_of_every_kind(clip: Clip, tmp_path: Path) -> None:
    blue = np.zeros((20, 30, 3), np.uint8)
    blue[:] = 0, 0, 255
    Image.fromarray(blue).save(tmp_path / "blue.png")
    [frame] = frames(clip(count=1))
    for behind in ("blue", (0, 0, 255), blue, tmp_path / "blue.png", str(tmp_path / "blue.png")):
        assert close(frame.over(behind)[:4, :4], (0, 0, 255))
    blue[:] = 255, 0, 0
    assert close(frame.over(blue)[:4, :4], (255, 0, 0))


def test_a_video_behind_moves_with_the_frames(clip: Clip, tmp_path: Path) -> None:
    grey = pictures(4)
    for level, picture in zip((40, 90, 140, 190), grey, strict=True):
        for plane, code in zip(views(picture), (level, 128, 128), strict=True):
            plane[:] = code
    behind = write(tmp_path / "behind.mkv", grey, rate=25)
    seen = [frame.over(behind)[0, 0, 0] for frame in frames(clip(count=4))]
    assert all(later > earlier + 20 for earlier, later in pairwise(seen))


def test_deep_frames_give_eight_bits(clip: Clip) -> None:
    [frame] = frames(clip(count=1, pixel_format="yuv420p10le"), background="red")
    for values in (frame.rgb, frame.alpha, frame.rgba):
        assert values.dtype == np.uint8
    assert frame.alpha.max() == 255
    assert frame.alpha.min() == 0
    assert close(frame.rgb[:4, :4], (255, 0, 0))


def test_a_part_at_another_size(clip: Clip) -> None:
    with frames(clip(count=10), start=0.2, duration=0.12, size="48x") as video:
        assert video.size == (48, 32)
        assert video.rate == 25
        assert video.count == 3
        made = list(video)
    assert [frame.rgb.shape for frame in made] == [(32, 48, 3)] * 3
    assert [frame.time for frame in made] == pytest.approx([0, 0.04, 0.08])


# --- the end --------------------------------------------------------------------------------


def test_leaving_a_loop_ends_the_threads(clip: Clip) -> None:
    for frame in frames(clip(count=50)):
        if frame.index == 2:
            break


def test_leaving_the_with_block_ends_it(clip: Clip) -> None:
    with frames(clip(count=50)) as video:
        next(video)
    with pytest.raises(StopIteration):
        next(video)
    video.close()


def test_what_was_never_begun_is_closed(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    close_source = MediaSource.close

    def close(self: MediaSource) -> None:
        closed.append("yes")
        close_source(self)

    monkeypatch.setattr(MediaSource, "close", close)
    with frames(clip(count=3), clip("behind.mkv", count=3)):
        pass
    assert len(closed) == 2


def test_another_thread_can_end_it(clip: Clip) -> None:
    class Endless(Brightness):
        def stream(self) -> Any:
            quick, numbers = super().stream(), iter(range(100))

            def some(picture: Any) -> Any:
                if next(numbers) == 3:
                    video.close()
                return quick(picture)

            return some

    video = frames(clip(count=50), session=Endless())
    assert len(list(video)) <= 5


def test_few_frames_are_ahead_of_the_loop(clip: Clip) -> None:
    seen = 0

    class Counting(Brightness):
        def stream(self) -> Any:
            quick = super().stream()

            def counted(picture: Any) -> Any:
                nonlocal seen
                seen += 1
                return quick(picture)

            return counted

    for frame in frames(clip(count=40), session=Counting()):
        threading.Event().wait(0.005)
        assert seen - frame.index <= 10


def test_an_error_comes_after_the_frames_before_it(clip: Clip) -> None:
    class Failing(Brightness):
        def stream(self) -> Any:
            quick, numbers = super().stream(), iter(range(100))

            def some(picture: Any) -> Any:
                if next(numbers) == 3:
                    raise RuntimeError("the network fails")
                return quick(picture)

            return some

    made: list[streamcut.CutoutFrame] = []
    with pytest.raises(RuntimeError, match="the network fails"):
        made.extend(frames(clip(count=9), session=Failing()))
    assert len(made) in (0, 3)  # As list.extend sees fit.


# --- what is refused ------------------------------------------------------------------------


def test_what_cannot_be_is_told_before_the_first_frame(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        frames(tmp_path / "none.mp4")
    source = clip(count=2)
    for options, words in (
        ({"only_mask": True}, "only_mask is for files"),
        ({"stacked": True}, "stacked is for files"),
        ({"smooth": 2}, "smooth is 0 to 1"),
        ({"start": -1}, "start is 0 or more"),
        ({"start": "soon"}, "not a time in seconds"),
        ({"keep": "500,500"}, "outside"),
    ):
        with pytest.raises(UsageError, match=words):
            frames(source, **options)
    behind: Any
    for behind, words in (
        ("no colour", "no such file"),
        ((1, 2), "not a background"),
        ((1, 2, 300), "not a background"),
        (np.zeros((4, 4), np.uint8), r"not uint8 \[4, 4\]"),
        (np.zeros((4, 4, 3)), "not float64"),
    ):
        with pytest.raises(UsageError, match=words):
            frames(source, behind)
        [frame, _] = frames(source)
        with pytest.raises(UsageError, match=words):
            frame.over(behind)


def test_times_are_exact(clip: Clip) -> None:
    assert len(list(frames(clip(count=20), duration=float(Fraction(1, 5))))) == 5
