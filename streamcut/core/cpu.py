"""How much of the machine there is for this process."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

# Where Linux says how much time a container may take of each period: together, or in two files.
_QUOTAS = (
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)


def cpu_count() -> int:
    """Return the processors that this process may use.

    Of a container that may take the time of one and a half processors, two are used.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return min([count, *_quotas()])


def wanted_threads() -> int:
    """Return what the user's ``OMP_NUM_THREADS`` says, or 0 where it says nothing.

    OpenMP allows one number for each level of nesting; the first is meant here.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdecimal() else 0


def _quotas() -> Iterator[int]:
    """Yield how many processors a container's share amounts to, where it has a share."""
    for files in _QUOTAS:
        try:
            quota, period = " ".join(Path(file).read_text() for file in files).split()
            if int(quota) > 0:
                yield math.ceil(int(quota) / int(period))
        except (OSError, ValueError):  # No such file, or "max".
            continue
