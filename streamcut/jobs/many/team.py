"""Workers together: what a team is, one of local processes, and how tasks are shared out."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Protocol, Self

from streamcut.core.pipeline import Pipeline
from streamcut.jobs.many.tasks import Result, Task

_TRIES = 3
_PATIENCE = 5.0


class Team(Protocol):
    """Workers that each do one task at a time; leaving its ``with`` block ends them all."""

    @property
    def idle(self) -> int:
        """How many workers wait for a task."""
        ...

    def start(self, task: Task) -> None:
        """Give a task to an idle worker."""
        ...

    def wait(self, seconds: float) -> tuple[Task, Result] | None:
        """Return the next result, or None if there is none within some seconds."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


def shared_out(
    tasks: Iterable[Task], team: Team, poll: float = 0.2
) -> Iterator[tuple[Task, Result] | None]:
    """Let a team do tasks; a task whose worker died is given to another one.

    Tasks are taken only as workers become idle, so that what plans them waits for who does them.

    Args:
        tasks: what is to be done.
        team: who does it.
        poll: seconds between two looks.

    Yields:
        Each task with its result as it comes, and None while there is nothing new.
    """
    source, again = iter(tasks), deque[Task]()
    tries: dict[str, int] = {}
    running, ended = 0, False
    while True:
        while team.idle and not (ended and not again):
            task = again.popleft() if again else next(source, None)
            if task is None:
                ended = True
                break
            team.start(task)
            running += 1
        if not running and ended and not again:
            return
        done = team.wait(poll)
        if done is None:
            yield None
            continue
        running -= 1
        task, result = done
        name = str(task["output"])
        tries[name] = tries.get(name, 0) + 1
        if result.lost and tries[name] < _TRIES:
            again.append(task)
        else:
            yield task, result


class LocalTeam:
    """Workers that are processes of this machine.

    Args:
        size: how many.
    """

    def __init__(self, size: int) -> None:
        self.idle = size
        self._size = size
        self._pipeline = Pipeline(patience=_PATIENCE)
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Task, Result]] = queue.SimpleQueue()
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._closed = False

    @property
    def processes(self) -> list[subprocess.Popen[str]]:
        """Return the processes that were started last, each worker's."""
        return list(self._processes.values())

    def start(self, task: Task) -> None:
        """Give a task to an idle worker."""
        self.idle -= 1
        self._tasks.put(task)

    def wait(self, seconds: float) -> tuple[Task, Result] | None:
        """Return the next result, or None if there is none within some seconds."""
        try:
            done = self._done.get(timeout=seconds)
        except queue.Empty:
            return None
        self.idle += 1
        return done

    def __enter__(self) -> Self:
        for number in range(self._size):
            self._pipeline.spawn(f"worker-{number}", self._attended(number))
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        for _each in range(self._size):
            self._tasks.put(None)
        for process in list(self._processes.values()):
            process.kill()
        with self._pipeline:  # Joins the threads.
            pass
        for process in self._processes.values():
            with process:
                pass

    def _attended(self, number: int) -> Iterator[None]:
        """Hand tasks to one process for as long as there are any."""
        while (task := self._tasks.get()) is not None and not self._closed:
            self._done.put((task, self._asked(number, task)))
        yield from ()

    def _asked(self, number: int, task: Task) -> Result:
        process = self._process(number)
        answer = ""
        try:
            if process.stdin is not None and process.stdout is not None:
                process.stdin.write(json.dumps(task) + "\n")
                process.stdin.flush()
                answer = process.stdout.readline()
        except OSError:  # It died before it had read all.
            pass
        if answer:
            told = json.loads(answer)
            return Result(**{**told, "notes": tuple(told["notes"])})
        return Result(error=f"a worker ended with code {_ended(process)}", lost=True)

    def _process(self, number: int) -> subprocess.Popen[str]:
        """Return the process of a number, started anew if it has ended."""
        process = self._processes.get(number)
        if process is None or process.poll() is not None:
            process = self._processes[number] = subprocess.Popen(
                [sys.executable, "-m", "streamcut.jobs.many.worker_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if os.environ.get("STREAMCUT_DEBUG") else subprocess.DEVNULL,
                text=True,
                start_new_session=True,  # A terminal's Ctrl-C is for us, who end it.
            )
        return process


def _ended(process: subprocess.Popen[str]) -> int:
    """Return the exit code of a process that has nothing more to say."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE)
    process.kill()
    with process:  # Closes its pipes.
        return process.wait()
