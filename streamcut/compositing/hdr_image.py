"""Still images in HDR, which Pillow reads as if they were SDR: PNG and AVIF with PQ or HLG."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import av

from streamcut.media.colour import Colour, Matrix, Range, Transfer
from streamcut.media.convert import Converter
from streamcut.media.light import is_hdr

# PNG's cICP chunk and the nclx box of AVIF and HEIF name primaries, transfer and matrix as H.273
# numbers them; both stand before the image.
_TRANSFER = b"[" + re.escape(bytes([Transfer.PQ, Transfer.HLG])) + b"]"
_TOLD = re.compile(b"cICP." + _TRANSFER + b"|nclx..\0" + _TRANSFER, re.DOTALL)
_HEAD = 1 << 16


def hdr_image(path: Path) -> av.VideoFrame | None:
    """Return an image in HDR as 16-bit planar RGB with its tags; None for any other."""
    with path.open("rb") as file:
        if _TOLD.search(file.read(_HEAD)) is None:
            return None
        file.seek(0)
        try:
            with av.open(file, "r") as container:
                frame = next(container.decode(video=0), None)
        except (av.error.FFmpegError, ValueError, IndexError):
            return None
    if frame is None or not is_hdr(Colour.of(frame).transfer):
        return None
    tags = replace(Colour.of(frame), matrix=Matrix.RGB, range=Range.FULL)
    return tags.apply(Converter("gbrp16le", tags)(frame))
