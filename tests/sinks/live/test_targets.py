"""Live outputs: what a text asks for, what an address gets, and what each failure says to type."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import closing
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from helpers.media import picture, shown, views

from streamcut.core.errors import MissingDependencyError, SinkError, UsageError
from streamcut.core.pipeline import Pipeline
from streamcut.media.colour import Colour
from streamcut.media.frame import OutputFrame, StreamInfo
from streamcut.sinks import Target, obs_instructions, open_live_sink, set_up_obs
from streamcut.sinks.live.virtual_camera import CameraSink, Readers, what_to_type

SIZE = WIDTH, HEIGHT = 96, 64
INFO = StreamInfo(WIDTH, HEIGHT, "yuv420p", rate=Fraction(30))
QUICKLY = {"analyzeduration": "1", "probesize": "10000"}


def frame(index: int, size: tuple[int, int] = SIZE, pixel_format: str = "yuv420p") -> OutputFrame:
    made = picture(index, *size, pixel_format)
    made.pts, made.time_base = index, Fraction(1, 30)
    return OutputFrame(output=Colour(matrix=5, range=1).apply(made))


def opened(target: Target | str, **options: Any) -> Any:
    given = {"size": SIZE, "pixel_format": "yuv420p", "fps": Fraction(30)}
    return open_live_sink(target, INFO, **{**given, **options})


# --- what a text asks for -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "place", "alpha"),
    [
        ("camera", "camera", "", False),
        ("camera:/dev/video2", "camera", "/dev/video2", False),
        ("camera:OBS Virtual Camera", "camera", "OBS Virtual Camera", False),
        ("obs", "obs", "", True),
        ("obs:9999", "obs", "9999", True),
        ("-", "pipe", "", True),
        ("udp://127.0.0.1:5000", "address", "udp://127.0.0.1:5000", False),
        ("rtmp://localhost/live/key", "address", "rtmp://localhost/live/key", False),
        ("out.webm", "file", "out.webm", True),
        ("out.mp4", "file", "out.mp4", False),
        ("/dev/video2", "camera", "/dev/video2", False),
        ("frames/", "file", "frames/", True),
    ],
)
def test_a_text_says_where_to_and_whether_alpha_can_go_there(
    text: str, kind: str, place: str, alpha: bool
) -> None:
    target = Target.parse(text)
    assert (target.kind, target.place, target.alpha) == (kind, place, alpha)


def test_a_pipe_holds_alpha_where_its_family_does() -> None:
    assert not Target.parse("-", family="y4m").alpha
    assert not Target.parse("-", family="rawvideo", pixel_format="rgb24").alpha
    assert Target.parse("-", family="rawvideo", pixel_format="bgra").alpha


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("obs:port", "a port is a number from 1 to 65535"),
        ("obs:70000", "a port is a number from 1 to 65535"),
        ("gopher://x", "nothing can be sent there; known: udp://"),
        ("out.xyz", "unknown ending"),
        ("cam", "write camera, obs, .*cam/ is a folder of images"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Target.parse(text)


# --- addresses and files --------------------------------------------------------------------


def test_udp_brings_every_picture_and_never_fails_for_want_of_a_reader() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def received() -> Any:
        address = f"udp://127.0.0.1:{port}?timeout=1000000"
        with av.open(address, format="mpegts", options=QUICKLY) as stream:
            yield from stream.decode(video=0)

    with Pipeline() as pipeline, opened(f"udp://127.0.0.1:{port}?pkt_size=1316") as sink:
        for index in range(10):
            sink.write(frame(index))
        reader = pipeline.spawn("reader", received(), capacity=100)
        began = time.monotonic()
        while not reader.wait(0):
            assert time.monotonic() - began < 20
            index += 1
            sink.write(frame(index))
            time.sleep(0.01)
        seen = next(reader)
        assert (seen.width, seen.height, seen.format.name) == (*SIZE, "yuv420p")
        assert sink.watched
        assert sink.state.startswith(f"{index + 1} frames to udp://")


def test_who_tunes_in_sees_a_picture_within_a_second_at_every_rate() -> None:
    def received(server: socket.socket) -> Any:
        with server.accept()[0] as reader, reader.makefile("rb") as file:
            yield file.read()

    with socket.create_server(("127.0.0.1", 0)) as server, Pipeline() as pipeline:
        sent = pipeline.spawn("reader", received(server))
        slow = Target.parse(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        with opened(slow, fps=Fraction(4)) as sink:
            for index in range(9):
                sink.write(frame(index))
        with av.open(BytesIO(next(sent)), format="mpegts") as stream:
            assert isinstance(stream, av.container.InputContainer)
            keys = [packet.is_keyframe for packet in stream.demux(video=0) if packet.size]
    assert [index for index, key in enumerate(keys) if key] == [0, 4, 8]


def test_an_address_that_refuses_is_one_clear_line() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"rtmp://127.0.0.1:{port}/live/key"
    with pytest.raises(SinkError) as told, opened(address) as sink:
        sink.write(frame(0))
    shown = address.replace("key", "***")
    assert str(told.value) == f"{shown} cannot be written: Connection refused"


def test_a_reader_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamcut.media.urls._TIMEOUT", 0.3)
    noise = np.random.default_rng(0)

    def write_for_ever(address: str) -> None:
        with opened(address, size=(640, 480), quality="best") as sink:
            for index in range(1000):
                made = frame(index, (640, 480))
                for plane in views(made.output):
                    plane[:] = noise.integers(0, 256, plane.shape)
                sink.write(made)

    with socket.create_server(("127.0.0.1", 0)) as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        address = f"tcp://127.0.0.1:{idle.getsockname()[1]}"
        with pytest.raises(SinkError, match=f"^{address} cannot be written: it takes nothing"):
            write_for_ever(address)


def test_pictures_of_another_size_are_scaled_to_the_one_that_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "out.mkv"
    with opened(str(path)) as sink:
        sink.write(frame(0))
        sink.write(frame(1, (48, 32)))
        sink.write(frame(2))
    first, second, third = shown(path).planes()
    for given, got in ((0, first), (2, third)):
        assert all((a == b).all() for a, b in zip(views(frame(given).output), got, strict=True))
    small = views(frame(1, (48, 32)).output)[0]
    assert np.abs(second[0][::2, ::2].astype(int) - small).mean() < 4


# --- virtual cameras ------------------------------------------------------------------------


class FakeCamera:
    """Takes what pyvirtualcam's camera takes."""

    def __init__(self, width: int, height: int, fps: float, **options: Any) -> None:
        self.opened = (width, height, fps, options)
        self.sent: list[Any] = []
        self.device = options["device"] or "/dev/null"
        self.open = True

    def send(self, data: Any) -> None:
        self.sent.append(data.copy())

    def close(self) -> None:
        self.open = False


