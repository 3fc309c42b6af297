"""Files that arrive in a folder, each once it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator

from streamcut.core.errors import MissingDependencyError

_TICK = 500  # Milliseconds.
_STILL = 2
"""Ticks for which a file has to stay as it is before it counts as complete."""


def arrivals(folder: str) -> Iterator[set[str]]:
    """Yield the paths of files that were written to a folder and have come to rest; for ever.

    Raises:
        MissingDependencyError: if watchfiles is not installed.
    """
    try:
        from watchfiles import watch
    except ImportError as error:
        raise MissingDependencyError(
            "watching needs watchfiles: pip install 'streamcut[watch]'"
        ) from error
    pending: dict[str, tuple[int, tuple[int, int] | None]] = {}
    for changes in watch(folder, yield_on_timeout=True, rust_timeout=_TICK, debounce=_TICK):
        for _, path in changes:
            pending[path] = (0, None)
        complete = set()
        for path, (rest, before) in list(pending.items()):
            now = _signature(path)
            if now is None:
                del pending[path]
            elif now != before:
                pending[path] = (0, now)
            elif rest + 1 >= _STILL:
                complete.add(path)
                del pending[path]
            else:
                pending[path] = (rest + 1, now)
        yield complete


def _signature(path: str) -> tuple[int, int] | None:
    """Return what changes while a file is written; None for what is no file, or gone."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return (stat.st_size, stat.st_mtime_ns) if os.path.isfile(path) else None
