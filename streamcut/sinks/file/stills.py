"""Still images into files or bytes, through Pillow: one row an ending."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from streamcut.core.errors import SinkError, UsageError
from streamcut.media.still import Still

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StillFormat:
    """What a file ending means for a still.

    Attributes:
        name: Pillow's.
        endings: with their dots, the usual one first.
        alpha: whether it holds alpha.
        grey: whether it holds grey images as such.
        quality: Pillow's options for each quality.
        most: pixels of the longest side that it holds.
    """

    name: str
    endings: tuple[str, ...]
    alpha: bool = True
    grey: bool = True
    quality: Mapping[str, Options] = field(default_factory=dict)
    most: int = 2**31


STILL_FORMATS = (
    StillFormat(
        "PNG",
        (".png",),
        quality={
            "fast": {"compress_level": 1},
            "balanced": {"compress_level": 6},
            "best": {"compress_level": 9},
        },
    ),
    StillFormat(
        "WEBP",
        (".webp",),
        grey=False,
        quality={
            "fast": {"quality": 85, "method": 2},
            "balanced": {"quality": 92, "method": 4},
            "best": {"lossless": True, "quality": 80, "exact": True},
        },
        most=16383,
    ),
    StillFormat(
        "AVIF",
        (".avif",),
        grey=False,
        quality={
            "fast": {"quality": 75, "speed": 9},
            "balanced": {"quality": 85, "speed": 7},
            "best": {"quality": 95, "speed": 5, "subsampling": "4:4:4"},
        },
        most=65535,
    ),
    StillFormat(
        "TIFF",
        (".tif", ".tiff"),
        quality={
            name: {"compression": "tiff_adobe_deflate"} for name in ("fast", "balanced", "best")
        },
    ),
    StillFormat(
        "JPEG",
        (".jpg", ".jpeg"),
        alpha=False,
        quality={
            "fast": {"quality": 85},
            "balanced": {"quality": 92},
            "best": {"quality": 97, "subsampling": "4:4:4"},
        },
        most=65535,
    ),
)
"""Every format of stills that is written."""


def still_format(path: str) -> StillFormat:
    """Return the format that a path's ending, or an ending itself, asks for.

    Raises:
        UsageError: if no image has that ending.
    """
    ending = (Path(path).suffix or path).lower()
    for row in STILL_FORMATS:
        if ending in row.endings:
            return row
    known = " ".join(row.endings[0] for row in STILL_FORMATS)
    raise UsageError(f"{path}: unknown ending for an image; known: {known}")


def is_still_name(path: str) -> bool:
    """Whether a path has the ending of a single image."""
    return any(Path(path).suffix.lower() in row.endings for row in STILL_FORMATS)


def encoded(still: Still, form: StillFormat, quality: str = "balanced") -> bytes:
    """Return an image as a file's bytes.

    Args:
        still: what to write.
        form: how.
        quality: one of "fast", "balanced", "best".

    Raises:
        UsageError: if the format cannot hold alpha, and the image has some.
        SinkError: if the format cannot hold the image.
    """
    if still.pixels.ndim == 3 and still.pixels.shape[2] == 4 and not form.alpha:
        raise UsageError(f"{form.endings[0]} cannot hold alpha: give a background, or write a .png")
    if max(still.size) > form.most:
        raise SinkError(f"{form.endings[0]} holds no image of {still.size[0]}x{still.size[1]}")
    image = Image.fromarray(np.ascontiguousarray(still.pixels))
    if image.mode == "L" and not form.grey:
        image = image.convert("RGB")
    beside: dict[str, Any] = {"icc_profile": still.icc} if still.icc and image.mode != "L" else {}
    if still.dpi is not None and form.name in ("PNG", "TIFF", "JPEG"):
        beside["dpi"] = still.dpi
    file = io.BytesIO()
    try:
        image.save(file, form.name, **form.quality.get(quality, {}), **beside)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise SinkError(f"the {form.name} cannot be made: {error}") from error
    return file.getvalue()


def write_still(still: Still, path: str, quality: str = "balanced") -> int:
    """Write an image whole or not at all, and return its bytes.

    Raises:
        UsageError: if the ending is unknown or cannot hold alpha.
        SinkError: if it cannot be written; what was there before stays.
    """
    data = encoded(still, still_format(path), quality)
    unfinished = f"{path}.{os.getpid()}.part"
    try:
        Path(unfinished).write_bytes(data)
        os.replace(unfinished, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(unfinished)
        raise SinkError(f"{path} cannot be written: {error.strerror or error}") from error
    return len(data)
