"""``/api/remove`` as rembg 2.0.86's server has it: the same parameters, the same pixels.

Where it departs from rembg's, on purpose:

- the default model is the server's own, which needs no download;
- ``model`` is a whole name, and unknown ones are 404, where rembg fails with 500;
- ``bgc`` and ``extras`` are read from a form too, where rembg takes them from the query alone;
- what cannot be read is 400, and what is too large 413, where rembg fails with 500;
- ``extras`` that would open files of the server, or choose its device, are refused;
- greys of 16 bits look as they do, where rembg makes white of them, and ICC profiles stay;
- ``vm`` is refused: there is no ViTMatte.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, HTTPException, Query, Response, UploadFile
from starlette.datastructures import UploadFile as StarletteUpload

from streamcut.cutout import remove
from streamcut.server.errors import TooMuch
from streamcut.server.pictures import size_of
from streamcut.server.state import IMAGE_MB, Server

# What a client may say to a model, and to the cutout.
_MODELS_OWN = {"cc", "cloth_category", "prompt", "sam_model", "sam_quant", "screen"}
_CALLS_OWN = {"putalpha", "sam_prompt"}
_REFUSED = {"device", "mirror", "model_path", "plate", "providers", "sess_opts", "session"}
_MATTING_MEGAPIXELS = 6  # Closed-form matting takes 400 bytes a pixel.

_PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}}, "description": "The cutout."},
    400: {"description": "What came is no image, or not to be had."},
    403: {"description": "This server fetches no addresses."},
    404: {"description": "No model of that name."},
    413: {"description": "Too large."},
    502: {"description": "The model cannot be fetched."},
    429: {"description": "Too many are waiting."},
}


@dataclass(frozen=True)
class Wishes:
    """What is to be made of an image, by rembg's names."""

    model: str
    a: bool
    af: int
    ab: int
    ae: int
    om: bool
    ppm: bool
    dc: bool
    vm: bool
    bgc: str | None
    extras: str | None


def _of_query(
    model: Annotated[str, Query(description="Model; empty takes the server's.")] = "",
    a: Annotated[bool, Query(description="Alpha matting.")] = False,
    af: Annotated[int, Query(ge=0, le=255, description="Foreground threshold.")] = 240,
    ab: Annotated[int, Query(ge=0, le=255, description="Background threshold.")] = 10,
    ae: Annotated[int, Query(ge=0, le=1000, description="Erode size.")] = 10,
    om: Annotated[bool, Query(description="Only the mask.")] = False,
    ppm: Annotated[bool, Query(description="Post-process the mask.")] = False,
    dc: Annotated[bool, Query(description="Decontaminate the edge.")] = False,
    vm: Annotated[bool, Query(description="Not offered.")] = False,
    bgc: Annotated[str | None, Query(description="Background: R,G,B,A.")] = None,
    extras: Annotated[str | None, Query(description="Further parameters as JSON.")] = None,
) -> Wishes:
    return Wishes(model, a, af, ab, ae, om, ppm, dc, vm, bgc, extras)


def _of_form(
    model: Annotated[str, Form(description="Model; empty takes the server's.")] = "",
    a: Annotated[bool, Form(description="Alpha matting.")] = False,
    af: Annotated[int, Form(ge=0, le=255, description="Foreground threshold.")] = 240,
    ab: Annotated[int, Form(ge=0, le=255, description="Background threshold.")] = 10,
    ae: Annotated[int, Form(ge=0, le=1000, description="Erode size.")] = 10,
    om: Annotated[bool, Form(description="Only the mask.")] = False,
    ppm: Annotated[bool, Form(description="Post-process the mask.")] = False,
    dc: Annotated[bool, Form(description="Decontaminate the edge.")] = False,
    vm: Annotated[bool, Form(description="Not offered.")] = False,
    bgc: Annotated[str | None, Query(description="Background: R,G,B,A.")] = None,
    extras: Annotated[str | None, Query(description="Further parameters as JSON.")] = None,
    form_bgc: Annotated[str | None, Form(alias="bgc", description="Background: R,G,B,A.")] = None,
    form_extras: Annotated[str | None, Form(alias="extras", description="As JSON.")] = None,
) -> Wishes:
    bgc, extras = form_bgc or bgc, form_extras or extras
    return Wishes(model, a, af, ab, ae, om, ppm, dc, vm, bgc, extras)


