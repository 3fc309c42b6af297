"""Subject colours, level by level: nearer to the truth than the picture, exact where it is sure."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from streamcut.matting.multilevel import subject_colours


def mixed(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smooth colours under a soft disc, over others, and what they and the disc are."""
    rng = np.random.default_rng(0)
    front, back = (cv2.GaussianBlur(rng.random((height, width, 3)), (0, 0), 9) for _ in range(2))
    front, back = (
        ((layer - layer.min()) / np.ptp(layer)).astype(np.float32) for layer in (front, back)
    )
    y, x = np.mgrid[:height, :width]
    away = np.hypot(y - height / 2, x - width / 2)
    alpha = np.clip((height / 3 - away) / 9 + 0.5, 0, 1).astype(np.float32)
    return alpha[..., None] * front + (1 - alpha[..., None]) * back, alpha, front


def test_colours_in_the_border_come_near_the_subjects_own() -> None:
    picture, alpha, truth = mixed(90, 130)
    band = (alpha > 0) & (alpha < 1)

    def error(colours: np.ndarray) -> float:
        return float((np.abs(colours - truth)[band] * alpha[band][:, None]).mean())

    found = subject_colours(picture, alpha)
    assert found.dtype == np.float32
    assert error(found) < 0.4 * error(picture)
    np.testing.assert_array_equal(found[alpha == 1], picture[alpha == 1])
    assert 0 <= found.min() <= found.max() <= 1


def test_it_is_no_worse_than_pymattings() -> None:
    from pymatting import estimate_foreground_ml

    picture, alpha, truth = mixed(90, 130)
    weight = np.where(alpha < 1, alpha, 0)[..., None]
    ours = np.abs(subject_colours(picture, alpha) - truth) * weight
    theirs = np.abs(estimate_foreground_ml(picture, alpha) - truth) * weight
    assert ours.mean() < 1.05 * theirs.mean()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 2)])
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_any_size_and_any_matte(shape: tuple[int, int], value: float) -> None:
    picture = np.random.default_rng(0).random((*shape, 3)).astype(np.float32)
    found = subject_colours(picture, np.full(shape, value, np.float32))
    assert found.shape == picture.shape
    assert np.isfinite(found).all()
