"""A pack of photographs with mattes from teachers, held out by source.

`photos/SET/NAME.*` is an image, `mattes/SET/NAME.webp` its matte, and
`trust.json` says how far the teachers agree on it, {"SET/NAME": 0..1}. A set is
one source: all of it is learned from, or all of it is held out. Images on
which the teachers agree also give cutouts to paste into other places. Where
judges, which are other person networks, doubt a matte, it is not taught; and
where they see nobody left in a photograph whose people were painted over, that
is an empty place.

`clips/SET__NAME.npz` holds consecutive frames of a clip, `frames` uint8 RGB
[n, h, w, 3], and their mattes, `alpha` uint8 [n, h, w].
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from streamcut.training.arrays import Bytes
from streamcut.training.doubt import trusted
from streamcut.training.label import IMAGES, within
from streamcut.training.pack import PackWriter, Person
from streamcut.training.panoramas import views
from streamcut.training.prepare import cutout_of_mask
from streamcut.training.soften import clean_foreground, without_people
from streamcut.training.teachers import Teacher

_DOUBTED = 0.002
"""Doubt about less than this share of an image is none."""
_PAINTED = (0.02, 0.33)
"""Between which shares of an image its people can be painted over."""
_PAINTED_TRUST = 0.75
"""From which agreement on a person nobody else is expected beside him."""
_LEFT, _LEFT_SHARE = 0.4, 0.008
"""In a painted place, no judge may see more than this share above this alpha."""


@dataclass(frozen=True)
class PeopleSources:
    """What a pack is made from.

    Attributes:
        photos: a folder of sets.
        mattes: folders of sets; the last that has an image's matte wins.
        held_out: the sets that nothing is learned from; a part of a set by the beginning of its
            names, "SET/NAME".
        squashed: the sets whose images were stretched to a square.
        places: a folder of equirectangular panoramas without people.
        skipped: sets, or images and clips as "SET/NAME", that are left out.
        clips: a folder of clips.
        masked: folders of photographs and of hard masks of one person each, who is cut out; the
            photographs are not shown, since others may be in them.
        judges: ONNX files of the person networks that doubt mattes.
        long_side: pixels.
        cutout_trust: from which agreement on a person may be cut out.
    """

    photos: Path
    mattes: tuple[Path, ...]
    held_out: frozenset[str]
    squashed: frozenset[str] = frozenset()
    places: Path | None = None
    skipped: frozenset[str] = field(default=frozenset())
    clips: Path | None = None
    masked: tuple[Path, Path] | None = None
    judges: tuple[Path, ...] = ()
    long_side: int = 480
    cutout_trust: float = 0.93
    views_per_place: int = 40
    processes: int = 1


@dataclass(frozen=True)
class _PersonTask:
    name: str
    photo: Path
    matte: Path
    trust: float
    long_side: int
    cutout: bool
    held_out: bool
    judges: tuple[Path, ...]


@dataclass(frozen=True)
class _Labelled:
    """A photograph with its matte, and what is left of it without its people, if that is good."""

    person: Person
    place: Bytes | None


def prepare_people(sources: PeopleSources, folder: Path) -> None:
    """Write the pack into `folder`."""
    with PackWriter(folder) as pack:
        for job, made in _worked(sources):
            _add_still(pack, job, made.person, squashed=_is_of(job.name, sources.squashed))
            if made.place is not None:
                pack.add_place(job.name, made.place, held_out=False)
        for name, person in _masked(sources):
            pack.add_person(name, person, held_out=False, labelled=False, quality=1.0)
        for name, path in _clips(sources):
            _add_clip(pack, name, path, held_out=_is_of(name, sources.held_out))
        for name, view, held_out in views(sources.places, sources.views_per_place):
            pack.add_place(f"panorama/{name}", view, held_out=held_out)


def _add_still(pack: PackWriter, job: _PersonTask, person: Person, *, squashed: bool) -> None:
    if job.cutout:
        pack.add_person(job.name, person, held_out=job.held_out, labelled=True, quality=job.trust)
        return
    doubted = float((person.weight == 0).mean())
    pack.add_scene(
        job.name,
        person.image,
        person.alpha,
        held_out=job.held_out,
        quality=job.trust,
        squashed=squashed,
        weight=person.weight if doubted > _DOUBTED else None,
    )


def _is_of(name: str, parts: frozenset[str]) -> bool:
    """Whether an image belongs to one of the sets, or parts of sets."""
    return any(
        name.split("/")[0] == part or ("/" in part and name.startswith(part)) for part in parts
    )


def _worked(sources: PeopleSources) -> Iterator[tuple[_PersonTask, _Labelled]]:
    jobs = list(_jobs(sources))
    workers = ProcessPoolExecutor(sources.processes, mp_context=get_context("spawn"))
    with workers:
        yield from zip(jobs, workers.map(_labelled, jobs, chunksize=8), strict=True)


def _jobs(sources: PeopleSources) -> Iterator[_PersonTask]:
    for name, matte, trust in _mattes(sources.mattes):
        photo = _photo_of(sources.photos, name)
        if photo is None or _is_of(name, sources.skipped):
            continue
        cutout = trust >= sources.cutout_trust and not _is_of(name, sources.squashed)
        held_out = _is_of(name, sources.held_out)
        yield _PersonTask(
            name, photo, matte, trust, sources.long_side, cutout, held_out, sources.judges
        )


def _mattes(folders: Iterable[Path]) -> Iterator[tuple[str, Path, float]]:
    """Every image's name, newest matte and trust, in order of the names."""
    found: dict[str, tuple[Path, float]] = {}
    for folder in folders:
        known = _trust(folder)
        for matte in folder.glob("*/*.webp"):
            name = f"{matte.parent.name}/{matte.stem}"
            found[name] = (matte, known.get(name, 1.0))
    for name in sorted(found):
        yield name, *found[name]


