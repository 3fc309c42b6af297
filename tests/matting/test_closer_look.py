"""A network that looks closer: what it is shown, and its matte laid back into the frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from streamcut.diagnostics.evaluation.metrics import iou
from streamcut.matting.closer_look import CloserLook
from streamcut.matting.network import predict, predictor_of
from streamcut.matting.views import seen
from streamcut.media.bars import Bars
from streamcut.media.frame import Frame
from streamcut.media.matte import RGB, Matte, Prediction
from streamcut.media.rect import Rect
from streamcut.sessions import BaseSession, new_session
from streamcut.sessions.base import View

SAMPLES = Path(__file__).parents[2] / "samples"
SIZE = 320, 640


class Stream:
    """Whatever is bright is somebody."""

    def __init__(self, session: Bright) -> None:
        self._session = session

    def __call__(self, frame: RGB) -> Prediction:
        self._session.shown.append(frame.shape[:2])
        return Prediction((frame[..., 1] > 128).astype(np.float32))

    def reset(self) -> None:
        self._session.told.append("reset")

    def move(self, part: Rect) -> None:
        self._session.told.append(part)


class Bright(BaseSession):
    """A session without a network, on 64x32 pixels of a frame."""

    looks_closer = True

    def __init__(self) -> None:
        self.shown: list[tuple[int, ...]] = []
        self.told: list[Rect | str] = []

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        scale = (2048 / (width * height)) ** 0.5
        return round(width * scale), round(height * scale)

    def stream(self) -> Stream:
        return Stream(self)


class Twice(Bright):
    """Looks at each frame in two ways where it may."""

    def patient_views(self, width: int, height: int) -> list[View]:
        small = self.input_size(width, height)
        return [View(small), View((2 * small[0], 2 * small[1]), mirrored=True)]


def frame(*people: Rect, form: str = "yuv420p", bar: int = 0) -> Frame:
    rgb = np.full((*SIZE, 3), 60, np.uint8)
    rgb[truth(*people) > 0] = 230
    rgb[:bar], rgb[SIZE[0] - bar :] = 0, 0
    return Frame(source=av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=form))


def truth(*people: Rect) -> Matte:
    made = np.zeros(SIZE, np.float32)
    for person in people:
        made[person.inside(*SIZE)] = 1
    return made


def enlarged(matte: Matte, size: tuple[int, int]) -> Matte:
    return np.asarray(cv2.resize(matte, size[::-1]), np.float32)


def mattes(session: BaseSession, *frames: Frame, patient: bool = False) -> list[Matte]:
    told = predict(frames, session, patient=patient)
    return [enlarged(each.prediction.alpha, SIZE) for each in told]


PERSON = Rect(0.4, 0.3, 0.47, 0.6)


@pytest.mark.parametrize("form", ["yuv420p", "yuv444p10le", "gbrp"])
@pytest.mark.parametrize("patient", [False, True])
def test_the_matte_lies_where_he_is(form: str, patient: bool) -> None:
    session = Twice()
    for made in mattes(session, *[frame(PERSON, form=form)] * 3, patient=patient):
        assert iou(made, truth(PERSON)) > 0.85
        assert made[:, : SIZE[1] // 4].max() == 0


def test_the_part_is_shown_on_as_many_pixels_as_the_frame_was() -> None:
    session = Bright()
    mattes(session, *[frame(PERSON)] * 2)
    whole, again, next_one = (rows * columns for rows, columns in session.shown[:3])
    assert whole == pytest.approx(2048, rel=0.05)
    assert again == next_one == pytest.approx(2048, rel=0.1)
    assert session.shown[1] != session.shown[0]


def test_the_first_frame_of_a_scene_is_looked_at_again_closely() -> None:
    session = Bright()
    dark = Frame(source=av.VideoFrame.from_ndarray(np.zeros((*SIZE, 3), np.uint8), "rgb24"))
    light = np.full((*SIZE, 3), 120, np.uint8)
    light[PERSON.inside(*SIZE)] = 250
    other = Frame(source=av.VideoFrame.from_ndarray(light, "rgb24").reformat(format="yuv420p"))
    shot = Frame(source=dark.source.reformat(format="yuv420p"))
    made = mattes(session, shot, other)
    assert iou(made[1], truth(PERSON)) > 0.85
    assert session.told.count("reset") == 4  # Both streams, twice.


def test_who_walks_through_is_there_in_every_frame() -> None:
    session = Bright()
    path = [Rect(0.02 * k, 0.3, 0.02 * k + 0.08, 0.7) for k in range(46)]
    made = mattes(session, *map(frame, path))
    assert min(iou(a, truth(box)) for a, box in zip(made, path, strict=True)) > 0.75
    moves = [told for told in session.told if told != "reset"]
    assert 2 < len(moves) < 20


def test_who_comes_in_is_there_in_that_frame() -> None:
    session = Bright()
    comer = Rect(0.85, 0.2, 0.95, 0.8)
    made = mattes(session, *[frame(PERSON)] * 5, *[frame(PERSON, comer)] * 2)
    assert iou(made[-2], truth(PERSON, comer)) > 0.8
    assert iou(made[-1], truth(PERSON, comer)) > 0.8


def test_between_bars_it_looks_closer_too() -> None:
    session = Bright()
    made = mattes(session, *[frame(PERSON, bar=40)] * 3)
    for each in made:
        assert iou(each, truth(PERSON)) > 0.8


def test_small_frames_are_seen_whole() -> None:
    session = Bright()
    rgb = np.full((100, 200, 3), 60, np.uint8)
    rgb[40:60, 80:100] = 230
    shot = Frame(source=av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p"))
    list(predict([shot] * 3, session))
    assert len(set(session.shown)) == 1


def test_nobody_else_looks_closer() -> None:
    class Plain(Bright):
        looks_closer = False

    assert isinstance(predictor_of(Bright()), CloserLook)
    assert not isinstance(predictor_of(Plain()), CloserLook)


def small_presenter(count: int) -> Iterator[Frame]:
    """The sample's presenter, a third as large, in the corner of an empty room."""
    with av.open(str(SAMPLES / "presenter.mp4")) as file:
        for _, decoded in zip(range(count), file.decode(video=0), strict=False):
            small = decoded.reformat(width=320, height=180, format="rgb24").to_ndarray()
            rgb = np.empty((720, 1280, 3), np.uint8)
            rgb[:] = np.median(small[:20].reshape(-1, 3), axis=0).astype(np.uint8)
            rgb[540:, 100:420] = small
            made = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")
            yield Frame(source=made)


