"""How OBS Studio is told of the frames: in words for its user, or through obs-websocket."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from streamcut.core.errors import MissingDependencyError, SinkError, UsageError
from streamcut.sinks.live.obs import HOST, PORT

SOURCE = "streamcut"
WEBSOCKET_PORT = 4455
_WEBSOCKET_HOST = "localhost"
_KIND = "ffmpeg_source"
_TIMEOUT = 5
_WRONG_PASSWORD = "authentication", "identify"


def websocket_at(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``; either may be left out.

    Raises:
        UsageError: if it is none.
    """
    told = f":{text}" if text.isdecimal() else text
    try:
        place = urlsplit(told if "//" in told else f"//{told}")
        host, port = place.hostname or _WEBSOCKET_HOST, place.port or WEBSOCKET_PORT
    except ValueError:
        host = ""
    if not host or place.path not in ("", "/") or place.username is not None:
        raise UsageError(
            f"{text!r} is not where a websocket server can be: give HOST:PORT, such as "
            f"{_WEBSOCKET_HOST}:{WEBSOCKET_PORT}"
        )
    return (f"[{host}]" if ":" in host else host), port


def obs_settings(port: int = PORT) -> dict[str, Any]:
    """Return the settings of the Media Source that shows what is served on a port."""
    return {
        "is_local_file": False,
        "input": f"tcp://{HOST}:{port}",
        "input_format": "nut",
        "buffering_mb": 0,
        "reconnect_delay_sec": 1,
        "hw_decode": False,
        "linear_alpha": True,
        "close_when_inactive": False,
        "restart_on_activate": False,
    }


def obs_instructions(port: int = PORT) -> str:
    """Return how a user adds the frames to OBS by hand."""
    shown = obs_settings(port)
    return "\n".join(
        [
            "In OBS, add a Media Source (Sources, +, Media Source) and set:",
            "  Local File                    off",
            f"  Network Buffering             {shown['buffering_mb']} MB",
            f"  Input                         {shown['input']}",
            f"  Input Format                  {shown['input_format']}",
            f"  Reconnect Delay               {shown['reconnect_delay_sec']} s",
            "  Apply alpha in linear space   on (else soft edges are too dark or too bright)",
            "It is transparent while nothing is sent. If it stays so, press OK in its properties:",
            "OBS now and then stops trying where nobody answers.",
        ]
    )


def set_up_obs(
    port: int = PORT,
    *,
    host: str = _WEBSOCKET_HOST,
    websocket_port: int = WEBSOCKET_PORT,
    password: str = "",
    name: str = SOURCE,
) -> str:
    """Create the Media Source in OBS's current scene, or bring it up to date.

    To be called when the frames are being served already: OBS then connects at once. A source
    that finds nobody may, in OBS 29 at least, stop trying; being brought up to date revives it.

    Args:
        port: where the frames are served.
        host: of OBS's websocket server.
        websocket_port: of OBS's websocket server (Tools, WebSocket Server Settings).
        password: of OBS's websocket server.
        name: of the source.

    Returns:
        What was done, in words.

    Raises:
        MissingDependencyError: if obsws-python is not installed.
        SinkError: if OBS cannot be reached, refuses the password, or cannot do it.
    """
    with _connected(host, websocket_port, password) as obs:
        scene = obs.get_current_program_scene().current_program_scene_name
        known = {entry["inputName"]: entry["inputKind"] for entry in obs.get_input_list().inputs}
        if known.get(name, _KIND) != _KIND:
            raise SinkError(f"OBS has another kind of source called {name!r}: rename it there")
        if name in known:
            obs.set_input_settings(name, obs_settings(port), True)
            return f"updated the source {name!r} in OBS"
        obs.create_input(scene, name, _KIND, obs_settings(port), True)
        return f"added the source {name!r} to the scene {scene!r} in OBS"


@contextmanager
def _connected(host: str, port: int, password: str) -> Iterator[Any]:
    """Connect to OBS; what goes wrong becomes one line."""
    try:
        import obsws_python
        from obsws_python.error import OBSSDKError
        from websocket import WebSocketException
    except ImportError as error:
        raise MissingDependencyError(
            "setting up OBS needs obsws-python: pip install 'streamcut[obs]'"
        ) from error
    # It would log each error with its traceback.
    logging.getLogger("obsws_python").setLevel(logging.CRITICAL + 1)
    where = f"{host}:{port}"
    try:
        with obsws_python.ReqClient(
            host=host, port=port, password=password, timeout=_TIMEOUT
        ) as obs:
            yield obs
    except SinkError:
        raise
    except OBSSDKError as error:
        if any(word in str(error) for word in _WRONG_PASSWORD):
            raise SinkError(
                f"OBS at {where} wants {'another' if password else 'a'} password "
                "(OBS: Tools, WebSocket Server Settings, Show Connect Info)"
            ) from error
        raise SinkError(f"OBS at {where} refuses: {error}") from error
    except (OSError, WebSocketException, ValueError, LookupError) as error:
        raise SinkError(
            f"no OBS answers at {where}: start it and switch on Tools, WebSocket Server Settings, "
            f"Enable WebSocket server ({error})"
        ) from error
