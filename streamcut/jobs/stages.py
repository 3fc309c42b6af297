"""The chain, once: from what was decoded to what sinks take.

::

    Frame --network, smoothing--> PredictedFrame
          --guided filter, closed form, own colours, border--> MattedFrame
          --compositing--> CompositedFrame

A file job, a live job and Python's frames call the same parts: :func:`spawn` runs all of them, a
live job makes each anew when what it depends on changes, a :class:`~streamcut.jobs.matter.Matter`
pulls one frame at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import cv2

from streamcut.compositing.background import Background, Blur
from streamcut.compositing.composite import composite
from streamcut.compositing.despill import despill
from streamcut.compositing.foreground import decontaminate
from streamcut.compositing.looks import Look, made_by
from streamcut.core.config import MatteSettings, Settings
from streamcut.core.pipeline import Channel, Pipeline
from streamcut.imaging.resize import Halved
from streamcut.jobs.request import edges_of, keep_of, look_of, parse_background, trimming_of
from streamcut.matting.guided_filter import upsample
from streamcut.matting.keep import Keep
from streamcut.matting.keyframes import every_frame, on_keyframes, on_keyframes_live
from streamcut.matting.morphology import shape
from streamcut.matting.network import predict
from streamcut.matting.smoothing import steady
from streamcut.matting.views import looks_twice
from streamcut.media.frame import CompositedFrame, Frame, MattedFrame, PredictedFrame, StreamInfo
from streamcut.media.pixel_formats import frame_bytes
from streamcut.media.planes import planes
from streamcut.sessions import BaseSession

# Frames between two stages: enough to even out their pace, little to remember; and their bytes, so
# that frames of 2160p are fewer, and of 4320p one. What is composited is three frames in one:
# source, output, matte.
_MOST_WAITING, _MOST_COMPOSITED, _BYTES = 3, 2, 16 << 20
_FOUND = 0.1  # Opacity, below which nobody sees a subject.


@dataclass(frozen=True, slots=True)
class Appearance:
    """What frames look like in the end. While it is equal, the stages go on as they are.

    Leaving its ``with`` block closes the background.

    Attributes:
        settings: all that there are.
        look: what is shown.
        background: what lies behind the subject, for the look "background", else None.
    """

    settings: Settings
    look: Look
    background: Background | None = None

    @classmethod
    def of(cls, settings: Settings, info: StreamInfo) -> Appearance:
        """Return what settings ask for in a stream.

        Raises:
            UsageError: if they contradict each other, or its frames are too small.
            SourceError: if the background cannot be read.
        """
        look = look_of(settings)
        made_by(look, info)  # Refuses what cannot be made.
        keep_of(settings, (info.width, info.height))  # Likewise, before a model is fetched.
        text = settings.picture.background
        return cls(settings, look, parse_background(text, info) if text else None)

    def close(self) -> None:
        """Close the background."""
        if self.background is not None:
            self.background.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Steadying(NamedTuple):
    """What is done to the network's mattes: see :func:`~streamcut.matting.smoothing.steady`."""

    strength: float
    min_area: float
    keep: Keep


