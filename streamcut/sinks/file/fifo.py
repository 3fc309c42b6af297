"""A named pipe that is written to as if it were a file."""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import suppress

from streamcut.core.interrupts import Interrupts
from streamcut.sinks.file.formats import Format
from streamcut.sinks.pipe import Outlet

_POLL = 0.1


class NamedPipe(Outlet):
    """Frames to whoever reads a named pipe; who comes is waited for, open to Ctrl-C.

    Args:
        path: of the pipe.
        form: how frames are written to it.

    Raises:
        OSError: if it cannot be opened.
        KeyboardInterrupt: on Ctrl-C before its reader comes.
    """

    def __init__(self, path: str, form: Format) -> None:
        self._name, self._given = path, _with_reader(path)
        super().__init__(form, self._given)

    def __str__(self) -> str:
        return self._name

    def close(self) -> None:
        """Let the reader see the end."""
        super().close()
        with suppress(OSError):
            os.close(self._given)


def is_named_pipe(path: str) -> bool:
    """Whether there is a named pipe at a path."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _with_reader(path: str) -> int:
    """Open a named pipe for writing once somebody reads it."""
    while True:
        with Interrupts():  # Rises here, if it was pressed.
            try:
                return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
        time.sleep(_POLL)