def pretend(monkeypatch: pytest.MonkeyPatch, camera: Any) -> None:
    formats = SimpleNamespace(I420="I420")
    module = SimpleNamespace(Camera=camera, PixelFormat=formats)
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)


def test_a_camera_gets_the_planes_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, FakeCamera)
    with opened("camera:/dev/null") as sink:
        camera = sink._camera
        sink.write(frame(3))
        assert sink.written == 1
    expected = np.concatenate([plane.ravel() for plane in views(frame(3).output)])
    assert (camera.sent[0] == expected).all()
    assert camera.opened == (*SIZE, 30.0, {"fmt": "I420", "device": "/dev/null"})
    assert not camera.open


@pytest.mark.parametrize(("size", "pixel_format"), [((48, 32), "yuv420p"), (SIZE, "yuv444p10le")])
def test_a_camera_keeps_its_size_and_format(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], pixel_format: str
) -> None:
    pretend(monkeypatch, FakeCamera)
    with opened("camera", size=(97, 65)) as sink:
        sink.write(frame(0))
        other = frame(0).output.reformat(*size, pixel_format)
        sink.write(OutputFrame(output=Colour(matrix=5, range=1).apply(other)))
    first, second = (data[: 96 * 64].astype(int) for data in sink._camera.sent)
    assert len(sink._camera.sent[1]) == 96 * 64 * 3 // 2
    assert np.abs(first - second).mean() < 4


def test_a_camera_is_told_bt601_whatever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, FakeCamera)
    made = av.VideoFrame(*SIZE, "yuv420p")
    for plane, code in zip(made.planes, (120, 90, 200), strict=True):
        plane.update(bytes([code]) * plane.buffer_size)
    with opened("camera") as sink:
        sink.write(OutputFrame(output=Colour(matrix=1, range=1).apply(made)))
    sent = sink._camera.sent[0]
    codes = [int(sent[0]), int(sent[96 * 64]), int(sent[-1])]
    # The same RGB (by BT.709: 249, 98, 37) in BT.601, by the book.
    assert np.abs(np.array(codes) - bt601(*bt709_rgb(120, 90, 200))).max() < 2


