"""Closed-form matting: a trimap, and the alpha that it determines.

Plain functions, arrays in and arrays out, for stills and for video keyframes alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from streamcut.core.errors import StreamcutError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = 128
"""Trimap value between background (0) and foreground (255)."""


class MattingError(StreamcutError, ValueError):
    """Closed-form matting has no answer for this frame and trimap; keep the mask instead."""


def trimap(
    mask: NDArray[Any],
    foreground_threshold: int = 240,
    background_threshold: int = 10,
    erode_size: int = 10,
) -> NDArray[np.uint8]:
    """Divide a mask into sure foreground, sure background and the unknown between them.

    The rules are those of ``rembg.bg.alpha_matting_cutout``: what lies outside the frame counts
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


def band_alpha(frame: NDArray[Any], trimap: NDArray[Any]) -> NDArray[np.float32]:
    """Solve for the alpha of the unknown pixels (Levin et al. 2008), at a cost that follows them.

    Args:
        frame: ``HxWx3`` RGB, unsigned integers over their full range or floats in 0..1.
        trimap: ``HxW``, 0 background, 255 foreground, else unknown, as ``trimap`` makes it.

    Returns:
        ``HxW`` float32 in 0..1, equal to the trimap where that is known.

    Raises:
        UsageError: The shapes do not fit each other.
        MattingError: Nothing is known foreground, nothing is known background, nothing is
            unknown, or the unknown pixels cannot be solved from the known ones.
    """
    check_shapes(frame, trimap)
    inside, outside = trimap == 255, trimap == 0
    unknown = ~(inside | outside)
    if not unknown.any() or not inside.any() or not outside.any():
        raise MattingError("nothing is known foreground, known background, or unknown")
    from streamcut.matting.laplacian import solved  # SciPy's solvers take a while to import.

    try:
        found = solved(unit(frame), inside, unknown)
    except ValueError as error:
        raise MattingError(f"closed-form matting found no alpha: {error}") from error
    alpha: NDArray[np.float32] = inside.astype(np.float32)
    alpha[unknown] = np.clip(found, 0, 1)
    return alpha


def check_shapes(frame: NDArray[Any], plane: NDArray[Any]) -> None:
    """Refuse what is no RGB frame, and a plane that is not of its size.

    Raises:
        UsageError: so.
    """
    if frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        raise UsageError(f"matting needs an RGB image, this array has shape {frame.shape}")
    if plane.shape != frame.shape[:2]:
        raise UsageError(
            f"the mask's shape {plane.shape} is not that of the image, {frame.shape[:2]}"
        )


def unit(values: NDArray[Any]) -> NDArray[Any]:
    """Scale unsigned integers to float64 in 0..1; leave floats as they are."""
    if values.dtype.kind == "u":
        return values / float(np.iinfo(values.dtype).max)
    return values
