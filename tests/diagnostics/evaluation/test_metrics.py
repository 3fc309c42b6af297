"""The metrics beside independent implementations, and on mattes whose figures are known by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage

from streamcut.diagnostics.evaluation import metrics


def disc() -> np.ndarray:
    """A hard disc of radius 30 in 120 x 160 pixels."""
    y, x = np.mgrid[:120, :160]
    return np.asarray(((x - 70) ** 2 + (y - 60) ** 2 <= 30**2).astype(np.float32))


def soft_pair(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two mattes with soft borders, islands and holes that touch the image's border."""
    rng = np.random.default_rng(seed)
    truth = ndimage.gaussian_filter(disc(), 3.0)
    truth[:9, 140:] = 0.65
    speckle = ndimage.gaussian_filter(rng.normal(0, 4, truth.shape), 3.0)
    matte = np.clip(np.roll(truth, 2, axis=1) + speckle * (truth > 0.01), 0, 1)
    return tuple(np.rint(255 * m).astype(np.float32) / 255 for m in (matte, truth))


def test_a_perfect_matte_scores_perfectly() -> None:
    truth = disc()
    assert metrics.iou(truth, truth) == metrics.boundary_f(truth, truth) == 1.0
    for measure in (metrics.mad, metrics.mse, metrics.grad, metrics.conn):
        assert measure(truth, truth) == pytest.approx(0.0, abs=1e-9)
    assert metrics.dtssd([truth] * 3, [truth] * 3) == 0.0


def test_known_differences() -> None:
    empty, full = np.zeros((10, 10), np.float32), np.ones((10, 10), np.float32)
    half = np.full_like(full, 0.5)
    assert metrics.mad(half, full) == 500.0
    assert metrics.mse(half, full) == 250.0
    assert metrics.iou(empty, full) == 0.0
    assert metrics.iou(empty, empty) == 1.0


# -- Grad and Conn ---------------------------------------------------------------------------


def reference_grad(matte: np.ndarray, truth: np.ndarray) -> float:
    """Written from the definition: a kernel of 9 x 9 taps, correlated in two dimensions."""
    y, x = np.mgrid[-4:5, -4:5].astype(np.float64)
    kernel = -x * np.exp(-(x**2 + y**2) / (2 * 1.4**2))
    kernel /= np.sqrt((kernel**2).sum())

    def magnitude(plane: np.ndarray) -> np.ndarray:
        plane = (plane - plane.min()) / (plane.max() - plane.min())
        sides = [ndimage.correlate(plane, k, mode="nearest") for k in (kernel, kernel.T)]
        return np.asarray(np.hypot(*sides))

    pair = (magnitude(plane.astype(np.float64)) for plane in (matte, truth))
    return float(((next(pair) - next(pair)) ** 2).sum() / 1000)


def reference_conn(matte: np.ndarray, truth: np.ndarray) -> float:
    """Written from Rhemann 2009: the largest level at which a pixel joins the source region."""
    level = np.zeros(matte.shape)
    held = np.ones(matte.shape, bool)
    for tenth in range(1, 11):
        threshold = np.float32(tenth / 10)
        labels, count = ndimage.label((matte >= threshold) & (truth >= threshold))
        sizes = ndimage.sum_labels(np.ones_like(labels), labels, range(1, count + 1))
        held &= labels == 1 + int(np.argmax(sizes)) if count else False
        level[held] = tenth / 10
    far = [np.where(plane - level >= 0.15, plane - level, 0) for plane in (matte, truth)]
    return float(np.abs(far[0] - far[1]).sum() / 1000)


@pytest.mark.parametrize("seed", range(3))
def test_grad_agrees_with_its_definition(seed: int) -> None:
    pair = soft_pair(seed)
    assert metrics.grad(*pair) == pytest.approx(reference_grad(*pair), rel=1e-4)
    assert metrics.grad(*pair) > 0.1


