"""Cells repeated as pixels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from streamcut.imaging.resize import Halved, averaged, repeated
from streamcut.imaging.tiles import Area, whole


@pytest.mark.parametrize("across", [1, 2, 3, 4, 6, 7, 12, 601])
@pytest.mark.parametrize("down", [1, 5])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_cells_become_rectangles_of_pixels(down: int, across: int, kind: type) -> None:
    cells: NDArray[np.generic] = np.arange(15, dtype=kind).reshape(3, 5)
    wanted = cells.repeat(across, axis=1).repeat(down, axis=0)
    assert np.array_equal(repeated(cells, down, across), wanted)


@pytest.mark.parametrize("shape", [(96, 160), (90, 150), (45, 64)])
@pytest.mark.parametrize(
    "area",
    [
        (slice(0, 45), slice(0, 64)),
        (slice(16, 40), slice(8, 56)),
        (slice(6, 18), slice(4, 28)),
        (slice(3, 33), slice(5, 29)),
    ],
)
@pytest.mark.parametrize("cell", [1, 2, 3, 4, 6, 12])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_what_is_halved_for_all_is_what_each_part_would_be(
    shape: tuple[int, int], area: Area, cell: int, kind: type
) -> None:
    plane: NDArray[np.generic] = np.random.default_rng(1).integers(0, 256, shape).astype(kind)
    part, halved = plane[area], Halved(plane)
    size = max(1, part.shape[1] // cell), max(1, part.shape[0] // cell)
    for _ in range(2):
        assert np.array_equal(halved.averaged(area, size), averaged(part, size))
    everything = (shape[1] // 4, shape[0] // 4)
    assert np.array_equal(halved.averaged(whole(plane), everything), averaged(plane, everything))
