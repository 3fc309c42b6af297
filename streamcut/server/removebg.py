"""``POST /v1.0/removebg`` as remove.bg documents it: its users change an address, nothing more."""

from __future__ import annotations

import base64
import io
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import UploadFile

from streamcut.core.errors import StreamcutError
from streamcut.server.arrangement import Arranged, Plan, arranged
from streamcut.server.errors import public_text, status_of
from streamcut.server.images import read_upload
from streamcut.server.state import IMAGE_MB, Server

Size = Literal["preview", "small", "regular", "medium", "hd", "full", "4k", "50MP", "auto"]
Kind = Literal["auto", "person", "product", "car", "animal", "graphic", "transportation"]
Form = Literal["auto", "png", "jpg", "webp", "zip"]

_SOURCES = ("image_file", "image_url", "image_file_b64")
_MEGAPIXELS = {"preview": 0.25, "small": 0.25, "regular": 0.25, "medium": 1.5, "hd": 4.0}
_MEDIA = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "zip": "application/zip",
}
_TITLES = {
    400: ("Invalid parameters", "invalid_parameter"),
    403: ("Not allowed", "forbidden"),
    404: ("Unknown model", "unknown_model"),
    408: ("Timeout", "timeout"),
    413: ("File too large", "file_too_large"),
    429: ("Rate limit exceeded", "rate_limit_exceeded"),
}


class Parameters(BaseModel):
    """What remove.bg takes, but for the images."""

    model_config = ConfigDict(extra="ignore")

    image_url: str = ""
    image_file_b64: str = ""
    size: Size = "preview"
    type: Kind = "auto"
    type_level: Literal["none", "1", "2", "latest"] = "1"
    format: Form = "auto"
    roi: str = "0% 0% 100% 100%"
    crop: bool = False
    crop_margin: str = "0"
    scale: str = "original"
    position: str = ""
    channels: Literal["rgba", "alpha"] = "rgba"
    add_shadow: bool = False
    semitransparency: bool = True
    bg_color: str = ""
    bg_image_url: str = ""


class RemoveBgError(Exception):
    """What remove.bg answers in its own form.

    Args:
        status: HTTP status.
        title: in words.
        code: for programs.
        detail: more words.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        title: str,
        code: str,
        detail: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.status, self.headers = status, headers
        self.error = {"title": title, "code": code} | ({"detail": detail} if detail else {})

    def answer(self) -> Response:
        """Return the answer."""
        return JSONResponse({"errors": [self.error]}, self.status, self.headers)


_BODY = {
    "content": {
        kind: {
            "schema": {
                "type": "object",
                "properties": Parameters.model_json_schema()["properties"]
                | {
                    "image_file": {"type": "string", "format": "binary"},
                    "bg_image_file": {"type": "string", "format": "binary"},
                },
            }
        }
        for kind in ("multipart/form-data", "application/x-www-form-urlencoded")
    }
    | {"application/json": {"schema": Parameters.model_json_schema()}}
}
_ERRORS = {
    "type": "object",
    "required": ["errors"],
    "properties": {
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["title", "code"],
                "properties": {name: {"type": "string"} for name in ("title", "code", "detail")},
            },
        }
    },
}
_IMAGE: dict[str, Any] = {kind: {} for kind in _MEDIA.values()} | {
    "application/json": {"schema": {}}
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The image; as JSON in base64 where that is what is accepted.",
        "content": _IMAGE,
    },
    **{
        status: {"description": title, "content": {"application/json": {"schema": _ERRORS}}}
        for status, (title, _) in _TITLES.items()
    },
}


def routes(server: Server) -> APIRouter:
    """Return the route of remove.bg."""
    router = APIRouter(prefix="/v1.0", tags=["Images, as remove.bg has them"])

    @router.post(
        "/removebg",
        response_class=Response,
        responses=_ANSWERS,
        openapi_extra={"requestBody": _BODY},
    )
    async def removebg(
        request: Request,
        x_api_key: Annotated[str, Header(description="The server's token, if it has one.")] = "",
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        """Cut out an image."""
        try:
            return await _answered(server, request, accept)
        except RemoveBgError as error:
            return error.answer()
        except HTTPException as error:
            return _translated(error).answer()
        except StreamcutError as error:
            status = status_of(error)
            return RemoveBgError(status, public_text(error), "processing_failed").answer()
        finally:
            await request.close()  # And what was uploaded with it.

    return router


def _translated(error: HTTPException) -> RemoveBgError:
    title, code = _TITLES.get(error.status_code, ("Failed", "failed"))
    headers = dict(error.headers) if error.headers else None
    return RemoveBgError(error.status_code, title, code, str(error.detail), headers)


async def _answered(server: Server, request: Request, accept: str) -> Response:
    given = await _given(request)
    parameters = _parameters(given)
    plan = Plan.of(parameters.model_dump(), _most(parameters))
    data = await _source(server, given, parameters)
    behind = await _background(server, given, parameters)
    made = await server.gate.run(arranged, server, data, behind, plan)
    return _response(made, accept)


async def _given(request: Request) -> dict[str, Any]:
    """Return the parameters, from a form or from JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        form = await request.form(max_files=4, max_fields=64, max_part_size=_base64_bytes())
        return {name: value for name, value in form.items() if value != ""}
    try:
        given = await request.json()
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise RemoveBgError(400, "Send a form or a JSON object", "invalid_parameter")
    return {name: value for name, value in given.items() if value not in ("", None)}


