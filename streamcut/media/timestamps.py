"""Timestamps that jump, as those of joined files and broadcasts do, made to go on."""

from __future__ import annotations

from fractions import Fraction

# Formats whose clock has no zero of its own: their first timestamp says nothing.
_FREE = {"mpegts", "rtsp", "rtp", "hls", "flv", "mpeg"}
# On those, a longer wait for what comes next is another clock.
_LONGEST_WAIT = 10
# Frames that a damaged stream shows in the wrong order are that many steps late at most.
_DISORDER = 3


def is_free(format_name: str) -> bool:
    """Whether the clock of a container format begins anywhere, and may begin again."""
    return bool(_FREE & set(format_name.split(",")))


class Clock:
    """Moves a stream's timestamps so that they go on where the input's jump.

    Args:
        format_name: of the container, as FFmpeg names it.
        time_base: unit of the timestamps.

    ``jumps`` counts them; ``offset`` is what is added after the last one.
    """

    def __init__(self, format_name: str, time_base: Fraction) -> None:
        self.jumps = 0
        self._longest = _LONGEST_WAIT / time_base if is_free(format_name) else None
        self.offset = 0
        self._last: int | None = None
        self._step = 0

    def __call__(self, stamp: int, step: int) -> int:
        """Return a timestamp on the clock that goes on; ``step`` is how long its frame lasts."""
        if self._last is None:
            self._last = stamp
        elif self._jumped(stamp):
            self.jumps += 1
            self.offset += self._last + self._step - stamp
            self._last = stamp
        self._last, self._step = max(self._last, stamp), step
        return stamp + self.offset

    def _jumped(self, stamp: int) -> bool:
        assert self._last is not None
        ahead = stamp - self._last
        return ahead < -_DISORDER * self._step or (
            self._longest is not None and ahead > self._longest
        )
