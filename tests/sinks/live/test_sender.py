"""Addresses as outputs: everything arrives, and no server can keep anybody waiting."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.filming import HEIGHT, WIDTH, free_port, number_of, striped
from helpers.media import shown

from streamcut.core.errors import SinkError, UsageError
from streamcut.core.pipeline import Channel, Pipeline
from streamcut.media.colour import Colour
from streamcut.media.frame import OutputFrame, StreamInfo
from streamcut.sinks import format_of, open_live_sink

INFO = StreamInfo(WIDTH, HEIGHT, "yuv420p", rate=Fraction(30))
SILENT = ["rtmp", "rtsp", "tcp"]


def opened(address: str, size: tuple[int, int] = (WIDTH, HEIGHT), record: str = "") -> Any:
    form: dict[str, Any] = {"size": size, "pixel_format": "yuv420p", "fps": Fraction(30)}
    return open_live_sink(address, INFO, **form, record=record)


def frame(index: int, picture: av.VideoFrame | None = None) -> OutputFrame:
    made = picture or striped(index)
    made.pts, made.time_base = index, Fraction(1, 30)
    return OutputFrame(output=Colour(matrix=5, range=1).apply(made))


def noise(index: int) -> OutputFrame:
    """A picture that no codec makes small."""
    levels = np.random.default_rng(index).integers(0, 256, (720, 640), np.uint8)
    return frame(index, av.VideoFrame.from_ndarray(levels, format="yuv420p"))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamcut.media.urls._TIMEOUT", 0.5)


@contextmanager
def sleeping() -> Iterator[str]:
    """A machine that accepts one connection, and then does nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


# --- what arrives ---------------------------------------------------------------------------


def taken(server: socket.socket) -> Iterator[int]:
    """The numbers of the pictures that somebody sends to a server."""
    accepted, _ = server.accept()
    with accepted, accepted.makefile("rb") as data, av.open(data, format="mpegts") as stream:
        assert isinstance(stream, av.container.InputContainer)
        for picture in stream.decode(video=0):
            yield number_of(picture)


def test_every_picture_arrives_also_the_last() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Pipeline() as pipeline:
        reader: Channel[int] = pipeline.spawn("reader", taken(server), capacity=100)
        with opened(f"tcp://127.0.0.1:{server.getsockname()[1]}") as sink:
            for index in range(40):
                sink.write(frame(index))
        assert list(reader) == list(range(40))


