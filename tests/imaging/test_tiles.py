"""Rectangles around a band: all of it, each part once, and little else."""

from __future__ import annotations

import numpy as np
import pytest

from streamcut.imaging.tiles import covering


def test_they_hold_all_of_the_band_once_and_little_else() -> None:
    band = np.zeros((50, 70), bool)
    band[3:6, 10:40] = True
    band[20:49, 66] = True
    touched = np.zeros(band.shape, int)
    for area in covering(band, 16):
        touched[area] += 1
    assert touched.max() == 1
    assert (touched[band] == 1).all()
    assert touched.mean() < 0.6


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (17, 33)])
def test_they_end_where_the_plane_does(shape: tuple[int, int]) -> None:
    areas = list(covering(np.ones(shape, bool), 16))
    assert sum((r.stop - r.start) * (c.stop - c.start) for r, c in areas) == shape[0] * shape[1]
    assert max(r.stop for r, _ in areas) == shape[0]
    assert max(c.stop for _, c in areas) == shape[1]


def test_an_empty_band_needs_none() -> None:
    assert list(covering(np.zeros((40, 40), bool), 16)) == []
