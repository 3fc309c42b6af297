"""How much of the machine there is for this process."""

from __future__ import annotations

import os


def cpu_count() -> int:
    """Return the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def wanted_threads() -> int:
    """Return what the user's ``OMP_NUM_THREADS`` says, or 0 where it says nothing.

    OpenMP allows one number for each level of nesting; the first is meant here.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdecimal() else 0
