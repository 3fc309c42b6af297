"""What is served to OBS: right pictures, to everybody, at once, and nobody waits for a slow one."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from helpers.waiting import until

from streamcut.core.errors import SinkError
from streamcut.core.pipeline import Channel, Pipeline
from streamcut.media.colour import Colour
from streamcut.media.frame import OutputFrame, StreamInfo
from streamcut.sinks.live.obs import ObsSink

SIZE = WIDTH, HEIGHT = 64, 48
INFO = StreamInfo(WIDTH, HEIGHT, "yuv420p", rate=Fraction(30))
STEP = Fraction(1, 30)
# (Y, Cb, Cr) and what they are in RGB, by BT.601 and BT.709 in limited range, to one level.
CODES = (120, 90, 200)


def flat(
    index: int, alpha: int = 255, *, matrix: int = 5, size: tuple[int, int] = SIZE
) -> OutputFrame:
    """One colour and one alpha, and a place in time."""
    made = av.VideoFrame(*size, "yuva420p")
    for plane, code in zip(made.planes, (*CODES, alpha), strict=True):
        plane.update(bytes([code]) * plane.buffer_size)
    made.pts, made.time_base = index, STEP
    return OutputFrame(output=Colour(matrix=matrix, range=1).apply(made))


def by_the_book(red: float, blue: float) -> Any:
    luma, cb, cr = (CODES[0] - 16) / 219, (CODES[1] - 128) / 224, (CODES[2] - 128) / 224
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.array([r, g, b]) * 255, 0, 255)


def received(port: int) -> Iterator[av.VideoFrame]:
    """What a client sees from when it connects; it leaves when it is not asked for more."""
    with av.open(f"tcp://127.0.0.1:{port}", format="nut", timeout=10) as stream:
        yield from stream.decode(video=0)


@pytest.fixture
def clients() -> Iterator[Pipeline]:
    """Readers run beside the sink, as programs of their own would."""
    with Pipeline() as pipeline:
        yield pipeline


def fed(sink: ObsSink, readers: list[Channel[Any]], count: int, **options: Any) -> list[Any]:
    """Write until every reader has seen so many pictures; return those of each."""
    seen: list[list[av.VideoFrame]] = [[] for _ in readers]
    began, index = time.monotonic(), 0
    while min(map(len, seen)) < count:
        assert time.monotonic() - began < 20, "the pictures do not arrive"
        sink.write(flat(index, **options))
        index += 1
        time.sleep(0.005)
        for reader, pictures in zip(readers, seen, strict=True):
            if reader.wait(0):
                pictures.append(next(reader))
    return seen


@pytest.fixture
def sink(clients: Pipeline) -> Iterator[ObsSink]:  # Closed before its clients are waited for.
    with ObsSink(INFO, size=SIZE, rate=Fraction(30), port=0) as made:
        yield made


@pytest.mark.parametrize(("matrix", "red", "blue"), [(5, 0.299, 0.114), (1, 0.2126, 0.0722)])
def test_colours_are_right_and_alpha_is_exact(
    sink: ObsSink, clients: Pipeline, matrix: int, red: float, blue: float
) -> None:
    reader = clients.spawn("client", received(sink.port))
    pictures = fed(sink, [reader], 3, alpha=77, matrix=matrix)[0]
    for picture in pictures:
        pixels = picture.to_ndarray()
        assert picture.format.name == "rgba"
        assert pixels.shape == (HEIGHT, WIDTH, 4)
        assert (pixels[..., 3] == 77).all()
        assert np.abs(pixels[..., :3] - by_the_book(red, blue)).max() < 1


def test_each_client_has_a_clock_that_starts_when_it_comes(
    sink: ObsSink, clients: Pipeline
) -> None:
    for index in range(50):
        sink.write(flat(index))  # Nobody is there yet: none of these is kept.
    assert not sink.watched
    first = clients.spawn("first", received(sink.port))
    fed(sink, [first], 3)
    second = clients.spawn("second", received(sink.port))
    early, late = fed(sink, [first, second], 3)
    assert float(late[0].time) < 0.5
    assert early[0].time is not None
    assert sink.state == "2 clients"


def test_one_who_does_not_read_slows_nobody_and_is_sent_away(
    clients: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamcut.sinks.live.obs._PATIENCE", 0.3)
    large = (640, 480)
    with ObsSink(INFO, size=large, rate=Fraction(30), port=0) as sink:
        with closing(socket.create_connection(("127.0.0.1", sink.port))) as idle:
            until(lambda: sink.watched)
            reader = clients.spawn("client", received(sink.port), capacity=100)
            fed(sink, [reader], 30, size=large)
            until(lambda: sink.state == "1 client")
            idle.settimeout(5)
            while idle.recv(1 << 20):
                pass  # What was on its way; then the end, not a wait.
        assert sink.skipped > 0


def test_a_client_may_leave_and_come_back(sink: ObsSink) -> None:
    for _ in range(2):
        with Pipeline() as pipeline:
            fed(sink, [pipeline.spawn("client", received(sink.port))], 2)
            assert sink.watched
        until(lambda: not sink.watched)
    assert sink.state == f"waiting on port {sink.port}"


def test_another_size_or_format_is_made_what_was_opened(sink: ObsSink, clients: Pipeline) -> None:
    reader = clients.spawn("client", received(sink.port))
    fed(sink, [reader], 2)
    opaque = av.VideoFrame(100, 20, "yuv420p")
    for plane in opaque.planes:
        plane.update(b"\x80" * plane.buffer_size)
    opaque.time_base = STEP
    began = time.monotonic()
    seen: Any = np.zeros((1, 1, 4))
    while np.abs(seen - (130, 130, 130, 255)).max() > 1:
        assert time.monotonic() - began < 20
        opaque.pts = 1000 + round((time.monotonic() - began) * 30)
        sink.write(OutputFrame(output=opaque))
        time.sleep(0.01)
        if reader.wait(0):
            seen = next(reader).to_ndarray()
            assert seen.shape == (HEIGHT, WIDTH, 4)


def test_closing_ends_the_stream_for_those_who_read(clients: Pipeline) -> None:
    with ObsSink(INFO, size=SIZE, rate=Fraction(30), port=0) as sink:
        port = sink.port
        reader = clients.spawn("client", received(port), capacity=100)
        fed(sink, [reader], 2)
    for _ in reader:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_that_is_taken_is_told_in_one_line(sink: ObsSink) -> None:
    with pytest.raises(
        SinkError, match=f"port {sink.port} of this machine is not available"
    ) as told:
        ObsSink(INFO, size=SIZE, rate=Fraction(30), port=sink.port)
    assert "\n" not in str(told.value)


def test_what_goes_wrong_while_serving_is_raised_where_pictures_are_written(
    sink: ObsSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no room for another client")

    monkeypatch.setattr("streamcut.sinks.live.obs._Client", broken)
    with closing(socket.create_connection(("127.0.0.1", sink.port))):
        until(lambda: sink._served.wait(0))
        with pytest.raises(MemoryError, match="no room"):
            sink.write(flat(0))
