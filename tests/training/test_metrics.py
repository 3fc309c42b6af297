"""The metrics on mattes whose figures are known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from .conftest import figure


def disc() -> np.ndarray:
    return (figure(2)[1] / 255.0).astype(np.float32)


def test_a_perfect_matte_scores_perfectly() -> None:
    from streamcut.training import metrics

    truth = disc()
    assert metrics.iou(truth, truth) == metrics.boundary_f(truth, truth) == 1.0
    for measure in (metrics.mad, metrics.mse, metrics.grad, metrics.conn):
        assert measure(truth, truth) == 0.0
    assert metrics.dtssd([truth] * 3, [truth] * 3) == 0.0


def test_known_differences() -> None:
    from streamcut.training import metrics

    empty, full = np.zeros((10, 10), np.float32), np.ones((10, 10), np.float32)
    half = full / 2
    assert metrics.mad(half, full) == 500.0
    assert metrics.mse(half, full) == 250.0
    assert metrics.iou(empty, full) == 0.0
    assert metrics.iou(empty, empty) == 1.0
    assert metrics.boundary_f(empty, disc()[:10, :10] + empty) in (0.0, 1.0)


def test_dtssd_counts_only_change() -> None:
    from streamcut.training import metrics

    truth = [np.zeros((4, 4), np.float32)] * 2
    still = [np.full((4, 4), 0.3, np.float32)] * 2
    blink = [np.zeros((4, 4), np.float32), np.full((4, 4), 0.3, np.float32)]
    assert metrics.dtssd(still, truth) == 0.0
    assert metrics.dtssd(blink, truth) == pytest.approx(15.0)


def test_a_shifted_contour_is_forgiven_within_tolerance() -> None:
    from streamcut.training import metrics

    truth = disc()
    assert metrics.boundary_f(np.roll(truth, 1, axis=1), truth) > 0.99
    assert metrics.boundary_f(np.roll(truth, 12, axis=1), truth) < 0.7


def test_flicker_costs_flow_error() -> None:
    from streamcut.training import metrics

    picture, mask = figure(4)
    matte = (mask / 255.0).astype(np.float32)
    steady, blinking = [matte] * 5, [matte, matte, 0 * matte, matte, matte]
    assert metrics.flow_error(steady, [picture] * 5) < 0.001
    assert metrics.flow_error(blinking, [picture] * 5) > 0.05
