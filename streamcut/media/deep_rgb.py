"""RGB of more than eight bits, converted exactly, which FFmpeg's scaler does not.

It takes ``255 << (bits - 8)`` for the white of every depth, though white is the largest code value:
white of ten bits becomes 1020 from Y'CbCr, 943 instead of 940 into it. Between depths it only
shifts: white of ten bits becomes 65472 of 16, and so does full opacity. Here planes are multiplied
by what that is off.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import av
import cv2
import numpy as np

from streamcut.media.pixel_formats import depth, has_alpha, peak
from streamcut.media.planes import Plane, blank_like, planes

Scale = Callable[[av.VideoFrame, str], av.VideoFrame]
"""Converts a frame to a pixel format, as FFmpeg does it, at the size and colour that are wanted."""

_PEAK = 65535
_TAKEN_FOR_WHITE = 255 << 8


@cache
def is_needed(source: str, target: str) -> bool:
    """Whether FFmpeg's scaler would be off between two pixel formats."""
    both = (source, target)
    if not all(_is_rgb(name) or _is_yuv(name) for name in both):
        return False
    deep = any(_is_rgb(name) and depth(name) > 8 for name in both)
    return deep and not (all(map(_is_rgb, both)) and depth(source) == depth(target))


def converted(
    frame: av.VideoFrame, pixel_format: str, scale: Scale, *, full: bool
) -> av.VideoFrame:
    """Return a frame in another pixel format, by way of 16-bit planar RGB.

    Args:
        frame: in a format for which this :func:`is_needed`.
        pixel_format: of what is made.
        scale: returns a frame in a pixel format, of the size and colour that are wanted.
        full: whether Y'CbCr code values of ``frame`` span the whole depth.
    """
    deep = _sixteen_bits(frame, has_alpha(pixel_format), scale, full)
    alpha = has_alpha(deep.format.name)
    if _is_rgb(pixel_format):
        return scale(_times(deep, _planar(depth(pixel_format), alpha)), pixel_format)
    made = scale(_times(deep, deep.format.name, _TAKEN_FOR_WHITE / _PEAK), pixel_format)
    if alpha and has_alpha(pixel_format):
        _copy_alpha(deep, made)
    return made


def _copy_alpha(source: av.VideoFrame, target: av.VideoFrame) -> None:
    """Write the alpha of a frame into another one, where they are of one size."""
    ours, theirs = planes(target)[3:], planes(source)[3]
    if ours and ours[0].shape == theirs.shape:
        _multiply(theirs, peak(target.format.name) / _PEAK, ours[0])


def _sixteen_bits(frame: av.VideoFrame, alpha: bool, scale: Scale, full: bool) -> av.VideoFrame:
    name = frame.format.name
    alpha, bits = alpha and has_alpha(name), depth(name)
    if _is_rgb(name):
        return _times(scale(frame, _planar(bits, alpha)), _planar(16, alpha))
    made = scale(frame, _planar(16, alpha))
    shifted = peak(name) << (16 - bits)
    white = shifted if full or _is_grey(name) else _TAKEN_FOR_WHITE
    return _times(made, made.format.name, _PEAK / white, _PEAK / shifted)


def _is_rgb(pixel_format: str) -> bool:
    form = av.VideoFormat(pixel_format)
    return form.is_rgb and not form.has_palette and 8 <= depth(pixel_format) <= 16


def _is_yuv(pixel_format: str) -> bool:
    form = av.VideoFormat(pixel_format)
    strange = form.is_rgb or form.has_palette or pixel_format.startswith("xyz")
    return not strange and 8 <= depth(pixel_format) <= 16


def _is_grey(pixel_format: str) -> bool:
    return pixel_format.startswith(("gray", "ya"))


def _planar(bits: int, alpha: bool) -> str:
    return f"gbr{'a' if alpha else ''}p" + (f"{bits}le" if bits > 8 else "")


def _times(
    frame: av.VideoFrame, pixel_format: str, colour: float | None = None, alpha: float = 1.0
) -> av.VideoFrame:
    """Return a planar frame in another depth, its code values multiplied and rounded.

    Args:
        frame: planar RGB.
        pixel_format: likewise, with as many planes.
        colour: by how much; None keeps white white, and full opacity full.
        alpha: by how much the alpha plane, where ``colour`` is given.
    """
    if colour is None:
        if frame.format.name == pixel_format:
            return frame
        colour = alpha = peak(pixel_format) / peak(frame.format.name)
    made = blank_like(frame, pixel_format)
    for number, (source, target) in enumerate(zip(planes(frame), planes(made), strict=True)):
        _multiply(source, alpha if number == 3 else colour, target)
    return made


def _multiply(source: Plane, factor: float, target: Plane) -> None:
    kind = cv2.CV_8U if target.dtype == np.uint8 else cv2.CV_16U
    target[:] = cv2.multiply(source, factor, dtype=kind)  # type: ignore[call-overload]
