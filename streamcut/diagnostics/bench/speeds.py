"""How fast models run on this machine: measured once, and kept to be shown again."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import cycle

from streamcut.core.cache import recall, remember
from streamcut.core.config import Settings
from streamcut.diagnostics.bench.clip import drawn
from streamcut.jobs.request import session_of
from streamcut.sessions import place_of
from streamcut.sessions.base import MatteStream

_PICTURES = 8
_FULL_HD = (1920, 1080)
_WARM_UP = (4, 1.0)
"""Runs that are not counted, and the seconds after which fewer do: buffers, graphs, clocks."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one model is here.

    Attributes:
        model: its name, or its file.
        device: where it ran: CPU, CUDA ...
        width: of its input, for pictures of 1920x1080.
        height: likewise.
        ms: median of the milliseconds that one picture took the network, and what it needs
            around it; reading, compositing and writing come on top.
        frames: how many pictures were measured.
        machine: name of the computer.
        date: when, as ISO 8601.
    """

    model: str
    device: str
    width: int
    height: int
    ms: float
    frames: int
    machine: str
    date: str

    @property
    def fps(self) -> float:
        """Pictures a second."""
        return 1000 / self.ms


def measure(settings: Settings, *, seconds: float = 3.0, frames: int = 60) -> Speed:
    """Measure a model on drawn pictures of its input size, and keep the result.

    Args:
        settings: which model, and where it is to run.
        seconds: after these no more pictures are measured, three at least.
        frames: no more pictures than these.

    Raises:
        StreamcutError: if the model cannot be loaded or fails.
    """
    name, session = settings.matte.model, session_of(settings, _FULL_HD)
    width, height = session.input_size(*_FULL_HD)
    times = list(_times(session.stream(), (width, height), seconds, frames))
    speed = Speed(
        model=name,
        device=place_of(session),
        width=width,
        height=height,
        ms=1000 * statistics.median(times),
        frames=len(times),
        machine=platform.node(),
        date=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    remember("speeds", f"{name} {speed.device} {speed.machine}", asdict(speed))
    return speed


def kept(name: str) -> Speed | None:
    """Return what was measured last for a model on this machine, if anything was."""
    return max(
        (speed for speed in _all() if (speed.model, speed.machine) == (name, platform.node())),
        key=lambda speed: speed.date,
        default=None,
    )


def _all() -> Iterator[Speed]:
    """Yield what is kept; another version of streamcut may have kept something else."""
    for facts in recall("speeds").values():
        try:
            speed = Speed(**facts)
        except TypeError:
            continue
        if isinstance(speed.ms, float) and speed.ms > 0:
            yield speed


def _times(
    stream: MatteStream, size: tuple[int, int], seconds: float, frames: int
) -> Iterator[float]:
    """Yield the seconds that each picture took, after a few that are not counted."""
    pictures = cycle(list(drawn(*size, _PICTURES)))
    runs, longest = _WARM_UP
    began = time.perf_counter()
    for _ in range(runs):
        stream(next(pictures))
        if time.perf_counter() - began > longest:
            break
    began = last = time.perf_counter()
    for count in range(1, frames + 1):
        stream(next(pictures))
        now = time.perf_counter()
        yield now - last
        last = now
        if count >= 3 and now - began > seconds:
            return
