"""The stages between source and network's matte: plain generators over frames.

:func:`matte` adds what the network says, and :func:`upsample` brings its matte to the frame's
size. What follows stands in :mod:`streamcut.matting` and :mod:`streamcut.compositing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from streamcut.core.pipeline import gathered
from streamcut.matting.guided_filter import GuidedUpsampler
from streamcut.matting.letterbox import View
from streamcut.media.frame import Frame, MattedFrame, PredictedFrame, StreamInfo
from streamcut.media.matte import Picture
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import planes
from streamcut.sessions import BaseSession, BatchStream, MatteStream, Prediction, as_prediction


def matte(
    frames: Iterable[Frame], session: BaseSession, *, together: bool = False
) -> Iterator[PredictedFrame]:
    """Give each frame the network's answer, at the network's size.

    Args:
        frames: as decoded.
        session: the network's.
        together: let frames that wait already go through the network at once, where that is
            faster; the first of them is then late, so never where frames are live.

    Raises:
        ModelError: if the network fails.
    """
    stream, view = session.stream(), View()

    def answered(group: list[Frame]) -> list[PredictedFrame]:
        seen = [view(frame, session.input_size) for frame in group]
        told = _predictions([sight.picture for sight in seen], stream)
        return [sight.predicted(answer) for sight, answer in zip(seen, told, strict=True)]

    for group in map(answered, gathered(frames, getattr(stream, "batch", 1) if together else 1)):
        while group:
            yield group.pop(0)


def _predictions(pictures: Sequence[Picture], stream: MatteStream) -> list[Prediction]:
    alike = len({picture.shape for picture in pictures}) == 1
    if len(pictures) > 1 and alike and isinstance(stream, BatchStream):
        return list(map(as_prediction, stream.many(pictures), pictures))
    return [as_prediction(stream(picture), picture) for picture in pictures]


def upsample(frames: Iterable[PredictedFrame], info: StreamInfo) -> Iterator[MattedFrame]:
    """Bring each coarse matte to the frame's size and depth, its edges led by the frame.

    Args:
        frames: with their predictions.
        info: of the stream.
    """
    enlarge = GuidedUpsampler(info.width, info.height, peak(info.pixel_format))

    def enlarged(frame: PredictedFrame) -> MattedFrame:
        matte = enlarge(planes(frame.source)[0], frame.prediction.alpha)
        if frame.bars:
            frame.bars.clear(matte)
        return frame.matted(matte)

    yield from map(enlarged, frames)
