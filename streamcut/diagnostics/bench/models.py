"""Measures how fast models run on this machine; the figures are kept to be shown again."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import cycle

from streamcut.core.config import Settings
from streamcut.diagnostics.bench.clip import drawn
from streamcut.jobs.request import session_of
from streamcut.sessions import place_of
from streamcut.sessions.base import MatteStream
from streamcut.sessions.files.speeds import Speed, keep

_PICTURES = 8
_FULL_HD = (1920, 1080)
_WARM_UP = (4, 1.0)
"""Runs that are not counted, and the seconds after which fewer do: buffers, graphs, clocks."""


def measure(settings: Settings, *, seconds: float = 3.0, frames: int = 60) -> Speed:
    """Measure a model on drawn frames of its input size, and keep the result.

    Args:
        settings: which model, and where it is to run.
        seconds: after these no more frames are measured, three at least.
        frames: no more frames than these.

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
    keep(speed)
    return speed


def _times(
    stream: MatteStream, size: tuple[int, int], seconds: float, frames: int
) -> Iterator[float]:
    """Yield the seconds that each frame took, after a few that are not counted."""
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