def waiting(info: StreamInfo, *, composited: bool = False) -> int:
    """Return how many frames of a stream may wait between two stages; the larger, the fewer."""
    most = _MOST_COMPOSITED if composited else _MOST_WAITING
    each = frame_bytes(info.pixel_format, info.width, info.height)
    return max(1, min(most, _BYTES // (3 * each if composited else each)))


class Sighting:
    """Notes whether the network has found a subject in any frame.

    Attributes:
        found: whether it has.
    """

    def __init__(self) -> None:
        self.found = False

    def __call__(self, frames: Iterable[PredictedFrame]) -> Iterator[PredictedFrame]:
        """Pass frames on, having looked at their mattes."""
        yield from map(self._look, frames)

    def _look(self, frame: PredictedFrame) -> PredictedFrame:
        self.found = self.found or bool(frame.prediction.alpha.max() > _FOUND)
        return frame


def steadying_of(settings: Settings, info: StreamInfo) -> Steadying:
    """Return what settings want done to a stream's mattes."""
    matte, size = settings.matte, (info.width, info.height)
    return Steadying(matte.smooth, matte.min_area, keep_of(settings, size))


def answered(
    frames: Iterable[Frame], info: StreamInfo, session: BaseSession, settings: Settings
) -> Iterator[PredictedFrame]:
    """Give each frame the network's answer; at the best quality it looks twice.

    Args:
        frames: as decoded.
        info: of their stream.
        session: the network's.
        settings: how much time there is.
    """
    patient = is_looked_at_twice(info, session, settings)
    return predict(frames, session, together=not info.live, patient=patient)


def is_looked_at_twice(info: StreamInfo, session: BaseSession, settings: Settings) -> bool:
    """Return whether the network sees each frame of a stream in more than one way."""
    return _is_patient(settings, info) and looks_twice(session, info.width, info.height)


def _is_patient(settings: Settings, info: StreamInfo) -> bool:
    return settings.output.quality == "best" and not info.live


def steadied(frames: Iterable[PredictedFrame], how: Steadying) -> Iterator[PredictedFrame]:
    """Hold the network's mattes still in time, without what does not belong to the subject."""
    return steady(frames, *how)


def matted(
    frames: Iterable[PredictedFrame],
    info: StreamInfo,
    settings: Settings,
    *,
    pipeline: Pipeline | None = None,
    still: bool = False,
) -> Iterator[MattedFrame]:
    """Give each frame its matte at full size, and the subject's own colours beside it.

    Args:
        frames: with the network's answers.
        info: of the stream.
        settings: how borders are treated.
        pipeline: of a live job, which matts keyframes on a thread of its own.
        still: whether these are stills, no video: border colours may take their time.
    """
    made = despill(_solved(upsample(frames, info), info, settings.matte, pipeline))
    if settings.picture.decontaminate and not settings.picture.only_mask:
        # With the network's own mattes it is worth its time in stills alone: see measurements.md.
        patient = still or (_is_patient(settings, info) and settings.matte.matting == "every")
        made = decontaminate(made, thorough=patient, invert=settings.matte.invert)
    return shape(made, info, edges_of(settings))


def composited(
    frames: Iterable[PredictedFrame],
    info: StreamInfo,
    shown: Appearance,
    *,
    apart: bool = False,
    pipeline: Pipeline | None = None,
    still: bool = False,
) -> Iterator[CompositedFrame]:
    """Make what is seen.

    Args:
        frames: with the network's answers.
        info: of the stream.
        shown: what they look like.
        apart: leave the matte beside the frame, see
            :func:`~streamcut.compositing.composite.composite`.
        pipeline: as for :func:`matted`.
        still: likewise.
    """
    if isinstance(shown.background, Blur):  # It looks at all of every plane.
        frames = map(_sharing, frames)
    return composite(
        matted(frames, info, shown.settings, pipeline=pipeline, still=still),
        shown.look,
        shown.background,
        light_wrap=shown.settings.picture.light_wrap,
        apart=apart,
        last=True,
    )


def _sharing(frame: PredictedFrame) -> PredictedFrame:
    """Return a frame whose stages share what they make smaller of it."""
    return replace(frame, halved=[Halved(plane) for plane in planes(frame.source)])


def spawn_predicted(
    pipeline: Pipeline,
    source: Iterable[Frame],
    info: StreamInfo,
    session: BaseSession,
    settings: Settings,
    sighting: Sighting | None = None,
) -> Channel[PredictedFrame]:
    """Decode on one thread, run the network on another; return the second one's channel.

    Args:
        pipeline: whose threads they are.
        source: the frames.
        info: of them.
        session: the network's.
        settings: how mattes are steadied.
        sighting: notes whether anything was found.
    """
    decoded = pipeline.spawn("decode", source, capacity=waiting(info), drop_oldest=info.live)
    answers = answered(decoded, info, session, settings)
    predicted = steadied(answers, steadying_of(settings, info))
    predicted = predicted if sighting is None else sighting(predicted)
    return pipeline.spawn("matte", predicted, after=decoded, capacity=waiting(info))


def spawn(
    pipeline: Pipeline,
    source: Iterable[Frame],
    info: StreamInfo,
    session: BaseSession,
    shown: Appearance,
    *,
    apart: bool = False,
    sighting: Sighting | None = None,
) -> Channel[CompositedFrame]:
    """Run the whole chain, each part on a thread of its own.

    Args:
        pipeline: whose threads they are.
        source: the frames.
        info: of them.
        session: the network's.
        shown: what they look like.
        apart: as for :func:`composited`.
        sighting: notes whether anything was found.
    """
    predicted = spawn_predicted(pipeline, source, info, session, shown.settings, sighting)
    made = composited(predicted, info, shown, apart=apart)
    return pipeline.spawn(
        "composite", made, after=predicted, capacity=waiting(info, composited=True)
    )


def _solved(
    frames: Iterator[MattedFrame],
    info: StreamInfo,
    matte: MatteSettings,
    pipeline: Pipeline | None,
) -> Iterator[MattedFrame]:
    """Add closed-form matting, where it is asked for."""
    if matte.matting == "off":
        return frames
    trimming, interval = trimming_of(matte), matte.keyframe_interval
    if matte.matting == "every":
        return every_frame(frames, info, trimming)
    if pipeline is not None:
        return on_keyframes_live(frames, pipeline, info, interval, trimming)
    return on_keyframes(frames, info, interval, trimming)


class _CallersThreadOnly(AbstractContextManager[None]):
    """Keeps OpenCV on the calling thread while jobs run: the stages are what runs in parallel.

    The setting is the process's, so that the last of several jobs restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs = self._before = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._jobs:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._jobs += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._jobs -= 1
            if not self._jobs:
                cv2.setNumThreads(self._before)


one_thread_per_frame = _CallersThreadOnly()
