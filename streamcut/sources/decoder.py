"""A stream's decoder: FFmpeg's, within limits, with the alpha that may lie beside the frames."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol, cast

import av
from av.video.stream import VideoStream

from streamcut.core.cpu import cpu_count
from streamcut.core.errors import SourceError
from streamcut.core.reason import reason
from streamcut.media.limits import Limits
from streamcut.sources.vpx_alpha import AlphaDecoder, has_alpha_beside

_MOST_FOR_FOUR = 4096 * 2304  # Pixels of a frame that four decoder threads may hold.


class Decoder(Protocol):
    """What makes frames of packets."""

    @property
    def has_b_frames(self) -> bool:
        """Whether frames are shown in another order than they are decoded."""

    @property
    def thread_count(self) -> int:
        """How many packets it may take before its first frame."""

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Width of a pixel over its height, as the frames themselves say."""

    def decode(self, packet: av.Packet[VideoStream] | None) -> list[av.VideoFrame]:
        """Return the frames of a packet, or what is left for None.

        Raises:
            FFmpegError: if it cannot be decoded.
        """
        ...


def decoder_of(stream: VideoStream, threads: int, limits: Limits) -> Decoder:
    """Return the opened decoder for a stream: one that keeps alpha where the stream has it.

    It refuses larger frames than the limits allow, before it makes room for them.

    Args:
        stream: of an open input.
        threads: for it; 0 suits them to machine and frames.
        limits: of the frames' size.

    Raises:
        SourceError: if it cannot be opened.
    """
    # Each holds frames of its own: more would cost memory for speed that nobody waits for.
    most = 4 if stream.width * stream.height <= _MOST_FOR_FOUR else 2
    threads = threads or min(most, cpu_count())
    context: av.VideoCodecContext = stream.codec_context
    if not has_alpha_beside(stream):
        return _opened(context, threads, "AUTO", limits)
    alpha = cast(av.VideoCodecContext, av.CodecContext.create(context.name, "r"))
    # Frame threads would hold frames back, and alpha must not lag.
    return AlphaDecoder(*(_opened(each, threads, "SLICE", limits) for each in (context, alpha)))


def has_lost_alpha(decoder: Decoder) -> bool:
    """Whether the alpha of a frame so far could not be decoded."""
    return isinstance(decoder, AlphaDecoder) and decoder.held + decoder.opaque > 0


def alpha_notes(decoder: Decoder) -> list[str]:
    """Return what became of alpha, in words."""
    return decoder.notes if isinstance(decoder, AlphaDecoder) else []


def _opened(
    context: av.VideoCodecContext, threads: int, kind: str, limits: Limits
) -> av.VideoCodecContext:
    context.options = limits.decoder_options()
    context.thread_count, context.thread_type = threads, kind
    try:
        context.open(strict=False)
    except av.error.FFmpegError as error:
        raise SourceError(
            f"the decoder {context.name} cannot be opened with "
            f"{context.thread_count} threads: {reason(error)}"
        ) from error
    return context
