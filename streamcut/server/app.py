"""The application: what is answered where, and what belongs to all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from streamcut.core.config import Settings
from streamcut.core.errors import StreamcutError
from streamcut.server import images, page, removebg, videos
from streamcut.server.errors import public_text, status_of
from streamcut.server.fetching import Fetcher
from streamcut.server.guard import Guard
from streamcut.server.state import Server

_ABOUT = "Images and videos, their background removed, on your own machine."


def create_app(settings: Settings, *, fetcher: Fetcher | None = None) -> FastAPI:
    """Return the server as an ASGI application.

    Args:
        settings: all that there are; those of the section ``[server]`` are its limits.
        fetcher: of other people's addresses; None takes the careful one.
    """
    server = Server(settings, fetcher)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        server.pool.start()
        try:
            yield
        finally:
            await server.pool.stop()
            server.store.close()

    app = FastAPI(
        title="streamcut",
        description=_ABOUT,
        version=version("streamcut"),
        docs_url=None,  # They load from other addresses; /api shows our own.
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.server = server
    for part in (page, images, removebg, videos):
        app.include_router(part.routes(server))
    app.mount("/page", page.files)
    app.add_exception_handler(StreamcutError, _failed)
    app.add_middleware(
        Guard,
        host=server.limits.host,
        token=server.limits.token,
        origin=server.limits.allow_origin,
        most=server.limits.upload_limit * 1_000_000,
    )
    return app


async def _failed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StreamcutError)
    return JSONResponse({"detail": public_text(error)}, status_of(error))
