"""The machine that is measured: what it is, and what else it does meanwhile."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Self

_STAT, _CPUINFO = Path("/proc/stat"), Path("/proc/cpuinfo")
_COLUMNS, _IDLE = 8, (3, 4)  # Of /proc/stat; those behind, of guests, are in them already.


def processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    try:
        lines = _CPUINFO.read_text().splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


class Others:
    """How many cores other programs keep busy while its ``with`` block runs.

    Attributes:
        cores: on average, afterwards; None where the system does not tell (it does on Linux).
    """

    cores: float | None = None

    def __enter__(self) -> Self:
        self._before = _busy()
        self._ours, self._began = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        before, after = self._before, _busy()
        elapsed = time.perf_counter() - self._began
        if before is not None and after is not None and elapsed > 0:
            ours = time.process_time() - self._ours
            self.cores = max(0.0, (after - before - ours) / elapsed)


def _busy() -> float | None:
    """Return the seconds that all cores together have worked since the machine began."""
    try:
        head = _STAT.read_text().partition("\n")[0]
        ticks = [int(each) for each in head.split()[1 : _COLUMNS + 1]]
        unit = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return None
    return (sum(ticks) - sum(ticks[column] for column in _IDLE if column < len(ticks))) / unit
