"""RGB of fewer than eight bits a component, expanded so that white is white.

FFmpeg's scaler shifts such components up where it makes planes of them: white of 5 bits becomes
248, and the big-endian formats come out in wrong colours from its other path.
"""

from __future__ import annotations

import re
from functools import cache

import av
import numpy as np
from numpy.typing import NDArray

from streamcut.media.planes import blank_like, planes

# The first component is the highest; in "rgb8" and "bgr8" it depends on the order.
_NAME = re.compile(r"(rgb|bgr)(?:(444|555|565)([lb])e|8)")
_EIGHT = {"rgb": "332", "bgr": "233"}


@cache
def is_packed(pixel_format: str) -> bool:
    """Whether a pixel format has several components in one or two bytes."""
    return _NAME.fullmatch(pixel_format) is not None


def unpacked(frame: av.VideoFrame) -> av.VideoFrame:
    """Return such a frame as planar RGB of 8 bits (``gbrp``), each component scaled to 255."""
    name = frame.format.name
    plane = frame.planes[0]
    kind = np.dtype(np.uint8 if name.endswith("8") else ">u2" if name.endswith("be") else "<u2")
    raw = np.frombuffer(plane, kind)  # type: ignore[call-overload]
    codes = raw.reshape(frame.height, -1)[:, : frame.width]
    made = blank_like(frame, "gbrp")
    for values, target in zip(_tables(name), planes(made), strict=True):
        target[:] = values[codes]
    return made


@cache
def _tables(pixel_format: str) -> tuple[NDArray[np.uint8], ...]:
    """Return what each code is in green, blue and red."""
    found = _NAME.fullmatch(pixel_format)
    if found is None:
        raise ValueError(f"{pixel_format} is not packed RGB")
    order, bits = found[1], [int(digit) for digit in found[2] or _EIGHT[found[1]]]
    codes = np.arange(1 << (16 if found[2] else 8))
    made = {}
    for place, letter in enumerate(order):
        top = (1 << bits[place]) - 1
        value = codes >> sum(bits[place + 1 :]) & top
        made[letter] = np.rint(value * (255 / top)).astype(np.uint8)
    return made["g"], made["b"], made["r"]
