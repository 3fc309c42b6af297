"""The network sees what lies between the bars, and the matte is 0 on them."""

from __future__ import annotations

import av
import numpy as np
import pytest
from helpers.media import Brightness

from streamcut.matting.guided_filter import upsample
from streamcut.matting.letterbox import StreamView
from streamcut.matting.network import predict
from streamcut.media.bars import NONE, Bars
from streamcut.media.frame import Frame, StreamInfo
from streamcut.media.matte import Prediction
from streamcut.sessions.keyers.difference import DifferenceSession
from streamcut.sessions.networks.sam import SamSession


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


def test_bars_that_begin_with_a_cut_are_left_out_from_its_first_frame() -> None:
    view = StreamView()
    rng = np.random.default_rng(0)
    bright = rng.integers(150, 250, (180, 320, 3), dtype=np.uint8)
    source = av.VideoFrame.from_ndarray(bright, format="rgb24").reformat(format="yuv444p")
    for _ in range(3):
        sight = view(Frame(source=source), half)
    assert sight.bars == NONE
    assert not sight.cut
    after = [view(frame(Bars(20, 20)), half) for _ in range(3)]
    assert [each.bars for each in after] == [Bars(20, 20)] * 3
    assert [each.cut for each in after] == [True, False, False]
    assert after[0].shown.shape == (70, 160, 3)
    back = view(Frame(source=source), half)
    assert back.bars == NONE
    assert back.cut


@pytest.mark.parametrize(("whole", "height"), [(False, 140), (True, 180)])
def test_a_session_that_knows_places_in_frames_sees_all_of_them(whole: bool, height: int) -> None:
    """A prompt is a place in the frame, and a plate shows all of it."""
    assert SamSession.whole_frames
    assert DifferenceSession.whole_frames
    asked: list[int] = []

    class Asked(Brightness):
        whole_frames = whole

        def input_size(self, width: int, height: int) -> tuple[int, int]:
            asked.append(height)
            return width, height

    (made,) = predict([frame(Bars(20, 20))], Asked(1))
    assert asked == [height]
    assert made.prediction.alpha.shape == (180, 320)
