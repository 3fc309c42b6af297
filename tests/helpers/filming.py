"""Cameras of a network, on this machine: MJPEG over HTTP, H.264 over RTSP, UDP and TCP.

Each picture carries its number in eight stripes, so that what arrives can be told apart and dated.
"""

from __future__ import annotations

import base64
import io
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from typing import Any

import av
import numpy as np
from helpers.servers import in_background
from PIL import Image

SIZE = WIDTH, HEIGHT = 128, 96
_BITS = 8
_STRIPE = WIDTH // _BITS
_RATE = 25
_REALM = 'Basic realm="camera"'


def striped(number: int) -> av.VideoFrame:
    """A picture that shows a number from 0 to 255."""
    bits = [255 * (number >> bit & 1) for bit in range(_BITS)]
    grey = np.repeat(np.array(bits, np.uint8), _STRIPE)[None].repeat(HEIGHT, 0)
    return av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")


def number_of(picture: av.VideoFrame) -> int:
    """The number that a picture shows."""
    row = picture.to_ndarray(format="gray")[HEIGHT // 2, _STRIPE // 2 :: _STRIPE]
    return sum(1 << bit for bit, level in enumerate(row) if level > 127)


def jpeg(number: int) -> bytes:
    made = io.BytesIO()
    Image.fromarray(striped(number).to_ndarray(format="rgb24")).save(made, "JPEG", quality=90)
    return made.getvalue()


@dataclass
class Filming:
    """How a camera behaves.

    Attributes:
        lengths: MJPEG: whether each part says how long it is.
        login: ``user:password`` that it wants, or nothing.
        status: answered instead of pictures.
        mute: accept and then say nothing.
        datagrams: RTSP: its RTP packets come over UDP, and in no other way.
        path: RTSP and HTTP: what it is called.
        burst: pictures that are old already when somebody comes.
        asked: the requests it got.
        sent: when each picture was sent, by its number.
        hold: while set, nothing is sent.
        url: where it is.
    """

    lengths: bool = True
    login: str = ""
    status: int = 200
    mute: bool = False
    datagrams: bool = False
    path: str = "video"
    burst: int = 0
    asked: list[str] = field(default_factory=list)
    sent: dict[int, float] = field(default_factory=dict)
    hold: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def numbers(self) -> Iterator[int]:
        """Count at the camera's pace, until it is switched off."""
        number = self.burst
        while not self.ended.wait(1 / _RATE):
            if not self.hold.is_set():
                self.sent[number % 256] = time.monotonic()
                yield number % 256
                number += 1

    def admits(self, authorization: str | None) -> bool:
        """Whether a request names the right user and password."""
        token = base64.b64encode(self.login.encode()).decode()
        return not self.login or authorization == f"Basic {token}"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


# --- MJPEG over HTTP ------------------------------------------------------------------------


@contextmanager
def http_camera(port: int = 0, **how: Any) -> Iterator[Filming]:
    """An IP camera or a phone: ``multipart/x-mixed-replace``."""
    filming = Filming(**how)
    server = _Server(("127.0.0.1", port), type("Handler", (_Mjpeg,), {"how": filming}))
    user = f"{filming.login}@" if filming.login else ""
    filming.url = f"http://{user}127.0.0.1:{server.server_port}/{filming.path}"
    with in_background(server):
        try:
            yield filming
        finally:
            filming.ended.set()
        server.server_close()


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """A viewer that leaves is no error."""


class _Mjpeg(BaseHTTPRequestHandler):
    how: Filming

    def do_GET(self) -> None:
        how = self.how
        how.asked.append(self.path)
        if how.mute:
            how.ended.wait()
        elif not how.admits(self.headers.get("Authorization")):
            self.send_response(401)
            self.send_header("WWW-Authenticate", _REALM)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif how.status != 200:
            self.send_error(how.status)
        else:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            self.wfile.write(b"".join(self._part(jpeg(number)) for number in range(how.burst)))
            for number in how.numbers():
                self.wfile.write(self._part(jpeg(number)))

    def _part(self, data: bytes) -> bytes:
        length = f"Content-Length: {len(data)}\r\n" if self.how.lengths else ""
        head = f"--frame\r\nContent-Type: image/jpeg\r\n{length}\r\n"
        return head.encode() + data + b"\r\n"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


# --- H.264 over RTSP ------------------------------------------------------------------------

_SDP = "\r\n".join(
    [
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        "s=camera",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "m=video 0 RTP/AVP 96",
        "a=rtpmap:96 H264/90000",
        "a=fmtp:96 packetization-mode=1",
        "a=control:track",
        "",
    ]
)
_PAYLOAD = {"payload_type": "96"}


@contextmanager
def rtsp_camera(port: int = 0, **how: Any) -> Iterator[Filming]:
    """A camera that speaks RTSP."""
    filming = Filming(**how)
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(0.05)
        user = f"{filming.login}@" if filming.login else ""
        filming.url = f"rtsp://{user}127.0.0.1:{listener.getsockname()[1]}/{filming.path}"
        thread = threading.Thread(target=_serve, args=(listener, filming))
        thread.start()
        try:
            yield filming
        finally:
            filming.ended.set()
            thread.join()


def _serve(listener: socket.socket, how: Filming) -> None:
    viewers: list[threading.Thread] = []
    while not how.ended.is_set():
        with suppress(TimeoutError):
            accepted, _ = listener.accept()
            viewers.append(threading.Thread(target=_talk, args=(accepted, how)))
            viewers[-1].start()
    for viewer in viewers:
        viewer.join()


def _talk(viewer: socket.socket, how: Filming) -> None:
    """Answer requests until PLAY, then send pictures."""
    with viewer, suppress(OSError):
        if how.mute:
            how.ended.wait()
            return
        viewer.settimeout(5)
        transport = ""
        for method, headers in _requests(viewer):
            how.asked.append(method)
            viewer.sendall(_answer(method, headers, how))
            transport = headers.get("transport", transport)
            if method == "PLAY":
                _play(viewer, transport, how)
                return


def _requests(viewer: socket.socket) -> Iterator[tuple[str, dict[str, str]]]:
    text = b""
    while data := viewer.recv(4096):
        text += data
        while b"\r\n\r\n" in text:
            head, _, text = text.partition(b"\r\n\r\n")
            first, *rest = head.decode().split("\r\n")
            fields = (line.partition(":") for line in rest)
            yield first.split()[0], {name.lower(): value.strip() for name, _, value in fields}


def _answer(method: str, headers: dict[str, str], how: Filming) -> bytes:
    status, extra, body = "200 OK", ["Session: 1"], ""
    if not how.admits(headers.get("authorization")):
        status, extra = "401 Unauthorized", [f"WWW-Authenticate: {_REALM}"]
    elif how.status != 200 and method == "DESCRIBE":
        status = f"{how.status} Refused"
    elif method == "OPTIONS":
        extra = ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"]
    elif method == "DESCRIBE":
        extra, body = ["Content-Type: application/sdp"], _SDP
    elif method == "SETUP":
        asked = headers["transport"]
        if ("TCP" in asked) == how.datagrams:
            status = "461 Unsupported Transport"
        ports = f"{asked};server_port=5000-5001"
        extra += [f"Transport: {ports if how.datagrams else 'RTP/AVP/TCP;unicast;interleaved=0-1'}"]
    lines = [f"RTSP/1.0 {status}", f"CSeq: {headers['cseq']}", *extra]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def _play(viewer: socket.socket, transport: str, how: Filming) -> None:
    """Let FFmpeg make RTP packets, and put each into the connection, where they are to go there."""
    if how.datagrams:
        port = transport.partition("client_port=")[2].partition("-")[0]
        deque(encoded(how, f"rtp://127.0.0.1:{port}", "rtp", _PAYLOAD), 0)
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
        packets.bind(("127.0.0.1", 0))
        packets.setblocking(False)
        address = f"rtp://127.0.0.1:{packets.getsockname()[1]}?pkt_size=1300"
        waiting = b""
        for number in encoded(how, address, "rtp", _PAYLOAD):
            with suppress(BlockingIOError):
                while packet := packets.recv(2048):
                    waiting += b"$\0" + len(packet).to_bytes(2, "big") + packet
            if number >= how.burst:
                viewer.sendall(waiting)
                waiting = b""


# --- H.264 over anything --------------------------------------------------------------------


def encoded(
    how: Filming, address: Any, muxer: str, options: dict[str, str] | None = None
) -> Iterator[int]:
    """Send pictures as they are taken to an address or file; yield the number of each."""
    with av.open(address, "w", format=muxer, options=options or {}) as output:
        stream = output.add_stream(
            "libx264",
            rate=_RATE,
            options={"tune": "zerolatency", "preset": "ultrafast", "g": "25", "threads": "1"},
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        began = time.monotonic()
        for number in chain(range(how.burst), how.numbers()):
            shown = striped(number)
            shown.pts = round((time.monotonic() - began) * 90_000) + number
            shown.time_base = Fraction(1, 90_000)
            output.mux(stream.encode(shown))
            yield number


@contextmanager
def stream_camera(scheme: str, **how: Any) -> Iterator[Filming]:
    """A camera that sends MPEG-TS to whoever is there (``udp``) or connects (``tcp``)."""
    filming = Filming(**how)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        filming.url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"

        def film() -> None:
            with suppress(OSError):
                if scheme == "udp":
                    deque(encoded(filming, f"{filming.url}?pkt_size=1316", "mpegts"), 0)
                    return
                accepted, _ = listener.accept()
                with accepted, accepted.makefile("wb", buffering=0) as viewer:
                    deque(encoded(filming, viewer, "mpegts"), 0)

        thread = threading.Thread(target=film, daemon=True)
        thread.start()
        try:
            yield filming
        finally:
            filming.ended.set()
            thread.join(5)
