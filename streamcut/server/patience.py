"""Connections that send nothing, or a request line for ever (slow-loris), are closed."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_WITHIN = 15.0
"""Seconds that a request's line and headers may take."""


class PatientProtocol(H11Protocol):
    """uvicorn's own, with a limit on how long a request's headers may take to come."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Go on waiting until the headers are there."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request, as long as a connection is kept."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Let the time run while a request is only beginning; bytes do not set it back."""
        if self.conn.their_state is not h11.IDLE:
            self._unwatch()
        elif self._timer is None:
            self._timer = self.loop.call_later(REQUEST_WITHIN, self._give_up)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        idle: Any = self.conn.their_state
        if idle is h11.IDLE and not self.transport.is_closing():
            self.transport.close()
