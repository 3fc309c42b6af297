"""Folders: what is in them, what is done and what is left, and a team that outlives its workers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.media import pictures, shown, write
from PIL import Image

from streamcut.core.config import Settings
from streamcut.core.errors import UsageError
from streamcut.jobs.many.batch import FolderBatch, check_folders, items_of
from streamcut.jobs.many.tasks import Result, Task, Worker
from streamcut.jobs.many.team import LocalTeam, shared_out
from streamcut.jobs.many.watching import arrivals

QUICK = Settings().with_options({"threads": 1})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "in"
    (home / "sub").mkdir(parents=True)
    for name in ("a.jpg", "a.png", "sub/b.webp", ".hidden.jpg"):
        Image.fromarray(np.full((32, 48, 3), 200, np.uint8)).save(home / name)
    write(home / "sub/c.mkv", pictures(3))
    (home / "notes.txt").write_text("mine")
    return home


class Here:
    """A team of this process; ``deaths`` says how often a worker dies first."""

    def __init__(self, deaths: int = 0) -> None:
        self.idle = 1
        self.deaths = deaths
        self.given: list[str] = []
        self._task: Task | None = None
        self._worker = Worker()

    def start(self, task: Task) -> None:
        self.idle, self._task = 0, task
        self.given.append(Path(task["output"]).name)

    def wait(self, seconds: float) -> tuple[Task, Result] | None:
        task, self._task, self.idle = self._task, None, 1
        assert task is not None
        if self.deaths:
            self.deaths -= 1
            return task, Result(error="a worker died", lost=True)
        return task, self._worker.do(task)

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None: ...


def done(batch: FolderBatch, team: Here) -> FolderBatch:
    for each in shared_out(batch.tasks(), team):
        if each is not None:
            batch.take(*each)
    return batch


def test_structure_is_kept_and_names_do_not_collide(folder: Path, tmp_path: Path) -> None:
    items = list(items_of(str(folder), str(tmp_path / "out"), ".png", ".webm"))
    assert [os.path.relpath(item.output, tmp_path / "out") for item in items] == [
        "a.png",
        "a.png.png",
        "sub/b.png",
        "sub/c.webm",
    ]
    assert [item.kind for item in items] == ["image"] * 3 + ["video"]


def test_a_folder_is_done_once(folder: Path, tmp_path: Path) -> None:
    out = folder / "cut"  # Within the input: not taken for more of it.

    def batch(delete: bool = False) -> FolderBatch:
        return FolderBatch(items_of(str(folder), str(out), ".png", ".webm"), QUICK, delete=delete)

    first = done(batch(), Here()).summary
    assert (first.done, first.skipped, first.failed) == (4, 0, {})
    assert len(shown(out / "sub/c.webm").pictures) == 3
    assert sorted(p.name for p in (out / "sub").iterdir()) == ["b.png", "c.webm"]
    (folder / "broken.jpg").write_bytes(b"not an image")
    second = done(batch(delete=True), Here()).summary
    assert (second.done, second.skipped, len(second.failed)) == (0, 4, 1)
    assert "not an image" in second.failed[str(folder / "broken.jpg")]
    os.utime(folder / "a.jpg")  # Newer than its result.
    third = done(batch(delete=True), Here()).summary
    assert (third.done, third.skipped) == (1, 3)
    assert not (folder / "a.jpg").exists()
    assert (folder / "broken.jpg").exists()


def test_a_dead_worker_costs_its_task_one_try(folder: Path, tmp_path: Path) -> None:
    items = list(items_of(str(folder), str(tmp_path / "out"), ".png", ".webm"))[:2]
    team = Here(deaths=2)
    assert done(FolderBatch(items, QUICK), team).summary.done == 2
    assert team.given == ["a.png", "a.png.png", "a.png", "a.png.png"] or len(team.given) == 4
    stubborn = done(FolderBatch(items[:1], QUICK, again=True), Here(deaths=9)).summary
    assert stubborn.failed == {items[0].source: "a worker died"}


def test_processes_are_started_anew_when_they_die(folder: Path, tmp_path: Path) -> None:
    items = list(items_of(str(folder), str(tmp_path / "out"), ".png", ".webm"))
    batch = FolderBatch(items, QUICK)
    killed = 0
    with LocalTeam(1) as team:
        for each in shared_out(batch.tasks(), team, poll=0.02):
            if each is not None:
                batch.take(*each)
            if batch.summary.done == 1 and not killed:
                for process in team.processes:
                    process.kill()
                    killed += 1
    assert killed == 1
    assert (batch.summary.done, batch.summary.failed) == (4, {})


def test_folders_that_cannot_be(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        check_folders(str(tmp_path / "none"), "out")
    with pytest.raises(UsageError, match="is the input"):
        check_folders(str(folder), f"{folder}/")
    with pytest.raises(UsageError, match="is a file"):
        check_folders(str(folder), str(folder / "a.jpg"))


def test_a_file_counts_only_once_it_is_complete(tmp_path: Path) -> None:
    pytest.importorskip("watchfiles")
    found: Iterator[set[str]] = arrivals(str(tmp_path))
    next(found)
    path = tmp_path / "a.bin"
    with path.open("wb") as file:
        for _ in range(6):  # Written for longer than a tick lasts.
            file.write(b"x" * 1000)
            file.flush()
            assert not next(found)
    began = time.monotonic()
    while not (complete := next(found)):
        assert time.monotonic() - began < 30
    assert complete == {str(path)}


def test_images_are_cropped_and_scaled_as_settings_say(folder: Path, tmp_path: Path) -> None:
    settings = QUICK.with_options({"size": "24x", "only_mask": True})
    items = list(items_of(str(folder), str(tmp_path / "out"), ".png", ".webm"))[:1]
    assert done(FolderBatch(items, settings), Here()).summary.done == 1
    with Image.open(items[0].output) as image:
        assert (image.size, image.mode) == ((24, 16), "L")
