"""A web server on this machine that serves one file, well or badly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answering:
    """How the server answers; ``asked`` collects (path, Range header) of every request.

    Attributes:
        data: the file.
        ranges: whether a part of it can be asked for.
        etag: what identifies its version, or nothing.
        statuses: answered one after the other, then 200.
        cuts: after how many bytes the connection is cut, one request after the other.
        too_long: by how many bytes Content-Length is wrong.
        moved: to how many other addresses it leads first.
        kind: Content-Type.
        pause: seconds between pieces.
        step: bytes of a piece, where there is a pause.
        headers: further ones.
        without_length: whether the end of the connection is that of the file.
    """

    data: bytes
    ranges: bool = True
    etag: str = '"one"'
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    too_long: int = 0
    moved: int = 0
    kind: str = "application/octet-stream"
    pause: float = 0.0
    step: int = 4096
    headers: dict[str, str] = field(default_factory=dict)
    without_length: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""
    stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def in_background(server: ThreadingHTTPServer) -> Iterator[None]:
    """Let a server answer within."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def serving(data: bytes, **how: Any) -> Iterator[Answering]:
    """Serve a file at ``url`` within; the result can be changed while it is served."""
    answering = Answering(data, **how)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"how": answering}))
    answering.url = f"http://127.0.0.1:{server.server_port}/model.onnx"
    with in_background(server):
        try:
            yield answering
        finally:
            answering.stop.set()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    how: Answering

    def do_GET(self) -> None:
        how, asked = self.how, self.headers.get("Range")
        how.asked.append((self.path, asked))
        if how.moved:
            how.moved -= 1
            self.send_response(302)
            self.send_header("Location", f"/{how.moved}{self.path}")
            self.end_headers()
            return
        if how.statuses:
            self.send_error(how.statuses.pop(0))
            return
        same = self.headers.get("If-Range", how.etag) == how.etag
        start = int(asked[6:-1]) if asked and how.ranges and same else 0
        self._send(start, how.cuts.pop(0) if how.cuts else None)

    def _send(self, start: int, cut: int | None) -> None:
        how = self.how
        whole = len(how.data) + how.too_long
        if start >= len(how.data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(how.data)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", how.kind)
        if not how.without_length:
            self.send_header("Content-Length", str(whole - start))
        for name, value in how.headers.items():
            self.send_header(name, value)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if how.etag:
            self.send_header("ETag", how.etag)
        self.end_headers()
        body = how.data[start:cut]
        step = how.step if how.pause else max(1, len(body))
        for at in range(0, len(body), step):
            if how.stop.wait(how.pause) if how.pause else False:
                return
            with suppress(OSError):  # Who asks may have seen enough.
                self.wfile.write(body[at : at + step])

    def log_message(self, *_: object) -> None:
        """Say nothing."""
