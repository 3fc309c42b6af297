"""Pixels between empty and full against a look at each of them."""

from __future__ import annotations

import numpy as np
import pytest

from streamcut.imaging.soft import memory, soft_pixels
from streamcut.imaging.tiles import around


def matte_of(shape: tuple[int, int], top: int, share: float) -> np.ndarray:
    """Draw a matte whose pixels are mostly empty or full, one by one."""
    random = np.random.default_rng(shape[1])
    plain = np.where(random.random(shape) < 0.5, top, 0)
    values = np.where(random.random(shape) < share, random.integers(0, top + 1, shape), plain)
    return values.astype(np.uint8 if top == 255 else np.uint16)


@pytest.mark.parametrize("top", [255, 1023, 65535])
@pytest.mark.parametrize("shape", [(48, 64), (5, 8), (7, 13), (1, 1)])
@pytest.mark.parametrize("share", [0, 0.02, 1])
def test_all_of_them_are_found_in_order(top: int, shape: tuple[int, int], share: float) -> None:
    matte = matte_of(shape, top, share)
    for seen in (matte, matte[1:, 1:]):  # One of them with gaps between its rows.
        found = soft_pixels(seen, top)
        rows, columns = np.nonzero((seen > 0) & (seen < top))
        assert np.array_equal(found.rows, rows)
        assert np.array_equal(found.columns, columns)
        assert np.array_equal(found.values, seen[rows, columns])
        assert found.values.dtype == seen.dtype


@pytest.mark.parametrize("top", [255, 1023])
def test_groups_that_are_half_empty_and_half_full_hold_none(top: int) -> None:
    matte = np.zeros((4, 32), np.uint8 if top == 255 else np.uint16)
    matte[:, 3:21] = top
    assert soft_pixels(matte, top).values.size == 0


@pytest.mark.parametrize(("margin", "step"), [(0, 1), (5, 4), (90, 16)])
def test_the_rectangle_is_that_around_a_mask(margin: int, step: int) -> None:
    matte = np.zeros((60, 90), np.uint8)
    matte[17:31, 40:77] = matte_of((14, 37), 255, 0.3)
    found = soft_pixels(matte, 255)
    area = found.around(margin, step)
    mask = ((matte > 0) & (matte < 255)).astype(np.uint8)
    assert area == around(mask, margin, step)
    assert found.inside(area) is found


def test_those_inside_a_rectangle() -> None:
    matte = matte_of((40, 60), 255, 0.3)
    found = soft_pixels(matte, 255).inside((slice(7, 31), slice(12, 44)))
    rows, columns = np.nonzero((matte[7:31, 12:44] > 0) & (matte[7:31, 12:44] < 255))
    assert np.array_equal(found.rows, rows + 7)
    assert np.array_equal(found.columns, columns + 12)
    assert np.array_equal(found.values, matte[found.rows, found.columns])


@pytest.mark.parametrize("top", [255, 1023])
def test_pixels_in_the_memory_of_planes_with_gaps(top: int) -> None:
    matte = matte_of((9, 13), top, 0.4)
    found = soft_pixels(matte, top)
    for room in (np.zeros((9, 13), matte.dtype), np.zeros((9, 32), matte.dtype)[:, :13]):
        memory(room)[found.at(room)] = found.values
        assert np.array_equal(room, np.where(matte < top, matte, 0))
