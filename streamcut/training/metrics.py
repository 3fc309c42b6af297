"""How good a matte is: the measures that published evaluations quote.

Mattes are float32 [h, w] in 0..1, the prediction first, then the truth; clips
are sequences of them. Sources: Rhemann 2009 (Grad, Conn), Erofeev 2015 (dtSSD),
Perazzi 2016 (boundary F), Lai 2018 (warping error).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from streamcut.training.arrays import Bytes, Flags, Floats


def iou(matte: Floats, truth: Floats) -> float:
    """Intersection over union at one half; two empty masks agree."""
    first, second = matte > 0.5, truth > 0.5
    union = int((first | second).sum())
    return float((first & second).sum() / union) if union else 1.0


def mad(matte: Floats, truth: Floats) -> float:
    """Mean absolute difference x 1000."""
    return float(np.abs(matte - truth).mean() * 1000.0)


def mse(matte: Floats, truth: Floats) -> float:
    """Mean squared difference x 1000."""
    return float(((matte - truth) ** 2).mean() * 1000.0)


def grad(matte: Floats, truth: Floats, sigma: float = 1.4) -> float:
    """Squared difference of the Gaussian gradient magnitudes, summed, / 1000."""
    change = _gradient(matte, sigma) - _gradient(truth, sigma)
    return float((change**2).sum() / 1000.0)


def _gradient(matte: Floats, sigma: float) -> Floats:
    reach = int(np.ceil(3 * sigma))
    x = np.arange(-reach, reach + 1, dtype=np.float64)
    bell = np.exp(-(x**2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
    slope = -x * bell / sigma**2
    scale = np.sqrt((np.outer(bell, slope) ** 2).sum())
    across = cv2.sepFilter2D(matte, cv2.CV_32F, slope / scale, bell)
    down = cv2.sepFilter2D(matte, cv2.CV_32F, bell, slope / scale)
    return np.asarray(np.sqrt(across**2 + down**2))


def conn(matte: Floats, truth: Floats, step: float = 0.1, theta: float = 0.15) -> float:
    """Difference in how far each pixel hangs together with the solid part, summed, / 1000."""
    level = np.full(matte.shape, -1.0, np.float32)
    thresholds = np.arange(0.0, 1.0 + step / 2, step)
    for below, threshold in pairwise(thresholds):
        shared = _largest_part((matte >= threshold) & (truth >= threshold))
        level[(level == -1.0) & ~shared] = below
    level[level == -1.0] = 1.0
    loose = [m - level for m in (matte, truth)]
    held = [1.0 - part * (part >= theta) for part in loose]
    return float(np.abs(held[0] - held[1]).sum() / 1000.0)


def _largest_part(mask: Flags) -> Flags:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4
    )
    if count < 2:
        return np.zeros_like(mask)
    return np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))


def boundary_f(matte: Floats, truth: Floats, tolerance: float = 0.008) -> float:
    """F1 of the contours at one half, within a share of the diagonal."""
    first, second = _contour(matte > 0.5), _contour(truth > 0.5)
    if not first.any() and not second.any():
        return 1.0
    if not first.any() or not second.any():
        return 0.0
    reach = max(1, int(np.ceil(tolerance * np.hypot(*matte.shape))))
    precision = float((first & _near(second, reach)).sum() / first.sum())
    recall = float((second & _near(first, reach)).sum() / second.sum())
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def _contour(mask: Flags) -> Flags:
    solid = mask.astype(np.uint8)
    inner = cv2.erode(solid, np.ones((3, 3), np.uint8), borderValue=1)
    return np.asarray(solid != inner)


def _near(contour: Flags, reach: int) -> Flags:
    side = 2 * reach + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(contour.astype(np.uint8), disk) > 0)


def dtssd(mattes: Sequence[Floats], truths: Sequence[Floats]) -> float:
    """100 x root mean square of the change that the truth does not show; frame 1 scores 0."""
    errors = [m - t for m, t in zip(mattes, truths, strict=True)]
    steps = [100.0 * float(np.sqrt(((new - old) ** 2).mean())) for old, new in pairwise(errors)]
    return sum(steps) / len(errors)


def flow_error(mattes: Sequence[Floats], pictures: Sequence[Bytes]) -> float:
    """Warping error of every second frame's mask along DIS optical flow; RGB uint8 pictures."""
    pairs = range(2, len(pictures), 2)
    errors = [_warp_error(mattes[t - 2], mattes[t], pictures[t - 2], pictures[t]) for t in pairs]
    return float(np.mean(errors)) if errors else 0.0


def _warp_error(old: Floats, new: Floats, before: Bytes, after: Bytes) -> float:
    before, after = (_limited(picture) for picture in (before, after))
    size = (after.shape[1], after.shape[0])
    was, now = ((cv2.resize(m, size) > 0.5).astype(np.float32) for m in (old, new))
    back, forth = _flow(after, before), _flow(before, after)
    mismatch = ((back + _follow(forth, back)) ** 2).sum(axis=2)
    steady = mismatch <= 0.01 * (back**2).sum(axis=2) + 0.5
    light = np.abs(after / 255.0 - _follow(before.astype(np.float32), back) / 255.0)
    valid = steady & (light.mean(axis=2) <= 0.05)
    jumps = np.abs(now - _follow(was, back))[valid]
    return float(jumps.mean()) if jumps.size else 0.0


def _limited(picture: Bytes, longest: int = 320) -> Bytes:
    scale = min(1.0, longest / max(picture.shape[:2]))
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _flow(source: Bytes, target: Bytes) -> Floats:
    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (source, target)]
    return np.asarray(
        engine.calc(grey[0], grey[1], np.zeros((*grey[0].shape, 2), np.float32)), np.float32
    )


def _follow(plane: Floats, flow: Floats) -> Floats:
    """Fetch every pixel from where its flow vector points."""
    rows, columns = flow.shape[:2]
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    return cv2.remap(plane, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)
