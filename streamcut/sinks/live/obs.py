"""Frames with alpha for OBS Studio: a Media Source reads them over TCP, without a plugin.

Each client gets a NUT stream of RGBA frames of its own, whose clock starts when the client is
accepted: frames that wait for a reader would be a delay that never goes away.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation

from streamcut.core.errors import SinkError
from streamcut.core.pipeline import Pipeline
from streamcut.media.convert import BILINEAR, RGB_TAGS, Converter
from streamcut.media.frame import OutputFrame, StreamInfo
from streamcut.media.planes import blank_like, planes
from streamcut.sinks.base import LiveBase
from streamcut.sinks.file.media import MediaSink
from streamcut.sinks.pipe import Outlet, pipe_format

PORT = 9710
HOST = "127.0.0.1"

_FORM = pipe_format("nut", "rgba")
# Without it FFmpeg is up to two levels off. Planes first and then packed, it takes half the time
# of packed frames at once.
_EXACTLY = BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
_NOWHERE = -1
_UNIT = Fraction(1, 90_000)
_TICK = 0.5
# A client that takes nothing for so long is sent away: it comes back with a clock of its own,
# where otherwise it would lag for ever.
_PATIENCE = 2.0
# Frames whose times lie that far from when they come are counted anew.
_ASTRAY = 0.5


class ObsSink(LiveBase):
    """Serves frames to any number of readers; a slow one misses frames and slows nobody.

    Args:
        info: of the stream.
        size: (width, height) that every frame is made, whatever comes later.
        rate: frames per second.
        port: of this machine, which alone can connect.

    Raises:
        SinkError: if the port cannot be had.
    """

    def __init__(
        self, info: StreamInfo, *, size: tuple[int, int], rate: Fraction, port: int = PORT
    ) -> None:
        super().__init__()
        self._listener = _listening(port)
        self.port: int = self._listener.getsockname()[1]
        self._made = Converter("gbrap", RGB_TAGS, size=size, how=_EXACTLY)
        width, height = size
        self._info = replace(
            info,
            width=width,
            height=height,
            pixel_format="rgba",
            colour=RGB_TAGS,
            time_base=_UNIT,
            rate=rate,
            url=None,
            chapters=(),
            metadata={},
        )
        self._clients: list[_Client] = []
        self._latest: deque[av.VideoFrame] = deque(maxlen=1)
        self._closing = False
        self._waking, self._woken = socket.socketpair()
        self._waking.setblocking(False)
        self._woken.setblocking(False)
        self._pipeline = Pipeline()
        self._served = self._pipeline.spawn("obs", self._serve())

    @property
    def watched(self) -> bool:
        """Whether anybody is connected."""
        return bool(self._clients)

    @property
    def state(self) -> str:
        """How many are connected."""
        count = len(self._clients)
        return f"{count} client{'s' * (count > 1)}" if count else f"waiting on port {self.port}"

    def write(self, frame: OutputFrame) -> None:
        """Hand a frame to those who are connected; it never waits for them.

        Raises:
            SinkError: if serving has failed.
        """
        if self._served.wait(0):
            next(self._served)  # Raises what ended it.
        self.written += 1
        if not self._clients:
            return
        video_frame = _packed(self._made(frame.output))
        self.skipped += len(self._latest)
        self._latest.append(video_frame)
        self._wake()

    def close(self) -> None:
        """Send everybody away."""
        self._closing = True
        self._wake()
        with self._pipeline, self._waking, suppress(StopIteration):
            next(self._served)

    def _wake(self) -> None:
        with suppress(OSError):  # It has enough to wake up for, or has gone.
            self._waking.send(b"\0")

    def _serve(self) -> Iterator[None]:
        """Accept, write and forget clients until closed: a stage that yields nothing."""
        with selectors.DefaultSelector() as selector, self._listener, self._woken:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            try:
                while not self._closing:
                    self._turn(selector)
            finally:
                for client in self._clients:
                    client.close()
        yield from ()

    def _turn(self, selector: selectors.BaseSelector) -> None:
        for key, events in selector.select(_TICK):
            if key.fileobj is self._listener:
                self._accept(selector)
            elif key.fileobj is self._woken:
                self._hand_out()
            else:
                key.data.turn(events)
        for client in list(self._clients):
            if client.gone or client.stalled:
                self._clients.remove(client)
                selector.unregister(client.socket)
                client.close()
            else:
                events = selectors.EVENT_WRITE if client.waiting else 0
                selector.modify(client.socket, selectors.EVENT_READ | events, client)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        with suppress(OSError), ExitStack() as unless_kept:
            accepted, _ = self._listener.accept()  # Fails where it has gone before it came.
            unless_kept.callback(accepted.close)
            client = _Client(accepted, self._info)
            selector.register(accepted, selectors.EVENT_READ, client)
            self._clients.append(client)
            unless_kept.pop_all()

    def _hand_out(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        with suppress(IndexError):
            video_frame = self._latest.popleft()
            for client in self._clients:
                self.skipped += not client.take(video_frame)


class _Client:
    """One reader: its stream, its clock, and what it has not taken yet (a frame at most)."""

    def __init__(self, accepted: socket.socket, info: StreamInfo) -> None:
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = accepted
        self.gone = False
        self._began = self._moved = time.monotonic()
        self._offset: Fraction | None = None
        self._outlet = _SendQueue()
        self._sink = MediaSink(
            self._outlet,
            _FORM.codec(""),
            info,
            size=(info.width, info.height),
            pixel_format="rgba",
            audio=False,
        )

    @property
    def waiting(self) -> bool:
        """Whether there are bytes that it has not taken."""
        return bool(self._outlet.parts)

    @property
    def stalled(self) -> bool:
        """Whether it has taken nothing for too long of what there is."""
        return self.waiting and time.monotonic() - self._moved > _PATIENCE

    def take(self, video_frame: av.VideoFrame) -> bool:
        """Send a frame, unless the last one is still on its way; return whether."""
        if self.waiting:
            return False
        self._moved = time.monotonic()
        given = (video_frame.pts, video_frame.time_base)
        video_frame.pts, video_frame.time_base = self._stamp(video_frame), _UNIT
        self._sink.write(OutputFrame(output=video_frame))
        video_frame.pts, video_frame.time_base = given
        self.turn(selectors.EVENT_WRITE)
        return True

    def turn(self, events: int) -> None:
        """Read (only to see it leave) or write, as the socket is ready for."""
        try:
            if events & selectors.EVENT_READ and not self.socket.recv(4096):
                self.gone = True
            while self.waiting and events & selectors.EVENT_WRITE:
                self._outlet.taken(self.socket.send(self._outlet.parts[0]))
                self._moved = time.monotonic()
        except BlockingIOError:
            return
        except OSError:
            self.gone = True

    def close(self) -> None:
        """Forget it."""
        self._outlet.parts.clear()
        self._sink.close()
        self.socket.close()

    def _stamp(self, video_frame: av.VideoFrame) -> int:
        """Return the frame's time on the client's clock, which shows it as soon as it comes."""
        now = Fraction(time.monotonic() - self._began)
        own = Fraction(video_frame.pts or 0) * (video_frame.time_base or _UNIT)
        if self._offset is None or abs(own + self._offset - now) > _ASTRAY:
            self._offset = now - own
        return round((own + self._offset) / _UNIT)


class _SendQueue(Outlet):
    """Keeps what is written until a socket takes it."""

    def __init__(self) -> None:
        super().__init__(_FORM, _NOWHERE)
        self.parts: deque[memoryview] = deque()

    def write(self, data: bytes) -> int:
        self.parts.append(memoryview(bytes(data)))
        return len(data)

    def taken(self, count: int) -> None:
        """Forget the first bytes."""
        rest = self.parts.popleft()[count:]
        if rest:
            self.parts.appendleft(rest)


def _packed(video_frame: av.VideoFrame) -> av.VideoFrame:
    """Return a frame in gbrap as rgba."""
    made = blank_like(video_frame, "rgba")
    plane = made.planes[0]
    shape = (made.height, made.width, 4)
    target = np.ndarray(shape, np.uint8, memoryview(plane), strides=(plane.line_size, 4, 1))
    green, blue, red, alpha = planes(video_frame)
    cv2.merge([red, green, blue, alpha], target)
    return made


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        if os.name == "posix":  # Elsewhere it would let two programs have one port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
        listener.setblocking(False)
    except (OSError, OverflowError) as error:
        listener.close()
        other = PORT + 1 if port == PORT else PORT
        raise SinkError(
            f"port {port} of this machine is not available; give another one, such as obs:{other} "
            f"({getattr(error, 'strerror', None) or error})"
        ) from error
    return listener
