"""The page, and what it has to know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel
from starlette.staticfiles import StaticFiles

from streamcut.core.setting import Setting
from streamcut.server.jobs.wishes import IMAGE_FORMATS, VIDEO_FORMATS, rows
from streamcut.server.state import Server

PAGE = Path(__file__).parent / "page"
files = StaticFiles(directory=PAGE)


class About(BaseModel):
    """What a client has to know before it asks."""

    models: list[str]
    video_formats: list[str]
    image_formats: list[str]
    settings: list[dict[str, Any]]
    limits: dict[str, int]


def routes(server: Server) -> APIRouter:
    """Return the routes of the page."""
    router = APIRouter()

    @router.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @router.get("/api", include_in_schema=False)
    async def reference() -> FileResponse:
        return FileResponse(PAGE / "api.html")

    @router.get("/v1/about", tags=["Videos"])
    async def about() -> About:
        """Return models, formats, settings and limits."""
        limits = server.limits
        return About(
            models=server.sessions.names,
            video_formats=list(VIDEO_FORMATS),
            image_formats=list(IMAGE_FORMATS),
            settings=[_told(row, server) for row in rows().values()],
            limits={
                name: getattr(limits, name)
                for name in ("upload_limit", "image_limit", "duration_limit", "queue", "keep_hours")
            },
        )

    return router


def _told(row: Setting, server: Server) -> dict[str, Any]:
    return {
        "name": row.name,
        "type": row.kind.__name__,
        "default": server.settings.value(row.name),
        "help": row.help,
        "low": row.low,
        "high": row.high,
        "choices": list(row.choices),
    }
