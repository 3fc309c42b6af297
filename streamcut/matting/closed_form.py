"""Closed-form matting: a trimap, the alpha it determines, and the colours under that alpha.

Plain functions, arrays in and arrays out, for single pictures and for video keyframes alike.
pymatting is imported inside the functions: the first import on a machine compiles it with
numba, which takes about a minute, and every later one reads numba's cache, about a second.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from streamcut.core.errors import StreamcutError, UsageError
from streamcut.imaging.tiles import covering, grown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

UNKNOWN = 128
"""Trimap value between background (0) and foreground (255)."""

# Side of the tiles that crops are made of, and how far a pixel's row of the matting Laplacian
# reaches: two of its 3x3 windows.
_TILE, _REACH = 48, 2
# A solver that is near (relative residual) is as good as there: on the sample clip a tenth of a
# thousandth of opacity lies between this and pymatting's own 1e-7. Who needs more rounds fails.
_TOLERANCE, _ROUNDS = 1e-3, 300
# Room for the incomplete factors, numbers a pixel; some 50 are used.
_FILL = 400

# Of numba's threading layers, "workqueue" (the only one in some macOS and Windows set-ups) aborts
# the whole process when two threads run parallel kernels at once.
_parallel_kernels = threading.Lock()


class MattingError(StreamcutError, ValueError):
    """Closed-form matting has no answer for this picture and trimap; keep the mask instead."""


def trimap(
    mask: NDArray[Any],
    foreground_threshold: int = 240,
    background_threshold: int = 10,
    erode_size: int = 10,
) -> NDArray[np.uint8]:
    """Divide a mask into sure foreground, sure background and the unknown between them.

    The rules are those of ``rembg.bg.alpha_matting_cutout``: what lies outside the picture counts
    as background, and where low thresholds make a pixel both, it is background.

    Args:
        mask: ``HxW`` uint8, 0 (background) to 255 (foreground).
        foreground_threshold: Values above it are sure foreground before the erosion.
        background_threshold: Values below it are sure background before the erosion.
        erode_size: Side in pixels of the square that both sure regions are eroded with; 0 or
            less erodes with a 3x3 cross.

    Returns:
        ``HxW`` uint8 of 0, 128 and 255.

    Raises:
        UsageError: The mask is not two-dimensional.
    """
    if mask.ndim != 2:
        raise UsageError(f"a mask has two dimensions, this array has shape {mask.shape}")
    result = np.full(mask.shape, UNKNOWN, dtype=np.uint8)
    result[_erode(mask > foreground_threshold, erode_size, outside=0)] = 255
    result[_erode(mask < background_threshold, erode_size, outside=1)] = 0
    return result


def _erode(region: NDArray[np.bool_], size: int, outside: int) -> NDArray[np.bool_]:
    """Erode like ``scipy.ndimage.binary_erosion``, many times faster."""
    if size > 0:
        structure = np.ones((size, size), dtype=np.uint8)
    else:
        structure = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)).astype(np.uint8)
    eroded = cv2.erode(
        region.view(np.uint8),
        structure,
        borderType=cv2.BORDER_CONSTANT,
        borderValue=(outside, outside, outside, outside),
    )
    return eroded.view(np.bool_)


def closed_form_alpha(picture: NDArray[Any], trimap: NDArray[Any]) -> NDArray[np.float64]:
    """Solve for the alpha of the unknown pixels (Levin et al. 2008, pymatting's solver).

    Takes some seconds for a 1920x1080 picture, and over 400 bytes of memory per pixel.

    Args:
        picture: ``HxWx3`` RGB, unsigned integers over their full range or floats in 0..1.
        trimap: ``HxW``, 0 background, 255 foreground, else unknown, as ``trimap`` makes it.

    Returns:
        ``HxW`` float64 in 0..1, equal to the trimap where that is known.

    Raises:
        UsageError: The shapes do not fit each other.
        MattingError: Nothing is known foreground, nothing is known background, nothing is
            unknown, or the unknown pixels cannot be solved from the known ones.
    """
    _check_shapes(picture, trimap)
    from pymatting.alpha.estimate_alpha_cf import estimate_alpha_cf

    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            alpha: NDArray[np.float64] = estimate_alpha_cf(
                _unit(picture),
                _unit(trimap),
                preconditioner=_silent_ichol(),
                cg_kwargs={"callback": _stop_at_nan},
            )
    except ValueError as error:
        raise MattingError(f"closed-form matting found no alpha: {error}") from error
    return alpha


def band_alpha(
    picture: NDArray[Any], trimap: NDArray[Any], guess: NDArray[Any]
) -> NDArray[np.float32]:
    """Solve as :func:`closed_form_alpha` does, at a cost that follows the unknown pixels alone.

    The matting Laplacian is built crop by crop around the unknown band, each with the margin
    that makes its rows those of the whole picture's; what is solved is the same system. The
    solver starts from a guess and stops when no step would still be seen.

    Args:
        picture: as for :func:`closed_form_alpha`.
        trimap: as there.
        guess: ``HxW``, 0..1, near the alpha.

    Returns:
        ``HxW`` float32 in 0..1, equal to the trimap where that is known.

    Raises:
        UsageError: The shapes do not fit each other.
        MattingError: As there, or the solver found no end.
    """
    _check_shapes(picture, trimap)
    _check_shapes(picture, guess)
    from pymatting.solver.cg import cg

    unknown = (trimap != 0) & (trimap != 255)
    if not unknown.any() or not (trimap == 255).any() or not (trimap == 0).any():
        raise MattingError("nothing is known foreground, known background, or unknown")
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            matrix, right = _band_system(_unit(picture), trimap, unknown)
            factors = _silent_ichol()(matrix, max_nnz=_FILL * matrix.shape[0])
            solved = cg(
                matrix,
                right,
                x0=guess[unknown].astype(np.float64),
                rtol=_TOLERANCE,
                maxiter=_ROUNDS,
                M=factors,
                callback=_stop_at_nan,
            )
    except ValueError as error:
        raise MattingError(f"closed-form matting found no alpha: {error}") from error
    alpha = np.where(trimap == 255, np.float32(1), np.float32(0))
    alpha[unknown] = np.clip(solved, 0, 1)
    return alpha


def _band_system(
    picture: NDArray[np.float64], trimap: NDArray[Any], unknown: NDArray[np.bool_]
) -> tuple[Any, NDArray[np.float64]]:
    """Return matrix (sparse) and right side of what the unknown pixels, in order, solve."""
    from pymatting.laplacian.cf_laplacian import cf_laplacian
    from scipy.sparse import csr_matrix

    count = int(np.count_nonzero(unknown))
    number = np.full(trimap.shape, -1, np.int64)
    number[unknown] = np.arange(count)
    right = np.zeros(count)
    parts = []
    for area in covering(unknown, _TILE):
        around = grown(area, _REACH, trimap.shape)
        own = np.zeros(trimap.shape, np.bool_)
        own[area] = unknown[area]
        own, numbers = own[around], number[around]
        laplacian = cf_laplacian(picture[around], is_known=~unknown[around])[own.ravel()]
        inside = (trimap[around] == 255).ravel().astype(np.float64)
        right[numbers[own]] = -laplacian.dot(inside)
        entries = laplacian.tocoo()
        columns = numbers.ravel()[entries.col]
        kept = columns >= 0
        parts.append((entries.data[kept], numbers[own][entries.row[kept]], columns[kept]))
    data, rows, columns = (np.concatenate(part) for part in zip(*parts, strict=True))
    return csr_matrix((data, (rows, columns)), (count, count)), right


@cache
def _silent_ichol() -> Callable[..., Any]:
    """A copy of pymatting's ``ichol`` that prints nothing: stdout may carry a video."""
    from pymatting.preconditioner.ichol import ichol

    names = {**ichol.__globals__, "print": lambda *_: None}
    return FunctionType(ichol.__code__, names, "ichol", ichol.__defaults__)


def _stop_at_nan(a: Any, x: Any, b: Any, norm_b: float, r: Any, norm_r: float) -> None:
    """End a solve that has failed; pymatting would run its 10000 rounds on NaN first."""
    if np.isnan(norm_r):
        raise ValueError("no unknown pixel is tied to the known foreground")


def estimate_foreground(picture: NDArray[Any], alpha: NDArray[Any]) -> NDArray[np.float32]:
    """Estimate the colours of the subject alone, without what shows through its soft edges.

    Multi-level estimation (Germer et al. 2020, pymatting). Safe to call from several threads,
    which then take turns.

    Args:
        picture: ``HxWx3`` RGB, unsigned integers over their full range or floats in 0..1.
        alpha: ``HxW``, unsigned integers over their full range or floats in 0..1.

    Returns:
        ``HxWx3`` float32 RGB in 0..1, not multiplied by alpha.

    Raises:
        UsageError: The shapes do not fit each other.
    """
    _check_shapes(picture, alpha)
    if alpha.size == 1:  # pymatting divides by the number of its levels, here 0
        return _unit(picture).astype(np.float32)
    from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml

    with _one_kernel_on_one_thread():
        foreground: NDArray[np.float32] = estimate_foreground_ml(_unit(picture), _unit(alpha))
    return foreground


@contextmanager
def _one_kernel_on_one_thread() -> Iterator[None]:
    """Run numba's parallel kernels serially, here and across threads.

    Only small resizing loops are parallel in this estimation. On a busy machine, as beside a
    decoder and an encoder, waiting for their threads more than doubles its time.
    """
    import numba

    with _parallel_kernels:
        before = numba.get_num_threads()
        numba.set_num_threads(1)
        try:
            yield
        finally:
            numba.set_num_threads(before)


def _check_shapes(picture: NDArray[Any], plane: NDArray[Any]) -> None:
    """The compiled code reads out of bounds when these differ, so they are checked first."""
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise UsageError(f"matting needs an RGB picture, this array has shape {picture.shape}")
    if plane.shape != picture.shape[:2]:
        raise UsageError(
            f"the mask's shape {plane.shape} is not that of the picture, {picture.shape[:2]}"
        )


def _unit(values: NDArray[Any]) -> NDArray[Any]:
    """Scale unsigned integers to float64 in 0..1; leave floats as they are."""
    if values.dtype.kind == "u":
        return values / float(np.iinfo(values.dtype).max)
    return values
