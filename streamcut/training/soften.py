"""From a hard mask to a soft matte, clean foreground colours and an empty place.

The alpha is solved by closed-form matting (Levin, Lischinski, Weiss 2008) in a
band around the contour only, so a photograph takes a fraction of a second. The
foreground colours are Germer's multi-level estimate; without them a pasted
person carries a halo of the old background.
"""

from __future__ import annotations

import cv2
import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as sparse_linalg
from pymatting import cf_laplacian, estimate_foreground_ml

from streamcut.training.arrays import Bytes, Flags, Floats, to_bytes

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255


def disk(radius: int) -> Bytes:
    """A round structuring element."""
    side = 2 * radius + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)


def close_holes(mask: Flags, radius: int = 4) -> Flags:
    """Fill the small holes and slits of a hand-made mask."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, disk(radius))
    return closed > 0


def trimap_of_mask(mask: Flags, radius: int = 4) -> Bytes:
    """Unknown within `radius` pixels of the contour; uint8 [h, w]."""
    return trimap_of_probability(mask.astype(np.float32), radius)


def trimap_of_probability(probability: Floats, radius: int = 3) -> Bytes:
    """Unknown where the teachers are unsure and within `radius` of where they turn."""
    inside = cv2.erode((probability > 0.8).astype(np.uint8), disk(radius))
    outside = cv2.dilate((probability > 0.2).astype(np.uint8), disk(radius))
    trimap = np.full(probability.shape, UNKNOWN, np.uint8)
    trimap[inside > 0] = FOREGROUND
    trimap[outside == 0] = BACKGROUND
    return trimap


def closed_form_alpha(image: Bytes, trimap: Bytes) -> Floats:
    """Solve the unknown band; image uint8 RGB [h, w, 3], result 0..1 [h, w]."""
    alpha = (trimap == FOREGROUND).astype(np.float64)
    unknown = np.flatnonzero(trimap == UNKNOWN)
    if unknown.size == 0:
        return np.asarray(alpha, np.float32)
    known = np.flatnonzero(trimap != UNKNOWN)
    laplacian = cf_laplacian(image / 255.0, 1e-5, 1, trimap != UNKNOWN).tocsr()[unknown]
    system = laplacian[:, unknown] + 1e-7 * sparse.eye(unknown.size)
    right = -laplacian[:, known] @ alpha.ravel()[known]
    solved = sparse_linalg.spsolve(system.tocsc(), right)
    alpha.ravel()[unknown] = np.clip(solved, 0.0, 1.0)
    return np.asarray(alpha, np.float32)


def clean_foreground(image: Bytes, alpha: Floats) -> Bytes:
    """Foreground colours without the old background; uint8 RGB [h, w, 3]."""
    colours = estimate_foreground_ml(image / 255.0, alpha.astype(np.float64))
    return to_bytes(colours)


def without_people(image: Bytes, alpha: Floats, height: int = 320) -> Bytes:
    """The place with its people painted over, scaled to `height` rows."""
    width = max(8, round(image.shape[1] * height / image.shape[0]))
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    cover = cv2.resize((alpha > 0.02).astype(np.uint8), (width, height))
    cover = cv2.dilate(cover, disk(4))
    return cv2.inpaint(small, cover, 3, cv2.INPAINT_TELEA).astype(np.uint8)
