"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from media import pictures, write


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """Make a lossless clip: pictures of one size and pixel format, and what goes beside them."""

    def made(
        name: str = "in.mkv",
        count: int = 5,
        width: int = 96,
        height: int = 64,
        pixel_format: str = "yuv420p",
        **options: Any,
    ) -> Path:
        return write(tmp_path / name, pictures(count, width, height, pixel_format), **options)

    return made
