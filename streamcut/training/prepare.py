"""Builds a pack from folders of photographs, masks and panoramas.

A photograph `photos/NAME.*` with a mask `masks/NAME.png` is labelled; the
others are labelled by the teachers, and left out where there are none. Every
photograph also gives a place: itself with the people painted over, kept if the
teachers see nobody left in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from streamcut.training.arrays import Bytes, Flags, Floats, to_bytes
from streamcut.training.pack import PackWriter, Person
from streamcut.training.panoramas import views
from streamcut.training.soften import (
    clean_foreground,
    close_holes,
    closed_form_alpha,
    trimap_of_mask,
    trimap_of_probability,
    without_people,
)
from streamcut.training.teachers import Teacher, consensus, load_teachers

IMAGES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class Sources:
    """What a pack is made from. `hold_every` keeps every n-th labelled image apart."""

    photos: Path
    masks: Path | None = None
    places: Path | None = None
    teachers: tuple[Path, ...] = field(default=())
    height: int = 480
    hold_every: int = 10
    views_per_place: int = 48
    processes: int = os.cpu_count() or 1

    def with_processes(self, count: int | None) -> Sources:
        """The same sources, worked on by `count` processes (None: as many as before)."""
        return self if count is None else replace(self, processes=count)


@dataclass(frozen=True)
class Prepared:
    """One photograph made ready: the person, and the place if it is empty enough."""

    name: str
    person: Person
    place: Bytes | None
    labelled: bool
    quality: float
    held_out: bool


def prepare(sources: Sources, folder: Path) -> None:
    """Write the pack into `folder`."""
    with PackWriter(folder) as pack:
        for number, item in enumerate(_photographs(sources)):
            _add(pack, item)
            if number % 50 == 0:
                print(f"{number} photographs", flush=True)
        for name, image, held_out in views(sources.places, sources.views_per_place):
            pack.add_place(name, image, held_out=held_out)


def _add(pack: PackWriter, item: Prepared) -> None:
    pack.add_person(
        item.name,
        item.person,
        held_out=item.held_out,
        labelled=item.labelled,
        quality=item.quality,
    )
    if item.place is not None:
        pack.add_place(item.name, item.place, held_out=item.held_out)


# -- photographs -----------------------------------------------------------------------------


def _photographs(sources: Sources) -> Iterator[Prepared]:
    jobs = list(_jobs(sources))
    workers = ProcessPoolExecutor(
        sources.processes,
        mp_context=get_context("spawn"),
        initializer=_start_worker,
        initargs=(sources.teachers, sources.height),
    )
    with workers:
        for item in workers.map(_photograph, jobs, chunksize=4):
            if item is not None:
                yield item


def _jobs(sources: Sources) -> Iterator[tuple[Path, Path | None, bool]]:
    """(photograph, mask, held out), the labelled ones first."""
    photos = sorted(p for p in sources.photos.iterdir() if p.suffix.lower() in IMAGES)
    labelled = [(p, m) for p in photos if (m := _mask_of(p, sources.masks)) is not None]
    for number, (photo, mask) in enumerate(labelled):
        yield photo, mask, number % sources.hold_every == 3
    if sources.teachers:
        seen = {photo for photo, _ in labelled}
        yield from ((photo, None, False) for photo in photos if photo not in seen)


def _mask_of(photo: Path, masks: Path | None) -> Path | None:
    mask = masks / f"{photo.stem}.png" if masks else None
    return mask if mask and mask.exists() else None


_teachers: Sequence[Teacher] = ()
_height = 480


def _start_worker(teachers: Sequence[Path], height: int) -> None:
    global _teachers, _height
    cv2.setNumThreads(1)
    _teachers, _height = load_teachers(teachers), height


def _photograph(job: tuple[Path, Path | None, bool]) -> Prepared | None:
    photo, mask_path, held_out = job
    image = _read(photo, _height)
    opinion = consensus(_teachers, image) if _teachers else None
    if mask_path is not None:
        mask = close_holes(_read_mask(mask_path, image.shape[:2]))
        person, quality = _labelled(image, mask, opinion)
    elif opinion is not None:
        person, quality = _by_teachers(image, opinion)
    else:
        return None
    place = _empty_place(image, person.alpha)
    return Prepared(photo.stem, person, place, mask_path is not None, quality, held_out)


def _labelled(image: Bytes, mask: Flags, opinion: Floats | None) -> tuple[Person, float]:
    """Trust the mask, less where all teachers contradict it."""
    alpha = closed_form_alpha(image, trimap_of_mask(mask))
    if opinion is None:
        return _person(image, alpha, np.ones_like(alpha)), 1.0
    contradicted = np.abs(opinion - mask) > 0.75
    weight = np.where(contradicted, 0.35, 1.0).astype(np.float32)
    return _person(image, alpha, weight), _overlap(opinion > 0.5, mask)


def _by_teachers(image: Bytes, opinion: Floats) -> tuple[Person, float]:
    """Trust the teachers where they are sure; quality = sure share of the person."""
    trimap = trimap_of_probability(opinion)
    alpha = closed_form_alpha(image, trimap)
    sure = np.abs(opinion - 0.5) * 2.0
    person = opinion > 0.5
    share = float(sure[person].mean()) if person.any() else 0.0
    return _person(image, alpha, np.where(sure < 0.25, 0.0, sure)), share


def _person(image: Bytes, alpha: Floats, weight: Floats) -> Person:
    return Person(image, clean_foreground(image, alpha), to_bytes(alpha), to_bytes(weight))


def cutout_of_mask(photo: Path, mask: Path, height: int) -> Person:
    """A person by a hard mask: soft borders, and colours without the background's."""
    image = _read(photo, height)
    solid = close_holes(_read_mask(mask, image.shape[:2]))
    alpha = closed_form_alpha(image, trimap_of_mask(solid))
    return _person(image, alpha, np.ones_like(alpha))


def _empty_place(image: Bytes, alpha: Bytes) -> Bytes | None:
    place = without_people(image, alpha.astype(np.float32) / 255.0)
    left_over = [float((teacher(place) > 0.5).mean()) for teacher in _teachers]
    return place if not left_over or max(left_over) < 0.02 else None


def _overlap(a: Flags, b: Flags) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def _read(path: Path, height: int) -> Bytes:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"not a readable image: {path}")
    width = max(8, round(image.shape[1] * height / image.shape[0]))
    scaled = cv2.resize(image[..., ::-1], (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(scaled)


def _read_mask(path: Path, size: tuple[int, ...]) -> Flags:
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ValueError(f"not a readable mask: {path}")
    return cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_AREA) > 127
