"""What arrives by itself: devices and addresses through FFmpeg, opened again when they are lost.

A feed yields frames as they were decoded, each with the time (``time.monotonic``, seconds) at
which it was captured.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol, TypeAlias, cast

import av
from av.codec.context import Flags
from av.container import InputContainer
from av.video.stream import VideoStream

from streamcut.core.cpu import cpu_count
from streamcut.core.errors import SourceError
from streamcut.core.reason import reason
from streamcut.media.limits import STRICT, Limits
from streamcut.media.urls import at_fault, public

_log = logging.getLogger(__name__)

Captured = tuple[float, av.VideoFrame]
Packet: TypeAlias = "av.Packet[VideoStream]"

# Seconds for an address to answer, and then between two packets, before it counts as lost.
_TIMEOUTS = (10.0, 3.0)
_RETRY = 0.5
_NOTHING_YET = 0.002
# What comes sooner than this after it was asked for lay waiting; that is passed over, for so long
# at most: what is not a live stream never makes anybody wait.
_AT_ONCE = 0.01
_WAITING_AT_MOST = 2.0
_AWAY = 0.5  # Seconds between two packets, after which some may have piled up.
# A camera's driver says when it took a frame; another clock's times are not near to now.
_PLAUSIBLE_AGE = 1.0


class Feed(Protocol):
    """Frames with their times of capture; ``state`` says what is waited for, if anything.

    ``aspect`` is a pixel's width over its height.
    """

    state: str
    undecodable: int
    rate: Fraction | None
    aspect: Fraction

    def __iter__(self) -> Generator[Captured]: ...

    def stop(self) -> None:
        """End the feed at its next frame or pause; may be called by another thread."""
        ...


@dataclass(frozen=True, slots=True)
class LiveInput:
    """What FFmpeg opens.

    Attributes:
        name: what it is called in messages.
        file: the device's or address's name for FFmpeg.
        format: FFmpeg's name of the device's kind, or None for an address.
        attempts: options to try, one set after the other, until one is accepted.
        late: frames may lie waiting when it is opened, which are passed over.
    """

    name: str
    file: str
    format: str | None = None
    attempts: tuple[Mapping[str, str], ...] = field(default=({},))
    late: bool = False

    @classmethod
    def address(cls, url: str) -> LiveInput:
        """Return how an address is opened with the least delay."""
        options = {"flags": "low_delay", "analyzeduration": "1000000"}
        if url.startswith("rtsp"):
            options["rtsp_flags"] = "prefer_tcp"  # UDP, where a camera knows nothing else.
        if url.startswith("udp"):
            options |= {"fifo_size": "500000", "overrun_nonfatal": "1"}
        return cls(public(url), url, None, (options,), late=True)


class Arriving:
    """A device's or an address's frames; what is lost is waited for and opened again.

    ``recorded`` tells that they come faster than they were taken, all at once or in pieces of
    some seconds, so that somebody has to see to their pace.

    Args:
        find: returns what to open; asked again each time, since a camera that comes back may
            be another device then.
        threads: for the decoder; 0 suits them to the machine.
        limits: of the frames' size, and for playlists.

    Raises:
        SourceError: if it cannot be opened the first time.
    """

    def __init__(
        self, find: Callable[[], LiveInput], threads: int = 0, limits: Limits = STRICT
    ) -> None:
        self.state = ""
        self.undecodable = 0
        self._find, self._threads, self._limits = find, threads, limits
        self._stopped = threading.Event()
        self._name, self._late = "", False
        self.aspect = Fraction(1)
        self._container: InputContainer | None = self._open()
        stream = self._container.streams.video[0]
        self.rate = stream.average_rate
        pieces = self._container.format.name == "hls"
        self.recorded = pieces or self._container.duration is not None

    def close(self) -> None:
        """Close what was opened, where nobody has asked for its frames."""
        if self._container is not None:
            self._container.close()

    def __iter__(self) -> Generator[Captured]:
        while (container := self._container or self._opened_again()) is not None:
            self._container = None
            with closing(container):
                try:
                    yield from self._frames(container)
                except SourceError as error:
                    self.state = f"{error}; waiting for it to come back"
                else:
                    self.state = f"{self._name} ended; waiting for it to come back"
            _log.info("%s", self.state)

    def stop(self) -> None:
        """End the feed at its next frame or pause."""
        self._stopped.set()

    def _open(self) -> InputContainer:
        wanted = self._find()
        self._name, self._late = wanted.name, wanted.late
        container = _opened(wanted, self._limits)
        _log.info("opened %s", self._name)
        if not container.streams.video:
            container.close()
            raise SourceError(f"{self._name} has no video stream")
        stream = container.streams.video[0]
        try:
            self._limits.check_frame(self._name, stream.width, stream.height)
        except SourceError:
            container.close()
            raise
        self.aspect = stream.sample_aspect_ratio or Fraction(1)
        return container

    def _opened_again(self) -> InputContainer | None:
        """Try until it is there again, or the feed is stopped."""
        while not self._stopped.wait(_RETRY):
            try:
                return self._open()
            except SourceError:
                continue
        return None

    def _frames(self, container: InputContainer) -> Iterator[Captured]:
        stream = container.streams.video[0]
        context = _decoder(stream, self._threads)
        context.options = self._limits.decoder_options()
        for packet, fresh in _fresh(self._packets(container, stream), self._late):
            try:
                frames = context.decode(packet)
            except av.error.FFmpegError:
                self.undecodable += 1
                continue
            for decoded in frames if fresh else ():
                self.state = ""
                yield _captured(decoded, stream), decoded

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
        raw = stream.codec_context.name == "rawvideo"
        while not self._stopped.is_set():
            try:
                for packet in container.demux(stream):
                    if self._stopped.is_set():
                        return
                    if packet.size:
                        yield _owned(packet) if raw else packet
                return
            except av.error.BlockingIOError:  # Some devices never wait.
                self._stopped.wait(_NOTHING_YET)
            except av.error.InvalidDataError:
                self.undecodable += 1
            except (av.error.FFmpegError, OSError) as error:
                raise SourceError(f"{self._name} {_lost(error)}") from error


def _fresh(packets: Iterable[Packet], piles: bool) -> Iterator[tuple[Packet, bool]]:
    """Yield packets, and of each whether its frame is to be shown.

    What has piled up would be played late: what a server sends first, what FFmpeg's search for
    streams took, what came while the network hung or nobody looked. It is only decoded, for what
    comes after it: until a packet makes us wait.

    Args:
        packets: as they come.
        piles: whether any can pile up.
    """
    late, since = piles, time.monotonic()
    asked = since
    for packet in packets:
        now = time.monotonic()
        late = late and now - asked < _AT_ONCE and now - since < _WAITING_AT_MOST
        yield packet, not late
        now = time.monotonic()
        if piles and now - asked > _AWAY:
            late, since = True, now
        asked = now


def _opened(wanted: LiveInput, limits: Limits) -> InputContainer:
    """Open with the first set of options that is accepted, within limits.

    Raises:
        SourceError: with the reason of the last one.
    """
    failed: Exception | None = None
    began = time.monotonic()
    for options in wanted.attempts:
        try:
            own = limits.decoder_options() if wanted.format else limits.options(wanted.file)
            return av.open(
                wanted.file,
                "r",
                format=wanted.format,
                options={**options, **own},
                metadata_errors="replace",
                timeout=_TIMEOUTS,
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            failed = error
    if wanted.format is None and time.monotonic() - began >= _TIMEOUTS[0]:
        raise SourceError(f"{wanted.name} sends no frames: none came for {_TIMEOUTS[0]:g} s")
    if wanted.format is None and failed is not None and (words := limits.why(wanted.file, failed)):
        raise SourceError(f"{wanted.name} cannot be opened: ", *words) from failed
    why = _why(failed, wanted.file if wanted.format is None else "")
    raise SourceError(f"{wanted.name} cannot be opened: {why}") from failed


def _lost(error: Exception) -> str:
    """Return in words what has become of what was read until now."""
    if isinstance(error, av.error.ExitError):  # Our own deadline, in FFmpeg's words.
        return f"sends nothing (for {_TIMEOUTS[1]:g} s)"
    return f"is gone ({reason(error)})"


def _why(error: Exception | None, address: str) -> str:
    if isinstance(error, av.error.HTTPUnauthorizedError):
        scheme = address.partition("://")[0]
        given = "other ones" if "@" in address else f"them: {scheme}://USER:PASSWORD@..."
        return f"it wants a user and a password; give {given}"
    number = getattr(error, "errno", None)
    if number in (errno.EIO, errno.EINVAL) and (fault := at_fault(address)):
        return fault
    if isinstance(error, av.error.PermissionError):
        return "no permission; on Linux join the group video: sudo usermod -aG video $USER"
    if number == errno.EBUSY:
        return "another program uses it; close that first"
    if isinstance(error, av.error.ProtocolNotFoundError):
        return (
            "this FFmpeg does not speak its protocol; with one that does: "
            "ffmpeg -i ADDRESS -f nut -c:v rawvideo - | streamcut pipe"
        )
    return reason(error) if error is not None else "no way to open it is known"


def _decoder(stream: VideoStream, threads: int) -> av.VideoCodecContext:
    """Return the stream's decoder, set to keep no frames back."""
    context: av.VideoCodecContext = stream.codec_context
    context.thread_count = threads or min(4, cpu_count())
    context.thread_type = "SLICE"  # Frame threads hold back a frame each.
    context.flags = context.flags | Flags.low_delay.value
    return context


def _owned(packet: av.Packet[VideoStream]) -> av.Packet[VideoStream]:
    """Return a copy: frames that lie in a driver's memory go away with the device."""
    # Not av.Packet(packet), which refers to the same memory.
    made = cast("av.Packet[VideoStream]", av.Packet(packet.size))
    made.update(cast(bytes, packet))
    made.stream, made.pts, made.time_base = packet.stream, packet.pts, packet.time_base
    return made


def _captured(decoded: av.VideoFrame, stream: VideoStream) -> float:
    """Return when a frame was taken: as the driver says, where its clock is ours; else now."""
    now = time.monotonic()
    if decoded.pts is None or stream.time_base is None:
        return now
    told = float(decoded.pts * stream.time_base)
    return told if 0 <= now - told < _PLAUSIBLE_AGE else now
