"""A team of Ray actors, one session each: on this machine, or on every one of a cluster."""

from __future__ import annotations

import importlib
import os
import socket
import tempfile
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from streamcut.core.errors import MissingDependencyError, StreamcutError
from streamcut.core.reason import reason
from streamcut.jobs.many.tasks import Result, Task, Worker

_PATIENCE_CONNECTING = 5.0
_PATIENCE = 120.0
"""Seconds after which no worker that could begin counts as none that ever will."""


class RayTeam:
    """Workers on a Ray cluster.

    What a machine does not see of the input it is sent, and what it cannot write where the
    output lies it sends back: a folder that all machines share is faster and not needed.

    Args:
        address: of the cluster; "auto" finds the one that runs here, "local" starts one.
        size: how many workers; None takes as many as there are processors for.
        threads: of each worker.

    Raises:
        MissingDependencyError: if Ray is not installed.
        StreamcutError: if there is no such cluster.
    """

    def __init__(self, address: str, size: int | None = None, threads: int = 1) -> None:
        try:
            ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise MissingDependencyError(
                "Ray is not installed: pip install 'streamcut[ray]'"
            ) from error
        self._ray = ray
        self._owns = not ray.is_initialized()
        self._connect(address)
        self._threads = max(1, threads)
        there = int(ray.cluster_resources().get("CPU", 1)) // self._threads
        self._size = max(1, min(size or there, max(1, there)))
        self._actor: Any = ray.remote(num_cpus=self._threads, max_restarts=0)(_RayWorker)
        self._idle: deque[Any] = deque()
        self._starting: dict[Any, Any] = {}
        self._running: dict[Any, tuple[Any, Task]] = {}
        self._sent: dict[str, Any] = {}
        self._waited = 0.0

    def _connect(self, address: str) -> None:
        if not self._owns:
            return
        _check_reached(address)
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            if address == "local":
                self._ray.init(include_dashboard=False, **quiet)
            else:
                self._ray.init(address=address, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise StreamcutError(f"no Ray cluster at {address!r}: {reason}") from error

    @property
    def size(self) -> int:
        """How many workers there are, or will be."""
        return self._size

    @property
    def idle(self) -> int:
        """How many workers wait for a task."""
        return len(self._idle)

    def start(self, task: Task) -> None:
        """Give a task to an idle worker."""
        self._give(self._idle.popleft(), task, None)

    def wait(self, seconds: float) -> tuple[Task, Result] | None:
        """Return the next result, or None if there is none within some seconds.

        Raises:
            StreamcutError: if no worker is left and none begins.
        """
        watched = [*self._running, *self._starting]
        if not watched:
            self._hire()
            return None
        ready, _ = self._ray.wait(watched, timeout=seconds)
        if not ready:
            self._note_waiting(seconds)
            return None
        self._waited = 0.0
        if ready[0] in self._starting:
            self._begun(ready[0])
            return None
        return self._ended(ready[0])

    def __enter__(self) -> Self:
        for _each in range(self._size):
            self._hire()
        return self

    def __exit__(self, *_: object) -> None:
        actors = [*self._idle, *self._starting.values(), *(a for a, _ in self._running.values())]
        for actor in actors:
            self._ray.kill(actor)
        if self._owns:
            self._ray.shutdown()

    def _hire(self) -> None:
        actor: Any = self._actor.remote()
        self._starting[actor.ready.remote()] = actor

    def _begun(self, ref: Any) -> None:
        actor = self._starting.pop(ref)
        try:
            self._ray.get(ref)
        except self._ray.exceptions.RayError:
            self._hire()
        else:
            self._idle.append(actor)

    def _give(self, actor: Any, task: Task, data: Any) -> None:
        self._running[actor.do.remote(task, data)] = (actor, task)

    def _ended(self, ref: Any) -> tuple[Task, Result] | None:
        actor, task = self._running.pop(ref)
        try:
            told, data = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            self._hire()  # Where there is room for one: maybe on another machine.
            return task, Result(error=f"a worker died: {type(error).__name__}", lost=True)
        if told is None:
            self._give(actor, task, self._file(task["input"]))
            return None
        self._idle.append(actor)
        if data is not None:
            unfinished = Path(task["output"] + ".part")
            unfinished.write_bytes(data)
            unfinished.replace(task["output"])
        return task, Result(**{**told, "notes": tuple(told["notes"])})

    def _file(self, path: str) -> Any:
        """Return a file as an object of Ray's, for machines that do not see it."""
        if path not in self._sent:
            self._sent = {path: self._ray.put(Path(path).read_bytes())}  # One at a time.
        return self._sent[path]

    def _note_waiting(self, seconds: float) -> None:
        if self._running or self._idle:
            return
        self._waited += seconds
        if self._waited > _PATIENCE:
            raise StreamcutError("no Ray worker is left, and none begins")


def _check_reached(address: str) -> None:
    """Refuse an address where nobody answers, for which Ray itself would wait two minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), _PATIENCE_CONNECTING).close()
    except (OSError, OverflowError) as error:
        raise StreamcutError(f"no Ray cluster at {address!r}: {reason(error)}") from error


class _RayWorker:
    """A worker on some machine."""

    def __init__(self) -> None:
        self._worker = Worker()

    def ready(self) -> bool:
        """Say that it is there."""
        return True

    def do(self, task: Task, data: bytes | None) -> tuple[dict[str, Any] | None, bytes | None]:
        """Do a task.

        Args:
            task: what to do.
            data: the input, where it had to be sent.

        Returns:
            The result, or None where the input has to be sent first; and the output where that
            has to be sent back.
        """
        if data is None and not os.path.isfile(task["input"]):
            return None, None
        with tempfile.TemporaryDirectory(prefix="streamcut-") as folder:
            here = dict(task)
            if data is not None:
                here["input"] = str(Path(folder, "in" + Path(task["input"]).suffix))
                Path(here["input"]).write_bytes(data)
            apart = not os.path.isdir(os.path.dirname(task["output"]))
            if apart:
                here["output"] = str(Path(folder, Path(task["output"]).name))
            result = self._worker.do(here)
            made = Path(here["output"])
            back = made.read_bytes() if apart and made.is_file() else None
            return asdict(result), back
