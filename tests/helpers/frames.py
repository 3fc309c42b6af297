"""Frames as far along as a stage needs them; what a test does not name is small and empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import av
import numpy as np

from streamcut.imaging.scene_cuts import SceneCuts
from streamcut.media.frame import CompositedFrame, MattedFrame, PredictedFrame
from streamcut.media.matte import RGB, Matte, Prediction
from streamcut.media.pixel_formats import dtype
from streamcut.media.planes import Plane


def predicted(
    source: av.VideoFrame,
    alpha: Matte | None = None,
    *,
    seen: RGB | None = None,
    foreground: Any = None,
    screen: tuple[float, float, float] | None = None,
    cut: bool = False,
    opacity: Plane | None = None,
) -> PredictedFrame:
    """Return a frame with a network's answer."""
    alpha = np.zeros((9, 16), np.float32) if alpha is None else alpha
    return PredictedFrame(
        source=source,
        opacity=opacity,
        seen=np.zeros((*alpha.shape, 3), np.uint8) if seen is None else seen,
        prediction=Prediction(alpha, foreground, screen),
        cut=cut,
    )


def matted(source: av.VideoFrame, matte: Plane | None = None, **known: Any) -> MattedFrame:
    """Return a frame with its matte, empty where none is given."""
    if matte is None:
        matte = np.zeros((source.height, source.width), dtype(source.format.name))
    return predicted(source, **known).matted(matte)


def composited_frame(
    output: av.VideoFrame, *, source: av.VideoFrame | None = None, matte: Plane | None = None
) -> CompositedFrame:
    """Return a frame with what was made of it."""
    return matted(source or output, matte).composited(output)


def in_scenes(frames: Iterable[PredictedFrame]) -> Iterator[PredictedFrame]:
    """Yield frames of one stream, told where scenes begin."""
    cuts = SceneCuts()
    for frame in frames:
        yield replace(frame, cut=cuts(frame.seen))
