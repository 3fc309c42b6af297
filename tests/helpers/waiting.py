"""Waiting for what other threads do."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(done: Callable[[], bool], patience: float = 20, pause: float = 0.002) -> None:
    """Return when something is done; it is looked at after every pause, both in seconds."""
    end = time.monotonic() + patience
    while not done():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(pause)