def test_the_embedded_network_sees_more_of_somebody_small(monkeypatch: pytest.MonkeyPatch) -> None:
    session = new_session("portrait")
    closely = [told.prediction.alpha for told in predict(small_presenter(4), session)]
    monkeypatch.setattr(type(session), "looks_closer", False)
    whole = [told.prediction.alpha for told in predict(small_presenter(4), session)]
    large = new_session("portrait")
    with av.open(str(SAMPLES / "presenter.mp4")) as file:
        frames = (
            Frame(source=each) for _, each in zip(range(4), file.decode(video=0), strict=False)
        )
        known = [told.prediction.alpha for told in predict(frames, large)]
    wanted = np.zeros((720, 1280), np.float32)
    wanted[540:, 100:420] = cv2.resize(known[-1], (320, 180), interpolation=cv2.INTER_AREA)
    scores = [iou(enlarged(each[-1], (720, 1280)), wanted) for each in (closely, whole)]
    assert scores[0] > 0.9
    assert scores[0] > scores[1]


def still(*people: Rect, size: tuple[int, int] = SIZE) -> av.VideoFrame:
    return frame(*people).source.reformat(width=size[1], height=size[0])


@pytest.mark.parametrize("size", [SIZE, (160, 320), (960, 1920)], ids=["as it is", "less", "more"])
def test_a_still_is_looked_at_closer_too(size: tuple[int, int]) -> None:
    session = Bright()
    small, told = seen(still(PERSON, size=size), session)
    assert small.shape[:2] == told.alpha.shape
    assert told.alpha.shape[1] <= size[1]
    assert iou(enlarged(told.alpha, SIZE), truth(PERSON)) > 0.85
    whole, closely = (rows * columns for rows, columns in session.shown)
    assert closely == pytest.approx(whole, rel=0.1)


def test_a_still_is_looked_at_whole_where_somebody_fills_it() -> None:
    session = Bright()
    seen(still(Rect(0.1, 0.1, 0.9, 1)), session)
    assert len(session.shown) == 1


def test_nobody_in_a_still_is_cut_off_by_the_part_that_is_looked_at() -> None:
    class Forgetful(Bright):
        """At first it sees the middle of somebody alone."""

        def stream(self) -> Any:
            def look(shown: RGB) -> Prediction:
                self.shown.append(shown.shape[:2])
                alpha = (shown[..., 1] > 128).astype(np.float32)
                if len(self.shown) == 1:
                    alpha[:, : shown.shape[1] // 2 - 4] = 0
                    alpha[:, shown.shape[1] // 2 + 4 :] = 0
                return Prediction(alpha)

            return look

    long = Rect(0.15, 0.4, 0.85, 0.6)
    for people in ([long], [Rect(0.05, 0.4, 0.95, 0.9)]):
        _, told = seen(still(*people), Forgetful())
        sides = enlarged(told.alpha, SIZE)[:, [0, -1]]
        assert sides.max() == 0
    session = Forgetful()
    _, told = seen(still(long), session)
    assert iou(enlarged(told.alpha, SIZE), truth(long)) > 0.85
    assert len(session.shown) > 2


def test_a_still_between_bars_is_looked_at_closer() -> None:
    shot = frame(PERSON, bar=40)
    _, told = seen(shot.source, Bright(), Bars(40, 40))
    assert iou(enlarged(told.alpha, SIZE), truth(PERSON)) > 0.85
