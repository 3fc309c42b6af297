"""Measures networks on what the pack holds out, beside other networks.

Stills: held-out photographs, whole and framed closer, and held-out people in
held-out places. Moving: synthetic clips of held-out people. Empty: held-out
places. Everything is drawn from a fixed seed, so all networks see the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from streamcut.diagnostics.evaluation import metrics
from streamcut.training.arrays import Floats
from streamcut.training.casting import Casting, Mixture
from streamcut.training.clips import random_clip
from streamcut.training.look import apply_look, random_look
from streamcut.training.pack import PERSON, Pack
from streamcut.training.places import random_place
from streamcut.training.scenes import Sample, composite, photograph
from streamcut.training.teachers import Teacher

LARGE: tuple[tuple[int, int], ...] = ((288, 512), (384, 384), (512, 288), (360, 480))


@dataclass(frozen=True)
class NetworkScores:
    """One network's figures; see the metrics module for their units."""

    name: str
    whole_iou: float
    whole_f: float
    framed_iou: float
    framed_f: float
    pasted_iou: float
    pasted_f: float
    empty: float
    moving_iou: float
    moving_f: float
    moving_mad: float
    moving_dtssd: float
    moving_flow: float
    milliseconds: float


@dataclass(frozen=True)
class Exam:
    """The held-out material, the same for every network."""

    whole: Sequence[Sample]
    framed: Sequence[Sample]
    pasted: Sequence[Sample]
    empty: Sequence[Sample]
    clips: Sequence[Sequence[Sample]]


def make_exam(folder: Path, *, clips: int = 12, frames: int = 24, stills: int = 100) -> Exam:
    """Draw the exam from a pack's held-out part."""
    pack = Pack(folder)
    cast = Casting(pack, held_out=True)
    records = [r for r in pack.select(PERSON, held_out=True) if r.labelled][:stills]
    plain = Mixture(clutter=0.0, occluder=0.0, synthetic_place=0.0)
    mixed = Mixture(labelled=0.25, unlabelled=0.0, empty=0.0)
    return Exam(
        whole=[_as_is(pack, i) for i in range(len(records))],
        framed=[_seen(_framed(cast, i), i) for i in range(stills)],
        pasted=[_seen(_composed(cast, plain, i), i) for i in range(stills)],
        empty=[_seen(_place(cast, plain, i), i) for i in range(stills // 2)],
        clips=[
            random_clip(cast, LARGE[0], frames, np.random.default_rng([5, i]), mixed)
            for i in range(clips)
        ],
    )


def _as_is(pack: Pack, number: int) -> Sample:
    records = [r for r in pack.select(PERSON, held_out=True) if r.labelled]
    person = pack.person(records[number])
    return Sample(person.image, person.alpha, person.weight)


def _framed(cast: Casting, number: int) -> Sample:
    rng = np.random.default_rng([1, number])
    return photograph(cast, cast.labelled, LARGE[number % len(LARGE)], rng)


def _composed(cast: Casting, mixture: Mixture, number: int) -> Sample:
    rng = np.random.default_rng([2, number])
    place = random_place(cast, LARGE[number % len(LARGE)], rng, mixture)
    return composite(cast, place, rng, mixture)


def _place(cast: Casting, mixture: Mixture, number: int) -> Sample:
    rng = np.random.default_rng([3, number])
    size = LARGE[number % len(LARGE)]
    nobody = np.zeros(size, np.uint8)
    return Sample(random_place(cast, size, rng, mixture), nobody, nobody)


def _seen(sample: Sample, number: int) -> Sample:
    """By a camera a little milder than in training."""
    rng = np.random.default_rng([4, number])
    image = apply_look(sample.image, random_look(rng, 0.6), rng)
    return Sample(image, sample.alpha, sample.weight)


# -- grading ---------------------------------------------------------------------------------


def grade_all(networks: Sequence[Teacher], exam: Exam) -> list[NetworkScores]:
    """All figures of all networks."""
    cv2.setNumThreads(1)
    times = milliseconds_of(networks)
    return [grade(network, exam, spent) for network, spent in zip(networks, times, strict=True)]


def grade(network: Teacher, exam: Exam, milliseconds: float) -> NetworkScores:
    """All figures of one network; its time is measured beside the others'."""
    stills = {name: getattr(exam, name) for name in ("whole", "framed", "pasted")}
    figures = {
        f"{name}_{k}": v for name in stills for k, v in _stills(network, stills[name]).items()
    }
    clips = [_clip(network, clip) for clip in exam.clips]
    figures |= {f"moving_{k}": _mean(clip[k] for clip in clips) for k in clips[0]}
    return NetworkScores(
        name=network.name,
        empty=_mean(float(network(s.image).mean()) for s in exam.empty),
        milliseconds=milliseconds,
        **figures,
    )


def _stills(network: Teacher, samples: Sequence[Sample]) -> dict[str, float]:
    """Mean IoU and boundary F of single images."""
    return _frames([network(s.image) for s in samples], samples)


def _frames(mattes: Sequence[Floats], samples: Sequence[Sample]) -> dict[str, float]:
    pairs = [(m, _truth(s)) for m, s in zip(mattes, samples, strict=True)]
    return {
        "iou": _mean(metrics.iou(*pair) for pair in pairs),
        "f": _mean(metrics.boundary_f(*pair) for pair in pairs),
    }


def _clip(network: Teacher, clip: Sequence[Sample]) -> dict[str, float]:
    """The figures of one clip, fed frame by frame."""
    network.reset()
    mattes = [network.step(sample.image) for sample in clip]
    truths = [_truth(sample) for sample in clip]
    return _frames(mattes, clip) | {
        "mad": _mean(metrics.mad(m, t) for m, t in zip(mattes, truths, strict=True)),
        "dtssd": metrics.dtssd(mattes, truths),
        "flow": metrics.flow_error(mattes, [sample.image for sample in clip]),
    }


def milliseconds_of(networks: Sequence[Teacher], rounds: int = 100) -> list[float]:
    """Time of one frame at 256x144 (or a network's own size), the networks taking turns.

    The lower quartile: what other programs do to the clock only ever adds to it.
    """
    tensors = [_example(network) for network in networks]
    times = np.zeros((rounds, len(networks)))
    for row in times:
        for column, (network, tensor) in enumerate(zip(networks, tensors, strict=True)):
            start = time.perf_counter()
            network.raw(tensor)
            row[column] = time.perf_counter() - start
    for network in networks:
        network.reset()
    return [float(value) for value in 1000.0 * np.quantile(times, 0.25, axis=0)]


def _example(network: Teacher) -> Floats:
    network.reset()
    if network.fixed:
        return network.feed(np.zeros((144, 256, 3), np.uint8))
    rows = -(-144 // network.stride) * network.stride
    return np.random.default_rng(0).random((1, 3, rows, 256), np.float32)


def _truth(sample: Sample) -> Floats:
    return sample.alpha.astype(np.float32) / 255.0


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
