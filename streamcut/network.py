"""How long an input may stall before it counts as lost."""

from __future__ import annotations

_TIMEOUT = 10.0


def timeout_for(url: str) -> float | None:
    """Return the seconds to wait for an address to answer; files may take their time."""
    return _TIMEOUT if "://" in url else None
