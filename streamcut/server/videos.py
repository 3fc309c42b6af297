"""``/v1/videos``: uploads that can be resumed, jobs that survive a restart, results."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException as StarletteHTTPException

from streamcut.core.errors import StreamcutError
from streamcut.server.errors import Busy, TooMuch
from streamcut.server.jobs.store import ENDED, VideoRecord
from streamcut.server.jobs.wishes import IMAGE_FORMATS, VIDEO_FORMATS, checked, resolved
from streamcut.server.state import Server
from streamcut.server.stills import View, described

_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")
_PIECE = 1 << 18
_MEDIA = {
    **{"webm": "video/webm", "mov": "video/quicktime", "mp4": "video/mp4", "gif": "image/gif"},
    **{"mkv": "video/x-matroska", "webp": "image/webp", "apng": "image/apng", "jpg": "image/jpeg"},
    **{"png": "image/png", "tiff": "image/tiff", "zip": "application/zip"},
}
_LOOK = 0.2


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


class Start(BaseModel):
    """What is to be made of an upload."""

    model_config = ConfigDict(extra="forbid")

    format: str = Field("webm", max_length=8, description="webm, mov, mp4, mkv, gif, png ...")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="By name, as config.toml has them."
    )


class VideoAnswer(BaseModel):
    """What is known of a video."""

    id: str
    name: str
    state: str = Field(description="uploading, ready, queued, running, done or failed.")
    kind: str = Field(description="video or image; empty until the upload is there.")
    size: int
    received: int = Field(description="Bytes that came: an upload goes on from here.")
    format: str
    settings: dict[str, Any]
    background: bool
    width: int
    height: int
    duration: float
    frames: int
    expected: int
    progress: float = Field(description="0 to 1.")
    eta: float | None = Field(description="Seconds left, where they are known.")
    error: str
    notes: list[str]
    bytes: int
    created: float
    expires: float = Field(description="Seconds since 1970.")


def _responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    told = {
        **{400: "It makes no sense.", 403: "Not allowed.", 404: "There is no such video."},
        **{409: "Not in this state.", 413: "Too large.", 416: "No such range."},
        **{429: "The queue is full.", 507: "The disk is full.", 408: "Too slow."},
    }
    return {status: {"description": told[status]} for status in statuses}


_NEW = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": NewVideo.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "format": {"type": "string"},
                        "settings": {"type": "string", "description": "A JSON object."},
                    },
                }
            },
        },
    }
}
_BYTES = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string"}}},
    }
}


def routes(server: Server) -> APIRouter:
    """Return the routes of videos."""
    router = APIRouter(prefix="/v1/videos", tags=["Videos"])
    uploads = _Uploads(server)

    @router.get("")
    async def listed() -> list[VideoAnswer]:
        """Return all videos there are."""
        return [_answer(server, record) for record in server.store]

    @router.post(
        "", status_code=201, openapi_extra=_NEW, responses=_responses(400, 403, 404, 413, 429, 507)
    )
    async def new(request: Request) -> VideoAnswer:
        """Announce an upload, send one at once (as a form), or name an address."""
        wanted, upload = await _wanted(request)
        try:
            record = await uploads.begun(wanted, upload)
        finally:
            await request.close()
        return _answer(server, record)

    @router.get("/{video}", responses=_responses(404))
    async def known(video: str) -> VideoAnswer:
        """Return what is known of a video."""
        return _answer(server, _found(server, video))

    @router.put(
        "/{video}/input",
        openapi_extra=_BYTES,
        responses=_responses(400, 404, 408, 409, 413, 429, 507),
    )
    async def upload(
        video: str,
        request: Request,
        content_range: Annotated[
            str, Header(description="bytes FIRST-LAST/ALL, where only a part is sent.")
        ] = "",
    ) -> VideoAnswer:
        """Send the file, or the next part of it; ``received`` says where to go on."""
        record = await uploads.taken(_found(server, video), request, content_range)
        return _answer(server, record)

    @router.put(
        "/{video}/background", openapi_extra=_BYTES, responses=_responses(400, 404, 408, 413)
    )
    async def background(video: str, request: Request) -> VideoAnswer:
        """Send an image or a video that the setting ``background: "own"`` puts behind."""
        record = await uploads.behind(_found(server, video), request)
        return _answer(server, record)

    @router.post("/{video}/start", responses=_responses(400, 404, 409, 429))
    async def start(video: str, wanted: Start) -> VideoAnswer:
        """Begin, or begin anew with other settings."""
        record = _found(server, video)
        if record.state not in {"ready", *ENDED} or not record.kind:
            raise HTTPException(409, f"the video is {record.state}")
        _checked(server, record, wanted.format, wanted.settings)
        return _answer(server, queued(server, record, wanted.format, wanted.settings))

    @router.get("/{video}/events", response_class=EventSourceResponse, responses=_responses(404))
    async def events(video: str) -> AsyncIterable[ServerSentEvent]:
        """Tell what changes, as server-sent events, until the video is done or has failed."""
        last = None
        while (record := server.store.get(video)) is not None:
            if record != last:
                last = record
                yield ServerSentEvent(data=_answer(server, record), event="video")
            if record.state in {*ENDED, "ready"}:
                return
            await asyncio.sleep(_LOOK)

    @router.get("/{video}/frame", response_class=Response, responses=_responses(400, 404, 409))
    async def frame(
        video: str,
        time: Annotated[float, Query(ge=0, le=10**6, description="Seconds.")] = 0.0,
        view: Annotated[View, Query(description="What is shown.")] = "cutout",
        settings: Annotated[str, Query(max_length=4000, description="A JSON object.")] = "{}",
    ) -> Response:
        """Return one frame as PNG, small, with these settings: a preview."""
        record = _found(server, video)
        if not record.kind:
            raise HTTPException(409, "the upload is not there yet")
        wanted = checked(_object(settings), server.settings, server.sessions)
        path = server.store.input(video)
        data = await server.gate.run(server.previews.show, path, time, view, wanted)
        return Response(data, media_type="image/png", headers={"Cache-Control": "no-store"})

    @router.get("/{video}/source", response_class=FileResponse, responses=_responses(404, 409, 416))
    async def source(video: str) -> FileResponse:
        """Return the upload; parts of it, where a range is asked for."""
        record = _found(server, video)
        if not record.kind:
            raise HTTPException(409, "the upload is not there yet")
        return _file(server.store.input(video), "application/octet-stream")

    @router.get("/{video}/result", response_class=FileResponse, responses=_responses(404, 409, 416))
    async def result(
        video: str, download: Annotated[bool, Query(description="As a file to keep.")] = False
    ) -> FileResponse:
        """Return the result; parts of it, where a range is asked for."""
        record = _found(server, video)
        if record.state != "done":
            raise HTTPException(409, f"the video is {record.state}")
        path = server.store.folder(video) / record.result
        name = f"{Path(record.name).stem or 'video'}.cutout{path.suffix}" if download else None
        return _file(path, _MEDIA[path.suffix[1:]], name)

    @router.delete("/{video}", status_code=204, responses=_responses(404))
    async def removed(video: str) -> None:
        """End the work on a video and remove all of it."""
        _found(server, video)
        await server.pool.cancel(video)
        server.store.remove(video)

    return router


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


class _Uploads:
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
        _checked(server, record, form, record.settings)
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


async def _wanted(request: Request) -> tuple[NewVideo, UploadFile | None]:
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
        facts |= {"settings": _object(str(form.get("settings") or "{}"))}
    else:
        facts = _object((await request.body()).decode("utf-8", "replace"))
    try:
        return NewVideo.model_validate(facts), upload
    except ValueError as error:
        raise HTTPException(400, f"that makes no sense: {_first(error)}") from error


def _first(error: ValueError) -> str:
    found = error.errors() if isinstance(error, ValidationError) else []
    return f"{found[0]['loc'][0]}: {found[0]['msg']}" if found and found[0]["loc"] else "its form"


def _object(text: str) -> dict[str, Any]:
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


def _checked(server: Server, record: VideoRecord, form: str, settings: dict[str, Any]) -> None:
    """Refuse what cannot be made, before it waits."""
    known = IMAGE_FORMATS if record.kind == "image" else VIDEO_FORMATS
    if form not in known:
        raise HTTPException(400, f"format is one of {', '.join(known)}")
    made = checked(settings, server.settings, server.sessions)
    resolved(record, server.store, made)
    opaque = made.picture.background or made.picture.only_mask or made.picture.stacked
    if form in ("mp4", "jpg") and not opaque:
        raise HTTPException(400, f"{form} holds no alpha: give a background")


def _found(server: Server, video: str) -> VideoRecord:
    record = server.store.get(video)
    if record is None:
        raise HTTPException(404, "there is no such video")
    return record


def _answer(server: Server, record: VideoRecord) -> VideoAnswer:
    facts = asdict(record)
    done = record.frames / record.expected if record.expected else 0.0
    return VideoAnswer(
        **{name: facts[name] for name in VideoAnswer.model_fields.keys() & facts.keys()},
        progress=1.0 if record.state == "done" else min(1.0, done),
        eta=record.eta,
        expires=record.changed + server.limits.keep_hours * 3600,
    )


def _file(path: Path, media: str, name: str | None = None) -> FileResponse:
    if not path.is_file():
        raise HTTPException(404, "the file is gone")
    return FileResponse(path, media_type=media, filename=name)
