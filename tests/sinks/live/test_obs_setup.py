"""OBS is told of the pictures through its websocket server, wherever that is and if it lets us."""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import Iterator
from contextlib import closing

import pytest
from helpers.obs_websocket import obs_websocket
from helpers.servers import serving

from streamcut.core.errors import SinkError, UsageError
from streamcut.sinks import set_up_obs, websocket_at
from streamcut.sinks.live.obs_setup import obs_settings

obsws = pytest.importorskip("obsws_python", reason="obsws-python is not installed")


@pytest.fixture(autouse=True)
def _leaves_sockets_behind() -> Iterator[None]:
    """obsws-python does, where a server refuses it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.parametrize("password", ["", "open sesame"])
def test_the_source_is_added(password: str) -> None:
    with obs_websocket(password) as obs:
        told = set_up_obs(9999, host="127.0.0.1", websocket_port=obs.port, password=password)
    assert told == "added the source 'streamcut' to the scene 'Scene' in OBS"
    kind, made = obs.requests[-1]
    assert kind == "CreateInput"
    assert (made["sceneName"], made["inputKind"]) == ("Scene", "ffmpeg_source")
    assert made["inputSettings"] == obs_settings(9999)


@pytest.mark.parametrize(("password", "which"), [("", "a"), ("wrong", "another")])
def test_a_wrong_password_is_one_clear_line(
    password: str, which: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with obs_websocket("open sesame") as obs, pytest.raises(SinkError) as told:
        set_up_obs(host="127.0.0.1", websocket_port=obs.port, password=password)
    assert str(told.value) == (
        f"OBS at 127.0.0.1:{obs.port} wants {which} password "
        "(OBS: Tools, WebSocket Server Settings, Show Connect Info)"
    )
    assert capfd.readouterr() == ("", "")


def test_a_websocket_server_that_is_switched_off_is_one_clear_line() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SinkError, match=rf"no OBS answers at localhost:{port}: .* Enable WebSoc"):
        set_up_obs(websocket_port=port)


def test_another_server_on_that_port_is_one_clear_line() -> None:
    with serving(b"a web page") as server, pytest.raises(SinkError, match="no OBS answers") as told:
        set_up_obs(host="127.0.0.1", websocket_port=int(server.url.split(":")[2].split("/")[0]))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("localhost:4455", ("localhost", 4455)),
        ("studio", ("studio", 4455)),
        ("4466", ("localhost", 4466)),
        ("ws://10.0.0.2:4466", ("10.0.0.2", 4466)),
        ("[::1]:4466", ("[::1]", 4466)),
    ],
)
def test_how_its_place_may_be_written(text: str, place: tuple[str, int]) -> None:
    assert websocket_at(text) == place


@pytest.mark.parametrize("text", ["studio:port", "studio:70000", "ws://studio/obs", "me@studio"])
def test_what_is_no_place_is_told_with_one_that_is(text: str) -> None:
    with pytest.raises(UsageError, match=r"give HOST:PORT, such as localhost:4455"):
        websocket_at(text)
