"""What a worker is told and what it answers; and the worker: one session, task after task."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from streamcut.core.config import Settings
from streamcut.core.errors import StreamcutError
from streamcut.jobs.request import session_of
from streamcut.jobs.still import StillJob
from streamcut.jobs.workpiece import do_part, settings_from
from streamcut.sessions import BaseSession

Task = dict[str, Any]
"""``kind`` ("still" or "part"), ``input``, ``output``, ``settings`` and what the kind needs."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a task.

    Attributes:
        error: what went wrong, in one line; empty if nothing did.
        lost: whether the worker died: another one may have more luck.
        seconds: of work.
        frames: that were written.
        bytes: size of the result.
        notes: what could not be kept, in words.
    """

    error: str = ""
    lost: bool = False
    seconds: float = 0.0
    frames: int = 0
    bytes: int = 0
    notes: tuple[str, ...] = ()


def still_task(source: str, output: str, settings: Settings) -> Task:
    """Return the task of one image."""
    return {"kind": "still", "input": source, "output": output, "settings": asdict(settings)}


class Worker:
    """Does tasks; its session is loaded once for all that are alike."""

    def __init__(self) -> None:
        self._session: BaseSession | None = None
        self._made_for = ""

    def do(self, task: Task) -> Result:
        """Do a task; whatever is wrong with it is in the result."""
        try:
            return self._still(task) if task["kind"] == "still" else self._part(task)
        except (StreamcutError, OSError, MemoryError) as error:
            return Result(error=str(error) or type(error).__name__)
        except Exception as error:  # A fault of ours costs its task, not the worker.
            return Result(error=f"{type(error).__name__}: {error}")

    def _still(self, task: Task) -> Result:
        settings = settings_from(task["settings"])
        job = StillJob(settings, session=self._shared(settings))
        done = job.file(task["input"], task["output"])
        return Result("", False, done.seconds, 1, done.bytes, tuple(done.notes))

    def _part(self, task: Task) -> Result:
        done = do_part(task, self._shared(settings_from(task["settings"])))
        return Result("", False, done.seconds, done.frames, done.bytes, tuple(done.notes))

    def _shared(self, settings: Settings) -> BaseSession | None:
        """Return the session for some settings, or None where each input needs its own."""
        if settings.matte.prompt:
            return None
        parts = asdict(settings.matte), asdict(settings.run), settings.output.quality
        wanted = json.dumps(parts)
        if self._session is None or wanted != self._made_for:
            self._session, self._made_for = session_of(settings, live=False), wanted
        return self._session
