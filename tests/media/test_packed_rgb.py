"""RGB of a few bits, from every code: white is white, and each step where it belongs."""

from __future__ import annotations

import av
import numpy as np
import pytest
from helpers.media import views

from streamcut.media.packed_rgb import is_packed, unpacked

BITS = {"444": (4, 4, 4), "555": (5, 5, 5), "565": (5, 6, 5), "332": (3, 3, 2), "233": (2, 3, 3)}


@pytest.mark.parametrize("order", ["rgb", "bgr"])
@pytest.mark.parametrize("kind", ["444le", "444be", "555le", "555be", "565le", "565be", "8"])
def test_every_code(order: str, kind: str) -> None:
    name = order + kind
    assert is_packed(name)
    bits = BITS[kind[:3] if kind != "8" else {"rgb": "332", "bgr": "233"}[order]]
    tops = [(1 << count) - 1 for count in bits]
    parts = np.random.default_rng(0).integers(0, [top + 1 for top in tops], (64, 3))
    parts[0], parts[1] = tops, 0
    codes = (parts[:, 0] << (bits[1] + bits[2])) | (parts[:, 1] << bits[2]) | parts[:, 2]
    frame = av.VideoFrame(64, 2, name)
    endian = np.dtype(np.uint8 if kind == "8" else ">u2" if kind.endswith("be") else "<u2")
    row = np.zeros(frame.planes[0].line_size // endian.itemsize, endian)
    row[:64] = codes
    frame.planes[0].update(row.tobytes() * 2)
    green, blue, red = (plane[1].astype(int) for plane in views(unpacked(frame)))
    have = np.stack([red, green, blue] if order == "rgb" else [blue, green, red], axis=1)
    assert (have == np.rint(parts * 255 / np.array(tops))).all()


@pytest.mark.parametrize("name", ["rgb24", "bgr24", "rgb48le", "gbrp", "rgb4", "rgb4_byte", "pal8"])
def test_others(name: str) -> None:
    assert not is_packed(name)
