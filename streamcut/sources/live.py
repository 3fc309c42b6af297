"""What a feed delivers as frames: one size and format, its own clock, no more than are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from typing import Self

import av

from streamcut.core.errors import SourceError
from streamcut.media.colour import Colour, Matrix
from streamcut.media.frame import Frame, StreamInfo
from streamcut.sources.crop_scale import PIXEL_FORMAT, Framing
from streamcut.sources.orientation import Orientation
from streamcut.sources.reconnect import Feed
from streamcut.sources.size import Size

_TIME_BASE = Fraction(1, 90_000)
_USUAL_RATE = Fraction(30)


class LiveSource:
    """What a feed delivers as frames, each with its time of capture.

    What the frames are is settled by the first one; later ones of another size or format are
    brought to it, so that the output goes on.

    Args:
        feed: where they come from.
        size: what to scale to; None keeps the first frame's size. Sides become even,
            pixels square.
        fps: frames per second at most; 0 takes them all.
        matrix: what untagged frames are taken for; None goes by their height.

    Raises:
        SourceError: if no frame comes.
    """

    jumps = 0

    def __init__(
        self, feed: Feed, *, size: Size | None = None, fps: int = 0, matrix: int | None = None
    ) -> None:
        self._feed = feed
        self._frames = iter(feed)
        first = next(self._frames, None)
        if first is None:
            raise SourceError("no frame came")
        self._first, decoded = first, first[1]
        across, down = _shown(decoded, feed.aspect)
        width, height = (size or Size()).of(across, down)
        width, height = max(2, width & ~1), max(2, height & ~1)
        known = Colour.of(decoded).known_matrix(decoded.height)
        if matrix is None:  # HDR becomes SDR.
            matrix = Matrix.BT709 if known == Matrix.BT2020 else known
        self._framing = Framing(width, height, matrix, feed.aspect)
        self._pace = Pace(fps)
        rate = feed.rate or _USUAL_RATE
        self.info = StreamInfo(
            width=width,
            height=height,
            pixel_format=PIXEL_FORMAT,
            colour=self._framing.colour,
            time_base=_TIME_BASE,
            rate=min(rate, Fraction(fps)) if fps else rate,
            live=True,
        )

    def __iter__(self) -> Iterator[Frame]:
        began, last = self._first[0], -1
        with closing(self._frames):
            for captured, decoded in chain([self._first], self._frames):
                if self._pace(captured):
                    last = max(last + 1, round((captured - began) / _TIME_BASE))
                    yield self._frame(captured, decoded, last)

    @property
    def state(self) -> str:
        """What is waited for, if anything."""
        return self._feed.state

    @property
    def undecodable(self) -> int:
        """How many packets were lost on the way."""
        return self._feed.undecodable

    @property
    def notes(self) -> list[str]:
        """Nothing: live frames are what they are."""
        return []

    def stop(self) -> None:
        """End the frames soon; may be called by another thread."""
        self._feed.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _frame(self, captured: float, decoded: av.VideoFrame, pts: int) -> Frame:
        made = self._framing(decoded, self._feed.aspect)
        made.source.pts, made.source.time_base = pts, _TIME_BASE
        return replace(made, captured=captured)


def _shown(frame: av.VideoFrame, aspect: Fraction) -> tuple[int, int]:
    """Return (width, height) as a frame is shown, upright and with square pixels."""
    if Orientation.of(frame).transpose:
        return frame.height, round(frame.width * aspect)
    return round(frame.width * aspect), frame.height


class Pace:
    """Thins out frames that come faster than wanted, evenly.

    Args:
        fps: the most a second; 0 lets all pass.
    """

    def __init__(self, fps: int) -> None:
        self._interval = 1 / fps if fps else 0.0
        self._due = 0.0

    def __call__(self, time: float) -> bool:
        """Whether the frame of a time (seconds) is wanted."""
        # A little early is not too soon: cameras are not on time to the millisecond.
        if self._interval and time < self._due - self._interval / 4:
            return False
        following = self._due + self._interval
        self._due = following if following > time else time + self._interval
        return True
