"""Connected parts and gaps against OpenCV's own labelling, which takes longer."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from streamcut.matting.parts import Mask, components, small_gaps


def clouds(seed: int) -> Mask:
    """Draw a mask with parts, and parts within gaps of others, that touch the sides or do not."""
    random = np.random.default_rng(seed)
    height, width = random.integers(3, 48, 2)
    noise = random.random((height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), float(random.uniform(0.3, 3)))
    return np.asarray(smooth > np.quantile(smooth, random.uniform(0.05, 0.98)), np.bool_)


def labelled(mask: Mask, connectivity: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=connectivity
    )
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def small_gaps_by_labels(mask: Mask, area: float) -> Mask:
    labels, stats = labelled(~mask, 4)
    left, top, width, height, areas = stats.T
    inside = (left > 0) & (left + width < mask.shape[1])
    inside &= (top > 0) & (top + height < mask.shape[0])
    small = inside & (areas < area)
    small[0] = False
    return np.asarray(small[labels], np.bool_)


def found_gaps(mask: Mask, area: float) -> Mask:
    found = small_gaps(mask, area)
    return np.zeros_like(mask) if found is None else found


@pytest.mark.parametrize("seed", range(60))
def test_components_are_those_of_opencv(seed: int) -> None:
    mask = clouds(seed)
    labels, stats = components(mask)
    wanted, statistics = labelled(mask, 8)
    assert len(stats) == len(statistics)
    for number in range(len(stats)):  # OpenCV's ways of labelling count in different orders.
        place = np.argmax(labels == number)
        other = wanted.ravel()[place]
        assert np.array_equal(labels == number, wanted == other)
        assert np.array_equal(stats[number], statistics[other])


@pytest.mark.parametrize("value", [False, True])
def test_components_of_nothing_and_of_all(value: bool) -> None:
    labels, stats = components(np.full((5, 7), value))
    assert np.array_equal(labels, np.full((5, 7), int(value)))
    assert stats[-1].tolist() == [0, 0, 7, 5, 35]
    assert len(stats) == 1 + value


@pytest.mark.parametrize("area", [2, 9.5, 40])
@pytest.mark.parametrize("seed", range(60))
def test_small_gaps_are_those_that_labelling_finds(seed: int, area: float) -> None:
    mask = clouds(seed)
    assert np.array_equal(found_gaps(mask, area), small_gaps_by_labels(mask, area))


def test_a_gap_with_a_slanted_side_is_found_whole() -> None:
    mask = np.ones((9, 9), np.bool_)
    for row in range(2, 6):
        mask[row, 8 - row : 7] = False
    assert np.array_equal(found_gaps(mask, 20), ~mask)
    assert not found_gaps(mask, int((~mask).sum())).any()