def _trust(folder: Path) -> dict[str, float]:
    for path in (folder / "trust.json", folder.parent / "trust.json"):
        if path.exists():
            known: dict[str, float] = json.loads(path.read_text())
            return known
    return {}


def _photo_of(photos: Path, name: str) -> Path | None:
    paths = (photos / f"{name}{suffix}" for suffix in IMAGES)
    return next((path for path in paths if path.exists()), None)


def _labelled(job: _PersonTask) -> _Labelled:
    person = _person(job)
    if job.held_out or not job.judges:
        return _Labelled(person, None)
    judges = [_judge(path) for path in job.judges]
    if not job.cutout:
        opinions = [judge(person.image) for judge in judges]
        person = replace(person, weight=trusted(person.alpha, opinions))
    return _Labelled(person, _emptied(person, job.trust, judges))


_judge = lru_cache(Teacher)  # One of each a process.


def _emptied(person: Person, trust: float, judges: Sequence[Teacher]) -> Bytes | None:
    """The photograph with its people painted over, where no judge sees somebody left."""
    least, most = _PAINTED
    if trust < _PAINTED_TRUST or not least < float((person.alpha > 60).mean()) < most:
        return None
    place = without_people(person.image, person.alpha.astype(np.float32) / 255.0)
    left = max(float((judge(place) > _LEFT).mean()) for judge in judges)
    return place if left <= _LEFT_SHARE else None


def _person(job: _PersonTask) -> Person:
    cv2.setNumThreads(1)
    image = cv2.imread(str(job.photo), cv2.IMREAD_COLOR)
    matte = cv2.imread(str(job.matte), cv2.IMREAD_GRAYSCALE)
    if image is None or matte is None:
        raise ValueError(f"not a readable image: {job.photo} or {job.matte}")
    size = within(image.shape[1], image.shape[0], job.long_side)
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)[..., ::-1].copy()
    matte = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
    front = _foreground(image, matte) if job.cutout else image
    return Person(image, front, matte, np.full_like(matte, 255))


def _foreground(image: Bytes, matte: Bytes) -> Bytes:
    return clean_foreground(image, matte.astype(np.float32) / 255.0)


def _masked(sources: PeopleSources) -> Iterator[tuple[str, Person]]:
    if sources.masked is None:
        return
    photos, masks = sources.masked
    for path in sorted(masks.glob("*.png")):
        photo = _photo_of(photos, path.stem)
        if photo is not None:
            yield (
                f"{photos.parent.name}/{path.stem}",
                cutout_of_mask(photo, path, sources.long_side),
            )


def _clips(sources: PeopleSources) -> Iterator[tuple[str, Path]]:
    for path in sorted(sources.clips.glob("*.npz")) if sources.clips else []:
        name = path.stem.replace("__", "/", 1)
        if not _is_of(name, sources.skipped):
            yield name, path


def _add_clip(pack: PackWriter, name: str, path: Path, *, held_out: bool) -> None:
    with np.load(path) as planes:
        for frame, alpha in zip(planes["frames"], planes["alpha"], strict=True):
            pack.add_scene(name, frame, alpha, held_out=held_out, clip=name)
