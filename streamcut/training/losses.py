"""What is asked of a matte: right, sharp at the border, empty where empty, steady.

Logits, alpha and weight are float32 [N, 1, H, W]; alpha and weight in 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class LossWeights:
    """How much each term counts."""

    entropy: float = 1.0
    overlap: float = 0.5
    border: float = 1.0
    coarse: float = 0.3
    steady: float = 0.0
    veil: float = 0.0


def matte_loss(
    logits: Tensor, coarse: Tensor, alpha: Tensor, weight: Tensor, parts: LossWeights
) -> Tensor:
    """The loss of single frames; `coarse` are the logits at 1/16 of the size."""
    matte = torch.sigmoid(logits)
    edge = border_of(alpha)
    entropy = functional.binary_cross_entropy_with_logits(logits, alpha, weight)
    border = ((matte - alpha).abs() * weight * (0.5 + 4.0 * edge)).mean()
    small_alpha = functional.interpolate(alpha, coarse.shape[-2:], mode="area")
    small_weight = functional.interpolate(weight, coarse.shape[-2:], mode="area")
    glance = functional.binary_cross_entropy_with_logits(coarse, small_alpha, small_weight)
    veil = veil_loss(matte, alpha, weight) if parts.veil else matte.new_zeros(())
    return (
        parts.veil * veil
        + parts.entropy * entropy
        + parts.overlap * overlap_loss(matte, alpha, weight)
        + parts.border * border
        + parts.coarse * glance
    )


def veil_loss(matte: Tensor, alpha: Tensor, weight: Tensor) -> Tensor:
    """How undecided the matte is where the truth is certain.

    Each is taken over its own area, so that a small body counts; the background counts eightfold,
    since there is more of it to spoil.
    """
    inside = _certain(alpha) * weight
    outside = _certain(1.0 - alpha) * weight
    faint = functional.relu(0.95 - matte) * inside
    ghost = functional.relu(matte - 0.05) * outside
    slack = 0.01 * alpha.numel()
    return faint.sum() / (inside.sum() + slack) + 8.0 * ghost.sum() / (outside.sum() + slack)


def _certain(alpha: Tensor) -> Tensor:
    """1 where the alpha is full for 3 pixels around, else 0."""
    return (-functional.max_pool2d(-alpha, 7, 1, 3) > 0.98).float()


def overlap_loss(matte: Tensor, alpha: Tensor, weight: Tensor) -> Tensor:
    """Soft Jaccard distance an image; an empty image is forgiven a few pixels."""
    axes = (1, 2, 3)
    slack = 0.005 * alpha[0].numel()
    shared = (torch.minimum(matte, alpha) * weight).sum(axes)
    joined = (torch.maximum(matte, alpha) * weight).sum(axes)
    return 1.0 - torch.mean((shared + slack) / (joined + slack))


def steady_loss(logits: Tensor, alpha: Tensor, weight: Tensor, frames: int) -> Tensor:
    """The matte should change exactly as the true one does, from frame to frame.

    The root mean square a frame is dtSSD itself; the mean absolute error keeps small changes
    in view beside large ones.
    """
    matte = torch.sigmoid(logits)
    error = (matte - alpha) * weight
    error = error.view(-1, frames, *error.shape[1:])
    squares = (error[:, 1:] - error[:, :-1]).square()
    return torch.sqrt(squares + 1e-6).mean() + torch.sqrt(squares.mean((2, 3, 4)) + 1e-5).mean()


def border_of(alpha: Tensor) -> Tensor:
    """1 within about 3 pixels of a change of the matte, 0 elsewhere."""
    small = functional.avg_pool2d(alpha, 2)
    top = functional.max_pool2d(small, 3, 1, 1)
    bottom = -functional.max_pool2d(-small, 3, 1, 1)
    return functional.interpolate(top - bottom, scale_factor=2.0, mode="nearest")
