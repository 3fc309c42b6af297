"""Draws what a training sample is made of: people, their cutouts, clips and empty places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from streamcut.training.arrays import Bytes
from streamcut.training.geometry import Box, box_of
from streamcut.training.pack import PERSON, PLACE, SCENE, Pack, Person, Record


@dataclass(frozen=True)
class Mixture:
    """How often each kind of image is drawn (the rest are composites)."""

    labelled: float = 0.32
    unlabelled: float = 0.18
    empty: float = 0.11
    synthetic_place: float = 0.10
    beside: float = 0.0
    clutter: float = 0.35
    occluder: float = 0.10
    bent: float = 0.35
    limb: float = 0.3

    def draw(self, rng: np.random.Generator) -> str:
        """The kind of the next image."""
        shares = (self.labelled, self.unlabelled, self.empty)
        kinds = ("labelled", "unlabelled", "empty", "composite")
        return kinds[int(np.searchsorted(np.cumsum(shares), rng.random(), side="right"))]


def repeated(records: Iterable[Record]) -> list[Record]:
    """Every record as many times as it is to be shown."""
    return [record for record in records for _ in range(record.times)]


class Casting:
    """Draws people and places from a pack."""

    def __init__(self, pack: Pack, *, held_out: bool = False) -> None:
        self._pack = pack
        people = repeated(pack.select(PERSON, held_out=held_out))
        scenes = pack.select(SCENE, held_out=held_out)
        stills = repeated(r for r in scenes if not r.clip)
        self.labelled = [r for r in people if r.labelled and r.quality > 0.6] + stills
        clips = [list(c) for key, c in groupby(scenes, key=lambda r: r.clip) if key]
        self.clips = [clip for clip in clips for _ in range(clip[0].times)]
        self.unlabelled = [r for r in people if not r.labelled and r.quality > 0.7]
        self.cutouts = [r for r in people if r.quality > (0.8 if r.labelled else 0.9)]
        self.places = repeated(pack.select(PLACE, held_out=held_out))
        self._rooms = [r for r in self.places if r.width > r.height]
        self._boxes: dict[str, Box | None] = {}

    def person(self, records: list[Record], rng: np.random.Generator) -> tuple[Person, Box]:
        """A person and the box around it; a photograph without anybody is redrawn."""
        _, person, box = self.drawn(records, rng)
        return person, box

    def drawn(self, records: list[Record], rng: np.random.Generator) -> tuple[Record, Person, Box]:
        """As `person`, with the record."""
        for _ in range(100):
            record = records[int(rng.integers(len(records)))]
            person = self._pack.person(record)
            box = self._boxes.setdefault(record.name, box_of(person.alpha))
            if box is not None:
                return record, person, box
        raise ValueError("no photograph in the pack shows a person")

    def beside(self, rng: np.random.Generator) -> Bytes | None:
        """The largest part of a photograph beside, above or below its people; None if small."""
        _, person, box = self.drawn(self.labelled, rng)
        faint = box_of(np.where(person.alpha > 12, 255, 0).astype(np.uint8)) or box
        rows, columns = person.alpha.shape
        parts = (
            person.image[:, : faint.left],
            person.image[:, faint.right :],
            person.image[: faint.top],
            person.image[faint.bottom :],
        )
        part = max(parts, key=lambda plane: plane.shape[0] * plane.shape[1])
        return part if part.shape[0] * part.shape[1] > 0.15 * rows * columns else None

    def cloth(self, rng: np.random.Generator) -> Bytes:
        """A piece of what somebody wears, without head, hands or feet."""
        person, box = self.person(self.cutouts or self.labelled, rng)
        top, side = box.top + 0.35 * box.height, 0.25 * box.width
        rows = slice(int(top), int(top + 0.3 * box.height) + 2)
        return person.foreground[rows, int(box.left + side) : int(box.right - side) + 2]

    def clip(self, rng: np.random.Generator, frames: int) -> list[tuple[Record, Person]]:
        """Consecutive frames of a real clip, forwards or backwards."""
        clip = self.clips[int(rng.integers(len(self.clips)))]
        start = int(rng.integers(max(1, len(clip) - frames + 1)))
        part = clip[start : start + frames]
        if rng.random() < 0.5:
            part = part[::-1]
        part += [part[-1]] * (frames - len(part))
        return [(record, self._pack.person(record)) for record in part]

    def place(self, rng: np.random.Generator) -> Bytes:
        """Panorama views and painted-over photographs, half and half."""
        rooms = self._rooms if self._rooms and rng.random() < 0.5 else self.places
        return self._pack.place(rooms[int(rng.integers(len(rooms)))])
