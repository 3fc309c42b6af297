"""Who works: a process for each video, a few at a time, begun again when it is killed.

A process, not a thread: a video that makes FFmpeg crash, or takes all memory, costs itself
alone; stopping one is killing it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from streamcut.core.config import Settings
from streamcut.server.errors import public_text
from streamcut.server.jobs.store import ENDED, VideoRecord, VideoStore
from streamcut.server.jobs.wishes import checked, resolved
from streamcut.server.sessions import Sessions

_ATTEMPTS = 3
_LOOK = 0.1  # Seconds between two looks at the queue.
_TIDY = 60.0
_FORGOTTEN = 3600.0  # Seconds after which an upload that stopped is removed.


class WorkerPool:
    """Does what is queued.

    Args:
        store: of the videos.
        settings: the server's.
        sessions: who know the models.
    """

    def __init__(self, store: VideoStore, settings: Settings, sessions: Sessions) -> None:
        self._store, self._settings, self._sessions = store, settings, sessions
        self._tasks: list[asyncio.Task[None]] = []
        self._processes: dict[str, Process] = {}

    def start(self) -> None:
        """Begin to work."""
        count = self._settings.server.workers
        self._tasks = [asyncio.create_task(self._work()) for _ in range(count)]
        self._tasks.append(asyncio.create_task(self._tidy()))

    async def stop(self) -> None:
        """End; what runs goes on with the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for process in list(self._processes.values()):
            await _ended(process)

    async def cancel(self, name: str) -> None:
        """End the work on a video."""
        process = self._processes.get(name)
        if process is not None:
            await _ended(process)

    async def _work(self) -> None:
        while True:
            record = self._store.next()
            if record is None:
                await asyncio.sleep(_LOOK)
                continue
            self._store.change(record.id, state="running", frames=0, seconds=0.0)
            try:
                await self._do(record)
            except asyncio.CancelledError:
                if self._store.get(record.id) is not None:
                    self._store.change(record.id, state="queued")
                raise
            except Exception as error:
                self._end(record.id, state="failed", error=public_text(error))

    async def _do(self, record: VideoRecord) -> None:
        """Let a process do it, and see what becomes of it."""
        settings = checked(record.settings, self._settings, self._sessions)
        spec = self._spec(record, resolved(record, self._store, settings))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streamcut.server.jobs.worker"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd=self._store.folder(record.id),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        )
        self._processes[record.id] = process
        try:
            last = await self._follow(record.id, process, spec)
        finally:
            await _ended(process)
            del self._processes[record.id]
        self._judge(record.id, last)

    def _spec(self, record: VideoRecord, settings: Settings) -> bytes:
        free = self._settings.server.disk_limit * 10**9 - self._store.bytes
        spec = {
            "input": str(self._store.input(record.id)),
            "folder": str(self._store.folder(record.id)),
            "format": record.format,
            "kind": record.kind,
            "settings": asdict(settings),
            "most_bytes": max(10**6, free),
        }
        return json.dumps(spec).encode()

    async def _follow(self, name: str, process: Process, spec: bytes) -> dict[str, Any]:
        """Note how far it is; return the last it said."""
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(spec)
        with suppress(ConnectionError):
            await process.stdin.drain()
        process.stdin.close()
        began, last = time.monotonic(), dict[str, Any]()
        async for line in process.stdout:
            last = json.loads(line)
            if self._store.get(name) is None:
                break
            if "expected" in last:
                self._store.change(name, keep=False, seconds=time.monotonic() - began, **last)
        return last

    def _judge(self, name: str, last: dict[str, Any]) -> None:
        record = self._store.get(name)
        if record is None:  # Somebody has removed it.
            return
        if "error" in last:
            error = public_text(ValueError(last["error"]))
            self._end(name, state="failed", error=error)
        elif "result" in last:
            size = (self._store.folder(name) / last["result"]).stat().st_size
            self._end(name, state="done", bytes=size, **last)
        elif record.attempts + 1 < _ATTEMPTS:
            self._store.change(name, state="queued", attempts=record.attempts + 1)
        else:
            self._end(name, state="failed", error=f"the worker was killed {_ATTEMPTS} times")

    def _end(self, name: str, **facts: Any) -> None:
        if self._store.get(name) is not None:
            self._store.change(name, **facts)

    async def _tidy(self) -> None:
        """Remove what has been kept for long enough, and uploads that nobody goes on with."""
        while True:
            tidy(self._store, self._settings.server.keep_hours * 3600.0)
            await asyncio.sleep(_TIDY)


def tidy(store: VideoStore, keep: float) -> None:
    """Remove what has been kept for ``keep`` seconds, and uploads that nobody goes on with."""
    now = time.time()
    for record in list(store):
        idle = now - record.changed
        stopped = record.state == "uploading" and idle > min(_FORGOTTEN, keep)
        if stopped or (record.state in {*ENDED, "ready"} and idle > keep):
            store.remove(record.id)


async def _ended(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def folder_of(settings: Settings) -> Path:
    """Return where videos are kept."""
    if settings.server.data:
        return Path(settings.server.data).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("streamcut", appauthor=False)) / "server"
