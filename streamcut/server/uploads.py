"""Uploads: whole, in parts, or fetched; looked at when they are there, and put into the queue."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from anyio import to_thread
from fastapi import HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException as StarletteHTTPException

from streamcut.core.errors import StreamcutError
from streamcut.server.errors import Busy, TooMuch
from streamcut.server.jobs.store import VideoRecord
from streamcut.server.jobs.wishes import IMAGE_FORMATS, VIDEO_FORMATS, checked, resolved
from streamcut.server.state import Server
from streamcut.server.stills import described

_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")
_PIECE = 1 << 18


class NewVideo(BaseModel):
    """A video that is to come: by upload, or from an address."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("video", max_length=255, description="What the file is called.")
    size: int = Field(0, ge=0, le=10**13, description="Bytes of the upload, if they are known.")
    url: str = Field("", max_length=2000, description="Fetch it from here; no upload then.")
    format: str = Field("webm", max_length=8, description="webm, mov, mp4, mkv, gif, png ...")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="By name, as config.toml has them."
    )
    start: bool = Field(True, description="Begin when the upload is there.")


def queued(server: Server, record: VideoRecord, form: str, settings: dict[str, Any]) -> VideoRecord:
    """Put a video into the queue.

    Raises:
        Busy: if the queue is full.
    """
    if server.store.waiting >= server.limits.queue:
        raise Busy("too many videos are waiting: try again later", 30)
    return server.store.change(
        record.id,
        state="queued",
        queued=time.time(),
        format=form,
        settings=settings,
        error="",
        notes=[],
        result="",
        bytes=0,
        frames=0,
        attempts=0,
    )


