"""A folder of images and videos: what is to be done, what became of it, and its joining."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from streamcut.core.config import Settings
from streamcut.core.errors import StreamcutError, UsageError
from streamcut.jobs.inputs import IMAGES, VIDEOS, Kind, kind_of
from streamcut.jobs.many.tasks import Result, Task, still_task
from streamcut.jobs.parts import SECONDS
from streamcut.jobs.workpiece import Workpiece


@dataclass(frozen=True, slots=True)
class Item:
    """A file of the folder and what it becomes.

    Attributes:
        source: its path.
        output: path of the result.
        kind: "image" or "video".
    """

    source: str
    output: str
    kind: Kind

    @property
    def done(self) -> bool:
        """Whether the result is there and no older than the file."""
        try:
            return os.stat(self.output).st_mtime_ns >= os.stat(self.source).st_mtime_ns
        except OSError:
            return False


@dataclass(slots=True)
class BatchSummary:
    """What became of a folder.

    Attributes:
        done: files that were finished now.
        skipped: files that were done before.
        failed: (file, reason) of each that could not be done.
        frames: that were written.
        seconds: since the beginning.
        bytes: of all results.
        notes: what could not be kept, by file.
    """

    done: int = 0
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    frames: int = 0
    seconds: float = 0.0
    bytes: int = 0
    notes: dict[str, list[str]] = field(default_factory=dict)


def items_of(folder: str, out: str, image: str, video: str) -> Iterator[Item]:
    """Yield every image and video below a folder, in order, its place below another one kept.

    Hidden files and folders, and the output's own, are passed over.

    Args:
        folder: where they are.
        out: where the results go.
        image: ending of images' results, with its dot.
        video: that of videos'.
    """
    own = os.path.realpath(out)
    taken: set[Path] = set()
    for home, below, names in os.walk(folder):
        below[:] = sorted(
            name
            for name in below
            if name[0] != "." and os.path.realpath(os.path.join(home, name)) != own
        )
        for name in sorted(names):
            source = Path(home, name)
            if name[0] == "." or source.suffix.lower() not in IMAGES | VIDEOS:
                continue
            kind = kind_of(str(source))
            ending = image if kind == "image" else video
            place = Path(out) / source.relative_to(folder)
            target = place.with_suffix(ending)
            if target in taken:  # a.jpg and a.png: each keeps all of its name.
                target = place.with_name(place.name + ending)
            taken.add(target)
            yield Item(str(source), str(target), kind)


class FolderBatch:
    """Plans tasks and takes their results.

    Args:
        items: what there is to do.
        settings: as for single files.
        again: whether what is done is done again.
        delete: whether a file is deleted once its result is there.
        seconds: how long parts of videos are.
    """

    def __init__(
        self,
        items: Iterable[Item],
        settings: Settings,
        *,
        again: bool = False,
        delete: bool = False,
        seconds: float = SECONDS,
    ) -> None:
        self.summary = BatchSummary()
        self._items = items
        self._settings = settings
        self._again, self._delete, self._seconds = again, delete, seconds
        self._began = time.perf_counter()
        self._of: dict[str, Item] = {}
        self._pieces: dict[str, Workpiece] = {}
        self._left: dict[str, int] = {}

    def add(self, items: Iterable[Item]) -> None:
        """Take further items, once the tasks of those before are done."""
        self._items = items

    def tasks(self) -> Iterator[Task]:
        """Yield what is to be done, planned only when it is asked for."""
        for item in self._items:
            if item.done and not self._again:
                self.summary.skipped += 1
                continue
            try:
                Path(item.output).parent.mkdir(parents=True, exist_ok=True)
                yield from self._planned(item)
            except (StreamcutError, OSError) as error:
                self._fail(item, str(error))

    def _planned(self, item: Item) -> Iterator[Task]:
        if item.kind == "image":
            self._of[item.output] = item
            yield still_task(item.source, item.output, self._settings)
            return
        piece = Workpiece(item.source, item.output, self._settings, seconds=self._seconds)
        todo = piece.prepare()
        self._pieces[item.output], self._left[item.output] = piece, len(todo)
        if not todo:
            self._join(item)
        for part in todo:
            task = piece.task(part)
            self._of[task["output"]] = item
            if item.source not in self.summary.failed:
                yield task

    def take(self, task: Task, result: Result) -> Item | None:
        """Note what became of a task, and return its file if that is finished now."""
        item = self._of.pop(task["output"])
        if result.error:
            self._fail(item, result.error)
            return None
        self.summary.frames += result.frames
        if result.notes:
            known = self.summary.notes.setdefault(item.source, [])
            known += [note for note in result.notes if note not in known]
        if item.kind == "image":
            self._finished(item, result.bytes)
            return item
        self._left[item.output] -= 1
        if self._left[item.output] or item.source in self.summary.failed:
            return None
        try:
            self._join(item)
        except StreamcutError as error:
            self._fail(item, str(error))
            return None
        return item

    def _join(self, item: Item) -> None:
        notes = self._pieces.pop(item.output).finish()
        if notes:
            self.summary.notes.setdefault(item.source, []).extend(notes)
        self._finished(item, os.stat(item.output).st_size)

    def _finished(self, item: Item, size: int) -> None:
        self.summary.done += 1
        self.summary.bytes += size
        self.summary.failed.pop(item.source, None)
        self.summary.seconds = time.perf_counter() - self._began
        if self._delete:
            os.remove(item.source)

    def _fail(self, item: Item, reason: str) -> None:
        self.summary.failed.setdefault(item.source, reason)
        self.summary.seconds = time.perf_counter() - self._began


def check_folders(folder: str, out: str) -> None:
    """Refuse folders that cannot be.

    Raises:
        UsageError: if the first is none, or the second is the first or a file.
    """
    if not os.path.isdir(folder):
        raise UsageError(f"{folder} is not a folder")
    if os.path.isfile(out):
        raise UsageError(f"{out} is a file, not a folder")
    if Path(out).suffix.lower() in IMAGES | VIDEOS and not os.path.isdir(out):
        raise UsageError(f"{folder} is a folder, and so must its output be: {out} names a file")
    if os.path.realpath(folder) == os.path.realpath(out):
        raise UsageError(f"{out} is the input: choose another folder")
