"""The picture as networks see it."""

from __future__ import annotations

from typing import cast

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from streamcut.frame import SCALING_THREADS, Colour


def network_input(
    picture: av.VideoFrame, size: tuple[int, int], shrink: VideoReformatter
) -> NDArray[np.uint8]:
    """Return ``picture`` scaled straight from its planes to RGB uint8 [height, width, 3]."""
    small = shrink.reformat(
        picture,
        *size,
        "rgb24",
        src_colorspace=Colour.of(picture).known_matrix(picture.height),
        interpolation=Interpolation.AREA,
        threads=SCALING_THREADS,
    )
    return cast(NDArray[np.uint8], small.to_ndarray())
