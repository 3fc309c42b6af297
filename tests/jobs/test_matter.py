"""Mattes frame by frame: those of a file's job, with nothing guessed about the frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.media import Brightness, inside, picture
from numpy.typing import NDArray

import streamcut
from streamcut.core.errors import ModelError, UsageError

WIDTH, HEIGHT = 96, 64
RGB = NDArray[np.uint8]


def rgb(index: int, width: int = WIDTH, height: int = HEIGHT) -> RGB:
    made = picture(index, width, height, "gbrp").to_ndarray(format="rgb24")
    return np.ascontiguousarray(made, np.uint8)


def matter(**options: Any) -> streamcut.Matter:
    given: dict[str, Any] = {"session": Brightness(), "smooth": 0.0} | options
    return streamcut.Matter(**given)


def iou(alpha: RGB, index: int) -> float:
    found, truth = alpha > 127, inside(WIDTH, HEIGHT, index)
    return float((found & truth).sum() / (found | truth).sum())


class RedIsIn(Brightness):
    """Whatever is red is the subject."""

    def stream(self) -> Any:
        return lambda seen: (seen[..., 0] > 128).astype(np.float32)


def test_each_frame_gets_its_matte_at_its_size() -> None:
    make = matter()
    for index in range(5):
        frame = rgb(index)
        before = frame.copy()
        alpha = make(frame)
        assert alpha.dtype == np.uint8
        assert alpha.shape == (HEIGHT, WIDTH)
        assert iou(alpha, index) > 0.9
        assert np.array_equal(frame, before)


def test_the_mattes_are_those_of_a_file(
    clip: Callable[..., Path],
) -> None:
    source = clip("in.nut", count=8, pixel_format="gbrp", codec="magicyuv")
    wanted = [frame.alpha for frame in streamcut.frames(source, quality="fast")]
    make = streamcut.Matter()
    made = [make(rgb(index)) for index in range(8)]
    assert all(np.array_equal(one, other) for one, other in zip(made, wanted, strict=True))


def test_the_order_of_channels_is_told() -> None:
    red = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    red[..., 0] = 255
    blue = np.ascontiguousarray(red[..., ::-1])
    for order, inner in (("rgb", red), ("bgr", blue)):
        make = matter(session=RedIsIn(), order=order)
        assert make(inner).min() == 255
        make.reset()
        assert make(np.ascontiguousarray(inner[..., ::-1])).max() == 0
    with pytest.raises(UsageError, match="order is 'rgb' or 'bgr', not 'gbr'"):
        matter(order="gbr")


def test_views_of_other_arrays_are_frames_too() -> None:
    make = matter()
    wide = np.zeros((HEIGHT, 2 * WIDTH, 4), np.uint8)
    wide[:, ::2, :3] = rgb(0)
    assert np.array_equal(make(wide[:, ::2, :3]), matter()(rgb(0)))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ([[0]], "a NumPy array, not list"),
        (np.zeros((8, 8, 3)), "uint8, 0 to 255, not float64"),
        (np.zeros((8, 8, 3), np.uint16), "not uint16"),
        (np.zeros((8, 8), np.uint8), r"\[height, width, 3\], not \[8, 8\]"),
        (np.zeros((8, 8, 4), np.uint8), r"not \[8, 8, 4\]"),
        (np.zeros((3, 8, 8), np.uint8), r"not \[3, 8, 8\]"),
        (np.zeros((0, 8, 3), np.uint8), r"not \[0, 8, 3\]"),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_frame_is_one_line_and_changes_nothing(frame: Any, words: str) -> None:
    make = matter()
    first = make(rgb(0))
    with pytest.raises(UsageError, match=words):
        make(frame)
    make.reset()
    assert np.array_equal(make(rgb(0)), first)


def test_a_frame_is_8k_at_most() -> None:
    huge = np.broadcast_to(np.zeros(3, np.uint8), (8000, 8000, 3))
    with pytest.raises(UsageError, match="8000x8000 is more than 8K: allow_large"):
        matter()(huge)


def test_another_size_is_refused_until_it_is_reset() -> None:
    make = matter()
    make(rgb(0))
    with pytest.raises(UsageError, match="64x48 after frames of 96x64"):
        make(rgb(0, 64, 48))
    make.reset()
    assert make(rgb(0, 64, 48)).shape == (48, 64)
    sized = matter(size=(WIDTH, HEIGHT))
    with pytest.raises(UsageError, match="64x48"):
        sized(rgb(0, 64, 48))
    assert sized(rgb(0)).shape == (HEIGHT, WIDTH)


def test_mattes_are_steadied_and_reset_forgets() -> None:
    """A network that wavers: smoothed, its second matte is nearer to the first."""

    class Wavering(Brightness):
        def stream(self) -> Any:
            levels = iter((0.4, 0.6) * 8)
            return lambda seen: np.full(seen.shape[:2], next(levels), np.float32)

    still = rgb(0)
    plain, smooth = (matter(session=Wavering(), smooth=strength) for strength in (0.0, 1.0))
    first, second = (int(plain(still)[9, 9]) for _ in range(2))
    assert second > first + 30
    assert abs(int(smooth(still)[9, 9]) - first) <= 1
    assert abs(int(smooth(still)[9, 9]) - first) < 10
    smooth.reset()
    assert abs(int(smooth(still)[9, 9]) - first) <= 1


def test_settings_reach_the_matte() -> None:
    assert matter(invert=True)(rgb(0)).mean() > 150 > matter()(rgb(0)).mean()
    with pytest.raises(UsageError, match="matting is off or every"):
        matter(matting="keyframes")
    with pytest.raises(UsageError, match="smooth is 0 to 1"):
        matter(smooth=2)
    with pytest.raises(ModelError):
        streamcut.Matter("no-such-model")


def test_a_network_that_fails_once_is_begun_anew() -> None:
    class Failing(Brightness):
        def stream(self) -> Any:
            quick = super().stream()

            def some(seen: Any) -> Any:
                if seen.max() < 10:
                    raise ModelError("the network fails")
                return quick(seen)

            return some

    make = matter(session=Failing())
    with pytest.raises(ModelError, match="the network fails"):
        make(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert iou(make(rgb(1)), 1) > 0.9
