"""Parts of one video put together by copying their packets, with the input's sound beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from streamcut.core.errors import SinkError
from streamcut.media.frame import StreamInfo
from streamcut.sinks.file.audio import Companions, public_tags
from streamcut.sinks.file.carried import shifted_chapters
from streamcut.sinks.file.formats import Format


def join(
    parts: Sequence[str | os.PathLike[str]],
    path: str,
    form: Format,
    info: StreamInfo,
    *,
    audio: bool = True,
) -> list[str]:
    """Write a file from parts that were encoded alike, each on the clock of the whole.

    Args:
        parts: paths of the parts, in order; none has sound.
        path: of the file; it is replaced.
        form: its container, and that of the parts.
        info: of the input, for its sound, tags and chapters.
        audio: whether to carry the sound.

    Returns:
        What could not be kept as the input has it, in words.

    Raises:
        SinkError: if a part cannot be read, the parts do not fit each other, or the file cannot
            be written.
    """
    try:
        with av.open(path, "w", format=form.muxer, options=dict(form.options)) as output:
            with av.open(os.fspath(parts[0])) as first:
                stream = _like(output, first.streams.video[0])
            companions = Companions(output, info, form, audio=audio, video=stream)
            output.metadata.update(public_tags(info.metadata))
            if info.chapters and form.chapters:
                output.set_chapters(shifted_chapters(info))
            try:
                for packet in _packets(parts, stream):
                    companions.advance(Fraction(packet.dts or 0) * packet.time_base)
                    output.mux(packet)
                companions.advance(None)
                companions.finish()
            finally:
                companions.close()
            return companions.notes
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if isinstance(error, SinkError):
            raise
        raise SinkError(f"{path} cannot be joined: {error}") from error


def _like(output: OutputContainer, first: VideoStream) -> VideoStream:
    """Add a stream that is as the first part's."""
    stream = output.add_stream_from_template(first)
    stream.time_base = first.time_base
    alpha = {key.lower(): value for key, value in first.metadata.items()}.get("alpha_mode")
    if alpha:
        stream.metadata["alpha_mode"] = alpha
    return stream


def _packets(
    parts: Sequence[str | os.PathLike[str]], stream: VideoStream
) -> Iterator[av.Packet[Any]]:
    """Yield the packets of all parts, their decoding times rising from one to the next."""
    last: int | None = None
    for part in parts:
        with av.open(os.fspath(part)) as container:
            source = container.streams.video[0]
            _check_alike(source, stream, part)
            for packet in container.demux(source):
                if packet.dts is None:
                    continue
                if last is not None and packet.dts <= last:
                    packet.dts = last + 1
                last = packet.dts
                packet.stream = stream
                yield packet


def _check_alike(source: VideoStream, stream: VideoStream, part: str | os.PathLike[str]) -> None:
    """Refuse a part that the file's header does not describe."""
    mine, its = stream.codec_context, source.codec_context
    if (mine.width, mine.height) != (its.width, its.height) or (
        bytes(mine.extradata or b"") != bytes(its.extradata or b"")
    ):
        raise SinkError(f"{os.fspath(part)} was encoded differently from the parts before it")
