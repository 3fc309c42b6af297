"""Cells repeated as pixels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from streamcut.imaging.resize import repeated


@pytest.mark.parametrize("across", [1, 2, 3, 4, 6, 7, 12, 601])
@pytest.mark.parametrize("down", [1, 5])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_cells_become_rectangles_of_pixels(down: int, across: int, kind: type) -> None:
    cells: NDArray[np.generic] = np.arange(15, dtype=kind).reshape(3, 5)
    wanted = cells.repeat(across, axis=1).repeat(down, axis=0)
    assert np.array_equal(repeated(cells, down, across), wanted)
