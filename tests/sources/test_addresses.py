"""Cameras of a network: what comes is fresh, what goes wrong is said, and no password is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest
from helpers.filming import (
    HEIGHT,
    WIDTH,
    Filming,
    free_port,
    http_camera,
    number_of,
    rtsp_camera,
    stream_camera,
)
from helpers.media import pictures, write
from helpers.servers import in_background, serving
from helpers.waiting import until

from streamcut.core.errors import SourceError
from streamcut.core.pipeline import Channel, Pipeline
from streamcut.media.frame import Frame
from streamcut.sources import LiveSource, open_live, reconnect

Camera = Callable[..., AbstractContextManager[Filming]]
CAMERAS: dict[str, Callable[..., AbstractContextManager[Filming]]] = {
    "http": http_camera,
    "http without lengths": partial(http_camera, lengths=False),
    "rtsp": rtsp_camera,
    "rtsp over udp": partial(rtsp_camera, datagrams=True),
    "udp": partial(stream_camera, "udp"),
    "tcp": partial(stream_camera, "tcp"),
}
SPOKEN = [http_camera, rtsp_camera]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for what does not come."""
    monkeypatch.setattr(reconnect, "_TIMEOUTS", (0.7, 0.4))
    monkeypatch.setattr(reconnect, "_RETRY", 0.05)


def numbers(frames: Iterator[Frame], count: int) -> list[int]:
    return [number_of(frame.source) for frame in islice(frames, count)]


# --- pictures -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CAMERAS)
def test_every_picture_comes_and_none_waits(name: str) -> None:
    with CAMERAS[name]() as camera, open_live(camera.url, fps=0) as source:
        assert (source.info.width, source.info.height) == (WIDTH, HEIGHT)
        with closing(cast(Any, iter(source))) as frames:
            seen = numbers(frames, 10)
            assert max(camera.sent) - seen[-1] < 10  # Not the second that opening takes.
    assert seen == list(range(seen[0], seen[0] + 10))


@pytest.mark.parametrize("make", SPOKEN)
def test_what_has_piled_up_is_passed_over(make: Camera) -> None:
    """Servers send what came since the last key picture, or a second of it, at once."""
    with (
        make(burst=40) as camera,
        open_live(camera.url, fps=0) as source,
        closing(cast(Any, iter(source))) as frames,
    ):
        assert numbers(frames, 1)[0] >= 40


@pytest.mark.parametrize("make", SPOKEN)
def test_what_came_while_nobody_looked_is_passed_over(make: Camera) -> None:
    with (
        make() as camera,
        open_live(camera.url, fps=0) as source,
        closing(cast(Any, iter(source))) as frames,
    ):
        first = numbers(frames, 1)[0]
        until(lambda: max(camera.sent) > first + 25)  # A second, or more on a busy machine.
        late = numbers(frames, 1)[0]
    assert late - first > 20


def test_a_recording_on_a_web_server_is_played_at_its_own_pace(tmp_path: Path) -> None:
    clip = write(tmp_path / "in.mkv", pictures(8), rate=25)
    with serving(clip.read_bytes()) as server, open_live(server.url, fps=0) as source:
        moments = [frame.captured for frame in source]
    assert len(moments) == 8
    assert moments[0] is not None
    assert moments[-1] is not None
    assert moments[-1] - moments[0] > 0.25  # Seven intervals, less where it had to catch up.


def test_a_broadcast_in_pieces_is_played_at_its_own_pace(tmp_path: Path) -> None:
    """HLS, of which a second comes at once."""
    playlist = tmp_path / "live.m3u8"
    muxing = {"hls_time": "1", "hls_list_size": "0", "hls_flags": "omit_endlist"}
    shown = pictures(100)
    write(playlist, shown, codec="libx264", rate=25, options={"g": "25"}, muxing=muxing)
    with (
        folder(tmp_path) as url,
        open_live(f"{url}/live.m3u8", fps=0) as source,
        closing(cast(Any, iter(source))) as frames,
    ):
        moments = [frame.captured for frame in islice(frames, 20)]
    assert moments[0] is not None
    assert moments[-1] is not None
    assert moments[-1] - moments[0] > 0.6


