"""A border that is known in part against one that is looked for everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from streamcut.imaging.border import Border
from streamcut.imaging.resize import averaged
from streamcut.imaging.soft import soft_pixels
from streamcut.imaging.tiles import Area
from streamcut.media.planes import fitted


def noise(rows: int, columns: int) -> np.ndarray:
    """A matte of empty, full and soft pixels, one by one."""
    values = np.random.default_rng(1).integers(-200, 456, (rows, columns))
    return np.clip(values, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("chroma", [(30, 44), (60, 44), (60, 88)])
@pytest.mark.parametrize("known", [True, False])
def test_a_border_is_the_same_whether_or_not_it_is_known_where_the_matte_is_empty(
    chroma: tuple[int, int], known: bool
) -> None:
    matte = np.zeros((60, 88), np.uint8)
    matte[18:30, 40:71] = noise(12, 31)
    border = Border(matte, 255, (slice(18, 30), slice(40, 72)) if known else None)
    whole = fitted(matte, chroma)
    area, shown = border.shown(chroma)
    assert np.array_equal(whole[area], shown)
    found, want = border.soft(chroma), soft_pixels(whole, 255)
    assert found.shape == chroma
    for name in ("rows", "columns", "values"):
        assert np.array_equal(getattr(found, name), getattr(want, name))


@pytest.mark.parametrize("size", [(5, 7), (6, 7), (5, 8)])
def test_planes_of_odd_sizes_are_taken_whole(size: tuple[int, int]) -> None:
    border = Border(noise(*size), 255, (slice(2, 4), slice(2, 4)))
    chroma = (-(-size[0] // 2), -(-size[1] // 2))
    assert np.array_equal(border.shown(chroma)[1], fitted(border.matte, chroma))


@pytest.mark.parametrize("cell", [1, 4, 8])
@pytest.mark.parametrize("size", [(64, 96), (60, 88), (61, 87)])
@pytest.mark.parametrize("area", [(slice(14, 34), slice(38, 72)), (slice(0), slice(0)), None])
def test_averages_are_those_of_the_whole_matte(
    cell: int, size: tuple[int, int], area: Area | None
) -> None:
    matte, part = np.zeros(size, np.uint8), area or (slice(None), slice(None))
    matte[part] = noise(*size)[part]
    cells = size[1] // cell, size[0] // cell
    assert np.array_equal(Border(matte, 255, area).averaged(cell, cells), averaged(matte, cells))
