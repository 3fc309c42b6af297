"""A lock between processes, so that one of them downloads a file and the others wait."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streamcut.sessions.files.download import open_own

_TAKEN = {errno.EACCES, errno.EAGAIN, errno.EDEADLK, errno.EWOULDBLOCK}


@contextmanager
def locked(path: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file within; it is gone afterwards, and also if the process dies.

    Args:
        path: of the lock file.
        wait: called again and again while another process holds it; it should sleep.

    Raises:
        OSError: if the file cannot be made.
    """
    while (lock := _taken(path)) is None:
        wait()
    try:
        yield
    finally:
        # Removed while still held: who waits for this one sees that and makes another.
        with suppress(OSError):
            path.unlink()
        os.close(lock)


def _taken(path: Path) -> int | None:
    """Return the lock file, open and locked, or None if another process holds it."""
    lock = open_own(path, 0)
    try:
        _lock(lock)
        if _same(lock, path):
            return lock
    except OSError as error:
        if error.errno not in _TAKEN:
            # Some network disks have no locks: the checksum is then what is left.
            return lock
    os.close(lock)
    return None


def _same(lock: int, path: Path) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(lock), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
