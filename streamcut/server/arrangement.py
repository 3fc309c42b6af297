"""What remove.bg does with a cutout: region, size, crop, position, background, file format."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from fastapi import HTTPException
from PIL import Image, ImageColor, ImageOps

from streamcut.cutout import remove
from streamcut.media.limits import Limits
from streamcut.media.stills import image_in_srgb, read_still
from streamcut.server.pictures import size_of
from streamcut.server.state import Server

Box = tuple[int, int, int, int]

_LENGTH = re.compile(r"(-?\d{1,6}(?:\.\d{1,6})?)(px|%)?")
_FAINT = 8  # Of 255: what is no more than this opaque does not count as subject.
_MARGIN_SHARE, _MARGIN_PIXELS = 0.5, 500


@dataclass(frozen=True)
class Length:
    """Pixels, or a share of something."""

    number: float
    relative: bool

    def of(self, whole: int) -> int:
        """Return it in pixels."""
        return round(self.number / 100 * whole) if self.relative else round(self.number)


@dataclass(frozen=True)
class Plan:
    """What is to be made of an image.

    Attributes:
        megapixels: of the answer, at most.
        form: png, jpg, webp, zip or auto.
        roi: left, top, right, bottom: the subject lies within.
        crop: whether to crop to the subject.
        margins: top, right, bottom, left, around the subject.
        scale: the subject's share of the answer, 0..1, or None to leave it.
        position: of the subject, across and down, 0..1, or None to leave it.
        alpha_only: whether the answer is the matte alone.
        soft: whether the matte may be semi-transparent.
        colour: RGBA behind the subject, or None.
    """

    megapixels: float
    form: str
    roi: tuple[Length, ...]
    crop: bool
    margins: tuple[Length, ...]
    scale: float | None
    position: tuple[float, float] | None
    alpha_only: bool
    soft: bool
    colour: tuple[int, ...] | None

    @classmethod
    def of(cls, given: dict[str, Any], megapixels: float) -> Self:
        """Return what remove.bg's parameters ask for.

        Raises:
            HTTPException: if one makes no sense.
        """
        scale = _scale(given["scale"])
        return cls(
            megapixels=megapixels,
            form=given["format"],
            roi=_lengths("roi", given["roi"], (4,)),
            crop=given["crop"],
            margins=_margins(given["crop_margin"]),
            scale=scale,
            position=_position(given["position"], scale is not None),
            alpha_only=given["channels"] == "alpha",
            soft=given["semitransparency"],
            colour=_colour(given["bg_color"]),
        )


@dataclass(frozen=True)
class Arranged:
    """An answer.

    Attributes:
        data: the encoded image.
        form: png, jpg, webp or zip.
        size: (width, height).
        box: left, top, right, bottom of the subject in it.
    """

    data: bytes
    form: str
    size: tuple[int, int]
    box: Box


def arranged(server: Server, data: bytes, behind: bytes | None, plan: Plan) -> Arranged:
    """Cut an image out and arrange it.

    Args:
        server: whose model and limits hold.
        data: the encoded image.
        behind: an encoded background, or None.
        plan: what is to be made.

    Raises:
        HTTPException: if an image cannot be read or is too large.
        StreamcutError: whatever else goes wrong.
    """
    for each in filter(None, (data, behind)):
        size_of(each, server.limits.image_limit)
    image = _opened(data).convert("RGB")
    image = _shrunk(image, plan.megapixels)
    matte = _within(_matte(server, image), plan)
    image.putalpha(matte)
    image, box = _placed(image, plan)
    if plan.alpha_only:
        return _written(image.getchannel("A"), plan.form, box, alpha=True)
    under = _under(behind, plan, image.size)
    if under is not None:
        image = Image.alpha_composite(under, image)
    return _written(image, plan.form, box)


def _opened(data: bytes) -> Image.Image:
    """Return an image, upright, in sRGB; how large it may be was looked at before."""
    return image_in_srgb(read_still(data, limits=Limits(large=True)))


def _matte(server: Server, image: Image.Image) -> Image.Image:
    mask = remove(image, session=server.sessions.get(), only_mask=True)
    return mask.convert("L") if mask.size == image.size else mask.convert("L").resize(image.size)


def _shrunk(image: Image.Image, megapixels: float) -> Image.Image:
    share = (megapixels * 1_000_000 / (image.width * image.height)) ** 0.5
    if share >= 1:
        return image
    size = max(1, int(image.width * share)), max(1, int(image.height * share))
    return image.resize(size, Image.Resampling.LANCZOS)


def _within(matte: Image.Image, plan: Plan) -> Image.Image:
    """Clear the matte outside the region, and make it hard where that is asked for."""
    values = np.array(matte)
    if not plan.soft:
        values = np.where(values < 128, 0, 255).astype(np.uint8)
    height, width = values.shape
    left, top, right, bottom = (
        length.of(side)
        for length, side in zip(plan.roi, (width, height, width, height), strict=True)
    )
    if left >= right or top >= bottom:
        raise HTTPException(400, "roi is empty: write X1 Y1 X2 Y2")
    kept = np.zeros_like(values)
    part = np.s_[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    kept[part] = values[part]
    return Image.fromarray(kept)


def _placed(image: Image.Image, plan: Plan) -> tuple[Image.Image, Box]:
    """Crop to the subject, scale it, move it, as far as that is asked for."""
    box = _subject(image)
    if plan.crop:
        image, box = _cropped(image, box, plan.margins)
    if plan.scale is None and plan.position is None:
        return image, box
    subject = image.crop(box)
    if plan.scale is not None:
        within = (max(1, round(image.width * plan.scale)), max(1, round(image.height * plan.scale)))
        subject = ImageOps.contain(subject, within, Image.Resampling.LANCZOS)
    across, down = plan.position or (0.5, 0.5)
    left = round((image.width - subject.width) * across)
    top = round((image.height - subject.height) * down)
    made = Image.new("RGBA", image.size)
    made.paste(subject, (left, top))
    return made, (left, top, left + subject.width, top + subject.height)


def _subject(image: Image.Image) -> Box:
    seen = image.getchannel("A").point(lambda level: 255 if level > _FAINT else 0)
    return seen.getbbox() or (0, 0, *image.size)


def _cropped(image: Image.Image, box: Box, margins: tuple[Length, ...]) -> tuple[Image.Image, Box]:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    above, after, below, before = (
        min(margin.of(side), round(side * _MARGIN_SHARE), _MARGIN_PIXELS)
        for margin, side in zip(margins, (height, width, height, width), strict=True)
    )
    cut = image.crop((left - before, top - above, right + after, bottom + below))
    return cut, (before, above, before + width, above + height)


def _under(behind: bytes | None, plan: Plan, size: tuple[int, int]) -> Image.Image | None:
    """Return what lies behind, as large as the answer: an image fills it, centred."""
    if behind is not None:
        return ImageOps.fit(_opened(behind).convert("RGBA"), size, Image.Resampling.LANCZOS)
    colour = plan.colour
    if colour is None and plan.form == "jpg":
        colour = (255, 255, 255, 255)
    return None if colour is None else Image.new("RGBA", size, colour)


def _written(image: Image.Image, form: str, box: Box, *, alpha: bool = False) -> Arranged:
    if form == "auto":
        opaque = not alpha and image.getchannel("A").getextrema()[0] == 255
        form = "jpg" if opaque else "png"
    file = io.BytesIO()
    if form == "zip":
        _zipped(image, file)
    elif form == "jpg":
        image.convert("L" if alpha else "RGB").save(file, "JPEG", quality=92)
    else:
        image.save(file, form.upper())
    return Arranged(file.getvalue(), form, image.size, box)


def _zipped(image: Image.Image, file: io.BytesIO) -> None:
    """Write colour and matte apart, as remove.bg's ZIP has them."""
    with zipfile.ZipFile(file, "w") as archive:
        matte = image.getchannel("A") if "A" in image.getbands() else image
        for name, part, kind in (
            ("color.jpg", image.convert("RGB"), "JPEG"),
            ("alpha.png", matte, "PNG"),
        ):
            held = io.BytesIO()
            part.save(held, kind)
            archive.writestr(name, held.getvalue())


