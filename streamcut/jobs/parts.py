"""A video in parts of some seconds each: what a killed job goes on with, and what machines share.

The parts are cut at keyframes of the input, near each other's wanted length. Each begins a
second early, so that the network's memory and the smoothing are warm where it counts; what
comes early is not written. Every part is written on the clock of the whole, so that joining
them is copying packets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Self

import av

from streamcut.core.config import Settings
from streamcut.core.errors import SourceError
from streamcut.core.pipeline import Channel, Pipeline
from streamcut.jobs.file import Job
from streamcut.media.frame import CompositedFrame, Frame
from streamcut.media.limits import STRICT, Limits
from streamcut.sessions import BaseSession
from streamcut.sources import Source
from streamcut.sources.address import input_of, open_container

SECONDS = 20
"""How long a part is to be."""

_OVERLAP = Fraction(1)
_LEAST, _MOST = Fraction(3, 4), Fraction(2)


@dataclass(frozen=True, slots=True)
class VideoPart:
    """A part of a video; times in seconds from the beginning of the input's clock.

    Attributes:
        number: its place, from 0.
        first: the presentation time of its first frame.
        last: that of the next part's first frame, or None for the last part.
        early: how long before ``first`` work begins.
    """

    number: int
    first: Fraction
    last: Fraction | None
    early: Fraction = Fraction(0)

    def facts(self) -> list[Any]:
        """Return it as JSON takes it."""
        return [self.number, str(self.first), self.last and str(self.last), str(self.early)]

    @classmethod
    def of(cls, facts: Sequence[Any]) -> Self:
        """Return what :meth:`facts` describes."""
        number, first, last, early = facts
        return cls(number, Fraction(first), Fraction(last) if last else None, Fraction(early))


@dataclass(frozen=True, slots=True)
class Times:
    """When an input's packets are shown, seconds on its own clock.

    Attributes:
        began: where the clock begins.
        keyframes: of its keyframes, rising.
        frames: of all its packets, rising.
    """

    began: Fraction
    keyframes: tuple[Fraction, ...]
    frames: tuple[Fraction, ...]


def times_of(url: str, limits: Limits = STRICT) -> Times:
    """Return when an input's packets are shown, without decoding them.

    Args:
        url: path of the input.
        limits: what it may ask for.

    Raises:
        SourceError: if it cannot be read, or its clock jumps: it cannot be cut then.
    """
    with open_container(input_of(url), limits) as container:
        stream = container.streams.best("video")
        if stream is None:
            raise SourceError(f"{url} has no video stream")
        unit = stream.time_base or Fraction(1, 90_000)
        stamps = [
            (packet.pts * unit, packet.is_keyframe)
            for packet in container.demux(stream)
            if packet.pts is not None and packet.size
        ]
        told = container.start_time
    shown = sorted({time for time, _ in stamps})
    keys = [time for time, is_key in stamps if is_key]
    if any(after <= before for before, after in pairwise(keys)):
        raise SourceError(f"{url}: its clock jumps, so it cannot be cut into parts")
    began = Fraction(told, av.time_base) if told is not None else min(shown, default=Fraction(0))
    return Times(began, tuple(keys), tuple(shown))


def plan(
    times: Times, *, start: Fraction | None, duration: Fraction | None, seconds: float = SECONDS
) -> list[VideoPart]:
    """Divide what is wanted of a video into parts; each begins at a keyframe where one is near.

    Args:
        times: of the input.
        start: seconds to skip.
        duration: seconds to convert at most.
        seconds: how long a part is to be.
    """
    begin = times.began + (start or 0)
    end = None if duration is None else begin + duration
    cuts = list(_cuts(times, begin, end, Fraction(seconds)))
    firsts, lasts = [begin, *cuts], [*cuts, end]
    return [
        VideoPart(number, first, last, min(_OVERLAP, first - begin))
        for number, (first, last) in enumerate(zip(firsts, lasts, strict=True))
    ]


def _cuts(
    times: Times, begin: Fraction, end: Fraction | None, wanted: Fraction
) -> Iterator[Fraction]:
    """Yield where a part ends and the next begins."""
    last = times.frames[-1] if times.frames else begin
    stop = last if end is None else min(end, last)
    at = begin
    # What is left at the end belongs to the last part, unless it is most of one.
    while stop - at > wanted * (1 + _LEAST):
        cut = _best(times.keyframes, at, wanted)
        if cut is None:  # Hardly any keyframes: decoding from the last one costs less than waiting.
            cut = next(time for time in times.frames if time >= at + wanted)
        if stop - cut <= 0:
            return
        yield cut
        at = cut


def _best(keyframes: Sequence[Fraction], at: Fraction, wanted: Fraction) -> Fraction | None:
    """Return the keyframe at which to end a part that begins at ``at``, or None.

    Encoders put one out of turn where a scene begins: those are the best seams.
    """
    near = [
        (before, key)
        for before, key in pairwise([at, *(key for key in keyframes if key > at)])
        if wanted * _LEAST <= key - at <= wanted * _MOST
    ]
    if not near:
        return None
    usual = max(key - before for before, key in near)
    close = [(before, key) for before, key in near if key - at <= wanted * (2 - _LEAST)]
    early = [key for before, key in close if key - before < usual * _LEAST]
    return min(early or [key for _, key in near], key=lambda key: abs(key - at - wanted))


class PartJob(Job):
    """One part of a video, written without sound and on the clock of the whole.

    Args:
        url: path of the input.
        output: path of the part's file.
        settings: as for the whole.
        part: which part.
        began: where the input's clock begins, seconds.
        zero: what is subtracted from the input's clock, seconds: the whole's ``info.start``.
        session: a session to use; None makes one.
    """

    def __init__(
        self,
        url: str,
        output: str,
        settings: Settings,
        part: VideoPart,
        *,
        began: Fraction,
        zero: Fraction,
        session: BaseSession | None = None,
    ) -> None:
        begin = part.first - part.early
        super().__init__(
            url,
            output,
            settings.with_options({"audio": False, "fail_if_empty": False}),
            session=session,
            start=begin - began,
            duration=None if part.last is None else part.last - begin,
            overwrite=True,
        )
        self._zero, self._wanted = zero, part.first - zero
        self._warming = part.early > 0

    def _opened(self) -> Source:
        source = super()._opened()
        return _Shifted(source, source.info.start - self._zero)

    def _kept(
        self, pipeline: Pipeline, frames: Channel[CompositedFrame]
    ) -> Channel[CompositedFrame]:
        """Return the frames without those that only warm up."""
        if not self._warming:
            return frames
        wanted = (frame for frame in frames if _time(frame) >= self._wanted)
        return pipeline.spawn("seam", wanted, after=frames, capacity=1)


class _Shifted:
    """A source on a later clock, nothing else about it known to the sink.

    Args:
        source: the source; it begins at 0.
        by: seconds.
    """

    def __init__(self, source: Source, by: Fraction) -> None:
        self._source, self._by = source, by
        self.undecodable = 0
        self.info = replace(source.info, start=Fraction(0), end=None, url=None, chapters=())

    @property
    def jumps(self) -> int:
        """How often the input's clock jumped."""
        return self._source.jumps

    @property
    def notes(self) -> list[str]:
        """What was not kept as the input has it."""
        return self._source.notes

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            source = frame.source
            if source.time_base:
                source.pts = (source.pts or 0) + round(self._by / source.time_base)
            yield frame
        self.undecodable = self._source.undecodable

    def __enter__(self) -> Self:
        self._source.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._source.__exit__(*error)


def _time(frame: CompositedFrame) -> Fraction:
    return Fraction(frame.output.pts or 0) * (frame.output.time_base or 0)