def _base64_bytes() -> int:
    return IMAGE_MB * 1_000_000 * 4 // 3 + 1024


def _parameters(given: dict[str, Any]) -> Parameters:
    plain = {name: value for name, value in given.items() if not isinstance(value, UploadFile)}
    try:
        return Parameters(
            **{name: plain[name] for name in Parameters.model_fields if name in plain}
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "a parameter"
        raise RemoveBgError(
            400, f"Invalid value for parameter {name}", f"invalid_{name}", first["msg"]
        ) from error


def _most(parameters: Parameters) -> float:
    """Return how many megapixels the answer may have."""
    if parameters.size in _MEGAPIXELS:
        return _MEGAPIXELS[parameters.size]
    if parameters.format in ("auto", "png") and parameters.size != "auto":
        return 10.0
    return 50.0 if parameters.size == "50MP" else 25.0


async def _source(server: Server, given: dict[str, Any], parameters: Parameters) -> bytes:
    """Return the image that is to be cut out: there is exactly one."""
    named = [name for name in _SOURCES if given.get(name)]
    if not named:
        raise RemoveBgError(400, "No image given", "missing_source", "give image_file or image_url")
    if len(named) > 1:
        raise RemoveBgError(400, "Multiple image sources given", "multiple_sources")
    if named[0] == "image_url":
        return await _fetched(server, parameters.image_url, "invalid_image_url")
    upload = given[named[0]]
    if isinstance(upload, UploadFile):
        return await server.gate.run(read_upload, upload)
    if named[0] == "image_file":
        raise RemoveBgError(400, "image_file is no file", "invalid_image_file")
    return _decoded(parameters.image_file_b64)


async def _fetched(server: Server, url: str, code: str) -> bytes:
    try:
        return await server.fetched(url, IMAGE_MB)
    except HTTPException as error:
        if error.status_code != 400:
            raise
        raise RemoveBgError(400, "Failed to fetch the image", code, str(error.detail)) from error


def _decoded(text: str) -> bytes:
    head, comma, rest = text.partition(",")
    try:
        return base64.b64decode(rest if comma and head.startswith("data:") else text, validate=True)
    except ValueError as error:
        raise RemoveBgError(
            400, "image_file_b64 is not base64", "invalid_image_file_b64"
        ) from error


async def _background(
    server: Server, given: dict[str, Any], parameters: Parameters
) -> bytes | None:
    upload = given.get("bg_image_file")
    sources = [bool(upload), bool(parameters.bg_image_url), bool(parameters.bg_color)]
    if sum(sources) > 1:
        raise RemoveBgError(400, "Multiple backgrounds given", "multiple_backgrounds")
    if isinstance(upload, UploadFile):
        return await server.gate.run(read_upload, upload)
    if parameters.bg_image_url:
        return await _fetched(server, parameters.bg_image_url, "invalid_bg_image_url")
    return None


def _response(made: Arranged, accept: str) -> Response:
    left, top, right, bottom = made.box
    headers = {
        "X-Type": "other",
        "X-Width": str(made.size[0]),
        "X-Height": str(made.size[1]),
        "X-Credits-Charged": "0",
        "X-Foreground-Top": str(top),
        "X-Foreground-Left": str(left),
        "X-Foreground-Width": str(right - left),
        "X-Foreground-Height": str(bottom - top),
    }
    if "application/json" in accept:
        data = {
            "result_b64": base64.b64encode(made.data).decode(),
            "foreground_top": top,
            "foreground_left": left,
            "foreground_width": right - left,
            "foreground_height": bottom - top,
        }
        return JSONResponse({"data": data}, headers=headers)
    return Response(io.BytesIO(made.data).getvalue(), media_type=_MEDIA[made.form], headers=headers)


assert set(_MEDIA) | {"auto"} == set(get_args(Form))
