"""Which settings a client may have, and what they come to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException

from streamcut.core.config import Settings
from streamcut.core.setting import Setting
from streamcut.jobs.request import check_borders, look_of
from streamcut.server.jobs.store import VideoRecord, VideoStore
from streamcut.server.sessions import Sessions

VIDEO_FORMATS = ("webm", "mov", "mp4", "mkv", "gif", "webp", "apng", "png")
IMAGE_FORMATS = ("png", "webp", "jpg", "tiff")
_SECTIONS = ("matte", "picture", "output")
_BACKGROUND = re.compile(r"blur(:\d{1,3})?|[a-zA-Z]{3,30}|#[0-9a-fA-F]{3,8}|own|")


def rows() -> dict[str, Setting]:
    """Return the settings that clients may have: none that opens a file."""
    return {
        name: row
        for name, row in Settings.rows().items()
        if row.section in _SECTIONS and ("FILE" not in row.metavar or name == "model")
    }


def checked(given: Mapping[str, Any], base: Settings, sessions: Sessions) -> Settings:
    """Return a client's settings, whose background is not worked out yet.

    Args:
        given: by name.
        base: the server's own.
        sessions: who know the models.

    Raises:
        HTTPException: if a setting is not for clients.
        UsageError: if one makes no sense.
    """
    known = rows()
    for name in given:
        if name not in known:
            raise HTTPException(400, "settings hold one that there is not, or not for clients")
    model = given.get("model")
    if model is not None and model != sessions.default and model not in sessions.names:
        raise HTTPException(404, "no model has that name")
    if not _BACKGROUND.fullmatch(str(given.get("background", ""))):
        raise HTTPException(400, "background is a colour, blur, blur:STRENGTH or own")
    settings = base.with_options(dict(given))
    check_borders(settings)
    look_of(settings)
    return settings


def resolved(record: VideoRecord, store: VideoStore, settings: Settings) -> Settings:
    """Return settings with the video's own background in the place of "own".

    Raises:
        HTTPException: if it has none.
    """
    if settings.picture.background != "own":
        return settings
    if not record.background:
        raise HTTPException(400, "there is no background: send it first")
    return settings.with_options({"background": str(store.background(record.id))})
