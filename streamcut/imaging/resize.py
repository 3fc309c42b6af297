"""Frames made smaller: as networks see them, and averaged for what needs nothing sharp."""

from __future__ import annotations

from typing import cast

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from streamcut.media.colour import Colour
from streamcut.media.convert import SCALING_THREADS
from streamcut.media.planes import Plane


def network_input(
    frame: av.VideoFrame, size: tuple[int, int], shrink: VideoReformatter
) -> NDArray[np.uint8]:
    """Return ``frame`` scaled straight from its planes to RGB uint8 [height, width, 3]."""
    small = shrink.reformat(
        frame,
        *size,
        "rgb24",
        src_colorspace=Colour.of(frame).known_matrix(frame.height),
        interpolation=Interpolation.AREA,
        threads=SCALING_THREADS,
    )
    return cast(NDArray[np.uint8], small.to_ndarray())


def averaged(plane: Plane, size: tuple[int, int]) -> Plane:
    """Return a plane averaged over the cells of a grid of (columns, rows), in its own dtype.

    As far as it can be halved it is: that is what OpenCV averages fastest.
    """
    while plane.shape[1] >= 2 * size[0] and not (plane.shape[0] | plane.shape[1]) & 1:
        plane = cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
