"""How much memory this process may take, as far as the system says."""

from __future__ import annotations

import contextlib
from pathlib import Path

_STATUS = Path("/proc/self/status")
_SCARCE = 512 << 20


def shortage() -> str:
    """Return in words that memory is likely short here, or nothing.

    Libraries report it in words of their own, from "invalid argument" to "can't start new
    thread": what they say alone would lead astray.
    """
    limit, most = _limit(), _most_taken()
    if limit is None or most is None or limit - most > _SCARCE:
        return ""
    return f"too little memory: {limit >> 20} MB are allowed (ulimit -v), {most >> 20} were taken"


def _limit() -> int | None:
    """Return how many bytes of addresses the process may take, or None where nobody says."""
    try:
        import resource
    except ImportError:  # Windows.
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _most_taken() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmPeak:"):
                return int(line.split()[1]) << 10
    return None
