"""Who may ask, and how much they may send: before any route sees a request."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamcut.server.errors import TooMuch

COOKIE = "streamcut"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_SAFE = {"GET", "HEAD", "OPTIONS"}
_STALL = 30.0  # Seconds without a byte of a body that is to come.
_SLOWEST = 4096  # Bytes a second of a body, on the whole.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
}


class Guard:
    """Refuses what is not for this server, counts what is sent, and adds headers of caution.

    On loopback only requests that name this machine are answered: a web site whose name leads
    here (DNS rebinding) does not. Pages of other sites are refused wherever it listens, unless
    one is allowed.

    Args:
        app: the application.
        host: where the server listens.
        token: what a client must show; empty where none is needed.
        origin: the one web site whose pages may ask too; ``*`` for all.
        most: bytes of a request.
    """

    def __init__(self, app: ASGIApp, *, host: str, token: str, origin: str, most: int) -> None:
        self._app, self._token, self._origin, self._most = app, token, origin, most
        self._names = _LOOPBACK | {host} if host in _LOOPBACK else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application do it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        careful = self._careful(send, headers.get("origin"))
        if refusal is not None:
            await refusal(scope, receive, careful)
            return
        await self._app(scope, self._counted(receive, headers), careful)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        origin, allowed = headers.get("origin"), False
        if origin is not None and self._origin in ("*", origin):
            allowed = True
        if self._names is not None and _host_of(headers.get("host", "")) not in self._names:
            return _refused(421, "this server answers to localhost alone")
        same = origin is None or urlsplit(origin).netloc == headers.get("host")
        across = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if not allowed and (not same or (across and not _navigates(scope, headers))):
            return _refused(403, "pages of other sites may not ask this server")
        if scope["method"] == "OPTIONS" and allowed:
            return Response(status_code=204)
        if int(_digits(headers.get("content-length", ""))) > self._most:
            return _refused(413, self._too_large(), {"Connection": "close"})
        return self._without_token(scope, headers)

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """Ask for the token; whoever comes with it in the address keeps it as a cookie."""
        if not self._token:
            return None
        shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if scope["path"] in ("/", "/live") and self._known(shown):
            there = RedirectResponse(scope["path"], 303)
            there.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
            return there
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        given = [headers.get("x-api-key", ""), bearer if kind.lower() == "bearer" else ""]
        if self._known([*given, _cookie(headers)]):
            return None
        if scope["path"].startswith("/v1.0/"):
            error = {"title": "API Key invalid", "code": "auth_failed"}
            return JSONResponse({"errors": [error]}, 403)
        return _refused(401, "a token is needed", {"WWW-Authenticate": "Bearer"})

    def _known(self, given: Iterable[str]) -> bool:
        wanted = self._token.encode()
        return any(hmac.compare_digest(text.encode(), wanted) for text in given)

    def _too_large(self) -> str:
        return f"more than {self._most // 1_000_000} MB"

    def _counted(self, receive: Receive, headers: Headers) -> Receive:
        """Return a ``receive`` that ends what is too large, stalls, or crawls."""
        came, began, ended = 0, time.monotonic(), False

        async def counted() -> Message:
            nonlocal came, ended
            if ended:  # What follows the body is that somebody leaves, whenever that is.
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), _STALL)
            except TimeoutError:
                raise HTTPException(408, "nothing came", {"Connection": "close"}) from None
            came += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if came > self._most:
                raise TooMuch(self._too_large())
            if not ended and time.monotonic() - began > _STALL + came / _SLOWEST:
                raise HTTPException(408, "it comes too slowly", {"Connection": "close"})
            return message

        return counted

    def _careful(self, send: Send, origin: str | None) -> Send:
        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if self._origin and origin is not None and self._origin in ("*", origin):
                    headers["Access-Control-Allow-Origin"] = self._origin
                    headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, DELETE"
                    headers["Access-Control-Allow-Headers"] = "*, Authorization"
                    headers["Access-Control-Expose-Headers"] = "*"
                    headers["Vary"] = "Origin"
            await send(message)

        return careful


def _refused(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers)


def _navigates(scope: Scope, headers: Headers) -> bool:
    """Whether somebody follows a link to a page: nothing happens, and nothing is read."""
    return (
        scope["method"] in _SAFE
        and headers.get("sec-fetch-mode") == "navigate"
        and scope["path"] in ("/", "/live", "/api")
    )


def _host_of(text: str) -> str:
    try:
        return urlsplit(f"//{text}").hostname or ""
    except ValueError:
        return ""


def _digits(text: str) -> str:
    return text if text.isascii() and text.isdigit() and len(text) < 20 else "0"


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