class Uploads:
    """Takes what is sent.

    Args:
        server: of which.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._busy: set[str] = set()
        self._most = server.limits.upload_limit * 1_000_000

    async def begun(self, wanted: NewVideo, upload: UploadFile | None) -> VideoRecord:
        """Return a new video, with its upload or what lies at its address if there is one."""
        server = self._server
        if wanted.size > self._most:
            raise TooMuch(f"more than {server.limits.upload_limit} MB")
        form, settings = wanted.format, wanted.settings
        if form not in {*VIDEO_FORMATS, *IMAGE_FORMATS}:
            raise HTTPException(400, f"format is one of {', '.join(VIDEO_FORMATS)}")
        checked(settings, server.settings, server.sessions)
        if wanted.start and server.store.waiting >= server.limits.queue:
            raise Busy("too many videos are waiting: try again later", 30)
        self._check_disk(wanted.size)
        if wanted.url:
            _ = server.fetcher  # Refuses, where the server fetches nothing.
        name = re.sub(r"[\x00-\x1f\x7f]", "", wanted.name.replace("\\", "/").rpartition("/")[2])
        record = server.store.add(
            name=name or "video",
            size=wanted.size,
            format=form,
            settings=settings,
            start=wanted.start,
        )
        try:
            if upload is not None:
                pieces = iter(lambda: upload.file.read(_PIECE), b"")
            elif wanted.url:
                pieces = server.fetcher.pieces(wanted.url, self._most)
            else:
                return record
            return await self._complete(await to_thread.run_sync(self._written, record, pieces))
        except BaseException:
            server.store.remove(record.id)
            raise

    def _written(self, record: VideoRecord, pieces: Iterator[bytes]) -> VideoRecord:
        came = 0
        with open(self._server.store.input(record.id), "wb") as file:
            for piece in pieces:
                came += len(piece)
                if came > self._most:
                    raise TooMuch(f"more than {self._server.limits.upload_limit} MB")
                self._check_disk(came)
                file.write(piece)
        return self._server.store.change(record.id, received=came, size=came)

    async def taken(self, record: VideoRecord, request: Request, told: str) -> VideoRecord:
        """Take the next part of an upload."""
        store = self._server.store
        first, size = self._part(record, told, request.headers.get("content-length", ""))
        if record.state != "uploading" or record.id in self._busy or first != record.received:
            detail = f"the video is {record.state} and has {record.received} bytes"
            raise HTTPException(409, detail, {"Upload-Offset": str(record.received)})
        self._busy.add(record.id)
        came = record.received
        try:
            with open(store.input(record.id), "ab") as file:
                file.truncate(came)
                try:
                    async for piece in request.stream():
                        came += len(piece)
                        if came > (size or self._most):
                            raise TooMuch("more came than was announced")
                        self._check_disk(len(piece))
                        await to_thread.run_sync(file.write, piece)
                finally:
                    if store.get(record.id) is not None:
                        record = store.change(record.id, received=min(came, size or came))
        finally:
            self._busy.discard(record.id)
        if size and came < size:
            return store.change(record.id, size=size)
        return await self._complete(store.change(record.id, size=came))

    def _part(self, record: VideoRecord, told: str, length: str) -> tuple[int, int]:
        """Return where a part begins and how large the whole is (0: as large as it comes)."""
        if not told:
            return 0, record.size or (int(length) if length.isdecimal() else 0)
        found = _RANGE.fullmatch(told)
        if found is None:
            raise HTTPException(400, "Content-Range is bytes FIRST-LAST/ALL")
        first, last, size = map(int, found.groups())
        if not first <= last < size or (record.size and size != record.size):
            raise HTTPException(400, "Content-Range does not fit the upload")
        if size > self._most:
            raise TooMuch(f"more than {self._server.limits.upload_limit} MB")
        self._check_disk(size - record.received)
        return first, size

    async def _complete(self, record: VideoRecord) -> VideoRecord:
        """Look at an upload, and begin if that was wanted."""
        server, limits = self._server, self._server.limits
        path = server.store.input(record.id)
        try:
            facts = await server.gate.run(
                described, path, record.name, limits.image_limit, limits.duration_limit
            )
        except (StreamcutError, StarletteHTTPException, OSError) as error:
            detail = getattr(error, "detail", None) or "that is no video or image that can be read"
            path.unlink(missing_ok=True)
            return server.store.change(
                record.id, state="failed", error=str(detail), received=0, size=0
            )
        form = record.format
        if facts["kind"] == "image" and form not in IMAGE_FORMATS:
            form = "png"
        record = server.store.change(record.id, state="ready", format=form, **facts)
        if not record.start:
            return record
        check_wanted(server, record, form, record.settings)
        return queued(server, record, form, record.settings)

    async def behind(self, record: VideoRecord, request: Request) -> VideoRecord:
        """Take a background."""
        path, came = self._server.store.background(record.id), 0
        with open(path, "wb") as file:
            async for piece in request.stream():
                came += len(piece)
                self._check_disk(len(piece))
                file.write(piece)
        limits = self._server.limits
        try:
            await self._server.gate.run(
                described, path, "background", limits.image_limit, limits.duration_limit
            )
        except (StreamcutError, OSError) as error:
            path.unlink(missing_ok=True)
            raise HTTPException(400, "that is no image or video that can be read") from error
        return self._server.store.change(record.id, background=True)

    def _check_disk(self, more: int) -> None:
        if self._server.store.bytes + more > self._server.limits.disk_limit * 10**9:
            raise HTTPException(507, "the server's disk space is used up: remove something")


async def wanted_of(request: Request) -> tuple[NewVideo, UploadFile | None]:
    """Return what is wanted, from JSON or a form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    upload: UploadFile | None = None
    if kind == "multipart/form-data":
        form = await request.form(max_files=1, max_fields=8)
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise HTTPException(400, "the form holds no file")
        upload = file
        facts: dict[str, Any] = {"format": form["format"]} if "format" in form else {}
        facts |= {"name": upload.filename or "video", "size": upload.size or 0}
        facts |= {"settings": object_of(str(form.get("settings") or "{}"))}
    else:
        facts = object_of((await request.body()).decode("utf-8", "replace"))
    try:
        return NewVideo.model_validate(facts), upload
    except ValueError as error:
        raise HTTPException(400, f"that makes no sense: {_first(error)}") from error


def _first(error: ValueError) -> str:
    found = error.errors() if isinstance(error, ValidationError) else []
    return f"{found[0]['loc'][0]}: {found[0]['msg']}" if found and found[0]["loc"] else "its form"


def object_of(text: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        HTTPException: if it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise HTTPException(400, "a JSON object is needed")
    return found


def check_wanted(server: Server, record: VideoRecord, form: str, settings: dict[str, Any]) -> None:
    """Refuse what cannot be made, before it waits."""
    known = IMAGE_FORMATS if record.kind == "image" else VIDEO_FORMATS
    if form not in known:
        raise HTTPException(400, f"format is one of {', '.join(known)}")
    made = checked(settings, server.settings, server.sessions)
    resolved(record, server.store, made)
    opaque = made.picture.background or made.picture.only_mask or made.picture.stacked
    if form in ("mp4", "jpg") and not opaque:
        raise HTTPException(400, f"{form} holds no alpha: give a background")
