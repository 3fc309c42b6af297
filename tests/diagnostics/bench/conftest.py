"""A clip that is quick to measure."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.media import pictures, write


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of 192x108."""
    path = tmp_path_factory.mktemp("bench") / "clip.mp4"
    return write(path, pictures(12, 192, 108), codec="libx264")