@contextmanager
def folder(path: Path) -> Iterator[str]:
    """Serve the files of a folder."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with (
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(path))) as server,
        in_background(server),
    ):
        yield f"http://127.0.0.1:{server.server_port}"


# --- what goes wrong ------------------------------------------------------------------------


@contextmanager
def looking(source: LiveSource) -> Iterator[Channel[Frame]]:
    """Let the pictures be taken by a thread, as live jobs do."""
    with Pipeline() as pipeline, source:
        yield pipeline.spawn("capture", source, capacity=1, drop_oldest=True)
        source.stop()


@pytest.mark.parametrize("make", SPOKEN)
@pytest.mark.usefixtures("hasty")
def test_a_camera_that_dies_is_waited_for_and_opened_again(make: Camera) -> None:
    port = free_port()
    with ExitStack() as alive:
        camera = alive.enter_context(make(port, login="me:secret"))
        with looking(source := open_live(camera.url)) as shown:
            until(lambda: shown.wait(0))
            alive.close()
            until(lambda: "waiting for it to come back" in source.state)
            assert f"***@127.0.0.1:{port}" in source.state
            with make(port, login="me:secret"):
                until(lambda: not source.state)
                given = shown.dropped
                until(lambda: shown.dropped > given)


@pytest.mark.usefixtures("hasty")
def test_a_camera_that_falls_silent_is_said_to() -> None:
    with http_camera() as camera, looking(source := open_live(camera.url)) as shown:
        until(lambda: shown.wait(0))
        camera.hold.set()
        until(lambda: bool(source.state))
        assert "sends nothing (for 0.4 s); waiting for it to come back" in source.state
        camera.hold.clear()
        until(lambda: not source.state)


@pytest.mark.parametrize("make", SPOKEN)
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"status": 404}, "404 Not Found"),
        ({"status": 403}, "403 Forbidden"),
        ({"status": 503}, "5XX Server Error"),
        ({"login": "me:other"}, "it wants a user and a password; give other ones"),
        ({"mute": True}, "sends no frames: none came for 0.7 s"),
    ],
)
@pytest.mark.usefixtures("hasty")
def test_what_a_camera_refuses_is_one_line_without_the_password(
    make: Camera, how: dict[str, Any], words: str
) -> None:
    with make(**how) as camera:
        address = camera.url.replace("://", "://me:secret@").replace("me:other@", "")
        with pytest.raises(SourceError, match=words) as caught:
            open_live(address)
    check(str(caught.value))


@pytest.mark.parametrize("scheme", ["http", "rtsp", "tcp"])
@pytest.mark.parametrize(
    ("host", "words"),
    [("127.0.0.1:1", "refused"), ("no.invalid:80", "no machine is called no.invalid")],
)
def test_addresses_where_nobody_is(scheme: str, host: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        open_live(f"{scheme}://me:secret@{host}/1")
    check(str(caught.value))


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_password_with_signs_of_addresses_is_told_how_to_be_written(scheme: str) -> None:
    """Its halves are neither host nor path, and not shown."""
    with pytest.raises(SourceError, match=r"@ : / \? # are written %40 %3A") as caught:
        open_live(f"{scheme}://me:sec@ret/s@no.invalid:80/1")
    assert str(caught.value).startswith(f"{scheme}://***@no.invalid:80/1 cannot")


def check(message: str) -> None:
    assert "\n" not in message
    assert "secret" not in message
    assert "***@" in message


@pytest.mark.parametrize("make", SPOKEN)
def test_who_gives_no_password_is_told_where_it_goes(make: Camera) -> None:
    with make(login="me:secret") as camera, pytest.raises(SourceError) as caught:
        open_live(camera.url.replace("me:secret@", ""))
    scheme = camera.url.partition(":")[0]
    assert str(caught.value).endswith(f"give them: {scheme}://USER:PASSWORD@...")
