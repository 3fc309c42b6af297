"""Timestamps that jump, as those of joined files and broadcasts do, made to go on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av

# Formats whose clock has no zero of its own: their first timestamp says nothing. Bare streams
# have none at all.
_FREE = {
    *("mpegts", "rtsp", "rtp", "hls", "flv", "mpeg"),
    *("h264", "hevc", "mpegvideo", "m4v", "vc1", "cavsvideo"),
}
# Formats that know when a packet is decoded, but not when its frame is shown: what FFmpeg makes of
# that is wrong where frames are reordered, and worse where some were dropped.
_WITHOUT_SHOWN = {"avi"}
# After a seek, which lands anywhere, their first frames have no times or wrong ones.
_SOUGHT_BADLY = {"mpeg", "gif"}
# Of a GIF, in hundredths of a second: what asks for less than two is shown for ten by browsers.
_LEAST, _USUAL = 2, 10
# Frames without a timestamp that may wait for the first one that has it.
_MOST_WAITING = 64
# On those, a longer wait for what comes next is another clock.
_LONGEST_WAIT = 10
# Frames that a damaged stream shows in the wrong order are that many steps late at most.
_DISORDER = 3


def as_browsers_show(
    packets: Iterable[av.Packet[av.video.stream.VideoStream]], format_name: str
) -> Iterator[av.Packet[av.video.stream.VideoStream]]:
    """Yield packets; those of a GIF with the times at which browsers show them.

    Args:
        packets: from the beginning on.
        format_name: of the container.
    """
    if format_name != "gif":
        yield from packets
        return
    clock = 0
    for packet in packets:
        lasts = packet.duration or 0
        packet.duration = lasts if lasts >= _LEAST else _USUAL
        packet.pts = packet.dts = clock
        clock += packet.duration
        yield packet


def is_free(format_name: str) -> bool:
    """Whether the clock of a container format begins anywhere, and may begin again."""
    return bool(_FREE & set(format_name.split(",")))


def in_order(format_name: str, least: int, ahead: int, step: int) -> DecodingOrder | None:
    """Return what times the frames of a format that says only when packets are decoded.

    Args:
        format_name: of the container.
        least: see :class:`DecodingOrder`, as are the others.
        ahead: packets.
        step: in units of the timestamps.
    """
    known = _WITHOUT_SHOWN & set(format_name.split(","))
    return DecodingOrder(least, ahead, step) if known else None


def is_sought_well(format_name: str, reordered: bool) -> bool:
    """Whether the frames after a seek are known to have their times.

    Args:
        format_name: of the container.
        reordered: whether frames are shown in another order than they are decoded.
    """
    names = set(format_name.split(","))
    return not (names & _SOUGHT_BADLY or (reordered and names & _WITHOUT_SHOWN))


class DecodingOrder:
    """Gives frames, which come in the order they are shown, the packets' times in their order.

    Args:
        least: by how many steps each frame is decoded before it is shown, at least; 0 where
            frames are shown as they are decoded.
        ahead: how many packets more the decoder may take before its first frame.
        step: how long a frame lasts.
    """

    def __init__(self, least: int, ahead: int, step: int) -> None:
        self._delay, self._ahead, self._step = least, ahead, step
        self._stamps: deque[int] = deque()
        self._last: int | None = None

    def read(self, packet: av.Packet[av.VideoStream] | None) -> None:
        """Take a packet's time."""
        if packet is not None and packet.dts is not None:
            self._stamps.append(packet.dts)

    def lost(self) -> None:
        """Forget the time of a packet that no frame came of."""
        if self._stamps:
            self._stamps.popleft()

    def stamp(self, frame: av.VideoFrame) -> None:
        """Give a frame the earliest time that is left; one step after the last if none is."""
        if self._last is None:
            if self._delay:
                self._delay = max(self._delay, len(self._stamps) - 1 - self._ahead)
            self._delay = min(self._delay, max(0, len(self._stamps) - 1))
            for _ in range(self._delay):
                self._stamps.popleft()
        if self._stamps:
            self._last = self._stamps.popleft() - self._delay * self._step
        elif self._last is not None:
            self._last += self._step
        frame.pts = self._last


def stamped(frames: Iterable[av.VideoFrame], step: int) -> Iterator[av.VideoFrame]:
    """Yield frames; those before the first that has a timestamp are given theirs from it.

    After a seek into a program stream the first frames have none.

    Args:
        frames: in presentation order.
        step: how long each lasts.
    """
    waiting: list[av.VideoFrame] = []
    known = False
    for frame in frames:
        if not known and frame.pts is None and len(waiting) < _MOST_WAITING:
            waiting.append(frame)
            continue
        for back, earlier in zip(range(len(waiting), 0, -1), waiting, strict=True):
            earlier.pts = None if frame.pts is None else frame.pts - back * step
            yield earlier
        waiting, known = [], True
        yield frame
    yield from waiting


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
