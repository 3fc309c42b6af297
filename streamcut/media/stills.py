"""Still images, through Pillow: upright, in RGB, with their ICC profile and resolution."""

from __future__ import annotations

import io
import struct
import warnings
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike, fspath
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from streamcut.core.errors import MissingDependencyError, SourceError
from streamcut.core.reason import reason
from streamcut.media.limits import STRICT, Limits
from streamcut.media.still import Still

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL.ImageCms import ImageCmsProfile

Readable = str | PathLike[str] | bytes | BinaryIO
"""The path of a file, its bytes, or an open file."""

MADE_OF_RGB = ("RGB", "RGBA", "P", "PA", "1")
"""Pillow's modes of images whose ICC profile is one of RGB."""

FAULTS = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, struct.error)
"""What Pillow raises where a file is damaged."""

_DEEP = ";16"  # As Pillow marks what it reads as 8 bits.
_ANIMATIONS = {"GIF", "PNG", "WEBP", "AVIF"}
# White of images in floating point, and in integers of 32 bits: the first that nothing exceeds.
_WHITES = (1.0, 255.0, 65535.0, 2.0**31 - 1)
_HIGHLIGHTS = 16  # How far above a white of 1 a scene's lights may be.

_REDUCED = 1  # Of TIFF's kinds of images: a smaller version of another one.


def read_still(
    file: Readable, name: str | None = None, limits: Limits = STRICT, enough: int | None = None
) -> Still:
    """Read an image.

    EXIF's orientation is applied, and CMYK, palettes and deep greys become RGB of 8 bits. Of an
    animation the first frame is read.

    Args:
        file: what to read.
        name: what it is called in messages; None takes the path.
        limits: of how many pixels it may have.
        enough: pixels of the shorter side that are of use; a larger image may be read smaller.

    Raises:
        SourceError: if it does not exist, is not an image, is damaged, or too large.
        MissingDependencyError: if it is HEIC and pillow-heif is not installed.
    """
    name = name or (fspath(file) if isinstance(file, str | PathLike) else "the image")
    with _explained(name), _opened(file) as opened, limits.image(opened, name) as image:
        return decoded(image, enough)


def decoded(image: Image.Image, enough: int | None = None) -> Still:
    """Return an image that Pillow has opened, at the frame where it is.

    Args:
        image: open.
        enough: pixels of the shorter side that are of use, or None for all.

    Raises:
        OSError: Pillow's own, and others, if it is damaged.
        ValueError: if it is only a preview.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Large images, odd EXIF: told elsewhere, or of no use.
        if enough is not None:
            image.draft(None, (enough, enough))  # JPEG is decoded at a half or a quarter.
        _check_is_whole(image)
        notes = _notes(image)
        image.load()
        return replace(_still(_upright(image), enough), notes=notes)


def in_srgb(still: Still) -> Still:
    """Return an image in sRGB, as frames are, converted from its ICC profile."""
    profile = None if still.pixels.ndim == 2 else _profile(still.icc)
    if profile is None:
        return replace(still, icc=None)
    colours = Image.fromarray(np.ascontiguousarray(still.pixels[..., :3]))
    made = np.asarray(_converted(colours, profile))
    return replace(still, pixels=np.dstack([made, still.pixels[..., 3:]]), icc=None)


def image_in_srgb(still: Still) -> Image.Image:
    """Return what :func:`in_srgb` does as an image of Pillow's, RGB or RGBA."""
    return Image.fromarray(np.ascontiguousarray(in_srgb(still).pixels))


def over_black(still: Still) -> NDArray[np.uint8]:
    """Return the colours of an image, uint8 [h, w, 3]; what is transparent in it is black."""
    if still.pixels.shape[2] == 3:
        return still.pixels
    image = Image.fromarray(np.ascontiguousarray(still.pixels))
    black = Image.new("RGBA", image.size, "black")
    return np.asarray(Image.alpha_composite(black, image).convert("RGB"))


def eight_bits(image: Image.Image) -> Image.Image:
    """Return greys of more than 8 bits as L, or LA where one level is transparent."""
    values = np.nan_to_num(np.asarray(image, np.float64))
    made = np.rint(np.clip(values / _white(values, image.mode), 0, 1) * 255).astype(np.uint8)
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return Image.fromarray(made)
    return Image.fromarray(np.dstack([made, np.where(values == clear, 0, 255).astype(np.uint8)]))


def is_animated(image: Image.Image) -> bool:
    """Whether an open image moves; pages, previews and further photographs do not."""
    return image.format in _ANIMATIONS and getattr(image, "n_frames", 1) > 1


