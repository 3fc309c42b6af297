"""A small clip with known mattes, and what tools would have written of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.media import write
from helpers.truth import Levels, as_frames, clip, grey_video


@pytest.fixture(scope="session")
def mattes() -> list[Levels]:
    return [moment.matte for moment in clip()]


@pytest.fixture(scope="session")
def images() -> list[Levels]:
    return [moment.frame for moment in clip()]


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory, mattes: list[Levels]) -> Path:
    return grey_video(tmp_path_factory.mktemp("truth") / "truth.mkv", mattes)


@pytest.fixture(scope="session")
def with_alpha(
    tmp_path_factory: pytest.TempPathFactory, mattes: list[Levels], images: list[Levels]
) -> Path:
    """The right mattes beside their colours, losslessly."""
    cutouts = [np.dstack([p[..., ::-1], m]) for p, m in zip(images, mattes, strict=True)]
    frames = as_frames([np.ascontiguousarray(cutout) for cutout in cutouts], "bgra")
    path = tmp_path_factory.mktemp("alpha") / "right.mkv"
    return write(path, frames, rate=30, time_base=Fraction(1, 30))


@pytest.fixture(scope="session")
def late(tmp_path_factory: pytest.TempPathFactory, mattes: list[Levels]) -> Path:
    """Every matte a frame too late."""
    path = tmp_path_factory.mktemp("late") / "late.mkv"
    return grey_video(path, [mattes[0], *mattes[:-1]])
