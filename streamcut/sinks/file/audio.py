"""What travels beside the frames: sound, covers, chapters and tags, kept as the input has them.

The input is opened a second time for them, so that a badly interleaved file can neither
stall the frames nor fill the memory with sound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import partial
from typing import Any, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from streamcut.core.errors import Named, SinkError
from streamcut.media.demux import packets
from streamcut.media.frame import StreamInfo
from streamcut.media.opening import open_input
from streamcut.sinks.file.audio_sync import Joins
from streamcut.sinks.file.carried import Subtitles, attach, holds, subtitles, timecode, untold
from streamcut.sinks.file.formats import Format

_TRANSCODED_RATE = 48_000
_BITS_PER_CHANNEL = {"libopus": 64_000, "aac": 96_000}
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
# Written by muxers for themselves; wrong in another file.
_PRIVATE_TAGS = {
    *("major_brand", "minor_version", "compatible_brands", "encoder", "duration", "creation_time"),
    *("alpha_mode", "vendor_id", "handler_name", "_statistics_tags", "number_of_frames"),
}
# Languages that QuickTime knows by the older of their two codes.
_QUICKTIME_LANGUAGES = {
    **{"bod": "tib", "cym": "wel", "deu": "ger", "ell": "gre", "eus": "baq", "fas": "per"},
    **{"hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac", "msa": "may", "mya": "bur"},
    **{"nld": "dut", "sqi": "alb", "swe": "sve", "zho": "chi"},
}
_COVER_TYPES = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}


class Companions:
    """Copies or transcodes an input's sound and copies its covers, in step with the frames.

    Args:
        output: to add streams to; its header must not be written yet.
        info: of the input.
        form: of the output.
        audio: whether to carry sound at all.
        video: the output's frames, which get the input's timecode.

    ``notes`` says in words what could not be kept as it was; ``undecodable`` counts packets.
    """

    def __init__(
        self,
        output: OutputContainer,
        info: StreamInfo,
        form: Format,
        *,
        audio: bool,
        video: Stream | None = None,
    ) -> None:
        self.notes: list[str] = []
        self.undecodable = 0
        self._output = output
        self._info = info
        self._tracks: dict[int, _Track | Subtitles] = {}
        self._covers: list[av.Packet[Any]] = []
        self._packets: Iterator[av.Packet[Any]] = iter(())
        self._waiting: av.Packet[Any] | None = None
        self._lossy = False
        self._input = self._open(audio)
        if self._input is None:
            return
        if audio and form.audio_encoder is not None:
            self._add_tracks(self._input, form, form.audio_encoder)
        elif audio and self._input.streams.audio:
            self.notes.append(f"{form.ending} holds no sound")
        self._add_covers(self._input, form)
        self._add_others(self._input, form, video)
        if self._tracks:
            self._packets = self._read(self._input)

    def advance(self, until: Fraction | None) -> None:
        """Write the sound before ``until`` (seconds on the output's clock), or all of it."""
        while self._covers:
            self._output.mux(self._covers.pop())
        while (packet := self._next()) is not None:
            if until is not None and self._time(packet) > until:
                self._waiting = packet
                return
            self._write(packet)

    def finish(self) -> None:
        """Write what the sound encoders still hold."""
        for track in self._tracks.values():
            rest: list[av.Packet[Any]] = []
            with self._losing():
                rest = track.flush()
            self._output.mux(rest)

    def close(self) -> None:
        """Close the second reader of the input."""
        if self._input is not None:
            self._input.close()

    def _open(self, audio: bool) -> InputContainer | None:
        if self._info.url is None:
            return None
        try:
            return open_input(self._info.url, limits=self._info.limits)
        except (av.error.FFmpegError, OSError, ValueError):
            if audio:
                self.notes.append("the input cannot be read twice, so its sound is left out")
            return None

    def _add_tracks(self, source: InputContainer, form: Format, encoder: str) -> None:
        for stream in source.streams.audio:
            if stream.codec_context is None:
                self.notes.append("a sound track is left out: no decoder for it")
                continue
            name = stream.codec_context.codec.canonical_name
            kept = (form.audio is None or name in form.audio) and holds(form, stream)
            make = _Copied if kept else partial(_Transcoded, encoder=encoder)
            self._tracks[stream.index] = make(self._output, stream, form, self._info)
            if not kept:
                self.notes.append(f"sound transcoded from {name}: {form.ending} does not hold it")
                self.notes += _downmixed(stream)

    def _add_others(self, source: InputContainer, form: Format, video: Stream | None) -> None:
        """Carry over what else there is, or say that it is not."""
        for track in subtitles(source, self._output, form, self._info):
            if isinstance(track, str):
                self.notes.append(track)
            else:
                self._tracks[track.source.index] = track
        self.notes += attach(source, self._output, form) + untold(source)
        if video is not None:
            self.notes += timecode(source, video, form, self._info)
        if self._info.start > 0 and self._tracks:
            with suppress(av.error.FFmpegError):  # Then it is read from its beginning.
                source.seek(int(self._info.start * av.time_base), backward=True)

    def _add_covers(self, source: InputContainer, form: Format) -> None:
        for stream in source.streams.video:
            if not stream.disposition & av.stream.Disposition.attached_pic:
                continue
            decoder = stream.codec_context
            known = None if decoder is None else _COVER_TYPES.get(decoder.name)
            if known is None or form.ending not in (".mkv", ".mp4"):
                self.notes.append(f"the cover image is left out: {form.ending} holds none")
            elif form.ending == ".mkv":
                self._output.add_attachment(*known, bytes(_first_packet(source, stream)))
            else:
                self._covers.append(self._cover(source, stream))

    def _cover(self, source: InputContainer, stream: Any) -> av.Packet[Any]:
        packet = _first_packet(source, stream)
        target = self._output.add_stream_from_template(stream)
        target.disposition = av.stream.Disposition.attached_pic
        packet.stream = target
        return packet

    def _next(self) -> av.Packet[Any] | None:
        if self._waiting is not None:
            packet, self._waiting = self._waiting, None
            return packet
        return next(self._packets, None)

    def _read(self, source: InputContainer) -> Iterator[av.Packet[Any]]:
        """Yield the wanted packets of sound; broken reads are counted and passed."""
        joins = Joins(source, [track.source for track in self._tracks.values()])
        try:
            for packet in packets(source, joins.streams, self._count_broken):
                yield from self._inside(joins(packet))
        except av.error.FFmpegError as error:
            self.notes.append(f"the sound ends early: {error.strerror}")
        yield from self._inside(joins.rest())

    def _count_broken(self) -> None:
        self.undecodable += 1

    def _inside(self, packets: Iterator[av.Packet[Any]]) -> Iterator[av.Packet[Any]]:
        return (packet for packet in packets if not self._outside(packet))

    def _outside(self, packet: av.Packet[Any]) -> bool:
        """Whether a packet lies wholly before or after what is kept of the input."""
        clock = self._time(packet) + self._info.start
        end = clock + Fraction(packet.duration or 0) * (packet.time_base or 0)
        cut = self._info.start > 0 and end <= self._info.start
        return cut or (self._info.end is not None and clock >= self._info.end)

    def _time(self, packet: av.Packet[Any]) -> Fraction:
        stamp = packet.dts if packet.dts is not None else packet.pts
        return Fraction(stamp or 0) * (packet.time_base or 0) - self._info.start

    def _write(self, packet: av.Packet[Any]) -> None:
        made: list[av.Packet[Any]] = []
        with self._losing():
            made = self._tracks[packet.stream_index].convert(packet)
        try:
            self._output.mux(made)
        except av.error.ArgumentError as error:  # A time that the format cannot hold.
            self._lose(error)

    @contextmanager
    def _losing(self) -> Iterator[None]:
        """Let broken sound cost itself alone, never the frames."""
        try:
            yield
        except (av.error.MemoryError, av.error.EOFError):
            raise
        except (av.error.FFmpegError, ValueError) as error:
            self._lose(error)

    def _lose(self, error: BaseException) -> None:
        self.undecodable += 1
        if not self._lossy:
            self.notes.append(f"some sound is lost: {getattr(error, 'strerror', None) or error}")
        self._lossy = True


class _Track:
    """One sound track on its way from the input's clock to the output's."""

    source: AudioStream
    target: AudioStream

    def __init__(self, source: AudioStream, target: AudioStream, form: Format) -> None:
        self.source, self.target = source, target
        target.metadata.update(public_tags(source.metadata))
        target.disposition = source.disposition
        language = target.metadata.get("language", "")
        if form.ending == ".mov" and language in _QUICKTIME_LANGUAGES:
            target.metadata["language"] = _QUICKTIME_LANGUAGES[language]

    def convert(self, packet: av.Packet[Any]) -> list[av.Packet[Any]]:
        """Return the output packets for an input packet."""
        raise NotImplementedError

    def flush(self) -> list[av.Packet[Any]]:
        """Return what is still held."""
        return []


class _Copied(_Track):
    """Packet by packet, as it is."""

    def __init__(
        self, output: OutputContainer, source: AudioStream, form: Format, info: StreamInfo
    ) -> None:
        with _refusing():
            target = output.add_stream_from_template(source)
        super().__init__(source, target, form)
        self._start = info.start
        # An edit list hides the lead-in of an MP4's sound, and what a cut leaves before zero.
        # Elsewhere only Opus says for itself how long it is: the rest would shift the frames.
        codec = source.codec_context.name
        hidden = "mov" in source.container.format.name and codec != "opus"
        self._from_zero = not form.edit_lists and (hidden or info.start > 0)
        self._repack = (
            BitStreamFilterContext("aac_adtstoasc", source)
            if codec == "aac" and form.edit_lists
            else None
        )

    def convert(self, packet: av.Packet[Any]) -> list[av.Packet[Any]]:
        """Return the packet itself on the output's clock, or nothing if it is too early."""
        shift = round(self._start / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts = None if packet.dts is None else packet.dts - shift
        if self._from_zero and (packet.pts or 0) < 0:
            return []
        packets = [packet] if self._repack is None else self._repack.filter(packet)
        for made in packets:
            made.stream = self.target
        return packets


class _Transcoded(_Track):
    """Decoded and encoded anew."""

    def __init__(
        self,
        output: OutputContainer,
        source: AudioStream,
        form: Format,
        info: StreamInfo,
        *,
        encoder: str,
    ) -> None:
        with _refusing():
            target = _encoder_stream(output, source, encoder)
        super().__init__(source, target, form)
        self._start = info.start
        self._kind: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None

    def convert(self, packet: av.Packet[Any]) -> list[av.Packet[Any]]:
        """Return the packets that the encoder gives for the packet's sound."""
        frames = [self._moved(frame) for frame in cast("list[av.AudioFrame]", packet.decode())]
        return [
            made
            for frame in frames
            if frame is not None
            for part in self._resampled(frame)
            for made in self.target.encode(part)
        ]

    def flush(self) -> list[av.Packet[Any]]:
        """Return what the resampler and the encoder still hold."""
        rest = [made for part in self._drained() for made in self.target.encode(part)]
        return rest + self.target.encode(None)

    def _resampled(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """Return a frame as the encoder takes it; what sound is may change in mid-stream."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        before = []
        if self._resampler is None or kind != self._kind:
            before = self._drained()
            wanted = self.target.codec_context
            self._resampler = av.AudioResampler(wanted.format, wanted.layout, wanted.sample_rate)
            self._kind = kind
        return before + self._resampler.resample(frame)

    def _drained(self) -> list[av.AudioFrame]:
        return (
            [] if self._kind is None or self._resampler is None else self._resampler.resample(None)
        )

    def _moved(self, frame: av.AudioFrame) -> av.AudioFrame | None:
        """Return the frame on the output's clock, without what lies before zero."""
        if frame.pts is None or frame.time_base is None:
            return frame
        frame.pts -= round(self._start / frame.time_base)
        early = math.ceil(-frame.pts * frame.time_base * frame.sample_rate)
        if early <= 0:
            return frame
        return _without_first(frame, early) if early < frame.samples else None


def _without_first(frame: av.AudioFrame, samples: int) -> av.AudioFrame:
    """Return a frame without its first samples; it begins at zero."""
    each = 1 if frame.format.is_planar else frame.layout.nb_channels
    rest: Any = np.ascontiguousarray(frame.to_ndarray()[:, samples * each :])
    made = av.AudioFrame.from_ndarray(rest, frame.format.name, frame.layout.name)
    made.sample_rate, made.pts = frame.sample_rate, 0
    made.time_base = cast(Fraction, frame.time_base)
    return made


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (av.error.FFmpegError, ValueError) as error:
        raise SinkError(
            f"the sound cannot be written: {error}; try ", Named("audio", False)
        ) from error


def _encoder_stream(output: OutputContainer, source: AudioStream, encoder: str) -> AudioStream:
    channels = source.codec_context.channels
    target = cast(AudioStream, output.add_stream(encoder, rate=_TRANSCODED_RATE))
    target.codec_context.layout = _LAYOUTS.get(channels, "stereo")
    target.codec_context.bit_rate = _BITS_PER_CHANNEL[encoder] * max(1, min(channels, 8))
    return target


def _downmixed(source: AudioStream) -> list[str]:
    channels = source.codec_context.channels
    return [] if channels in _LAYOUTS else [f"the sound's {channels} channels become stereo"]


def _first_packet(source: InputContainer, stream: Any) -> av.Packet[Any]:
    packet = cast("av.Packet[Any]", next(iter(source.demux(stream))))
    source.seek(0)
    return packet


def public_tags(metadata: Any) -> dict[str, str]:
    """Return the tags that mean something outside the file that they were written in."""
    return {key: value for key, value in metadata.items() if key.lower() not in _PRIVATE_TAGS}
