"""Files played in real time, as a camera would show them."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from fractions import Fraction

from streamcut.media.limits import STRICT, Limits
from streamcut.sources.media import MediaSource
from streamcut.sources.reconnect import Captured

# A file falls this far behind before its clock is put back, seconds.
_BEHIND = 0.1


class RealTime:
    """A file's frames at the pace at which they were filmed.

    Args:
        path: of the file.
        loop: begin again at its end.
        threads: for the decoder; 0 suits them to the machine.
        limits: of the frames' size, and for playlists.

    Raises:
        SourceError: if it cannot be opened.
    """

    def __init__(
        self, path: str, *, loop: bool = False, threads: int = 0, limits: Limits = STRICT
    ) -> None:
        self.state = ""
        self.undecodable = 0
        self._path, self._loop, self._threads, self._limits = path, loop, threads, limits
        self._stopped = threading.Event()
        self._source: MediaSource | None = self._open()
        self.rate: Fraction | None = self._source.info.rate
        self.aspect = self._source.info.sample_aspect_ratio
        self._offset: float | None = None

    def __iter__(self) -> Generator[Captured]:
        shown = 0.0
        while True:
            source, self._source = self._source or self._open(), None
            with source:
                for frame in source:
                    moment = float(frame.source.time or 0.0)
                    if not self._wait_for(shown + moment):
                        return
                    yield time.monotonic(), frame.source
            shown += moment + 1 / float(source.info.rate)
            self.undecodable += source.undecodable
            if not self._loop:
                return

    def stop(self) -> None:
        """End the feed at its next frame or pause."""
        self._stopped.set()

    def _open(self) -> MediaSource:
        return MediaSource(self._path, threads=self._threads, limits=self._limits)

    def _wait_for(self, moment: float) -> bool:
        """Wait until a moment of the file is due; return whether to go on."""
        now = time.monotonic()
        if self._offset is None or now - (self._offset + moment) > _BEHIND:
            self._offset = now - moment
        return not self._stopped.wait(max(0.0, self._offset + moment - now))
