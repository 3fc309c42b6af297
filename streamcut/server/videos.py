"""``/v1/videos``: uploads that can be resumed, jobs that survive a restart, results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from streamcut.server.jobs.store import ENDED, VideoRecord
from streamcut.server.jobs.wishes import checked
from streamcut.server.state import Server
from streamcut.server.stills import View
from streamcut.server.uploads import NewVideo, Uploads, check_wanted, object_of, queued, wanted_of

_MEDIA = {
    **{"webm": "video/webm", "mov": "video/quicktime", "mp4": "video/mp4", "gif": "image/gif"},
    **{"mkv": "video/x-matroska", "webp": "image/webp", "apng": "image/apng", "jpg": "image/jpeg"},
    **{"png": "image/png", "tiff": "image/tiff", "zip": "application/zip"},
}
_LOOK = 0.2


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
    uploads = Uploads(server)

    @router.get("")
    async def listed() -> list[VideoAnswer]:
        """Return all videos there are."""
        return [_answer(server, record) for record in server.store]

    @router.post(
        "", status_code=201, openapi_extra=_NEW, responses=_responses(400, 403, 404, 413, 429, 507)
    )
    async def new(request: Request) -> VideoAnswer:
        """Announce an upload, send one at once (as a form), or name an address."""
        wanted, upload = await wanted_of(request)
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
        check_wanted(server, record, wanted.format, wanted.settings)
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
        wanted = checked(object_of(settings), server.settings, server.sessions)
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
