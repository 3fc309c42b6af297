"""Files and network streams, through PyAV: everything that FFmpeg can demux and decode."""

from __future__ import annotations

import gc
import logging
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

import av
from av.video.stream import VideoStream

from streamcut.core.errors import Named, SourceError
from streamcut.media.colour import Colour
from streamcut.media.demux import packets
from streamcut.media.frame import Frame, StreamInfo
from streamcut.media.hdr_metadata import HdrMetadata
from streamcut.media.immersive import Immersive
from streamcut.media.limits import STRICT, Limits
from streamcut.media.pixel_formats import depth
from streamcut.media.timestamps import (
    Clock,
    DecodingOrder,
    as_browsers_show,
    in_order,
    is_free,
    is_sought_well,
    stamped,
)
from streamcut.media.urls import public
from streamcut.sources.address import Input, input_of, open_container
from streamcut.sources.decoder import alpha_notes, decoder_of, has_lost_alpha
from streamcut.sources.deinterlace import Progressive, is_still
from streamcut.sources.normalize import Conform
from streamcut.sources.once import lost_of
from streamcut.sources.size import Size

_log = logging.getLogger(__name__)

# Of a unit of timestamps: FFmpeg rounds where a file begins to microseconds.
_NEXT_TO_NOTHING = Fraction(1, 10)
# Containers that say themselves how wide pixels are.
_TELLS_ASPECT = {"mov", "matroska"}
# How Matroska says how long a stream is.
_TAGGED_LENGTH = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")


