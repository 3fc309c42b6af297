"""VP9's alpha, made by an encoder of its own beside the one for colour.

In WebM and Matroska the alpha of a VP9 frame is a second VP9 frame, whose luma is the
matte, in the BlockAdditional (with BlockAddID 1) of the colour frame's block. FFmpeg's
encoder makes the two one after the other; here they are made on two threads at once.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

import av
import numpy as np
from av.container import OutputContainer
from av.packet import PacketSideData, packet_sidedata_type_from_literal
from av.video.stream import VideoStream

from streamcut.core.cpu import cpu_count
from streamcut.core.errors import SinkError
from streamcut.media.frame import CompositedFrame, OutputFrame, StreamInfo
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import copy_time, planes
from streamcut.sinks.file.formats import Codec
from streamcut.sinks.file.vp9_memory import open_lean

_BLOCK_ADD_ID = struct.pack(">Q", 1)
_NO_COLOUR = 128
_WITH_ALPHA = "yuva420p"
_DESCRIBED = (
    *("width", "height", "pix_fmt", "time_base", "framerate", "sample_aspect_ratio"),
    *("color_primaries", "color_trc", "colorspace", "color_range"),
)


def encode_alpha(
    frames: Iterable[CompositedFrame],
    codec: Codec,
    info: StreamInfo,
    quality: str,
    threads: int = 0,
) -> Iterator[OutputFrame]:
    """Give each frame its matte as an encoded frame: a stage between composite and sink.

    Args:
        frames: composited, colour and matte apart.
        codec: of the output; it holds nothing back, so that each frame has its packet at once.
        info: of the stream.
        quality: of the encoder.
        threads: for the encoder; 0 takes half of the processors, the colour has the rest.

    Raises:
        SinkError: if the encoder cannot be opened or fails.
    """
    encoder = _encoder(codec, info, quality, threads)
    top = peak(info.pixel_format)
    # The encoder holds nothing back, so that one frame serves for all mattes.
    video_frame = _colourless(info.width, info.height)
    luma = planes(video_frame)[0]

    def encoded(frame: CompositedFrame) -> OutputFrame:
        luma[:] = frame.matte if top == 255 else np.rint(frame.matte * (255 / top))
        copy_time(frame.output, video_frame)
        alpha = _encoded(encoder, video_frame)
        return OutputFrame(output=frame.output, alpha=alpha, captured=frame.captured)

    yield from map(encoded, frames)


def _encoded(encoder: av.VideoCodecContext, video_frame: av.VideoFrame) -> bytes:
    try:
        return b"".join(bytes(packet) for packet in encoder.encode(video_frame))
    except av.error.FFmpegError as error:
        raise SinkError(f"the alpha cannot be encoded: {error.strerror}") from error


def attach_alpha(packet: av.Packet[VideoStream], alpha: bytes) -> None:
    """Put an encoded matte beside the encoded colour that it belongs to."""
    kind = packet_sidedata_type_from_literal("matroska_block_additional")
    side = PacketSideData(kind, len(_BLOCK_ADD_ID) + len(alpha))  # type: ignore[call-arg]
    side.update(_BLOCK_ADD_ID + alpha)
    packet.set_sidedata(side)


def described_stream(output: OutputContainer, encoder: str) -> VideoStream:
    """Add a stream whose own encoder is never opened, only asked what the frames are.

    PyAV does so for streams copied from another file; opening an encoder for nothing would
    take a hundred megabytes at 1080p.
    """
    with av.open(io.BytesIO(), "w", format=output.format.name) as scratch:
        return cast(VideoStream, output.add_stream_from_template(scratch.add_stream(encoder)))


def colour_encoder(
    stream: VideoStream, options: Mapping[str, str], threads: int
) -> av.VideoCodecContext:
    """Return an encoder for the colour alone of a :func:`described_stream`.

    The stream is left saying that its frames have alpha, which its file's header then does.
    """
    described = stream.codec_context
    encoder = _one_of_two(described.codec.name, options, threads)
    for name in _DESCRIBED:
        setattr(encoder, name, getattr(described, name))
    stream.pix_fmt = _WITH_ALPHA
    return encoder


def _one_of_two(name: str, options: Mapping[str, str], threads: int) -> av.VideoCodecContext:
    """Return an unopened encoder that leaves half of the processors to the other one."""
    encoder = cast(av.VideoCodecContext, av.CodecContext.create(name, "w"))
    encoder.options = dict(options)
    encoder.thread_count = threads or max(1, cpu_count() // 2)
    return encoder


def _encoder(codec: Codec, info: StreamInfo, quality: str, threads: int) -> av.VideoCodecContext:
    size = codec.held((info.width, info.height))
    encoder = _one_of_two(codec.encoder, codec.options_for(quality, size), threads)
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base, encoder.framerate = info.time_base, info.rate
    try:
        open_lean(encoder)
    except av.error.FFmpegError as error:
        raise SinkError(
            f"{codec.name} cannot encode alpha of {size[0]}x{size[1]}: {error.strerror}"
        ) from error
    return encoder


def _colourless(width: int, height: int) -> av.VideoFrame:
    made = av.VideoFrame(width, height, "yuv420p")
    for plane in planes(made)[1:]:
        plane[:] = _NO_COLOUR
    return made