def routes(server: Server) -> APIRouter:
    """Return the routes of images, as rembg has them."""
    router = APIRouter(prefix="/api", tags=["Images, as rembg has them"])

    @router.get("/remove", response_class=Response, responses=_PNG)
    async def remove_from_address(
        url: Annotated[str, Query(description="Address of the image.")],
        wishes: Annotated[Wishes, Depends(_of_query)],
    ) -> Response:
        """Cut out the image at an address."""
        _checked(wishes)
        data = await server.fetched(url, IMAGE_MB)
        return await server.gate.run(_answered, server, data, wishes)

    @router.post("/remove", response_class=Response, responses=_PNG)
    async def remove_from_upload(
        file: Annotated[UploadFile, File(description="The image.")],
        wishes: Annotated[Wishes, Depends(_of_form)],
    ) -> Response:
        """Cut out the image that is sent."""
        _checked(wishes)
        return await server.gate.run(_answered_file, server, file, wishes)

    return router


def _checked(wishes: Wishes) -> tuple[tuple[int, ...] | None, dict[str, Any]]:
    """Return background colour and extras, before anything is fetched."""
    if wishes.vm:
        raise HTTPException(400, "vm is not offered: give a or dc")
    return colour_of(wishes.bgc), _extras_of(wishes.extras)


def colour_of(text: str | None) -> tuple[int, ...] | None:
    """Return a colour written as "R,G,B,A", 0 to 255 each.

    Raises:
        HTTPException: if it is none.
    """
    if not text:
        return None
    try:
        colour = tuple(int(part) for part in text.split(","))
    except ValueError:
        colour = ()
    if len(colour) not in (3, 4) or not all(0 <= level <= 255 for level in colour):
        raise HTTPException(400, "bgc is R,G,B or R,G,B,A, 0 to 255 each")
    return colour


def _extras_of(text: str | None) -> dict[str, Any]:
    """Return further parameters; what is no JSON object is passed over, as rembg does."""
    try:
        extras = json.loads(text or "{}")
    except (ValueError, RecursionError):
        extras = {}
    if not isinstance(extras, dict):
        extras = {}
    refused = sorted(_REFUSED & extras.keys())
    if refused:
        raise HTTPException(400, f"extras may not hold {refused[0]}")
    return {name: extras[name] for name in (_MODELS_OWN | _CALLS_OWN) & extras.keys()}


def _answered_file(server: Server, file: UploadFile, wishes: Wishes) -> Response:
    """Read an upload only now that it is its turn: what waits is on disk, not in memory."""
    return _answered(server, read_upload(file), wishes)


def read_upload(file: StarletteUpload) -> bytes:
    """Return an uploaded image's bytes.

    Raises:
        TooMuch: if there are too many.
    """
    if (file.size or 0) > IMAGE_MB * 1_000_000:
        raise TooMuch(f"the image has more than {IMAGE_MB} MB")
    return file.file.read()


def _answered(server: Server, data: bytes, wishes: Wishes) -> Response:
    try:
        return _made(server, data, wishes)
    except (TypeError, AttributeError, KeyError, IndexError) as error:
        if not wishes.extras:
            raise
        raise HTTPException(400, "extras hold a value of the wrong type") from error


def _made(server: Server, data: bytes, wishes: Wishes) -> Response:
    colour, extras = _checked(wishes)
    width, height = size_of(data, server.limits.image_limit)
    if wishes.a and width * height > _MATTING_MEGAPIXELS * 1_000_000:
        raise TooMuch(f"alpha matting takes images of up to {_MATTING_MEGAPIXELS} megapixels")
    own = {name: value for name, value in extras.items() if name in _MODELS_OWN}
    session = server.sessions.get(wishes.model, **own)
    cutout = remove(
        data,
        alpha_matting=wishes.a,
        alpha_matting_foreground_threshold=wishes.af,
        alpha_matting_background_threshold=wishes.ab,
        alpha_matting_erode_size=wishes.ae,
        session=session,
        only_mask=wishes.om,
        post_process_mask=wishes.ppm,
        bgcolor=colour,
        putalpha=bool(extras.get("putalpha")),
        decontaminate=wishes.dc,
        force_return_bytes=True,
        **{name: extras[name] for name in {"sam_prompt"} & extras.keys()},
    )
    return Response(cutout, media_type="image/png")
