"""Frames into a file, through PyAV: every video format, animations and image sequences."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from typing import Self, cast

import av
from av.video.frame import PictureType
from av.video.stream import VideoStream

from streamcut.core.errors import SinkError, StreamcutError
from streamcut.media.frame import OutputFrame, StreamInfo
from streamcut.media.urls import public
from streamcut.sinks.file import hdr10
from streamcut.sinks.file.audio import Companions, public_tags
from streamcut.sinks.file.carried import shifted_chapters
from streamcut.sinks.file.described import in_header, stream_with, tell_immersive
from streamcut.sinks.file.encoder_input import Fit, Palette
from streamcut.sinks.file.formats import Codec
from streamcut.sinks.file.output import Output
from streamcut.sinks.file.pixel_aspect import set_aspect
from streamcut.sinks.file.vp9_alpha import attach_alpha, colour_encoder, described_stream
from streamcut.sinks.file.vp9_memory import open_lean

_log = logging.getLogger(__name__)


class MediaSink:
    """Encodes and writes frames, with the input's sound beside them.

    Leaving the ``with`` block finishes the file, also after an error or Ctrl-C: what was
    written until then plays. The sound is then cut where the frames end.

    Args:
        output: what is written to.
        codec: how frames are encoded.
        info: of the frames' stream.
        size: (width, height) of the frames that will come.
        pixel_format: of the frames that will come.
        quality: one of "fast", "balanced", "best".
        threads: for the encoder; 0 lets it choose.
        audio: whether to carry the input's sound.
        alpha_apart: whether frames come with their alpha encoded, beside opaque frames.

    Raises:
        SinkError: if the file cannot be opened.
    """

    def __init__(
        self,
        output: Output,
        codec: Codec,
        info: StreamInfo,
        *,
        size: tuple[int, int],
        pixel_format: str,
        quality: str = "balanced",
        threads: int = 0,
        audio: bool = True,
        alpha_apart: bool = False,
    ) -> None:
        self.path = str(output)
        self._outlet = output
        self.written = 0
        self.skipped = 0
        self.left = ""
        self._notes = hdr10.notes(codec, info.hdr)
        self._codec = codec
        self._unit = _unit(codec, info)
        self._last: int | None = None
        self._late: OutputFrame | None = None  # The last one left out, since the last one written.
        self._wanted = size, pixel_format, info.colour
        self._palette = Palette() if codec.name == "gif" else None
        with self._reporting(), self._discarding():
            self._output = output.create()
            self._stream = self._video_stream(info, size, quality, threads, alpha_apart)
            self._fit = Fit(pixel_format, codec, info)
            self._fit.describe(self._stream)
            self._encoder = self._stream.codec_context
            if alpha_apart:
                self._encoder = colour_encoder(
                    self._stream, codec.options_for(quality, size), threads
                )
            with self._accepting():
                if codec.encoder == "libvpx-vp9":
                    open_lean(self._encoder)
                elif in_header(codec, info):
                    self._encoder.open(strict=False)
            if self._palette is not None:
                self._stream.pix_fmt = self._palette.pixel_format
            self._companions = Companions(
                self._output, info, output.form, audio=audio, video=self._stream
            )
            self._output.metadata.update(public_tags(info.metadata))
            _log.info(
                "writing %s: %s in %s, %dx%d",
                *(public(self.path), codec.encoder, self._stream.pix_fmt),
                *(self._stream.width, self._stream.height),
            )
            if info.chapters and output.form.chapters:
                self._output.set_chapters(shifted_chapters(info))
            elif info.chapters and output.path is not None:
                self._notes.append(f"the chapters are left out: {output.form.ending} holds none")

    @property
    def notes(self) -> list[str]:
        """What could not be kept as the input has it, in words."""
        return [*self._notes, *self._too_short(), *self._fit.notes, *self._companions.notes]

    def _too_short(self) -> list[str]:
        """Say how many frames would have been shown for less time than the format can tell."""
        if not self.skipped:
            return []
        shortest = 1000 * self._codec.least * self._unit
        left_out = "1 frame" if self.skipped == 1 else f"{self.skipped} frames"
        return [
            f"{left_out} left out: {self._codec.name} shows none for less than "
            f"{float(shortest):g} ms"
        ]

    @property
    def undecodable(self) -> int:
        """How many packets of sound were lost."""
        return self._companions.undecodable

    def write(self, frame: OutputFrame) -> None:
        """Encode one frame and write it, and the sound up to it.

        Raises:
            SinkError: if the disk is full or the file cannot be written.
        """
        video_frame = frame.output
        time = Fraction(video_frame.pts or 0) * (video_frame.time_base or self._unit)
        stamp = self.written if self._codec.timeless else round(time / self._unit)
        least = self._codec.least
        if self._last is not None and stamp < self._last + least:
            self.skipped += 1
            self._late = frame
            return
        late, self._late = self._late, None
        if late is not None and self._last is not None and stamp >= self._last + 2 * least:
            self.skipped -= 1  # It was too early, and is what is shown until now.
            self._write(late, self._last + least, time)
        self._write(frame, stamp, time)

    def _write(self, frame: OutputFrame, stamp: int, time: Fraction) -> None:
        """Encode a frame at a time on the output's clock, and write the sound up to ``time``."""
        self._last, video_frame = stamp, frame.output
        with self._reporting():
            self._companions.advance(time)
            fitted = self._fit(video_frame, self._stream.width, self._stream.height)
            fitted = fitted if self._palette is None else self._palette(fitted)
            with _stamped(fitted, stamp, self._unit):
                packets = self._encoded(fitted)
            if frame.alpha is not None:
                attach_alpha(packets[0], frame.alpha)
            self._output.mux(packets)
        self.written += 1

    def close(self, *, complete: bool = True, good: bool = True) -> None:
        """Finish the file.

        Args:
            complete: whether to write the sound after the last frame, too.
            good: whether it may take the place of an older file; else it stays beside it.

        Raises:
            SinkError: if it cannot be written.
        """
        try:
            self._close(complete)
        except BaseException:
            self._place(good=False)
            raise
        self._place(good=good and self.written > 0)

    def _place(self, *, good: bool) -> None:
        with self._reporting():
            self.left = self._outlet.finish(good=good, kept=self.written > 0)

    def _close(self, complete: bool) -> None:
        try:
            with self._reporting():
                if complete:
                    self._companions.advance(None)
                if self.written:
                    self._companions.finish()
        finally:
            self._finish()

    def _finish(self) -> None:
        """Write what the encoder still holds and the file's end, whatever became of the sound."""
        with ExitStack() as last:  # Each of these, whatever fails, the last one first.
            last.callback(self._outlet.close)
            last.enter_context(self._reporting())
            last.callback(self._output.close)
            last.callback(self._companions.close)
            if self.written:
                self._output.mux(self._encoded(None))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, *_: object
    ) -> None:
        if kind is None:
            self.close()
            return
        try:
            # Who stops a job wants what there is of it; what fails has made no good file.
            self.close(complete=False, good=issubclass(kind, KeyboardInterrupt))
        except SinkError:
            # The error that ended the job matters more than what it left unfinished.
            if not issubclass(kind, SinkError):
                raise
        if self.left and isinstance(error, StreamcutError):
            error.add(f"; what was written is {self.left}, and {self.path} is as it was")

    def _encoded(self, video_frame: av.VideoFrame | None) -> list[av.Packet[VideoStream]]:
        with self._accepting():
            packets = self._encoder.encode(video_frame)
        for packet in packets:
            packet.stream = self._stream
        return packets

    def _video_stream(
        self,
        info: StreamInfo,
        size: tuple[int, int],
        quality: str,
        threads: int,
        alpha_apart: bool,
    ) -> VideoStream:
        codec = self._codec
        held = codec.held(size)
        options = hdr10.encoder_options(codec, info.hdr, codec.options_for(quality, size))
        if in_header(codec, info):
            stream = stream_with(self._output, codec, info)
            stream.codec_context.options = options
        elif alpha_apart:
            stream = described_stream(self._output, codec.encoder)
        else:
            made = self._output.add_stream(codec.encoder, rate=info.rate, options=options)
            stream = cast(VideoStream, made)
        stream.width, stream.height = held
        if (stream.width, stream.height) != size:
            self._notes.append(
                f"cropped to {stream.width}x{stream.height}: {codec.name} wants even sides"
            )
        context = stream.codec_context
        context.framerate = info.rate
        context.time_base = self._unit
        stream.time_base = self._unit
        context.thread_count = threads
        context.sample_aspect_ratio = info.sample_aspect_ratio
        if info.sample_aspect_ratio != 1 and not set_aspect(stream, info.sample_aspect_ratio):
            self._notes.append(f"the pixels' aspect ratio {info.sample_aspect_ratio} is lost")
        self._notes += tell_immersive(stream, codec, self._outlet.form, info, size)
        if codec.tag:
            context.codec_tag = codec.tag
        return stream

    @contextmanager
    def _accepting(self) -> Iterator[None]:
        """Say what an encoder refuses where it takes not even the first frame."""
        try:
            yield
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError as error:
            if self.written:
                raise
            kind = f"{self._stream.width}x{self._stream.height} in {self._stream.pix_fmt}"
            raise SinkError(
                f"{self._codec.name} takes no frames of {kind} ({error.strerror}): try FFV1 (.mkv)"
            ) from error

    @contextmanager
    def _discarding(self) -> Iterator[None]:
        """Leave nothing of an output that cannot be begun."""
        try:
            yield
        except BaseException:
            self._outlet.finish(good=False, kept=False)
            raise

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Turn FFmpeg's errors into one line that names the file."""
        try:
            yield
        except (av.error.FFmpegError, OSError, ValueError) as error:
            if isinstance(error, SinkError):
                raise
            raise SinkError(_explained(self.path, error)) from error


@contextmanager
def _stamped(video_frame: av.VideoFrame, stamp: int, unit: Fraction) -> Iterator[None]:
    """Give a frame the output's timestamp while it is encoded: it may be the one decoded."""
    before = video_frame.pts, video_frame.time_base, video_frame.pict_type
    video_frame.pts, video_frame.time_base = stamp, unit
    # What was a keyframe in the input need not be one here; alpha's would not match.
    video_frame.pict_type = PictureType.NONE
    try:
        yield
    finally:
        video_frame.pts, time_base, video_frame.pict_type = before
        if time_base is not None:
            video_frame.time_base = time_base


def _unit(codec: Codec, info: StreamInfo) -> Fraction:
    """Return the unit of the timestamps that are written, seconds."""
    if codec.timeless:
        return 1 / info.rate
    return max(info.time_base, codec.unit or info.time_base)


def _explained(path: str, error: BaseException) -> str:
    """Return in one line what went wrong with a file."""
    number = getattr(error, "errno", None)
    if number == errno.ENOSPC:
        return f"{path}: the disk is full; what was written so far is kept"
    if number == errno.ENOENT:
        return f"{path}: its folder does not exist"
    return f"{path} cannot be written: {getattr(error, 'strerror', None) or error}"
