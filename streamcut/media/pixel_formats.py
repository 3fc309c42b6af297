"""Pixel formats: those that frames are worked on in, and what is to be known of the others.

Frames stay in the pixel format they were decoded in, or in the nearest planar one of
:data:`WORKING_FORMATS`, so that colour reaches the encoder untouched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import av
import numpy as np
from av.codec.codec import find_best_pix_fmt_of_list

from streamcut.core.errors import UsageError

ALPHA_TWIN: Mapping[str, str] = {
    "yuv420p": "yuva420p",
    "yuv422p": "yuva422p",
    "yuv444p": "yuva444p",
    "yuv420p10le": "yuva420p10le",
    "yuv422p10le": "yuva422p10le",
    "yuv444p10le": "yuva444p10le",
    "yuv422p12le": "yuva422p12le",
    "yuv444p12le": "yuva444p12le",
    "gbrp": "gbrap",
    "gbrp10le": "gbrap10le",
    "gbrp12le": "gbrap12le",
    "gbrp16le": "gbrap16le",
}
"""Each planar colour format and the same format with an alpha plane added."""

WORKING_FORMATS: tuple[str, ...] = tuple(ALPHA_TWIN)
"""The pixel formats that stages see; every decoded frame is in one of them."""


@cache
def depth(pixel_format: str) -> int:
    """Return the bits of one component of a pixel format."""
    return int(av.VideoFormat(pixel_format).components[0].bits)


@cache
def frame_bytes(pixel_format: str, width: int, height: int) -> int:
    """Return how many bytes a planar frame takes."""
    form = av.VideoFormat(pixel_format, width, height)
    samples = width * height
    if len(form.components) > 1:
        samples += 2 * form.chroma_width() * form.chroma_height()
    return samples * (1 if depth(pixel_format) == 8 else 2)


def peak(pixel_format: str) -> int:
    """Return the largest code value of a pixel format, which is also full opacity."""
    return int((1 << depth(pixel_format)) - 1)


def dtype(pixel_format: str) -> type[np.uint8] | type[np.uint16]:
    """Return the numpy type that holds one component."""
    return np.uint8 if depth(pixel_format) == 8 else np.uint16


@cache
def working_format(pixel_format: str) -> str:
    """Return the working format that loses least of a decoded pixel format."""
    plain = pixel_format.replace("yuvj", "yuv")
    for opaque, with_alpha in ALPHA_TWIN.items():
        if plain in (opaque, with_alpha):
            return opaque
    if plain.startswith("gray"):
        return "yuv420p" if depth(plain) == 8 else "yuv420p10le"
    return nearest_format(plain, WORKING_FORMATS)


def nearest_format(pixel_format: str, offered: Sequence[str]) -> str:
    """Return the offered pixel format that loses least (depth, chroma, colour) of another."""
    if pixel_format in offered:
        return pixel_format
    best, _ = find_best_pix_fmt_of_list(list(offered), pixel_format, has_alpha=True)
    return best.name if best is not None else offered[0]


def known_format(pixel_format: str) -> str:
    """Return a pixel format's name if FFmpeg knows it and it lies in memory.

    Raises:
        UsageError: if not.
    """
    try:
        known = av.VideoFormat(pixel_format)
    except ValueError as error:
        raise UsageError(
            f"FFmpeg knows no pixel format {pixel_format!r} (ffmpeg -pix_fmts lists them)"
        ) from error
    if not known.components:
        raise UsageError(f"{pixel_format} is for frames in a graphics card, not in memory")
    return known.name


def makeable_format(pixel_format: str) -> str:
    """Return a pixel format's name if frames can be converted to it.

    Raises:
        UsageError: if not.
    """
    name = known_format(pixel_format)
    if not can_be_made(name):
        raise UsageError(f"frames cannot be made {name}: FFmpeg only reads it")
    return name


@cache
def can_be_made(pixel_format: str) -> bool:
    """Whether FFmpeg's scaler converts to a pixel format: it only reads some, such as palettes."""
    try:
        av.VideoFrame(16, 16, "gbrap").reformat(format=pixel_format)
    except av.error.FFmpegError:
        return False
    return True


@cache
def has_alpha(pixel_format: str) -> bool:
    """Whether a pixel format carries alpha (palettes may)."""
    layout = av.VideoFormat(pixel_format)
    return layout.has_palette or any(component.is_alpha for component in layout.components)
