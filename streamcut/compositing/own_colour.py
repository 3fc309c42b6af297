"""Still images that say their own colour beside an ICC profile, which Pillow does not tell."""

from __future__ import annotations

import re
from pathlib import Path

from streamcut.media.colour import Primaries, Transfer

# PNG's cICP chunk and the nclx box of AVIF and HEIF name primaries, transfer and matrix as H.273
# numbers them; both stand before the image.
_PRIMARIES = bytes([Primaries.BT2020, Primaries.DCI_P3, Primaries.DISPLAY_P3])
_TRANSFERS = bytes([Transfer.PQ, Transfer.HLG])
_WIDE, _HDR = (b"[" + re.escape(values) + b"]" for values in (_PRIMARIES, _TRANSFERS))
_TOLD = re.compile(
    b"|".join([b"cICP" + _WIDE, b"cICP." + _HDR, b"nclx\0" + _WIDE, b"nclx..\0" + _HDR]), re.DOTALL
)
_HEAD = 1 << 16


def has_own_colour(path: Path) -> bool:
    """Whether an image is in HDR or of a wide gamut by its tags, as FFmpeg reads them."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return _TOLD.search(head) is not None