@pytest.mark.parametrize("seed", range(3))
def test_conn_agrees_with_its_definition(seed: int) -> None:
    pair = soft_pair(seed)
    assert metrics.conn(*pair) == pytest.approx(reference_conn(*pair), rel=1e-5)
    assert metrics.conn(*pair) > 0.1


def test_an_island_that_the_truth_lacks_costs_its_opacity_in_conn() -> None:
    truth = disc()
    matte = truth.copy()
    matte[5:15, 140:150] = 0.5
    assert metrics.conn(matte, truth) == pytest.approx(100 * 0.5 / 1000)


def test_grad_stretches_each_matte_as_published() -> None:
    assert metrics.grad(np.float32(0.5) * disc(), disc()) == pytest.approx(0.0, abs=1e-6)
    assert metrics.grad(np.full((9, 9), 0.5, np.float32), np.zeros((9, 9), np.float32)) == 0.0


# -- the contour -----------------------------------------------------------------------------


def reference_boundary_f(first: np.ndarray, second: np.ndarray) -> float:
    """Distances between all pairs of contour pixels, found pixel by pixel."""

    def contour(mask: np.ndarray) -> np.ndarray:
        rows, columns = mask.shape
        return np.array(
            [
                (y, x)
                for y in range(rows)
                for x in range(columns)
                if any(
                    mask[min(y + dy, rows - 1), min(x + dx, columns - 1)] != mask[y, x]
                    for dy, dx in ((0, 1), (1, 0), (1, 1))
                )
            ]
        )

    one, other = contour(first > 0.5), contour(second > 0.5)
    reach = np.ceil(0.008 * np.linalg.norm(first.shape))
    near = np.linalg.norm(one[:, None] - other[None], axis=2) <= reach
    precision, recall = near.any(axis=1).mean(), near.any(axis=0).mean()
    return float(2 * precision * recall / (precision + recall))


@pytest.mark.parametrize("seed", range(2))
def test_boundary_f_agrees_with_its_definition(seed: int) -> None:
    pair = soft_pair(seed)
    assert metrics.boundary_f(*pair) == pytest.approx(reference_boundary_f(*pair), abs=1e-9)
    assert metrics.boundary_f(*pair) < 0.98


def test_a_shifted_contour_is_forgiven_within_tolerance() -> None:
    truth = disc()
    assert metrics.boundary_f(np.roll(truth, 2, axis=1), truth) == 1.0
    assert metrics.boundary_f(np.roll(truth, 12, axis=1), truth) < 0.4


def test_a_contour_that_one_side_lacks_scores_nothing() -> None:
    empty = np.zeros_like(disc())
    assert metrics.boundary_f(empty, disc()) == metrics.boundary_f(disc(), empty) == 0.0
    assert metrics.boundary_f(empty, empty) == metrics.boundary_f(empty + 1, empty) == 1.0


# -- over time -------------------------------------------------------------------------------


def test_dtssd_counts_only_change() -> None:
    truth = [np.zeros((4, 4), np.float32)] * 2
    still = [np.full((4, 4), 0.3, np.float32)] * 2
    blink = [np.zeros((4, 4), np.float32), np.full((4, 4), 0.3, np.float32)]
    assert metrics.dtssd(still, truth) == 0.0
    assert metrics.dtssd(blink, truth) == pytest.approx(15.0)


def test_dtssd_agrees_with_its_definition() -> None:
    rng = np.random.default_rng(1)
    mattes, truths = rng.random((2, 5, 8, 9), np.float32)
    change = np.diff(mattes.astype(np.float64), axis=0) - np.diff(truths.astype(np.float64), axis=0)
    steps = 100 * np.sqrt((change**2).mean(axis=(1, 2)))
    assert metrics.dtssd(list(mattes), list(truths)) == pytest.approx(steps.sum() / 5, rel=1e-5)


def texture() -> np.ndarray:
    """Soft blotches, which optical flow can follow; 200 x 300 pixels."""
    noise = np.random.default_rng(3).normal(0, 1, (200, 300, 3))
    soft = ndimage.gaussian_filter(noise, (3, 3, 0))
    return np.asarray(128 + 90 * soft / np.abs(soft).max(), np.uint8)


