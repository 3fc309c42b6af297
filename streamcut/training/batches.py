"""Endless batches of samples or clips, made by worker processes.

A batch is uint8: frames [B, T, 3, H, W], alpha and weight [B, T, 1, H, W]
(T = 1 for single images). All images of a batch have one size; the size is
drawn anew for every batch, so landscape, square and portrait take turns.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from streamcut.training.arrays import Bytes, Size
from streamcut.training.casting import Casting, Mixture
from streamcut.training.clips import random_clip
from streamcut.training.pack import Pack
from streamcut.training.scenes import Sample, random_sample

Draw = Callable[[Casting, Size, np.random.Generator, Mixture], Sequence[Sample]]

LANDSCAPE_TO_PORTRAIT: tuple[Size, ...] = (
    (144, 256), (144, 256), (160, 224), (192, 192), (224, 160), (256, 144),
)  # fmt: skip


@dataclass(frozen=True)
class BatchPlan:
    """What a batch consists of: `batch_size` images, or clips of as many `frames`."""

    batch_size: int = 24
    frames: int = 1
    sizes: tuple[Size, ...] = LANDSCAPE_TO_PORTRAIT
    mixture: Mixture = field(default_factory=Mixture)


@dataclass(frozen=True)
class Batch:
    """Frames, alpha and weight as float32 in 0..1."""

    frames: Tensor
    alpha: Tensor
    weight: Tensor


class _Stream(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    def __init__(self, folder: Path, plans: Sequence[BatchPlan], seed: int) -> None:
        self._folder, self._plans, self._seed = folder, plans, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        cv2.setNumThreads(1)
        worker = get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        cast = Casting(Pack(self._folder))
        for plan in itertools.cycle(self._plans):
            yield _drawn(cast, plan, rng)


def batches(
    folder: Path, plans: Sequence[BatchPlan], seed: int, workers: int = 1
) -> Iterator[Batch]:
    """Never ends; the plans take turns. `seed` should differ from one resumed run to the next."""
    loader = DataLoader(
        _Stream(folder, plans, seed),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="spawn" if workers else None,
    )
    for frames, alpha, weight in loader:
        yield Batch(*(part.float().div_(255.0) for part in (frames, alpha, weight)))


def echoed(source: Iterator[Batch]) -> Iterator[Batch]:
    """Every batch twice, the second time mirrored and one batch later.

    Composing images costs half as much as learning from them; on two cores the
    second look is worth more than it costs.
    """
    earlier: Batch | None = None
    for batch in source:
        yield batch
        if earlier is not None:
            yield mirrored(earlier)
        earlier = batch


def mirrored(batch: Batch) -> Batch:
    """The same batch, left and right exchanged."""
    return Batch(*(part.flip(-1) for part in (batch.frames, batch.alpha, batch.weight)))


def _drawn(
    cast: Casting, plan: BatchPlan, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    size = plan.sizes[int(rng.integers(len(plan.sizes)))]
    drawn = [_one(cast, plan, size, rng) for _ in range(plan.batch_size)]
    frames = np.stack([[frame.image for frame in clip] for clip in drawn])
    alpha = np.stack([[frame.alpha for frame in clip] for clip in drawn])
    weight = np.stack([[frame.weight for frame in clip] for clip in drawn])
    return (
        torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 1, 4, 2, 3))),
        torch.from_numpy(alpha[:, :, None]),
        torch.from_numpy(weight[:, :, None]),
    )


def _one(cast: Casting, plan: BatchPlan, size: Size, rng: np.random.Generator) -> Sequence[Sample]:
    if plan.frames == 1:
        return [random_sample(cast, size, rng, plan.mixture)]
    return random_clip(cast, size, plan.frames, rng, plan.mixture)


def stack_planes(planes: Sequence[Bytes]) -> Tensor:
    """Frames [h, w, 3] or masks [h, w] as float32 [T, C, h, w] in 0..1."""
    array = np.stack(planes)
    array = array[:, None] if array.ndim == 3 else array.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(array)).float().div_(255.0)
