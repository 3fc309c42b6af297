"""The server from its first connection to its last."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from ipaddress import ip_address

import uvicorn
from starlette.types import ASGIApp

from streamcut.core.config import ServerSettings, Settings
from streamcut.core.errors import Named, SinkError
from streamcut.server.app import create_app
from streamcut.server.patience import PatientProtocol

_LAST = 3  # Seconds that open connections have when the server ends.
_BACKLOG = 1024


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached by this machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def with_token(settings: Settings) -> Settings:
    """Return settings with a token, made up if need be, where others can reach the server."""
    if settings.server.token or is_loopback(settings.server.host):
        return settings
    return settings.with_options({"token": secrets.token_urlsafe(24)})


def listening(server: ServerSettings) -> socket.socket:
    """Return a socket that listens where the settings say.

    Raises:
        SinkError: if that cannot be.
    """
    try:
        family, kind, number, _, place = socket.getaddrinfo(
            server.host, server.port, type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind, number)
    except OSError as error:
        raise SinkError(f"{server.host}: no address to listen on") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(place)
    except OSError as error:
        listener.close()
        raise SinkError(
            f"{server.host}:{server.port} cannot be listened on ({error.strerror}): give another ",
            Named("port"),
        ) from error
    return listener


def address_of(listener: socket.socket, token: str = "") -> str:
    """Return what is typed into a browser."""
    host, port = listener.getsockname()[:2]
    shown = "localhost" if is_loopback(host) else host
    if host in ("0.0.0.0", "::"):
        shown = socket.gethostname()
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")


class _AnnouncedServer(uvicorn.Server):
    """uvicorn's, which says when it can be asked."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def uvicorn_server(app: ASGIApp, ready: Callable[[], None]) -> uvicorn.Server:
    """Return uvicorn, set up for us: quiet, patient for so long, and gone soon when asked."""
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_LAST,
    )
    return _AnnouncedServer(config, ready)


def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """Answer requests until somebody stops it.

    Args:
        settings: all that there are.
        ready: is told the page's address when it can be opened.

    Raises:
        SinkError: if it cannot listen there.
        KeyboardInterrupt: on Ctrl-C.
    """
    settings = with_token(settings)
    with listening(settings.server) as listener:
        address = address_of(listener, settings.server.token)
        app = create_app(settings)
        uvicorn_server(app, lambda: ready(address)).run(sockets=[listener])
