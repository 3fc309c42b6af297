"""Previews show a frame as it is."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from helpers.media import picture, to_rgb, views, write
from PIL import Image

from streamcut.core.config import Settings
from streamcut.server.stills import Previews

SMPTE170M, BT709 = (6, 6, 6, 1), (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("height", "colour", "matrix"),
    [(720, None, "709"), (108, None, "601"), (720, SMPTE170M, "601"), (108, BT709, "709")],
)
def test_a_preview_has_the_frames_colours(
    tmp_path: Path, height: int, colour: Any, matrix: str
) -> None:
    """By its tags, else by its height as players guess it."""
    codes = 120, 90, 190
    frame = picture(0, 192, height)
    for plane, code in zip(views(frame), codes, strict=True):
        plane[:] = code
    path = write(tmp_path / "in.mkv", [frame], colour=colour)
    shown = Previews(cast(Any, None)).show(path, 0.0, "source", Settings())
    pixels = np.asarray(Image.open(io.BytesIO(shown)))
    expected = to_rgb([np.full((1, 1), code) for code in codes], matrix=matrix)
    assert np.abs(pixels - expected).max() < 2
