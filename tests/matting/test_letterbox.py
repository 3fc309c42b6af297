"""The network sees what lies between the bars, and the matte is 0 on them."""

from __future__ import annotations

import av
import numpy as np

from streamcut.matting.guided_filter import upsample
from streamcut.matting.letterbox import StreamView
from streamcut.media.bars import NONE, Bars
from streamcut.media.frame import Frame, StreamInfo
from streamcut.media.matte import Prediction


def frame(bars: Bars, size: tuple[int, int] = (180, 320)) -> Frame:
    """Coloured texture between black bars."""
    rng = np.random.default_rng(1)
    rgb = np.zeros((*size, 3), np.uint8)
    rgb[bars.inside(*size)] = rng.integers(60, 250, 3, dtype=np.uint8)
    rows, columns = bars.inside(*size)
    rgb[rows, columns][::2] = rng.integers(60, 250, 3, dtype=np.uint8)
    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv444p")
    return Frame(source=picture)


def half(width: int, height: int) -> tuple[int, int]:
    return width // 2, height // 2


def test_the_network_sees_the_picture_without_its_bars() -> None:
    shown = frame(Bars(20, 20))
    sight = StreamView()(shown, half)
    assert sight.shown.shape == (70, 160, 3)
    assert sight.bars == Bars(20, 20)
    assert sight.shown.min() > 30
    assert sight.whole.shape == (90, 160, 3)
    assert sight.whole[:9].max() < 20


def test_its_matte_is_laid_back_between_them() -> None:
    shown = frame(Bars(0, 0, 40, 40))
    sight = StreamView()(shown, half)
    told = sight.predicted(Prediction(np.ones(sight.shown.shape[:2], np.float32))).prediction
    assert told.alpha.shape == (90, 160)
    assert told.alpha[:, 20:-20].min() == 1.0
    assert told.alpha[:, :20].max() == told.alpha[:, -20:].max() == 0.0


def test_colours_that_the_network_tells_come_back_too() -> None:
    shown = frame(Bars(20, 20))
    sight = StreamView()(shown, half)
    colours = np.full(sight.shown.shape, 0.5, np.float32)
    ones = np.ones(colours.shape[:2], np.float32)
    told = sight.predicted(Prediction(ones, colours, (1, 2, 3))).prediction
    assert told.foreground is not None
    assert told.foreground.shape == (90, 160, 3)
    assert np.all(told.foreground[10:-10] == 0.5)
    assert told.screen == (1, 2, 3)


def test_a_picture_without_bars_is_left_alone() -> None:
    shown = frame(NONE)
    sight = StreamView()(shown, half)
    assert sight.shown is sight.whole
    told = Prediction(np.ones(sight.whole.shape[:2], np.float32))
    assert sight.predicted(told).prediction is told


def test_no_opacity_is_left_on_a_bar_at_full_size() -> None:
    shown = frame(Bars(21, 23))
    sight = StreamView()(shown, half)
    told = sight.predicted(Prediction(np.ones(sight.shown.shape[:2], np.float32)))
    (made,) = upsample([told], StreamInfo(320, 180, "yuv444p"))
    assert made.matte[:21].max() == made.matte[-23:].max() == 0
    assert made.matte[30:-30].min() == 255
