"""The prepared data set: one flat file of uint8 planes and an index.

A pack is a folder with `data.bin` (planes one after another) and `index.json`
(one record per image). Reading maps the file, so several worker processes
share one copy of it in memory.

    kind      planes
    person    image [h, w, 3], foreground [h, w, 3], alpha [h, w], weight [h, w]
    scene     image [h, w, 3], alpha [h, w], and weight [h, w] where the record is "weighed":
              people who cannot be cut out
    place     image [h, w, 3]

`weight` says how far the alpha is to be trusted, 255 = fully. All colours are
RGB, gamma-encoded (sRGB), 0..255. A record's name is "source/image" where the
source matters: images are held out by it. Consecutive frames of a clip have
one `clip` and follow each other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal

import numpy as np

from streamcut.training.arrays import Bytes

PERSON = "person"
SCENE = "scene"
PLACE = "place"


@dataclass(frozen=True)
class Record:
    """Where one image lies in `data.bin`, and what it may be used for.

    `quality` is how far the teachers agree, 0..1; a record is drawn `times` as often as others.
    """

    name: str
    kind: str
    height: int
    width: int
    offset: int
    held_out: bool = False
    labelled: bool = False
    quality: float = 1.0
    squashed: bool = False
    clip: str = ""
    weighed: bool = False
    times: int = 1

    @property
    def source(self) -> str:
        """Where the image came from: the part of its name before the slash."""
        return self.name.split("/")[0]


@dataclass(frozen=True)
class Person:
    """A photograph of people, its matte, and how far the matte is trusted."""

    image: Bytes
    foreground: Bytes
    alpha: Bytes
    weight: Bytes


class PackWriter:
    """Appends images to a pack; the index is written when the block ends.

    Args:
        folder: of the pack.
        records: of a pack that is there, in whose place the index is written; what is added
            comes after them. None begins a new pack.
    """

    def __init__(self, folder: Path, records: Sequence[Record] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._records = list(records or ())
        mode: Literal["wb", "ab"] = "wb" if records is None else "ab"
        self._file: BinaryIO = (folder / "data.bin").open(mode)

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        partial = self._folder / "index.part"
        partial.write_text(json.dumps([asdict(record) for record in self._records]))
        os.replace(partial, self._folder / "index.json")

    def add_person(
        self, name: str, person: Person, *, held_out: bool, labelled: bool, quality: float
    ) -> None:
        """Append a photograph of people."""
        height, width = person.alpha.shape
        planes = (person.image, person.foreground, person.alpha, person.weight)
        record = Record(name, PERSON, height, width, self._file.tell(), held_out, labelled, quality)
        self._append(record, planes)

    def add_scene(
        self,
        name: str,
        image: Bytes,
        alpha: Bytes,
        *,
        held_out: bool,
        quality: float = 1.0,
        squashed: bool = False,
        clip: str = "",
        weight: Bytes | None = None,
    ) -> None:
        """Append an image whose people stay in it, or a frame of a clip.

        Without a weight all of it is trusted.
        """
        height, width = alpha.shape
        record = Record(
            name,
            SCENE,
            height,
            width,
            self._file.tell(),
            held_out,
            labelled=True,
            quality=quality,
            squashed=squashed,
            clip=clip,
            weighed=weight is not None,
        )
        self._append(record, (image, alpha) if weight is None else (image, alpha, weight))

    def add_place(self, name: str, image: Bytes, *, held_out: bool) -> None:
        """Append an image without people."""
        height, width = image.shape[:2]
        record = Record(name, PLACE, height, width, self._file.tell(), held_out)
        self._append(record, (image,))

    def _append(self, record: Record, planes: tuple[Bytes, ...]) -> None:
        for plane in planes:
            self._file.write(np.ascontiguousarray(plane).tobytes())
        self._records.append(record)


class Pack:
    """Reads a pack; every array is a read-only view of the mapped file."""

    def __init__(self, folder: Path) -> None:
        rows = json.loads((folder / "index.json").read_text())
        self.records = [Record(**row) for row in rows]
        self._data = np.memmap(folder / "data.bin", dtype=np.uint8, mode="r")

    def select(self, kind: str, *, held_out: bool) -> list[Record]:
        """The records of a kind, either those to learn from or those held out."""
        return [r for r in self.records if r.kind == kind and r.held_out == held_out]

    def person(self, record: Record) -> Person:
        """The planes of a person, or of a scene, which has its own colours as foreground."""
        if record.kind != SCENE:
            image, foreground, alpha, weight = self._planes(record, (3, 3, 1, 1))
            return Person(image, foreground, alpha[..., 0], weight[..., 0])
        image, alpha, *rest = self._planes(record, (3, 1, 1) if record.weighed else (3, 1))
        weight = rest[0] if rest else np.full_like(alpha, 255)
        return Person(image, image, alpha[..., 0], weight[..., 0])

    def place(self, record: Record) -> Bytes:
        """The image of a place."""
        return next(self._planes(record, (3,)))

    def _planes(self, record: Record, channels: tuple[int, ...]) -> Iterator[Bytes]:
        start = record.offset
        for depth in channels:
            end = start + record.height * record.width * depth
            yield self._data[start:end].reshape(record.height, record.width, depth)
            start = end