def test_the_last_picture_arrives_also_beside_a_recording(tmp_path: Path) -> None:
    """What is shown live may miss pictures, but at the end it has the last one."""
    with socket.create_server(("127.0.0.1", 0)) as server, Pipeline() as pipeline:
        reader: Channel[int] = pipeline.spawn("reader", taken(server), capacity=100)
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with opened(address, record=str(tmp_path / "recorded.mkv")) as sink:
            for index in range(40):
                sink.write(frame(index))
        assert list(reader)[-1] == 39


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells who listens")
@pytest.mark.parametrize(
    ("address", "listening"),
    [("rtmp://127.0.0.1:{}/live/key", "-listen"), ("rtsp://127.0.0.1:{}/live", "-rtsp_flags")],
)
def test_ffmpeg_as_a_server_takes_the_pictures(
    address: str, listening: str, tmp_path: Path
) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    url, output = address.format(free_port()), tmp_path / "taken.mkv"
    how = "1" if listening == "-listen" else "listen"
    command = ["ffmpeg", "-v", "error", listening, how, "-i", url, "-c", "copy", str(output)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as server:
        try:
            until_listening(int(url.split(":")[2].partition("/")[0]))
            with opened(url) as sink:
                for index in range(60):
                    sink.write(frame(index))
                    time.sleep(0.01)
            server.wait(20)
        finally:
            server.kill()
    numbers = [number_of(picture) for picture in shown(output).pictures]
    assert len(numbers) > 30
    assert numbers == list(range(numbers[0], 60))


def until_listening(port: int) -> None:
    """Wait until somebody listens, without connecting: there is but one who may."""
    wanted, began = f":{port:04X} 00000000:0000 0A", time.monotonic()
    while wanted not in Path("/proc/net/tcp").read_text():
        assert time.monotonic() - began < 20
        time.sleep(0.02)


# --- servers that stall, refuse and leave ---------------------------------------------------


@pytest.mark.parametrize("scheme", SILENT)
@pytest.mark.usefixtures("hasty")
def test_a_server_that_says_and_takes_nothing_is_given_up(scheme: str) -> None:
    def write_for_ever(address: str) -> None:
        with opened(address, (640, 480)) as sink:
            for index in range(1000):
                sink.write(noise(index))

    with sleeping() as server, pytest.raises(SinkError) as told:
        write_for_ever(f"{scheme}://me:secret@{server}/live/key")
    assert str(told.value) == (
        f"{scheme}://***@{server}/live/*** cannot be written: it takes nothing (for 0.5 s)"
    )


@pytest.mark.parametrize("scheme", ["rtmp", "tcp"])
def test_who_stops_does_not_wait_for_a_server_that_sleeps(scheme: str) -> None:
    """Its ten seconds have not passed by then."""

    def write_until_stopped(sink: Any) -> Iterator[None]:
        with sink:
            for index in range(1000):
                sink.write(noise(index))
                if stopped.is_set():
                    return
        yield

    stopped = threading.Event()
    with sleeping() as server, Pipeline() as pipeline:
        sink = opened(f"{scheme}://{server}/live/key", (640, 480))
        writer = pipeline.spawn("writer", write_until_stopped(sink))
        began = time.monotonic()
        while "waiting for its reader" not in sink.state:
            assert time.monotonic() - began < 8
            time.sleep(0.02)
        stopped.set()
        sink.stop()
        assert list(writer) == []
    assert time.monotonic() - began < 9


def test_a_server_that_leaves_is_told_in_one_line() -> None:
    def write_for_ever(address: str) -> None:
        with opened(address) as sink:
            for index in range(10_000):
                sink.write(frame(index))
                time.sleep(0.001)

    def leave(server: socket.socket) -> Iterator[None]:
        accepted, _ = server.accept()
        with accepted:
            accepted.recv(1000)
        yield

    with socket.create_server(("127.0.0.1", 0)) as server, Pipeline() as pipeline:
        pipeline.spawn("server", leave(server))
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(SinkError, match=f"^{address} cannot be written: [A-Z][a-z ]+$"):
            write_for_ever(address)


def test_an_address_is_on_no_command_line() -> None:
    """Everybody on a machine can read those."""
    with sleeping() as server, suppress(SinkError):
        sink = opened(f"rtmp://{server}/live/secret")
        with sink:
            assert not any("secret" in word for word in sink._outlet._process.args)
            sink.stop()


def test_pictures_that_never_came_are_no_error() -> None:
    with sleeping() as server, opened(f"tcp://{server}"):
        pass


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("srt://127.0.0.1:1?passphrase=secret", r"not speak its protocol.*--to - \| ffmpeg -i -"),
        (
            "rtmp://no.invalid/live/secret",
            r"live/\*\*\* cannot .* no machine is called no.invalid",
        ),
        ("tcp://me:secret@127.0.0.1:1", "Connection refused"),
    ],
)
def test_what_cannot_be_reached_is_told_in_one_line(address: str, words: str) -> None:
    with pytest.raises(SinkError, match=words) as told:
        write_one(address)
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value)


def test_a_job_with_a_file_is_told_what_sends_to_an_address() -> None:
    with pytest.raises(UsageError, match=r"^rtmp://a/b/\*\*\* is not a file; to send there: "):
        format_of("rtmp://a/b/secret.mp4")


def write_one(address: str) -> None:
    with opened(address) as sink:
        sink.write(frame(0))


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_an_output_that_cannot_be_opened_leaves_no_process_behind() -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text()
    with pytest.raises(SinkError, match="holds no frame of 1x1"):
        opened("tcp://127.0.0.1:1", (1, 1))
    assert children.read_text() == before
