"""What a running job shows: a bar in a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, Protocol, Self

from streamcut.cli.options import size_text
from streamcut.cli.say import safe
from streamcut.cli.waiting import WaitingLine
from streamcut.jobs.report import NOBODY, JobState, Summary, clock, facts

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

_REDRAW = 0.25
_LINE = 5.0
_NARROWEST_BAR = 10


class JobDisplay(Protocol):
    """Something that is told of every frame and draws when it is time to."""

    def __call__(self, state: JobState) -> None:
        """Look at the counters of a running job."""
        ...


class ProgressBar:
    """A progress bar, and beside it as much of :func:`facts` as the terminal is wide."""

    def __init__(self, console: Console, waiting: WaitingLine | None = None) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._waiting = waiting
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
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, state: JobState) -> None:
        """Redraw, if the last time is long enough ago."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + _REDRAW
        if self._task is None:
            if self._waiting is not None:
                self._waiting.clear()
            self._task = self._progress.add_task("", total=state.info.frames)
        text = fitting(facts(state), self._progress.console.width - _NARROWEST_BAR)
        self._progress.update(self._task, completed=state.frames, description=text)
        self._progress.start()
        self._progress.refresh()


class Lines:
    """A plain line every few seconds, for logs and pipes."""

    def __init__(self) -> None:
        self._due = time.monotonic() + _LINE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Draw nothing more."""

    def __call__(self, state: JobState) -> None:
        """Print a line, if the last one is long enough ago."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + _LINE
            print(", ".join(facts(state)), file=sys.stderr, flush=True)


class Silence:
    """Nothing at all."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Draw nothing."""

    def __call__(self, *_: object, **__: object) -> None:
        """Draw nothing."""


class Deferred:
    """A display that is made when it is first told something: what draws takes time to load.

    Args:
        make: makes it.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[Callable[..., None]]]) -> None:
        self._make, self._made = make, ExitStack()
        self._display: Callable[..., None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._made.close()

    def __call__(self, *told: Any, **named: Any) -> None:
        """Pass on what is told."""
        if self._display is None:
            self._display = self._made.enter_context(self._make())
        self._display(*told, **named)


def shown(quiet: bool, waiting: WaitingLine | None = None) -> AbstractContextManager[JobDisplay]:
    """Return what suits the terminal, or its absence; it is drawn on standard error.

    Args:
        quiet: whether to draw nothing.
        waiting: a line that stands there until there is something to draw.
    """
    return Silence() if quiet else Deferred(lambda: _fitting_display(waiting))


def _fitting_display(waiting: WaitingLine | None) -> AbstractContextManager[JobDisplay]:
    from rich.console import Console

    console = Console(stderr=True)
    return ProgressBar(console, waiting) if console.is_terminal else Lines()


def fitting(parts: list[str], width: int) -> str:
    """Return as many of the parts, from the first on, as a line of that width holds."""
    return next(
        (
            text
            for count in range(len(parts), 0, -1)
            if len(text := ", ".join(parts[:count])) <= width
        ),
        "",
    )


def summary_text(summary: Summary) -> str:
    """Return a finished job in a few lines."""
    lost = [
        _count(summary.dropped, "frame dropped", "frames dropped"),
        _count(summary.undecodable, "packet undecodable", "packets undecodable"),
    ]
    where = ", ".join(f"{stage.name} {stage.busy:.1f} s" for stage in summary.stages)
    took = f"{summary.seconds:.1f} s" if summary.seconds < 60 else clock(summary.seconds)
    lines = [
        f"{summary.output}: {_count(summary.frames, 'frame', 'frames')} in {took}, "
        f"{summary.fps:.1f} fps, {summary.speed:.2f}x real time, {size_text(summary.bytes)}",
        *(f"also {path}" for path in summary.also),
        *filter(None, lost),
        f"where the time went (stages run side by side, the network on {summary.device}): {where}",
        *(f"warning: {text}" for text in summary.warnings if text == NOBODY),
        *(f"note: {note}" for note in summary.notes),
    ]
    return "\n".join(map(safe, lines))


def _count(number: int, one: str, several: str) -> str:
    """Return a number with its noun, or nothing for none."""
    return f"{number} {one if number == 1 else several}" if number else ""
