"""A border that is known in part against one that is looked for everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from streamcut.imaging.border import Border
from streamcut.imaging.soft import soft_pixels
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
