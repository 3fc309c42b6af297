"""Waiting for what other threads do."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(done: Callable[[], bool]) -> None:
    """Return when something is done; it may take 20 seconds."""
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)
