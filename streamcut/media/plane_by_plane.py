"""8-bit YUV made 4:2:0 and of limited range plane by plane: many times faster than FFmpeg's scaler.

A webcam's MJPEG is 4:2:2 or 4:2:0 of full range; what shows it live takes 4:2:0 of limited range.
"""

from __future__ import annotations

import av
import cv2

from streamcut.media.colour import Colour
from streamcut.media.planes import Levels, Plane, blank_like, planes

_SOURCES = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p"})
_TARGET = "yuv420p"


def is_possible(frame: av.VideoFrame, source: Colour, pixel_format: str, target: Colour) -> bool:
    """Whether a frame becomes another of its size with nothing but its planes' levels changed.

    Args:
        frame: any.
        source: its colour.
        pixel_format: of what is wanted.
        target: the colour of what is wanted.
    """
    if frame.format.name not in _SOURCES or pixel_format != _TARGET or frame.height % 2:
        return False
    same_range = source.full_range == target.full_range
    return source.matrix == target.matrix and (same_range or source.full_range)


def converted(frame: av.VideoFrame, source: Colour, target: Colour) -> av.VideoFrame:
    """Return such a frame in 4:2:0; two rows of 4:2:2 chroma become their mean.

    Args:
        frame: one for which :func:`is_possible` is true.
        source: its colour.
        target: the colour of what is made.
    """
    made = blank_like(frame, _TARGET)
    have, want = (Levels.of(_TARGET, colour.full_range) for colour in (source, target))
    for number, (plane, room) in enumerate(zip(planes(frame), planes(made), strict=True)):
        gain = want.span[number] / have.span[number]
        _fill(room, plane, gain, want.zero[number] - gain * have.zero[number])
    return made


def _fill(target: Plane, plane: Plane, gain: float, offset: float) -> None:
    """Write ``gain * plane + offset`` into a plane as high, or half as high."""
    if len(plane) != len(target):
        cv2.addWeighted(plane[::2], gain / 2, plane[1::2], gain / 2, offset, target)
    elif gain == 1:
        target[:] = plane
    else:
        cv2.convertScaleAbs(plane, target, gain, offset)  # Nothing is negative.
