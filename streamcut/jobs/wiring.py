"""What file jobs and live jobs are both made of: the stages after the network, and the model."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import cv2

from streamcut.compositing.background import Background
from streamcut.compositing.composite import composite
from streamcut.compositing.despill import despill
from streamcut.compositing.foreground import decontaminate
from streamcut.compositing.looks import Look
from streamcut.core.config import MatteSettings, Settings
from streamcut.core.errors import ModelError
from streamcut.core.pipeline import Pipeline
from streamcut.jobs.request import edges_of
from streamcut.jobs.stages import upsample
from streamcut.matting.keyframes import every_frame, on_keyframes, on_keyframes_live
from streamcut.matting.morphology import shape
from streamcut.matting.solver import Trimming
from streamcut.media.frame import CompositedFrame, MattedFrame, PredictedFrame, StreamInfo
from streamcut.sessions import BaseSession


def shown(
    matted: Iterable[PredictedFrame],
    info: StreamInfo,
    settings: Settings,
    look: Look,
    background: Background | None,
    *,
    apart: bool = False,
    pipeline: Pipeline | None = None,
) -> Iterator[CompositedFrame]:
    """Make what is seen from frames with the network's mattes.

    Args:
        matted: the frames.
        info: of the stream.
        settings: how borders are treated.
        look: what is made.
        background: what lies behind, for the look "background".
        apart: leave the matte beside the picture, see
            :func:`~streamcut.compositing.composite.composite`.
        pipeline: of a live job, which matts keyframes on a thread of its own.
    """
    frames = despill(_solved(upsample(matted, info), info, settings.matte, pipeline))
    if settings.picture.decontaminate and look != "mask":
        # Nothing that is live can wait for the thorough estimate.
        thorough = settings.output.quality == "best" and not info.live
        frames = decontaminate(frames, thorough=thorough, invert=settings.matte.invert)
    frames = shape(frames, info, edges_of(settings))
    light_wrap = settings.picture.light_wrap
    return composite(frames, look, background, light_wrap=light_wrap, apart=apart)


def _solved(
    frames: Iterator[MattedFrame],
    info: StreamInfo,
    matte: MatteSettings,
    pipeline: Pipeline | None,
) -> Iterator[MattedFrame]:
    """Add closed-form matting, where it is asked for."""
    if matte.matting == "off":
        return frames
    trimming = Trimming(
        matte.alpha_matting_foreground_threshold,
        matte.alpha_matting_background_threshold,
        matte.alpha_matting_erode_size,
    )
    if matte.matting == "every":
        return every_frame(frames, info, trimming)
    interval = matte.keyframe_interval
    if pipeline is not None:
        return on_keyframes_live(frames, pipeline, info, interval, trimming)
    return on_keyframes(frames, info, interval, trimming)


def able(session: BaseSession) -> BaseSession:
    """Refuse a session that was made for still pictures alone."""
    for name in ("input_size", "stream"):
        if getattr(type(session), name, None) in (None, getattr(BaseSession, name)):
            raise ModelError(f"{type(session).__name__} has no {name}(): it cannot do video")
    return session


class _CallersThreadOnly:
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


one_thread_per_picture = _CallersThreadOnly()
