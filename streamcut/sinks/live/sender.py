"""Encoded frames to an address, through a process of their own that can be ended at any time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import IO, cast

from streamcut.core.errors import OutputClosedError, SinkError
from streamcut.media.urls import at_fault, public, timeout_for
from streamcut.sinks.file.formats import Format
from streamcut.sinks.live import sender_process
from streamcut.sinks.pipe import Outlet


class Sender(Outlet):
    """A pipe to the :mod:`.sender_process`, which sends what is written to an address.

    While the server stalls, writing waits; after :func:`timeout_for` seconds that is an error.

    Args:
        address: where to; its password or stream key is never shown.
        muxer: FFmpeg's name of the format in which it is sent.
        form: how it is written to the pipe.

    Raises:
        SinkError: if the process cannot be started.
    """

    def __init__(self, address: str, muxer: str, form: Format) -> None:
        self._address, self._patience = address, timeout_for(address)
        self._stopped = False
        given = {
            sender_process.ADDRESS: address,
            sender_process.MUXER: muxer,
            sender_process.PATIENCE: str(self._patience),
        }
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", sender_process.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | given,
                start_new_session=True,  # A terminal's Ctrl-C is for us, who let it finish.
            )
        except OSError as error:
            raise SinkError(f"{self} cannot be written: {error}") from error
        ends = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._stdin, ready, self._stderr = cast("tuple[IO[bytes], IO[bytes], IO[bytes]]", ends)
        ready.read(1)  # Frames that waited for it would be late for ever.
        super().__init__(form, self._stdin.fileno())

    def __str__(self) -> str:
        return public(self._address)

    def write(self, data: bytes) -> int:
        """Write all of ``data``.

        Raises:
            SinkError: if the server refused, left or stalled for too long.
        """
        try:
            return super().write(data)
        except OutputClosedError as error:
            raise SinkError(self._failure()) from error

    def stop(self) -> None:
        """Send nothing more, whatever the server does."""
        super().stop()
        self._stopped = True
        self._process.kill()

    def close(self) -> None:
        """Let what was written arrive.

        Raises:
            SinkError: if it does not.
        """
        super().close()
        with self._process:  # Lets it see the end, and waits for its own.
            self._stdin.close()
            failed = self._process.wait() and self.bytes and not self._stopped
            failure = self._failure() if failed else ""
        if failure:
            raise SinkError(failure)

    def _failure(self) -> str:
        """Return what the process said when it ended; a server that stalls leaves it speechless."""
        said = self._stderr.read().decode(errors="replace").rpartition("\n")[2]
        if said in map(os.strerror, (errno.EIO, errno.EINVAL)):
            said = at_fault(self._address) or said
        return f"{self} cannot be written: {said or f'it takes nothing (for {self._patience:g} s)'}"