class MediaSource:
    """The frames of the best video stream, upright, scaled, in a working pixel format.

    Timestamps are kept as the container has them. Formats whose clock starts anywhere
    (MPEG-TS, network streams) start at zero, and so does what is cut with ``start``. Where
    the clock jumps, as in joined files, the frames go on one step after the last.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | Input,
        *,
        start: Fraction | None = None,
        duration: Fraction | None = None,
        size: Size | None = None,
        threads: int = 0,
        limits: Limits = STRICT,
        cover: bool = False,
    ) -> None:
        self._input, self._name = input_of(url), public(str(url))
        self._limits = limits
        self.undecodable = 0
        self._told: Fraction | None = None
        self._container = open_container(self._input, limits)
        try:
            self._stream = self._pick_stream()
            self._threads = threads
            limits.check_frame(self._name, self._stream.width, self._stream.height)
            self._decoder = decoder_of(self._stream, threads, limits)
            self._time_base = self._stream.time_base or Fraction(1, 90_000)
            self._clip = self._clip_of(start, duration)
            self._clock = Clock(self._container.format.name, self._time_base)
            self._progressive = Progressive(still=is_still(self._container, self._stream))
            self._frames = self._clipped(self._progressive(self._from_key_frame()))
            first = self._first_frame()
            limits.check_frame(self._name, first.width, first.height)
            if size is not None:
                limits.check_size(*size.of(first.width, first.height))
            self._conform = Conform(first, size, self._aspect_of(first), cover=cover)
            self._first: Frame | None = self._conformed(first)
            self._lost = _lost(first.format.name, self._first.source.format.name)
            self._lost += getattr(self._input, "notes", [])
            self._hdr, self._immersive = HdrMetadata.of(first), Immersive.of(first)
            self._lost += self._hdr.notes
            if self._input.again is None:
                self._lost += lost_of(self._container)
            self.info = self._describe(self._first.source)
            _log.info(
                "opened %s: %dx%d %s at %.3f frames per second",
                *(self._name, self.info.width, self.info.height),
                *(self.info.pixel_format, self.info.rate),
            )
        except BaseException:
            self._container.close()
            raise

    def __iter__(self) -> Iterator[Frame]:
        # No variable holds on to a frame while the next one is waited for.
        first, self._first = [self._first] if self._first is not None else [], None
        while first:
            yield first.pop()
        yield from map(self._conformed, self._frames)

    @property
    def jumps(self) -> int:
        """How often the input's clock jumped so far."""
        return self._clock.jumps

    @property
    def notes(self) -> list[str]:
        """What the frames lost on the way here, in words."""
        told = [*self._lost, *alpha_notes(self._decoder), *self._conform.notes]
        if self._progressive.interlaced:
            told.append("the input is interlaced: made progressive")
        if self.jumps:
            told.append(self._about_jumps())
        return told

    def _about_jumps(self) -> str:
        times = f"{self.jumps} times" if self.jumps > 1 else "once"
        # Seeking goes by the input's own times, each of which may come more than once.
        doubt = "" if self._clip.first is None else "; start and sound may not be where they should"
        return f"the input's clock jumps {times}: joined{doubt}"

    def close(self) -> None:
        """Close the input."""
        self._container.close()
        # PyAV's containers and streams refer to each other. Where the same input is opened again
        # and again, as loops do, those before it would fill the memory until Python looks for them.
        gc.collect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pick_stream(self) -> VideoStream:
        """Return the first stream that moves: cover images are video streams too."""
        covers = av.stream.Disposition.attached_pic
        moving = [s for s in self._container.streams.video if not s.disposition & covers]
        if not moving:
            raise SourceError(f"{self._name} has no video stream")
        known = [stream for stream in moving if stream.codec_context is not None]
        if not known:
            raise SourceError(f"{self._name}: no decoder for its video")
        best = self._container.streams.best("video")
        return best if isinstance(best, VideoStream) and best in known else known[0]

    def _clip_of(self, start: Fraction | None, duration: Fraction | None) -> _Clip:
        began = self._began(start)
        without_zero = is_free(self._container.format.name)
        zero = began if without_zero or start is not None else Fraction(0)
        first = None if start is None else began + start
        last = None if duration is None else (began if first is None else first) + duration
        if first is not None and start:
            # Where a frame can be: rounding would move frames against the sound.
            unit = self._time_base
            zero = math.ceil(first / unit - _NEXT_TO_NOTHING) * unit
        return _Clip(began, first, last, zero)

    def _began(self, start: Fraction | None) -> Fraction:
        """Return where the input's clock begins; short files do not always say so."""
        told = self._container.start_time
        if told is None and start is not None:
            stamps = (packet.pts for packet in self._container.demux(self._stream))
            began = Fraction(next(stamps, None) or 0) * self._time_base
            self._rewind()
            return began
        return Fraction(told or 0, av.time_base)

    def _rewind(self) -> None:
        """Open the input anew: not every one can be sought in."""
        self._container.close()
        self._container = open_container(self._input, self._limits)
        self._stream = self._pick_stream()
        self._decoder = decoder_of(self._stream, self._threads, self._limits)

    def _from_key_frame(self) -> Iterator[av.VideoFrame]:
        """Decode from the last keyframe before the clip, or from the very beginning."""
        first = self._clip.first
        if first is not None and first > self._clip.began:
            frames = self._sought(first)
            picture = next(frames, None)
            late = picture is None or picture.pts is None or picture.pts * self._time_base > first
            # A keyframe of the colour need not be one of the alpha beside it.
            if picture is None or late or has_lost_alpha(self._decoder):
                self._rewind()
            else:
                yield picture
                yield from frames
                return
        yield from self._decode()

    def _sought(self, time: Fraction) -> Iterator[av.VideoFrame]:
        """Decode from the last keyframe before ``time``; nothing where seeking fails."""
        reordered = self._stream.codec_context.has_b_frames
        if not is_sought_well(self._container.format.name, reordered):
            return
        try:
            self._container.seek(int(time * av.time_base), backward=True)
        except av.error.FFmpegError:
            return
        yield from self._decode()

    def _first_frame(self) -> av.VideoFrame:
        for picture in self._frames:
            return picture
        if self._clip.first is not None:
            raise SourceError(f"{self._name} ends before ", Named("start"))
        if self._container.format.name == "webp_pipe":
            raise SourceError(f"{self._name} is damaged, or an animated WebP that is no file")
        unknown = not (self._stream.codec_context.width or self._limits.large)
        hint = (", or only of more than 8K (", Named("allow_large"), ")") if unknown else ()
        raise SourceError(f"{self._name} has no frame that can be decoded", *hint)

    def _decode(self) -> Iterator[av.VideoFrame]:
        yield from stamped(self._decoded(), self._step())

    def _decoded(self) -> Iterator[av.VideoFrame]:
        order = self._order()
        for packet in self._packets():
            if order is not None:
                order.read(packet)
            try:
                frames = self._decoder.decode(packet)
            except (av.error.MemoryError, av.error.EOFError):
                raise
            except av.error.FFmpegError:  # Each decoder has its own idea of what broken data is.
                self.undecodable += 1
                if order is not None:
                    order.lost()
                continue
            for frame in frames:
                if order is not None:
                    order.stamp(frame)
                self._mark(frame)
                yield frame

    def _order(self) -> DecodingOrder | None:
        """Return what times frames whose container says only when they are decoded."""
        made = self._decoder
        ahead = made.thread_count - 1
        return in_order(self._container.format.name, int(made.has_b_frames), ahead, self._step())

    def _mark(self, frame: av.VideoFrame) -> None:
        """Note on a frame how much wider its pixels are than those of the first one decoded."""
        told = self._decoder.sample_aspect_ratio
        self._told = self._told or told
        if told and self._told and told != self._told:
            frame.opaque = told / self._told

    def _aspect_of(self, frame: av.VideoFrame) -> Fraction:
        """Return the width of a frame's pixels over their height."""
        known = _TELLS_ASPECT & set(self._container.format.name.split(","))
        # What others say of the whole stream may be what its last frames are.
        first = None if known else self._told
        first = first or self._stream.sample_aspect_ratio or Fraction(1)
        return first * (frame.opaque if isinstance(frame.opaque, Fraction) else 1)

    def _conformed(self, frame: av.VideoFrame) -> Frame:
        return self._conform(frame, self._aspect_of(frame))

    def _packets(self) -> Iterator[av.Packet[VideoStream] | None]:
        """Yield the stream's packets, then None to flush; broken reads are counted and passed."""
        try:
            read = packets(self._container, [self._stream], self._count_broken)
            yield from as_browsers_show(read, self._container.format.name)
        except av.error.FFmpegError as error:
            raise SourceError(f"{self._name}: reading stopped: {error.strerror}") from error
        yield None

    def _count_broken(self) -> None:
        self.undecodable += 1

    def _clipped(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """Give every frame a rising timestamp, shift it, and keep those within the clip."""
        shift = round(self._clip.zero / self._time_base)
        step, last = self._step(), None
        began = round(self._clip.began / self._time_base)
        for picture in frames:
            following = began if last is None else last + step
            pts = following if picture.pts is None else self._clock(picture.pts, step)
            pts = pts if last is None or pts > last else last + 1
            last = pts
            if self._clip.passed(pts * self._time_base):
                return
            if self._clip.reached(pts * self._time_base):
                picture.pts = pts - shift
                picture.time_base = self._time_base
                yield picture

    def _step(self) -> int:
        return max(1, round(1 / (self._rate() * self._time_base)))

    def _rate(self) -> Fraction:
        return self._stream.average_rate or self._stream.guessed_rate or Fraction(30)

    def _describe(self, first: av.VideoFrame) -> StreamInfo:
        return StreamInfo(
            width=first.width,
            height=first.height,
            pixel_format=first.format.name,
            colour=Colour.of(first),
            time_base=self._time_base,
            rate=self._rate(),
            sample_aspect_ratio=self._conform.aspect,
            duration=self._duration(),
            start=self._clip.zero,
            end=self._clip.last,
            url=self._input.again,
            metadata=dict(self._container.metadata),
            chapters=self._container.chapters(),
            hdr=self._hdr,
            immersive=self._immersive,
            limits=self._limits,
        )

    def _duration(self) -> float | None:
        left = self._length()
        if left is None:
            return None
        began = Fraction(self._container.start_time or 0, av.time_base)
        if self._clip.first is not None:
            left -= self._clip.first - began
        if self._clip.last is not None:
            left = min(left, self._clip.last - (self._clip.first or began))
        return max(float(left), 0.0)

    def _length(self) -> Fraction | None:
        """Return the seconds of the frames; the sound, and with it the file, may be longer."""
        if self._stream.duration:
            return self._stream.duration * self._time_base
        if tag := _TAGGED_LENGTH.fullmatch(self._stream.metadata.get("DURATION", "")):
            hours, minutes, seconds = map(Fraction, tag.groups())
            return hours * 3600 + minutes * 60 + seconds
        total = self._container.duration
        return Fraction(total, av.time_base) if total else None


@dataclass(frozen=True, slots=True)
class _Clip:
    """Where the input's clock begins, what part is wanted, which instant becomes 0; seconds."""

    began: Fraction
    first: Fraction | None
    last: Fraction | None
    zero: Fraction

    def reached(self, time: Fraction) -> bool:
        return self.first is None or time >= self.first

    def passed(self, time: Fraction) -> bool:
        return self.last is not None and time >= self.last


def _lost(decoded: str, made: str) -> list[str]:
    """Say what the working format does not hold of the decoded one."""
    before, after = av.VideoFormat(decoded), av.VideoFormat(made)
    if after.is_rgb and not before.is_rgb and not before.has_palette:
        return [f"the input's {decoded} is worked on as RGB ({made})"]
    if depth(made) < depth(decoded):
        return [f"the input's {depth(decoded)}-bit colour becomes {depth(made)}-bit"]
    return []
