"""Flow on pictures that moved by a known way."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from streamcut.imaging.flow import (
    Flow,
    agreement,
    chained,
    enlarged,
    follow,
    follow_all,
    grey,
    left_frame,
)

H, W = 72, 128


def texture(seed: int = 0, height: int = H, width: int = W) -> np.ndarray:
    """Smooth noise: flow finds its way in it."""
    noise = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    grown = 255 * (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.asarray(grown, np.uint8)


def constant(x: float, y: float) -> np.ndarray:
    return np.full((H, W, 2), (x, y), np.float32)


def test_a_shift_is_found_in_its_direction() -> None:
    wide = texture(width=W + 12, height=H + 6)
    before, after = wide[6:, 12:], wide[3 : 3 + H, 7 : 7 + W]  # Things go right 5 and down 3.
    found = Flow()(before, after)
    inner = found[8:-8, 8:-8]
    assert np.abs(np.median(inner, axis=(0, 1)) - (5, 3)).max() < 0.25
    carried = follow(before, Flow()(after, before))
    assert np.abs(carried[8:-8, 8:-8].astype(int) - after[8:-8, 8:-8]).mean() < 2


def test_flow_of_the_same_pictures_is_the_same_again() -> None:
    flow, first, second = Flow(), texture(), np.roll(texture(), 3, axis=1)
    once = flow(first, second)
    flow(second, texture(1))
    np.testing.assert_array_equal(flow(first, second), once)


@pytest.mark.parametrize(
    "shape", [(1, 1), (4, 4), (12, 12), (13, 40), (24, 96), (12, 200), (200, 12), (96, 1000)]
)
def test_small_and_narrow_pictures(shape: tuple[int, int]) -> None:
    """Some of these crash OpenCV where they are handed to it as they are."""
    noise = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    found = Flow()(noise[0], noise[1])
    assert found.shape == (*shape, 2)
    assert np.isfinite(found).all()


def test_what_moves_over_a_background_hides_and_shows_it_where_ways_disagree() -> None:
    place, thing = texture(0), texture(1)
    shots = []
    for left in (40, 48):
        shot = place.copy()
        shot[12:60, left : left + 40] = thing[:48, :40]
        shots.append(shot)
    flow = Flow(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back, forth = flow(shots[1], shots[0]), flow(shots[0], shots[1])
    trusted = agreement(back, forth)
    assert trusted[20:52, 56:80].mean() > 0.9  # The thing itself.
    assert trusted[20:52, 41:47].mean() < 0.5  # The place it left, unseen before.
    assert trusted[:, 100:].mean() > 0.95


def test_agreement_by_hand() -> None:
    still = constant(0, 0)
    assert (agreement(still, still) == 1).all()
    assert (agreement(constant(2, 0), constant(-2, 0)) == 1).all()
    # A miss of half a squared pixel is allowed, one of a whole squared pixel is the end.
    miss = float(np.sqrt(0.75))
    np.testing.assert_allclose(agreement(still, constant(miss, 0)), 0.5, atol=1e-6)
    assert (agreement(still, constant(1, 0.1)) == 0).all()
    # The farther the way, the more it may miss: 10 pixels, squared, are worth one.
    assert (agreement(constant(10, 0), constant(-11, 0)) > 0).all()


def test_follow_takes_the_nearest_inside_where_a_way_leads_outside() -> None:
    ramp = np.tile(np.arange(W, dtype=np.float32), (H, 1))
    found = follow(ramp, constant(2.5, 0))
    np.testing.assert_allclose(found[:, : W - 3], ramp[:, : W - 3] + 2.5, atol=0.04)
    assert (found[:, -2:] == W - 1).all()
    away = left_frame(constant(2.5, 0))
    assert (away.sum(axis=1) == 2).all()
    assert not left_frame(constant(0, 0)).any()


def test_chained_ways_add_up() -> None:
    np.testing.assert_allclose(chained(constant(2, 1), constant(-5, 3)), constant(-3, 4))
    # The second step is the one found where the first has led.
    then = np.zeros((H, W, 2), np.float32)
    then[:, 64:] = (1, 0)
    there = chained(constant(10, 0), then)
    assert (there[:, :53] == (10, 0)).all()
    assert (there[:, 55:] == (11, 0)).all()


def test_enlarged_ways_are_in_pixels_of_the_larger_size() -> None:
    grown = enlarged(constant(2, -1), (2 * W, 3 * H))
    assert grown.shape == (3 * H, 2 * W, 2)
    np.testing.assert_allclose(grown, np.full_like(grown, (4, -3)))


def test_grey_weighs_colours_as_seen() -> None:
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert grey(primaries).tolist() == [[76, 150, 29]]


def test_several_planes_follow_one_field_and_a_varying_one_pixel_by_pixel() -> None:
    random = np.random.default_rng(0)
    field = random.integers(-9, 10, (H, W, 2)).astype(np.float32)
    plane = texture()
    colours = np.dstack([plane, texture(1), texture(2)])
    y, x = np.mgrid[:H, :W]
    rows = np.clip(y + field[..., 1].astype(int), 0, H - 1)
    columns = np.clip(x + field[..., 0].astype(int), 0, W - 1)
    first, second = follow_all(field, plane, colours)
    assert np.array_equal(first, plane[rows, columns])
    assert np.array_equal(second, colours[rows, columns])
