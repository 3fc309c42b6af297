"""What a live job shows while it runs: drawn by one poller that reads counters."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol, Self

from streamcut.cli.progress import Deferred, Silence
from streamcut.cli.say import safe, say, say_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.panel import Panel

    from streamcut.jobs.live.state import LiveState, LiveSummary
    from streamcut.media.frame import CompositedFrame

_REDRAW = 0.5
_LINE = 5.0
_JSON = 1.0


class LiveDisplay(Protocol):
    """Something that looks at the counters of a live job and draws when it is time to."""

    def __call__(self, state: LiveState, frame: CompositedFrame | None) -> None:
        """Look."""
        ...


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """A live job at one moment; rates are those since the report before.

    Attributes:
        seconds: how long it has been running.
        fps_in: frames captured a second.
        fps_out: frames handed over a second.
        captured: frames captured in all.
        frames: frames handed over in all.
        dropped: frames given up before the network in all.
        paused: frames passed over because nobody watched.
        latency_p50_ms: from capture to hand-over, median of the latest 300; None before the first.
        latency_p95_ms: likewise, 95th percentile.
        network_ms: mean of the network per frame, where it ran.
        network: what is asked of the network.
        kept: mattes kept because the frame had not changed.
        carried: mattes carried by flow.
        camera: what is waited for, or nothing.
        consumer: who takes the frames.
        messages: what there was to say since the report before.
    """

    seconds: float
    fps_in: float
    fps_out: float
    captured: int
    frames: int
    dropped: int
    paused: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    network_ms: float | None
    network: str
    kept: int
    carried: int
    camera: str
    consumer: str
    messages: list[str]


class Meter:
    """Turns counters into reports."""

    def __init__(self) -> None:
        self._before = (0.0, 0, 0)
        self._said = 0

    def __call__(self, state: LiveState) -> LiveSnapshot:
        """Return what happened since the last call."""
        now = (state.seconds, state.captured, state.frames)
        seconds, captured, frames = (a - b for a, b in zip(now, self._before, strict=True))
        self._before = now
        fresh = min(state.said - self._said, len(state.messages))
        self._said = state.said
        return LiveSnapshot(
            seconds=round(now[0], 3),
            fps_in=round(captured / max(seconds, 1e-3), 2),
            fps_out=round(frames / max(seconds, 1e-3), 2),
            captured=now[1],
            frames=now[2],
            dropped=state.dropped,
            paused=state.paused,
            latency_p50_ms=_rounded(state.latency.recent(50)),
            latency_p95_ms=_rounded(state.latency.recent(95)),
            network_ms=_rounded(state.network_ms),
            network=str(state.mattes.level),
            kept=state.mattes.kept,
            carried=state.mattes.carried,
            camera=state.source,
            consumer=state.sink,
            messages=list(state.messages)[len(state.messages) - fresh :],
        )


class Every:
    """Reports every so many seconds, and at the end, to somebody who shows it.

    Args:
        seconds: between two reports.
        show: shows one.
        last: shows the one at the end, of less than these seconds.
    """

    def __init__(
        self,
        seconds: float,
        show: Callable[[LiveSnapshot], None],
        last: Callable[[LiveSnapshot], None],
    ) -> None:
        self._seconds, self._show, self._last = seconds, show, last
        self._meter = Meter()
        self._state: LiveState | None = None
        self._due = time.monotonic() + seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._state is not None:
            self._last(self._meter(self._state))

    def __call__(self, state: LiveState, frame: CompositedFrame | None) -> None:
        """Report, if it is time to."""
        self._state = state
        now = time.monotonic()
        if now >= self._due:
            self._due = max(self._due + self._seconds, now)
            self._show(self._meter(state))


class Drawn(Every):
    """A panel that stays where it is in the terminal; messages scroll above it.

    Args:
        console: the terminal.
        keys: the panel's last line; empty for none.
    """

    def __init__(self, console: Console, keys: str) -> None:
        from rich.live import Live

        super().__init__(_REDRAW, self._draw, self._tell)
        self._keys = keys
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        super().__exit__()

    def _draw(self, report: LiveSnapshot) -> None:
        if not self._live.is_started:
            self._live.start()
        self._tell(report)
        self._live.update(drawing(report, self._keys), refresh=True)

    def _tell(self, report: LiveSnapshot) -> None:
        from rich.text import Text

        for message in report.messages:
            self._live.console.print(Text(safe(message)))


def panel(quiet: bool, json_lines: bool, keys: str = "") -> AbstractContextManager[LiveDisplay]:
    """Return what suits the terminal, or its absence; all but JSON goes to standard error.

    Args:
        quiet: show nothing.
        json_lines: print JSON for programs.
        keys: what a panel says about the keys that are listened to.
    """
    if json_lines:
        return Every(_JSON, _print_json, _print_json)
    return Silence() if quiet else Deferred(lambda: _fitting_display(keys))


def _fitting_display(keys: str) -> AbstractContextManager[LiveDisplay]:
    from rich.console import Console

    console = Console(stderr=True)
    return Drawn(console, keys) if console.is_terminal else Every(_LINE, _print, _tell)


def drawing(report: LiveSnapshot, keys: str) -> Panel:
    """Return the panel for a report, and below it what keys there are."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for name, value in rows(report):
        table.add_row(name, Text(safe(value)))
    parts = [table, Text(keys, style="dim")] if keys else [table]
    return Panel(Group(*parts), title="streamcut", title_align="left", expand=False)


def rows(report: LiveSnapshot) -> list[tuple[str, str]]:
    """Return what there is to say about a running job, by name."""
    paused = f", {report.paused} passed over unwatched" if report.paused else ""
    saved = [
        f"{report.kept} mattes kept" if report.kept else "",
        f"{report.carried} carried by flow" if report.carried else "",
    ]
    network = [_ms(report.network_ms), f"at {report.network}", *filter(None, saved)]
    return [
        ("camera", report.camera or f"{report.fps_in:.1f} fps"),
        ("output", f"{report.fps_out:.1f} fps, {report.consumer}"),
        ("dropped", f"{report.dropped} of {report.captured}{paused}"),
        ("latency", f"{_ms(report.latency_p50_ms)} median, {_ms(report.latency_p95_ms)} p95"),
        ("network", ", ".join(network)),
    ]


def summary_text(summary: LiveSummary) -> str:
    """Return a finished job in a few lines."""
    lines = [
        f"{summary.frames} frames in {summary.seconds:.1f} s, {summary.dropped} of "
        f"{summary.captured} dropped",
        f"latency {_ms(summary.latency_p50)} median, {_ms(summary.latency_p95)} p95; network "
        f"{_ms(summary.network_ms)}",
        *summary.notes,
    ]
    return "\n".join(map(safe, lines))


def _print_json(report: LiveSnapshot) -> None:
    say_json(asdict(report), indent=None)


def _print(report: LiveSnapshot) -> None:
    _tell(report)
    say(", ".join(f"{name} {value}" for name, value in rows(report)))


def _tell(report: LiveSnapshot) -> None:
    if report.messages:
        say(*report.messages)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
