"""A browser's camera as a source of live frames."""

from __future__ import annotations

import time
from collections.abc import Generator
from fractions import Fraction

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from streamcut.core.pipeline import Channel

_SLICE = 0.1


class BrowserFeed:
    """The frames that a browser sends; the latest browser wins.

    Args:
        address: where the page is, for whoever waits.
    """

    undecodable = 0
    rate: Fraction | None = None
    aspect = Fraction(1)

    def __init__(self, address: str) -> None:
        self._waiting = f"waiting for a browser's camera: open {address}"
        self.state = self._waiting
        self._frames: Channel[tuple[float, av.VideoFrame]] = Channel(1, drop_oldest=True)
        self._current: MediaStreamTrack | None = None
        self._stopped = False

    async def take(self, track: MediaStreamTrack) -> None:
        """Pass a track's frames on until it ends, or another one comes."""
        self._current = track
        while self._current is track and not self._stopped:
            try:
                frame = await track.recv()
            except MediaStreamError:
                break
            if isinstance(frame, av.VideoFrame):
                self.state = ""
                self._frames.put((time.monotonic(), frame))
        if self._current is track:
            self._current, self.state = None, self._waiting

    def __iter__(self) -> Generator[tuple[float, av.VideoFrame]]:
        while not self._stopped:
            if self._frames.wait(_SLICE):
                yield next(self._frames)

    def stop(self) -> None:
        """End soon; may be called by another thread."""
        self._stopped = True