def is_deep(image: Image.Image) -> bool:
    """Whether an open image, not loaded yet, has more than 8 bits a channel."""
    packed = any(_DEEP in str(tile[-1]) for tile in getattr(image, "tile", ()))
    return packed or is_deep_grey(image.mode)


def is_deep_grey(mode: str) -> bool:
    """Whether Pillow's mode is one of greys of more than 8 bits."""
    return mode.startswith("I") or mode == "F"


def is_other_than_srgb(image: Image.Image) -> bool:
    """Whether the colours of an open image are those of another ICC profile than sRGB's."""
    return _profile(image.info.get("icc_profile")) is not None


def _check_is_whole(image: Image.Image) -> None:
    tags = getattr(image, "tag_v2", {})
    if tags.get(ExifTags.Base.NewSubfileType, 0) & _REDUCED:
        raise ValueError("it begins with a preview, as cameras' raw images do: export a TIFF")


def _upright(image: Image.Image) -> Image.Image:
    """Return a loaded image as EXIF says; it is turned itself where no further frames follow."""
    try:
        if getattr(image, "n_frames", 1) > 1:
            return ImageOps.exif_transpose(image)
        ImageOps.exif_transpose(image, in_place=True)
    except (*FAULTS, TypeError, AttributeError):  # EXIF data that nobody can read.
        pass
    return image


def _notes(image: Image.Image) -> tuple[str, ...]:
    """Say what of an image, not loaded yet, is not kept."""
    told, frames = [], getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # Those are one photograph with its preview.
        told.append(f"one of its {frames} images is taken")
    if is_deep(image):
        told.append("its 16-bit colour becomes 8-bit")
    return tuple(told)


def _still(image: Image.Image, enough: int | None) -> Still:
    icc, dpi = image.info.get("icc_profile") or None, _resolution(image)
    if is_deep_grey(image.mode):
        image = eight_bits(image)
    wanted = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode not in MADE_OF_RGB:
        profile, icc = _profile(icc), None
        if profile is not None and image.mode in ("L", "CMYK", "LAB"):
            image = _converted(image, profile)
    image = image if image.mode == wanted else image.convert(wanted)
    if enough is not None and min(image.size) >= 2 * enough:
        image = image.reduce(min(image.size) // enough)
    return Still(np.asarray(image), icc, dpi)


def _white(values: NDArray[np.float64], mode: str) -> float:
    most = float(values.max(initial=0))
    if mode == "F" and most <= _HIGHLIGHTS:
        return 1.0
    least = 0.0 if mode == "F" else 65535.0
    return next((white for white in _WHITES if white >= max(most, least)), most)


def _profile(icc: bytes | None) -> ImageCmsProfile | None:
    """Return an ICC profile, opened; None where there is none, it is broken, or says sRGB."""
    if not icc:
        return None
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        told = ImageCms.getProfileDescription(profile)
    except (ImageCms.PyCMSError, OSError):
        return None
    return None if told.startswith("sRGB") else profile


def _converted(image: Image.Image, profile: ImageCmsProfile) -> Image.Image:
    """Return an image in sRGB; as it is where the profile is for something else."""
    from PIL import ImageCms

    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    try:
        made = ImageCms.profileToProfile(
            image, profile, ImageCms.createProfile("sRGB"), intent, "RGB"
        )
    except ImageCms.PyCMSError:
        made = None
    return image if made is None else made


def _resolution(image: Image.Image) -> tuple[float, float] | None:
    """Return dots per inch, where the file says something that can be."""
    dpi = image.info.get("dpi")
    try:
        across, down = (float(value) for value in dpi) if dpi else (0.0, 0.0)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 <= across <= 1e5 and 1 <= down <= 1e5 else None


@contextmanager
def _opened(file: Readable) -> Iterator[BinaryIO]:
    """Open what is not open yet, and close that alone."""
    if isinstance(file, bytes):
        yield io.BytesIO(file)
    elif isinstance(file, str | PathLike):
        with open(file, "rb") as opened:
            yield opened
    else:
        # Pillow seeks, which a pipe cannot.
        yield file if file.seekable() else io.BytesIO(file.read())


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn everything that can go wrong into one line."""
    try:
        yield
    except (SourceError, MissingDependencyError):
        raise
    except FileNotFoundError as error:
        raise SourceError(f"no such file: {name}") from error
    except IsADirectoryError as error:
        raise SourceError(f"{name} is a folder, not an image") from error
    except UnidentifiedImageError as error:
        raise SourceError(f"{name} is not an image, or of no known format") from error
    except Image.DecompressionBombError as error:
        raise SourceError(f"{name} is too large an image") from error
    except FAULTS as error:
        raise SourceError(f"{name} cannot be read: {reason(error)}") from error
