"""What a running job shows: a bar in a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from streamcut.job import State, Summary

_REDRAW = 0.25
_LINE = 5.0


class Shown(Protocol):
    """Something that is told of every frame and draws when it is time to."""

    def __call__(self, state: State) -> None:
        """Look at the counters of a running job."""
        ...


class Bar:
    """A progress bar with frames, fps, times real time, ETA and the slowest stage."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            BarColumn(bar_width=None),
            TextColumn("{task.description}"),
            console=console,
            auto_refresh=False,
            expand=True,
            transient=True,
        )
        self._task: TaskID | None = None
        self._due = 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, state: State) -> None:
        """Redraw, if the last time is long enough ago."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + _REDRAW
        if self._task is None:
            self._task = self._progress.add_task("", total=state.info.frames)
        self._progress.update(self._task, completed=state.frames, description=line(state))
        self._progress.refresh()


class Lines:
    """A plain line every few seconds, for logs and pipes."""

    def __init__(self) -> None:
        self._due = time.monotonic() + _LINE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Draw nothing more."""

    def __call__(self, state: State) -> None:
        """Print a line, if the last one is long enough ago."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + _LINE
            print(line(state), file=sys.stderr, flush=True)


class Silence:
    """Nothing at all."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Draw nothing."""

    def __call__(self, state: State) -> None:
        """Draw nothing."""


def shown(quiet: bool) -> AbstractContextManager[Shown]:
    """Return what suits the terminal, or its absence; it is drawn on standard error."""
    if quiet:
        return Silence()
    console = Console(stderr=True)
    return Bar(console) if console.is_terminal else Lines()


def line(state: State) -> str:
    """Return one line about a running job."""
    fps = state.frames / max(state.seconds, 1e-9)
    speed = fps / float(state.info.rate)
    total = state.info.frames
    of = f"/{total}" if total else ""
    eta = f", {_clock((total - state.frames) / fps)} left" if total and total > state.frames else ""
    return (
        f"{state.frames}{of} frames, {fps:.1f} fps, {speed:.2f}x real time{eta}, "
        f"slowest: {state.bottleneck()}"
    )


def summary_text(summary: Summary) -> str:
    """Return a finished job in a few lines."""
    lost = [
        f"{count} {what}"
        for count, what in (
            (summary.dropped, "frames dropped"),
            (summary.undecodable, "packets undecodable"),
        )
        if count
    ]
    where = ", ".join(f"{stage.name} {stage.busy:.1f} s" for stage in summary.stages)
    lines = [
        f"{summary.output}: {summary.frames} frames in {_clock(summary.seconds)}, "
        f"{summary.fps:.1f} fps, {summary.speed:.2f}x real time, {_size(summary.bytes)}",
        *([", ".join(lost)] if lost else []),
        f"where the time went (stages run side by side): {where}",
        *(f"note: {note}" for note in summary.notes),
    ]
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{seconds:.1f} s"


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"
