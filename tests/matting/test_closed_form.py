"""streamcut.matting.closed_form on arrays small enough to work out by hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from streamcut.core.errors import UsageError
from streamcut.matting.closed_form import MattingError, band_alpha, trimap


def row(*values: float, dtype: type = np.uint8) -> np.ndarray:
    return np.array([values], dtype=dtype)


def test_trimap_erodes_three_wide_regions_by_one() -> None:
    mask = np.zeros((7, 9), np.uint8)
    mask[:, 5:] = 255
    # Foreground also shrinks from the picture's border; background does not.
    expected = np.full((7, 9), 128, np.uint8)
    expected[:, :4] = 0
    expected[1:6, 6:8] = 255
    np.testing.assert_array_equal(trimap(mask, 240, 10, 3), expected)


def test_trimap_thresholds_are_exclusive() -> None:
    mask = row(9, 10, 240, 241)
    np.testing.assert_array_equal(trimap(mask, 240, 10, 1), row(0, 128, 128, 255))


def test_trimap_prefers_background_where_both_hold() -> None:
    np.testing.assert_array_equal(trimap(row(50), 40, 60, 1), row(0))


def test_even_square_reaches_one_further_up_and_left() -> None:
    mask = np.full((1, 6), 0, np.uint8)
    mask[0, 2] = 100
    # A side of 2 covers the pixel and its left neighbour: pixels 2 and 3 see the 100.
    np.testing.assert_array_equal(trimap(mask, 240, 10, 2), row(0, 0, 128, 128, 0, 0))


@pytest.mark.parametrize("size", [-1, 0, 1, 2, 3, 7, 10, 40])
@pytest.mark.parametrize("density", [0.03, 0.97])
def test_trimap_equals_scipys_erosion(size: int, density: float) -> None:
    rng = np.random.default_rng(size + 1)
    mask = np.where(rng.random((37, 41)) < density, rng.integers(200, 256, (37, 41)), 0)
    structure = np.ones((size, size)) if size > 0 else None
    expected = np.full(mask.shape, 128, np.uint8)
    expected[binary_erosion(mask > 240, structure=structure)] = 255
    expected[binary_erosion(mask < 10, structure=structure, border_value=1)] = 0
    np.testing.assert_array_equal(trimap(mask.astype(np.uint8), 240, 10, size), expected)


def test_trimap_wants_two_dimensions() -> None:
    with pytest.raises(UsageError, match="two dimensions"):
        trimap(np.zeros((2, 2, 1), np.uint8))


def test_the_band_alone_has_the_same_alpha_as_the_whole() -> None:
    """A ring across many tiles, in a picture that is noisy but no closed form's friend."""
    y, x = np.mgrid[:130, :150]
    away = np.hypot(y - 65, x - 75)
    alpha = np.clip((45 - away) / 8, 0, 1)
    noise = np.random.default_rng(0).normal(0, 4, (130, 150, 3))
    picture = alpha[..., None] * [210, 60, 30] + (1 - alpha[..., None]) * [20, 90, 160] + noise
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    known = np.where(away < 35, 255, np.where(away > 50, 0, 128)).astype(np.uint8)
    found = band_alpha(picture, known)
    assert found.dtype == np.float32
    from streamcut.cutout.closed_form import closed_form_alpha

    whole = closed_form_alpha(picture, known)
    np.testing.assert_allclose(found, whole, atol=0.02)
    assert np.abs(found - whole).mean() < 1e-3
    assert (found[known != 128] == whole[known != 128]).all()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_band_without_both_sides_has_no_answer(value: int) -> None:
    known = np.full((8, 8), value, np.uint8)
    known[0, 0] = 0
    with pytest.raises(MattingError, match=r"nothing is known|found no alpha"):
        band_alpha(np.zeros((8, 8, 3), np.uint8), known)


@pytest.mark.parametrize(
    ("picture", "plane"),
    [((4, 4, 3), (4, 5)), ((4, 4, 3), (4, 4, 1)), ((4, 4), (4, 4)), ((4, 4, 4), (4, 4))],
)
def test_shapes_that_do_not_fit(picture: tuple[int, ...], plane: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="shape"):
        band_alpha(np.zeros(picture, np.uint8), np.zeros(plane, np.uint8))


def test_nothing_of_ours_needs_a_compiler() -> None:
    """Matting and thorough colours run where numba and pymatting cannot be imported."""
    program = """
import sys
sys.modules.update(numba=None, pymatting=None)
import numpy as np
from streamcut.matting.closed_form import band_alpha
from streamcut.matting.multilevel import subject_colours
known = np.repeat(np.array([[255, 255, 255, 128, 128, 0, 0, 0]], np.uint8), 8, axis=0)
picture = np.repeat(np.linspace(200, 40, 8).astype(np.uint8)[None, :, None], 8, axis=0)
picture = picture.repeat(3, axis=2)
alpha = band_alpha(picture, known)
subject_colours(picture / np.float32(255), alpha)
print("done")
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stdout == "done\n", ran.stderr
