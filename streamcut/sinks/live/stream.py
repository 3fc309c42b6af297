"""Live frames into what a file's sink also writes: an address, a pipe, a file."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cached_property

from streamcut.core.errors import UsageError
from streamcut.media.convert import Converter
from streamcut.media.frame import OutputFrame
from streamcut.media.urls import public
from streamcut.sinks.file.formats import Codec, Format
from streamcut.sinks.file.media import MediaSink
from streamcut.sinks.live.sender import Sender

_H264 = Codec(
    "h264",
    "libx264",
    opaque=("yuv420p",),
    # No frame waits for a later one.
    options={"tune": "zerolatency", "bf": "0"},
    quality={
        "fast": {"preset": "ultrafast", "crf": "25"},
        "balanced": {"preset": "veryfast", "crf": "23"},
        "best": {"preset": "medium", "crf": "20"},
    },
    even=True,
    unit=Fraction(1, 90_000),
)
_MUXERS = {
    **{"udp": "mpegts", "tcp": "mpegts", "srt": "mpegts"},
    **{"rtmp": "flv", "rtmps": "flv", "rtsp": "rtsp"},
}
_LONG = 1.0  # Seconds of waiting that are worth saying.


class StreamSink(MediaSink):
    """A :class:`MediaSink` for live frames: each is made the size that was opened."""

    watched = True
    """Who reads cannot be known."""

    @cached_property
    def _made(self) -> Converter:
        size, pixel_format, colour = self._wanted
        return Converter(pixel_format, colour, size=size)

    @property
    def state(self) -> str:
        """How much was written, and where to, and whether somebody does not take it."""
        told = f"{self.written} frames to {self.path}"
        waiting = self._outlet.waiting
        return f"{told}, waiting for its reader ({waiting:.0f} s)" if waiting > _LONG else told

    def stop(self) -> None:
        """Let a frame go that waits for its reader, and all that follow."""
        self._outlet.stop()

    def write(self, frame: OutputFrame) -> None:
        """Encode one frame and write it.

        Raises:
            SinkError: if it cannot be written.
        """
        super().write(replace(frame, output=self._made(frame.output)))


def address_format(address: str) -> Format:
    """Return how frames are sent to an address: H.264 without delay.

    Raises:
        UsageError: if it is an address of another kind.
    """
    scheme = address.partition("://")[0].lower()
    if scheme not in _MUXERS:
        known = " ".join(f"{name}://" for name in _MUXERS)
        raise UsageError(f"{public(address)}: nothing can be sent there; known: {known}")
    return Format(scheme, "nut", (_H264,), options={"flush_packets": "1", "write_index": "0"})


def each_second(codec: Codec, rate: Fraction) -> Codec:
    """Return an address's codec with a keyframe each second: whoever tunes in needs one."""
    return replace(codec, options={**codec.options, "g": str(max(1, round(rate)))})


def sender(address: str, form: Format) -> Sender:
    """Return what sends frames of that format to an address.

    Raises:
        SinkError: if it cannot be started.
    """
    return Sender(address, _MUXERS[form.ending], form)
