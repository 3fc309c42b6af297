"""What is known of every video: in SQLite, so that a restart loses nothing."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

State = Literal["uploading", "ready", "queued", "running", "done", "failed"]
ENDED: frozenset[State] = frozenset({"done", "failed"})

_TABLE = "create table if not exists videos (id text primary key, facts text not null)"


@dataclass(frozen=True, slots=True)
class VideoRecord:
    """What is known of one video (or image).

    Attributes:
        id: nobody guesses it.
        name: of the file, as its sender calls it; never a path here.
        state: how far it is.
        kind: video or image; empty until the upload is there.
        size: bytes of the upload; 0 where nobody has said.
        received: bytes that came.
        start: whether to begin when the upload is there.
        format: of the result: its ending without the dot.
        settings: as the client gave them.
        background: whether there is a background of its own.
        created: seconds since 1970.
        changed: likewise.
        queued: when it was put in the queue.
        width: of the frames, pixels.
        height: likewise.
        duration: seconds.
        frames: that are done.
        expected: frames that there will be, or 0.
        seconds: of work so far.
        attempts: how often work was begun and not finished.
        error: why it failed.
        notes: what the result could not keep.
        result: name of the result's file in the video's folder.
        bytes: of the result.
    """

    id: str
    name: str
    state: State = "uploading"
    kind: str = ""
    size: int = 0
    received: int = 0
    start: bool = True
    format: str = "webm"
    settings: dict[str, Any] = field(default_factory=dict)
    background: bool = False
    created: float = 0.0
    changed: float = 0.0
    queued: float = 0.0
    width: int = 0
    height: int = 0
    duration: float = 0.0
    frames: int = 0
    expected: int = 0
    seconds: float = 0.0
    attempts: int = 0
    error: str = ""
    notes: list[str] = field(default_factory=list)
    result: str = ""
    bytes: int = 0

    @property
    def eta(self) -> float | None:
        """Seconds left, or None while nobody can tell."""
        if self.state != "running" or self.frames < 10 or not self.expected:
            return None
        return max(0.0, self.seconds / self.frames * (self.expected - self.frames))


class VideoStore:
    """Every video and its folder.

    Args:
        folder: where all of it lies; it becomes private.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if os.name == "posix":
            folder.chmod(0o700)
        self._folder = folder
        self._database = sqlite3.connect(folder / "videos.sqlite", check_same_thread=False)
        self._database.execute("pragma journal_mode=wal")
        self._database.execute(_TABLE)
        known = {each.name for each in fields(VideoRecord)}
        self._records = {
            name: VideoRecord(**{k: v for k, v in json.loads(facts).items() if k in known})
            for name, facts in self._database.execute("select id, facts from videos")
        }
        self._tidy()

    def _tidy(self) -> None:
        """Take up what the last server left: what ran is to run again, lost folders go."""
        for record in list(self._records.values()):
            if record.state == "running":
                self.change(record.id, state="queued")
        for folder in self._folder.iterdir():
            if folder.is_dir() and folder.name not in self._records:
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __iter__(self) -> Iterator[VideoRecord]:
        return iter(sorted(self._records.values(), key=lambda record: record.created))

    def get(self, name: str) -> VideoRecord | None:
        """Return what is known of a video, or None."""
        return self._records.get(name)

    def add(self, **facts: Any) -> VideoRecord:
        """Return a new video."""
        now = time.time()
        record = VideoRecord(secrets.token_urlsafe(16), created=now, changed=now, **facts)
        self.folder(record.id).mkdir(mode=0o700)
        self._keep(record)
        return record

    def change(self, name: str, *, keep: bool = True, **facts: Any) -> VideoRecord:
        """Return a video with other facts; ``keep`` writes them down too."""
        record = replace(self._records[name], changed=time.time(), **facts)
        self._records[name] = record
        if keep:
            self._keep(record)
        return record

    def remove(self, name: str) -> None:
        """Forget a video and all its files."""
        self._records.pop(name, None)
        with self._database:
            self._database.execute("delete from videos where id = ?", (name,))
        shutil.rmtree(self.folder(name), ignore_errors=True)

    def next(self) -> VideoRecord | None:
        """Return the video that has waited longest, or None."""
        waiting = [record for record in self if record.state == "queued"]
        return min(waiting, key=lambda record: record.queued, default=None)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(record.state == "queued" for record in self._records.values())

    @property
    def bytes(self) -> int:
        """What uploads and results take, with what is still to come of them."""
        return sum(max(r.size, r.received) + r.bytes for r in self._records.values())

    def folder(self, name: str) -> Path:
        """Return where a video's files lie."""
        return self._folder / name

    def input(self, name: str) -> Path:
        """Return where the upload lies."""
        return self.folder(name) / "input"

    def background(self, name: str) -> Path:
        """Return where its own background lies."""
        return self.folder(name) / "background"

    def _keep(self, record: VideoRecord) -> None:
        self._records[record.id] = record
        with self._database:
            self._database.execute(
                "insert or replace into videos values (?, ?)",
                (record.id, json.dumps(asdict(record))),
            )