def test_a_matte_that_moves_with_its_frames_is_steady() -> None:
    image = texture()
    matte = np.asarray(cv2.resize(disc(), (300, 200)), np.float32)
    frames = [np.roll(image, 2 * t, axis=1) for t in range(5)]
    mattes = [np.roll(matte, 2 * t, axis=1) for t in range(5)]
    assert metrics.flow_error(mattes, frames) < 0.003
    assert metrics.flow_error([matte] * 5, frames) > 0.01


def test_flow_error_is_the_share_of_pixels_that_flicker() -> None:
    image = texture()
    matte = np.asarray(cv2.resize(disc(), (300, 200)), np.float32)
    blinking = [matte, matte, 0 * matte, matte, matte]
    share = float((matte > 0.5).mean())
    assert metrics.flow_error([matte] * 5, [image] * 5) == 0.0
    assert metrics.flow_error(blinking, [image] * 5) == pytest.approx(share, rel=0.01)


def lag_of(mattes: list[np.ndarray], truths: list[np.ndarray]) -> float | None:
    lag = metrics.Lag()
    for matte, truth in zip(mattes, truths, strict=True):
        lag.add(matte, truth)
    return lag.frames


def swaying(frames: int = 24) -> list[np.ndarray]:
    """A soft disc that goes to and fro, and a little up and down."""
    soft = ndimage.gaussian_filter(disc(), 2.0)
    return [
        ndimage.shift(soft, (3 * np.sin(0.3 * t), 9 * np.sin(0.5 * t)), order=1)
        for t in range(frames)
    ]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_lag_is_how_much_of_the_frame_before_is_mixed_in(share: float, expected: float) -> None:
    truths = swaying()
    noise = np.random.default_rng(5).normal(0, 0.05, (len(truths), *truths[0].shape))
    mixed = [
        ((1 - share) * new + share * old + speckle).astype(np.float32)
        for old, new, speckle in zip([truths[0], *truths[:-1]], truths, noise, strict=True)
    ]
    assert lag_of(mixed, truths) == pytest.approx(expected, abs=0.05)


def test_where_nothing_moves_there_is_no_lag_to_find() -> None:
    assert lag_of([disc()] * 12, [disc()] * 12) is None
    assert lag_of(swaying(), [disc()] * 24) is None


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (2, 1000), (9, 40)])
def test_warp_error_takes_frames_too_small_for_opencvs_flow(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 90, np.uint8)
    off, on = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    assert metrics.warp_error(off, on, image, image) == 1.0
    assert metrics.warp_error(on, on, image, image) == 0.0


# -- veils -----------------------------------------------------------------------------------


def test_what_is_certain_is_taken_well_away_from_the_contour() -> None:
    truth = np.zeros((60, 80), np.float32)
    truth[:, 40:] = 1.0
    soft = truth.copy()
    soft[:, 33:47] = 0.5
    assert metrics.undecided(truth, truth) == (0.0, 0.0)
    assert metrics.undecided(soft, truth) == (0.0, 0.0)
    soft[:, 32:48] = 0.5  # One column further on both sides: of 33 certain ones each.
    assert metrics.undecided(soft, truth) == pytest.approx((100 / 33, 100 / 33))


def test_a_faint_body_and_a_veil_are_told_apart() -> None:
    truth = np.zeros((40, 80), np.float32)
    truth[:, 40:] = 1.0
    assert metrics.undecided(np.minimum(truth, 0.89), truth) == (100.0, 0.0)
    assert metrics.undecided(np.maximum(truth, 0.11), truth) == (0.0, 100.0)
    assert metrics.undecided(np.clip(truth, 0.1, 0.9), truth) == (0.0, 0.0)


def test_where_nothing_is_certain_there_is_no_figure() -> None:
    grey = np.full((20, 20), 0.5, np.float32)
    assert np.isnan(metrics.undecided(grey, grey)).all()
