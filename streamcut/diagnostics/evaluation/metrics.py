"""How good a matte is: the figures that published evaluations quote, computed as they do.

Mattes are float32 [h, w] in 0..1, the result first, then the truth; clips are sequences of
them. MAD, MSE, Grad, Conn and dtSSD follow the evaluation of RobustVideoMatting (Lin 2021),
which follows Rhemann 2009 (Grad, Conn) and Erofeev 2015 (dtSSD); boundary F follows that of
DAVIS (Perazzi 2016), the warping error Lai 2018.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.imaging.flow import Flow, follow, grey, left_frame
from streamcut.media.matte import RGB, Matte

_Mask: TypeAlias = NDArray[Any]
"""Truth values [h, w]."""

SIDE = 320
"""The longer side, pixels, of the images between which flow is computed."""


def iou(matte: Matte, truth: Matte) -> float:
    """Intersection over union at one half; two empty masks agree."""
    first, second = matte > 0.5, truth > 0.5
    union = int(np.count_nonzero(first | second))
    return float(np.count_nonzero(first & second) / union) if union else 1.0


def mad(matte: Matte, truth: Matte) -> float:
    """Mean absolute difference x 1000."""
    return float(cv2.norm(matte, truth, cv2.NORM_L1) / matte.size * 1000.0)


def mse(matte: Matte, truth: Matte) -> float:
    """Mean squared difference x 1000."""
    return float(cv2.norm(matte, truth, cv2.NORM_L2SQR) / matte.size * 1000.0)


def undecided(matte: Matte, truth: Matte, radius: int = 7) -> tuple[float, float]:
    """Where a matte is undecided though the truth is certain, in percent.

    Args:
        matte: the result.
        truth: certain where it is above .99, or below .01, for `radius` pixels around.
        radius: pixels, of a round structuring element.

    Returns:
        The share of what is certainly subject with a matte below .9, and the share of what is
        certainly background with a matte above .1; nan where nothing is certain.
    """
    return (
        _share(matte < 0.9, _eroded(truth > 0.99, radius)),
        _share(matte > 0.1, _eroded(truth < 0.01, radius)),
    )


def _eroded(mask: _Mask, radius: int) -> _Mask:
    side = 2 * radius + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cv2.erode(mask.view(np.uint8), disk) > 0


def _share(mask: _Mask, within: _Mask) -> float:
    area = int(np.count_nonzero(within))
    return 100.0 * float(np.count_nonzero(mask & within)) / area if area else float("nan")


# -- Grad and Conn ---------------------------------------------------------------------------


def grad(matte: Matte, truth: Matte, sigma: float = 1.4) -> float:
    """Squared difference of the Gaussian gradient magnitudes, summed, / 1000.

    As published, each matte is first stretched to its own minimum and maximum: a faint speck
    in an empty frame counts as a solid one.
    """
    change = _gradient(_stretched(matte), sigma) - _gradient(_stretched(truth), sigma)
    return float(cv2.norm(change, cv2.NORM_L2SQR) / 1000.0)


def _stretched(matte: Matte) -> Matte:
    low, high = float(matte.min()), float(matte.max())
    return (matte - low) / (high - low) if high > low else np.zeros_like(matte)


def _gradient(matte: Matte, sigma: float, epsilon: float = 1e-2) -> Matte:
    reach = int(np.ceil(sigma * np.sqrt(-2 * np.log(np.sqrt(2 * np.pi) * sigma * epsilon))))
    x = np.arange(-reach, reach + 1, dtype=np.float64)
    bell = np.exp(-(x**2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
    slope = -x * bell / sigma**2
    slope /= np.sqrt((np.outer(bell, slope) ** 2).sum())
    across = cv2.sepFilter2D(matte, cv2.CV_32F, slope, bell, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(matte, cv2.CV_32F, bell, slope, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.magnitude(across, down))


def conn(matte: Matte, truth: Matte, step: float = 0.1, theta: float = 0.15) -> float:
    """Difference in how far each pixel hangs together with the solid part, summed, / 1000."""
    level = np.zeros(matte.shape, np.float32)
    within = _box((matte >= step) & (truth >= step))  # Elsewhere the level is 0.
    level[within] = _level(matte[within], truth[within], step)
    held = [1.0 - part * (part >= theta) for part in (matte - level, truth - level)]
    return float(cv2.norm(held[0], held[1], cv2.NORM_L1) / 1000.0)


def _level(matte: Matte, truth: Matte, step: float) -> Matte:
    """The highest threshold up to which a pixel is in the largest part that both share."""
    level = np.ones(matte.shape, np.float32)
    # From the top, so that the lowest threshold at which a pixel fails is written last.
    for below, threshold in reversed(list(pairwise(np.arange(0.0, 1.0 + step / 2, step)))):
        shared = _largest_part((matte >= threshold) & (truth >= threshold))
        level[~shared] = below
    return level


def _largest_part(mask: _Mask) -> _Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    if count < 2:
        return np.zeros_like(mask)
    return np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))


def _box(mask: _Mask) -> tuple[slice, slice]:
    """The rows and columns of a mask that is true only within them."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return slice(top, top + height), slice(left, left + width)


# -- the contour -----------------------------------------------------------------------------


