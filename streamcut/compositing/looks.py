"""What an output shows, and the pixel format and size that this takes."""

from __future__ import annotations

from typing import Literal

from streamcut.core.errors import UsageError
from streamcut.media.frame import StreamInfo
from streamcut.media.pixel_formats import ALPHA_TWIN, depth

Look = Literal["cleared", "straight", "premultiplied", "background", "mask", "stacked"]
"""What the output shows: colour with straight alpha, cleared where nobody sees it or as decoded
everywhere; with premultiplied alpha; the subject over a background; the matte alone; or colour
above matte."""

ALPHA_LOOKS: frozenset[Look] = frozenset({"cleared", "straight", "premultiplied"})
"""The looks that need an output with alpha."""


def made_by(look: Look, info: StreamInfo) -> tuple[str, tuple[int, int]]:
    """Return the pixel format and (width, height) of the frames that a look makes.

    Raises:
        UsageError: if the stream's frames are too small for it.
    """
    size = info.width, info.height
    if look in ALPHA_LOOKS:
        return ALPHA_TWIN[info.pixel_format], size
    if look == "mask":
        return grey_of(info.pixel_format), size
    if look == "stacked":
        if min(size) < 2:
            raise UsageError(f"a frame of {size[0]}x{size[1]} is too small to be stacked")
        return info.pixel_format, (size[0] & ~1, 2 * (size[1] & ~1))
    return info.pixel_format, size


def grey_of(pixel_format: str) -> str:
    """Return the grey pixel format of a format's depth."""
    bits = depth(pixel_format)
    return "gray" if bits == 8 else f"gray{bits}le"