def bt709_rgb(y: int, cb: int, cr: int) -> tuple[float, float, float]:
    luma, blue, red = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    return r, (luma - 0.2126 * r - 0.0722 * b) / 0.7152, b


def bt601(r: float, g: float, b: float) -> Any:
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    return np.array(
        [luma * 219 + 16, (b - luma) / 1.772 * 224 + 128, (r - luma) / 1.402 * 224 + 128]
    )


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells who has a file open")
def test_who_reads_a_device_is_seen(tmp_path: Path) -> None:
    device = tmp_path / "video7"
    device.write_bytes(b"")
    readers = Readers(str(device), every=0)
    assert readers.known
    with device.open():  # What this process itself does is no watching.
        assert not readers()
    script = "import sys; f = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", script, device], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        assert other.stdout is not None
        other.stdout.readline()
        assert readers()
        assert readers()  # Also where it is looked for first.
    assert not readers()


def test_an_answer_about_readers_is_good_for_a_while(tmp_path: Path) -> None:
    device = tmp_path / "video7"
    device.write_bytes(b"")
    readers = Readers(str(device), every=3600)
    before = readers()
    readers._found = lambda: pytest.fail("asked again")  # type: ignore[method-assign]
    assert readers() == before


def test_where_nobody_can_tell_somebody_watches(tmp_path: Path) -> None:
    readers = Readers(str(tmp_path / "OBS Virtual Camera"))
    assert not readers.known
    assert readers()


@pytest.mark.parametrize(
    ("said", "device", "platform", "told"),
    [
        (
            "'v4l2loopback' backend: No v4l2 loopback device found at /dev/video[0-99]. Did you",
            "",
            "linux",
            "there is no virtual camera: sudo modprobe v4l2loopback exclusive_caps=1",
        ),
        (
            "'v4l2loopback' backend: Device /dev/video9 does not exist.",
            "/dev/video9",
            "linux",
            "there is no /dev/video9: sudo modprobe v4l2loopback exclusive_caps=1",
        ),
        (
            "'v4l2loopback' backend: Device /dev/video0 is not a video output device.",
            "/dev/video0",
            "linux",
            "sudo modprobe -r v4l2loopback && sudo modprobe v4l2loopback exclusive_caps=1",
        ),
        (
            "Could not open /dev/video0 due to missing permissions. Did you add your user to",
            "/dev/video0",
            "linux",
            "sudo usermod -aG video $USER",
        ),
        (
            "Virtual camera device /dev/video0 could not be configured: 16",
            "/dev/video0",
            "linux",
            "/dev/video0 is used by another program: close it",
        ),
        (
            "Device capabilities of /dev/null could not be queried.",
            "/dev/null",
            "linux",
            "/dev/null is not a camera",
        ),
        ("'obs' backend: virtual camera output could not be started", "", "win32", "install OBS"),
        ("'obs' backend: OBS Virtual Camera is not installed", "", "darwin", "install OBS Studio"),
    ],
)
def test_each_failure_of_a_camera_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch, said: str, device: str, platform: str, told: str
) -> None:
    def refuses(*_: object, **__: Any) -> None:
        raise RuntimeError(said)

    pretend(monkeypatch, refuses)
    monkeypatch.setattr("streamcut.sinks.live.virtual_camera.sys.platform", platform)
    with pytest.raises(SinkError) as raised:
        CameraSink(size=SIZE, rate=Fraction(30), device=device)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(raised.value) == what_to_type(said, device, platform)


def test_a_camera_that_goes_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: object, __: object) -> None:
        raise RuntimeError("error writing frame: No such device")

    pretend(monkeypatch, FakeCamera)
    monkeypatch.setattr(FakeCamera, "send", gone)
    with opened("camera:/dev/null") as sink, pytest.raises(SinkError, match="/dev/null is gone"):
        sink.write(frame(0))


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(MissingDependencyError, match="pip install pyvirtualcam"):
        opened("camera")
    monkeypatch.setitem(sys.modules, "obsws_python", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'streamcut\[obs\]'"):
        set_up_obs()


# --- telling OBS ----------------------------------------------------------------------------


def test_what_a_user_of_obs_is_told_names_all_that_matters() -> None:
    words = obs_instructions(9999)
    for word in ("Media Source", "tcp://127.0.0.1:9999", "nut", "Apply alpha in linear space"):
        assert word in words