def _lengths(name: str, text: str, counts: tuple[int, ...]) -> tuple[Length, ...]:
    found = [_LENGTH.fullmatch(part) for part in text.split()]
    if len(found) not in counts or not all(found):
        raise HTTPException(400, f"{name} {text[:40]!r}: write numbers with px or %")
    return tuple(Length(float(match[1]), match[2] == "%") for match in found if match)


def _margins(text: str) -> tuple[Length, ...]:
    """Return top, right, bottom, left, of one, two or four values."""
    given = _lengths("crop_margin", text, (1, 2, 4))
    if any(length.number < 0 for length in given):
        raise HTTPException(400, "crop_margin is 0 or more")
    return given if len(given) == 4 else (given[0], given[-1], given[0], given[-1])


def _scale(text: str) -> float | None:
    if text == "original":
        return None
    [length] = _lengths("scale", text, (1,))
    if not length.relative or not 10 <= length.number <= 100:
        raise HTTPException(400, "scale is original, or 10% to 100%")
    return length.number / 100


def _position(text: str, scaled: bool) -> tuple[float, float] | None:
    if text == "center" or (not text and scaled):
        return 0.5, 0.5
    if text in ("", "original"):
        return None
    given = _lengths("position", text, (1, 2))
    if not all(length.relative and 0 <= length.number <= 100 for length in given):
        raise HTTPException(400, "position is original, center, or one or two of 0% to 100%")
    return given[0].number / 100, given[-1].number / 100


def _colour(text: str) -> tuple[int, ...] | None:
    if not text:
        return None
    if re.fullmatch(r"[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8}", text):
        text = f"#{text}"
    try:
        return ImageColor.getcolor(text[:40], "RGBA")  # type: ignore[return-value]
    except ValueError as error:
        raise HTTPException(400, f"bg_color {text[:40]!r} is no colour") from error
