"""The network's stage: what it says of every frame, at the size that it works at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from streamcut.core.errors import ModelError
from streamcut.core.pipeline import gathered
from streamcut.matting.closer_look import CloserLook
from streamcut.matting.letterbox import Sight, SizeOf, StreamView
from streamcut.matting.views import Looks, patient_size
from streamcut.media.frame import Frame, PredictedFrame
from streamcut.media.matte import RGB, Prediction
from streamcut.sessions import BaseSession, BatchStream, MatteStream, as_prediction
from streamcut.sessions.base import MovingStream


class FramePredictor(Protocol):
    """What a network says of the frames of one video, in their order.

    Attributes:
        batch: how many frames had best be given together, 1 where nothing is gained.
    """

    batch: int

    def __call__(self, sight: Sight, size_of: SizeOf, /) -> Prediction:
        """Return what is predicted of ``sight.shown``, at its size.

        Raises:
            ModelError: if the network fails, or answers something else.
        """
        ...

    def many(self, sights: Sequence[Sight], size_of: SizeOf, /) -> list[Prediction]:
        """Return likewise what is predicted of several successive frames."""
        ...


def predict(
    frames: Iterable[Frame],
    session: BaseSession,
    *,
    together: bool = False,
    patient: bool = False,
) -> Iterator[PredictedFrame]:
    """Give each frame the network's answer.

    Args:
        frames: as decoded.
        session: the network's.
        together: let frames that wait already go through the network at once, where that is
            faster; the first of them is then late, so never where frames are live.
        patient: look at each frame in several ways, which takes twice as long or more.

    Raises:
        ModelError: if the network fails.
    """
    look, view = predictor_of(session, patient=patient), view_of(session)
    size_of = size_for(session, patient=patient)

    def answered(group: list[Frame]) -> list[PredictedFrame]:
        seen = [view(frame, size_of) for frame in group]
        told = look.many(seen, size_of)
        return [sight.predicted(answer) for sight, answer in zip(seen, told, strict=True)]

    for group in map(answered, gathered(frames, look.batch if together else 1)):
        while group:
            yield group.pop(0)


class WholePredictor:
    """A network that is shown each frame whole.

    Args:
        stream: its mattes of one video.

    Attributes:
        batch: as :class:`FramePredictor` has it.
    """

    def __init__(self, stream: MatteStream) -> None:
        self._stream = stream
        self.batch: int = getattr(stream, "batch", 1)

    def __call__(self, sight: Sight, size_of: SizeOf, /) -> Prediction:
        """Return what is predicted of a frame."""
        return self.many([sight], size_of)[0]

    def many(self, sights: Sequence[Sight], size_of: SizeOf, /) -> list[Prediction]:
        """Return what is predicted of several successive frames."""
        return predictions([sight.shown for sight in sights], self._stream)


def predictor_of(session: BaseSession, *, patient: bool = False) -> FramePredictor:
    """Start what a network says of one video; ``patient`` looks at it in several ways."""
    stream = Looks(session) if patient else session.stream()
    if session.looks_closer and isinstance(stream, MovingStream):
        return CloserLook(session, stream)
    return WholePredictor(stream)


def size_for(session: BaseSession, *, patient: bool) -> SizeOf:
    """Return what tells the size at which :func:`predictor_of` wants frames of a given size."""
    return patient_size(session) if patient else session.input_size


def view_of(session: BaseSession) -> StreamView:
    """Start what a session is shown of the frames of one video."""
    return StreamView(bars=not session.whole_frames)


def predictions(inputs: Sequence[RGB], stream: MatteStream) -> list[Prediction]:
    """Return a stream's answers to frames at its size, which it takes together where it can.

    Raises:
        ModelError: if the network fails, or answers something else.
    """
    alike = len({each.shape for each in inputs}) == 1
    if len(inputs) > 1 and alike and isinstance(stream, BatchStream):
        return list(map(as_prediction, stream.many(inputs), inputs))
    return [as_prediction(stream(each), each) for each in inputs]


def able(session: BaseSession) -> BaseSession:
    """Return a session that can do video.

    Raises:
        ModelError: if it was made for stills alone.
    """
    for name in ("input_size", "stream"):
        if getattr(type(session), name, None) in (None, getattr(BaseSession, name)):
            raise ModelError(f"{type(session).__name__} has no {name}(): it cannot do video")
    return session
