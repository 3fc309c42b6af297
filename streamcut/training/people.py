"""A pack of photographs with mattes from teachers, held out by source.

`photos/SET/NAME.*` is an image, `mattes/SET/NAME.webp` its matte, and
`trust.json` says how far the teachers agree on it, {"SET/NAME": 0..1}. A set is
one source: all of it is learned from, or all of it is held out. Images on
which the teachers agree also give cutouts to paste into other places.

`clips/SET__NAME.npz` holds consecutive frames of a clip, `frames` uint8 RGB
[n, h, w, 3], and their mattes, `alpha` uint8 [n, h, w].
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from streamcut.training.arrays import Bytes
from streamcut.training.pack import PackWriter, Person
from streamcut.training.panoramas import random_view, read_panorama
from streamcut.training.prepare import cutout_of_mask
from streamcut.training.soften import clean_foreground

IMAGES = (".jpg", ".jpeg", ".png", ".webp")


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


def prepare_people(sources: PeopleSources, folder: Path) -> None:
    """Write the pack into `folder`."""
    with PackWriter(folder) as pack:
        for job, person in _worked(sources):
            group = job.name.split("/")[0]
            held_out = _is_of(job.name, sources.held_out)
            if job.cutout:
                pack.add_person(
                    job.name, person, held_out=held_out, labelled=True, quality=job.trust
                )
            else:
                pack.add_scene(
                    job.name,
                    person.image,
                    person.alpha,
                    held_out=held_out,
                    quality=job.trust,
                    squashed=group in sources.squashed,
                )
        for name, person in _masked(sources):
            pack.add_person(name, person, held_out=False, labelled=False, quality=1.0)
        for name, path in _clips(sources):
            _add_clip(pack, name, path, held_out=_is_of(name, sources.held_out))
        for name, view, held_out in _views(sources):
            pack.add_place(name, view, held_out=held_out)


def _is_of(name: str, parts: frozenset[str]) -> bool:
    """Whether an image belongs to one of the sets, or parts of sets."""
    return any(
        name.split("/")[0] == part or ("/" in part and name.startswith(part)) for part in parts
    )


def _worked(sources: PeopleSources) -> Iterator[tuple[_PersonTask, Person]]:
    jobs = list(_jobs(sources))
    workers = ProcessPoolExecutor(sources.processes, mp_context=get_context("spawn"))
    with workers:
        yield from zip(jobs, workers.map(_person, jobs, chunksize=8), strict=True)


def _jobs(sources: PeopleSources) -> Iterator[_PersonTask]:
    for name, matte, trust in _labelled(sources.mattes):
        photo = _photo_of(sources.photos, name)
        group = name.split("/")[0]
        if photo is None or _is_of(name, sources.skipped):
            continue
        cutout = trust >= sources.cutout_trust and group not in sources.squashed
        yield _PersonTask(name, photo, matte, trust, sources.long_side, cutout)


def _labelled(folders: Iterable[Path]) -> Iterator[tuple[str, Path, float]]:
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


def _person(job: _PersonTask) -> Person:
    cv2.setNumThreads(1)
    image = cv2.imread(str(job.photo), cv2.IMREAD_COLOR)
    matte = cv2.imread(str(job.matte), cv2.IMREAD_GRAYSCALE)
    if image is None or matte is None:
        raise ValueError(f"not a readable image: {job.photo} or {job.matte}")
    scale = min(1.0, job.long_side / max(image.shape[:2]))
    size = (max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale)))
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


def _views(sources: PeopleSources) -> Iterator[tuple[str, Bytes, bool]]:
    """Perspective views of every panorama; every fifth panorama is held out."""
    paths = sorted(sources.places.glob("*.hdr")) if sources.places else []
    for number, path in enumerate(paths):
        panorama, rng = read_panorama(path), np.random.default_rng(number)
        for _ in range(sources.views_per_place):
            yield f"panorama/{path.stem}", random_view(panorama, (320, 448), rng), number % 5 == 2
