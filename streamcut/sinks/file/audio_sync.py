"""Sound kept in step with the frames where an input's clock jumps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from streamcut.media.timestamps import Clock, is_free

_USUAL_PACKET = Fraction(1, 50)  # How long a packet of sound lasts that does not say so; seconds.
_MOST_HELD = 250


class Joins:
    """Moves packets of sound onto a clock that goes on.

    Where the frames' clock can jump, their packets lead: what comes after a jump in the
    sound is held until it is known how far the frames were moved, and is moved as far.

    Args:
        source: the input.
        tracks: the sound that is wanted.
    """

    def __init__(self, source: InputContainer, tracks: Sequence[AudioStream]) -> None:
        form = source.format.name
        covers = av.stream.Disposition.attached_pic
        moving = [s for s in source.streams.video if not s.disposition & covers]
        self._leader = moving[0] if moving and is_free(form) else None
        self.streams = [*tracks, *([self._leader] if self._leader else [])]
        self._clocks = {s.index: Clock(form, _unit(s)) for s in self.streams}
        self._moves: list[Fraction] = [Fraction(0)]
        self._held: deque[_Held] = deque()
        self._ends: dict[int, int] = {}

    def __call__(self, packet: av.Packet[Any]) -> Iterator[av.Packet[Any]]:
        """Yield the packets of sound that a packet of sound or frames makes ready."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        leader = self._leader
        if leader is None or packet.stream_index != leader.index:
            self._held.append(self._noted(packet, stamp))
        elif stamp is not None:
            clock = self._clocks[leader.index]
            rate = leader.average_rate or leader.guessed_rate or Fraction(30)
            clock(stamp, max(1, round(1 / (rate * packet.time_base))))
            if clock.jumps == len(self._moves):
                self._moves.append(clock.offset * packet.time_base)
        while self._held and self._ready(self._held[0]):
            yield from self._moved(self._held.popleft())

    def rest(self) -> Iterator[av.Packet[Any]]:
        """Yield what is still held."""
        while self._held:
            yield from self._moved(self._held.popleft())

    def _noted(self, packet: av.Packet[Any], stamp: int | None) -> _Held:
        clock = self._clocks[packet.stream_index]
        step = packet.duration or round(_USUAL_PACKET / packet.time_base)
        if stamp is not None:
            clock(stamp, step)
        return _Held(packet, stamp, step, clock.jumps, clock.offset)

    def _ready(self, held: _Held) -> bool:
        known = self._leader is None or held.part < len(self._moves)
        return known or len(self._held) > _MOST_HELD

    def _moved(self, held: _Held) -> Iterator[av.Packet[Any]]:
        packet, stamp, step, *_ = held
        if stamp is None:
            yield packet
            return
        end = self._ends.get(packet.stream_index)
        shift = self._shift(held, end)
        if held.part and end is not None and stamp + shift < end - step // 2:
            return  # The part before has more sound than frames.
        self._ends[packet.stream_index] = stamp + shift + step
        packet.pts = None if packet.pts is None else packet.pts + shift
        packet.dts = None if packet.dts is None else packet.dts + shift
        yield packet

    def _shift(self, held: _Held, end: int | None) -> int:
        """Return how far a packet is moved; its own clock tells where there are no frames."""
        if self._leader is None:
            return held.offset
        if held.part < len(self._moves):
            return round(self._moves[held.part] / held.packet.time_base)
        last = round(self._moves[-1] / held.packet.time_base)
        paused = end is None or held.stamp is None or held.stamp + last >= end
        return last if paused else held.offset


class _Held(NamedTuple):
    """A packet, its time and length, how many jumps precede it, its own clock's offset."""

    packet: av.Packet[Any]
    stamp: int | None
    step: int
    part: int
    offset: int


def _unit(stream: Any) -> Fraction:
    return stream.time_base or Fraction(1, av.time_base)