def boundary_f(matte: Matte, truth: Matte, tolerance: float = 0.008) -> float:
    """F1 of the contours at one half, matched within a share of the diagonal."""
    first, second = _contour(matte > 0.5), _contour(truth > 0.5)
    if not first.any() and not second.any():
        return 1.0
    if not first.any() or not second.any():
        return 0.0
    reach = int(np.ceil(tolerance * np.hypot(*matte.shape)))
    within = _box(first | second)
    first, second = first[within], second[within]
    precision = float(_near(second, reach)[first].mean())
    recall = float(_near(first, reach)[second].mean())
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def _contour(mask: _Mask) -> _Mask:
    """Pixels that differ from the one on the right, below, or both; nothing beyond the border."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, below, across = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return np.asarray((mask ^ right) | (mask ^ below) | (mask ^ across))


def _near(contour: _Mask, reach: int) -> _Mask:
    """Where the contour is no more than ``reach`` pixels away."""
    away = cv2.distanceTransform((~contour).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= reach)


# -- over time -------------------------------------------------------------------------------


def dtssd(mattes: Sequence[Matte], truths: Sequence[Matte]) -> float:
    """Mean of :func:`dtssd_step` over a clip, whose first frame scores 0."""
    frames = pairwise(zip(mattes, truths, strict=True))
    return sum(dtssd_step(*old, *new) for old, new in frames) / len(mattes)


def dtssd_step(matte_before: Matte, truth_before: Matte, matte: Matte, truth: Matte) -> float:
    """100 x root mean square of the change from one frame to the next that the truth lacks."""
    change = (matte - truth) - (matte_before - truth_before)
    return float(100.0 * np.sqrt(cv2.norm(change, cv2.NORM_L2SQR) / change.size))


def flow_error(mattes: Sequence[Matte], frames: Sequence[RGB]) -> float:
    """Mean of :func:`warp_error` between every second frame; below .005 is very steady."""
    pairs = range(2, len(frames), 2)
    errors = [warp_error(mattes[t - 2], mattes[t], frames[t - 2], frames[t]) for t in pairs]
    return float(np.mean(errors)) if errors else 0.0


def warp_error(matte_before: Matte, matte: Matte, before: RGB, after: RGB) -> float:
    """Share of pixels whose mask (at one half) changes although the image only moved.

    Motion is DIS optical flow on images of 320 pixels; pixels where it is inconsistent, or
    does not explain the colour, are left out. A frozen matte scores well: quote it with dtSSD.
    """
    before, after = (_limited(plane) for plane in (before, after))
    size = (after.shape[1], after.shape[0])
    was, now = ((cv2.resize(m, size) > 0.5).astype(np.float32) for m in (matte_before, matte))
    flow = Flow(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back, forth = flow(grey(after), grey(before)), flow(grey(before), grey(after))
    mismatch = ((back + follow(forth, back)) ** 2).sum(axis=2)
    steady = mismatch <= 0.01 * (back**2).sum(axis=2) + 0.5
    steady &= ~left_frame(back)
    light = np.abs(after / 255.0 - follow(before.astype(np.float32), back) / 255.0)
    valid = steady & (light.mean(axis=2) <= 0.05)
    jumps = np.abs(now - follow(was, back))[valid]
    return float(jumps.mean()) if jumps.size else 0.0


class Lag:
    """How far a matte's motion trails the truth's, frame after frame of one clip.

    The change of the matte from frame to frame is explained, by least squares over all pixels,
    by the truth's changes up to ``reach`` frames earlier and later; the lag is the mean of
    these delays, weighted as they explain it. A matte that is averaged with the one before
    lags by half a frame.
    """

    def __init__(self, reach: int = 3) -> None:
        self._delays = np.arange(-reach, reach + 1)
        self._truths: deque[NDArray[Any]] = deque(maxlen=len(self._delays))
        self._mattes: deque[NDArray[Any]] = deque(maxlen=reach + 1)
        self._last: tuple[Matte, Matte] | None = None
        self._alike = np.zeros((len(self._delays), len(self._delays)))
        self._shared = np.zeros(len(self._delays))

    def add(self, matte: Matte, truth: Matte) -> None:
        """Take the next frame of the clip."""
        now = (_limited(matte), _limited(truth))
        if self._last is not None:
            self._mattes.append((now[0] - self._last[0]).ravel())
            self._truths.append((now[1] - self._last[1]).ravel())
            if len(self._truths) == len(self._delays):
                self._correlate()
        self._last = now

    def _correlate(self) -> None:
        """The oldest change of the matte that is kept, with the truth's around it."""
        around = np.stack(list(self._truths)[::-1])  # By delay: the latest first.
        self._alike += around @ around.T
        self._shared += around @ self._mattes[0]

    @property
    def frames(self) -> float | None:
        """The lag in frames, or None where the truth hardly moved."""
        power = float(np.trace(self._alike)) / len(self._delays)
        if power < 1.0:
            return None
        weights = np.linalg.solve(
            self._alike + 1e-3 * power * np.eye(len(self._delays)), self._shared
        )
        total = float(weights.sum())
        return float(weights @ self._delays / total) if total > 0.1 else None


def _limited(plane: RGB | Matte) -> Any:
    scale = min(1.0, SIDE / max(plane.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in plane.shape[:2])
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
