"""The matting Laplacian (Levin et al. 2008) of the unknown pixels, with numpy and scipy alone.

Every 3x3 window says that its alphas are a linear function of its colours. Summed over the
windows, that is a system in which each pixel is tied to the 5x5 pixels around it. Only the
windows that hold an unknown pixel are looked at, so that the work follows the unknown band.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]
_Numbers = NDArray[np.int64]

_EPSILON = 1e-7
"""Regularisation of a window's covariance, for colours in 0..1; pymatting's."""

_WINDOW = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
_AREA = len(_WINDOW)
_AROUND = [(y, x) for y in range(-2, 3) for x in range(-2, 3)]


def solved(frame: Floats, inside: NDArray[np.bool_], unknown: NDArray[np.bool_]) -> Floats:
    """Return the alphas of the unknown pixels, in their order, unclipped.

    Args:
        frame: RGB [h, w, 3], 0..1.
        inside: [h, w], where it is known foreground.
        unknown: [h, w], what is solved for; all else is known background.

    Raises:
        ValueError: if the known pixels do not determine the unknown ones.
    """
    matrix, right = system(frame, inside, unknown)
    try:
        # Symmetric and nearly positive definite: neither wants pivots off the diagonal.
        factors = splu(
            matrix.tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
    except RuntimeError as error:  # What SuperLU says of a singular matrix.
        raise ValueError(str(error)) from error
    alphas: Floats = factors.solve(right)
    if not np.isfinite(alphas).all():
        raise ValueError("the known pixels do not determine the unknown ones")
    return alphas


def system(
    frame: Floats, inside: NDArray[np.bool_], unknown: NDArray[np.bool_]
) -> tuple[csr_matrix, Floats]:
    """Return the symmetric matrix and the right side of what :func:`solved` solves.

    Args:
        frame: RGB [h, w, 3], 0..1.
        inside: [h, w], where it is known foreground.
        unknown: [h, w], what is solved for; all else is known background.
    """
    width = unknown.shape[1]
    count = int(np.count_nonzero(unknown))
    number = np.full(unknown.shape, count, np.int64)  # Known pixels share one row, thrown away.
    number[unknown] = np.arange(count)
    centres = _centres(unknown)
    pixels = [centres + y * width + x for y, x in _WINDOW]
    ties, right = _ties(frame, pixels, number.ravel(), inside.ravel(), count)
    return _matrix(ties, number, unknown), right


def _centres(unknown: NDArray[np.bool_]) -> _Numbers:
    """Return the flat indices of the windows that hold an unknown pixel."""
    near = cv2.dilate(unknown.view(np.uint8), np.ones((3, 3), np.uint8))
    near[[0, -1]] = near[:, [0, -1]] = 0
    return np.flatnonzero(near)


def _ties(
    frame: Floats,
    pixels: list[_Numbers],
    number: _Numbers,
    inside: NDArray[np.bool_],
    count: int,
) -> tuple[Floats, Floats]:
    """Return how each unknown pixel is tied to the 25 around it, [25, count], and the right side.

    A pair of places in the window names each pixel once, so that plain sums by index do.
    """
    colours, weighted = _windows(frame, pixels)
    rows = [number[pixel] for pixel in pixels]
    known = [inside[pixel] for pixel in pixels]
    ties, right = np.zeros((len(_AROUND), count + 1)), np.zeros(count + 1)
    for i, j in combinations_with_replacement(range(_AREA), 2):
        tie = float(i == j) - (1 + np.einsum("cw,cw->w", weighted[i], colours[j])) / _AREA
        for one, other in {(i, j), (j, i)}:
            (y, x), (y_other, x_other) = _WINDOW[one], _WINDOW[other]
            ties[_AROUND.index((y_other - y, x_other - x))][rows[one]] += tie
            right[rows[one]] -= tie * known[other]
    return ties[:, :-1], right[:-1]


def _windows(frame: Floats, pixels: list[_Numbers]) -> tuple[Floats, Floats]:
    """Return the windows' centred colours, [9, 3, windows], and the same by inverse covariance."""
    layers = np.ascontiguousarray(frame.reshape(-1, 3).T)
    colours = np.stack([layers[:, pixel] for pixel in pixels])
    colours -= colours.mean(axis=0)
    spread = np.einsum("paw,pbw->wab", colours, colours) / _AREA
    spread += np.eye(3) * (_EPSILON / _AREA)
    inverse = np.ascontiguousarray(np.linalg.inv(spread).transpose(1, 2, 0))
    return colours, np.einsum("paw,abw->pbw", colours, inverse)


def _matrix(ties: Floats, number: _Numbers, unknown: NDArray[np.bool_]) -> csr_matrix:
    """Return the ties between unknown pixels as a sparse matrix, its columns in order."""
    count = ties.shape[1]
    wide = np.pad(number, 2, constant_values=count).ravel()
    y, x = np.nonzero(unknown)
    stride = unknown.shape[1] + 4
    at = (y + 2) * stride + x + 2
    columns = np.stack([wide[at + dy * stride + dx] for dy, dx in _AROUND], axis=1)
    kept = columns < count
    starts = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return csr_matrix((ties.T[kept], columns[kept], starts), (count, count))
