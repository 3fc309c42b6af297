"""Still images, through Pillow: upright, in RGB, with their ICC profile and resolution."""

from __future__ import annotations

import io
import struct
import warnings
from contextlib import contextmanager
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from streamcut.core.errors import MissingDependencyError, SourceError
from streamcut.media.limits import STRICT, Limits
from streamcut.media.still import Still

if TYPE_CHECKING:
    from collections.abc import Iterator

Readable = str | PathLike[str] | bytes | BinaryIO
"""The path of a file, its bytes, or an open file."""

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_HEIC_HINT = "HEIC needs pillow-heif: pip install 'streamcut[heic]'"

_DEEP = ";16"  # As Pillow marks what it reads as 8 bits.

_FAULTS = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, struct.error)


def read_still(file: Readable, name: str | None = None, limits: Limits = STRICT) -> Still:
    """Read an image.

    EXIF's orientation is applied, and CMYK, palettes and deep greys become RGB of 8 bits. Of an
    animation the first frame is read.

    Args:
        file: what to read.
        name: what it is called in messages; None takes the path.
        limits: how large it may be.
        limits: of how many pixels it may have.

    Raises:
        SourceError: if it does not exist, is not an image, is damaged, or too large.
        MissingDependencyError: if it is HEIC and pillow-heif is not installed.
    """
    name = name or (fspath(file) if isinstance(file, str | PathLike) else "the image")
    with _explained(name), _opened(file) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Large images, odd EXIF: told below, or of no use.
        _support_heic(opened, name)
        with limits.image(opened, name) as image:
            deep = any(_DEEP in str(tile[-1]) for tile in getattr(image, "tile", ()))
            image.load()
            return _still(_upright(image), deep)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (*_FAULTS, TypeError, AttributeError):  # EXIF data that nobody can read.
        return image


def _still(image: Image.Image, deep: bool) -> Still:
    notes = []
    icc, dpi = image.info.get("icc_profile") or None, _resolution(image)
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # Those are one photograph with its preview.
        notes.append(f"the first of {frames} images is taken")
    if image.mode.startswith("I") or image.mode == "F":
        image, deep = _eight_bits(image), True
    if deep:
        notes.append("its 16-bit colour becomes 8-bit")
    wanted = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode not in ("RGB", "RGBA", "P", "PA", "1"):
        image, icc = _in_srgb(image, wanted, icc)
    pixels = np.asarray(image.convert(wanted))
    return Still(pixels, icc, dpi, tuple(notes))


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image, np.float64)
    top = 1.0 if image.mode == "F" and values.max(initial=0) <= 1 else 65535.0
    return Image.fromarray(np.rint(np.clip(values / top, 0, 1) * 255).astype(np.uint8))


def _in_srgb(
    image: Image.Image, wanted: str, icc: bytes | None
) -> tuple[Image.Image, bytes | None]:
    """Return an image that is not RGB as such, and the profile that is right for it then."""
    if icc is None or image.mode not in ("L", "CMYK", "LAB"):
        return image.convert(wanted), None
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        made = ImageCms.profileToProfile(
            image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):  # A profile for something else, or a broken one.
        made = None
    return (image if made is None else made).convert(wanted), None


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


def _support_heic(file: BinaryIO, name: str) -> None:
    """Let Pillow read HEIC where this is some."""
    start = file.tell()
    header = file.read(12)
    file.seek(start)
    if header[4:8] != b"ftyp" or header[8:12] not in _HEIC_BRANDS:
        return
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingDependencyError(f"{name}: {_HEIC_HINT}") from error
    heif: Any = pillow_heif
    heif.register_heif_opener()


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
    except _FAULTS as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"{name} cannot be read: {reason}") from error
