"""Images to send to a server, and what came back."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Serve = Callable[..., Any]
"""Starts a server with settings by name; returns a client of it."""


def photo(width: int = 96, height: int = 64, form: str = "PNG", **how: Any) -> bytes:
    """A bright ellipse on a dark ground, as a file's bytes."""
    y, x = np.mgrid[:height, :width]
    inside = ((x / width - 0.5) / 0.25) ** 2 + ((y / height - 0.5) / 0.35) ** 2 < 1
    pixels = np.where(inside[..., None], (230, 200, 180), (20, 40, 60)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **how)
    return file.getvalue()


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)
