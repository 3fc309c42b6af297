"""Images as they come: their size is read before they are decoded."""

from __future__ import annotations

import io
import struct
import warnings

from fastapi import HTTPException
from PIL import Image, UnidentifiedImageError

from streamcut.media.heif import support
from streamcut.server.errors import TooMuch

_ORIENTATION = 0x0112  # EXIF's tag; of its eight values the latter four swap width and height.
_HALF_TURNS = 4
_FAULTS = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, struct.error, MemoryError)


class NoImage(HTTPException):
    """What came is no image."""

    def __init__(self) -> None:
        super().__init__(400, "that is no image, or a damaged one")


def size_of(data: bytes, megapixels: int) -> tuple[int, int]:
    """Return an image's (width, height), upright, without decoding it.

    Args:
        data: the encoded image.
        megapixels: the largest that is allowed: a small file can hold a huge image.

    Raises:
        NoImage: if it cannot be read.
        TooMuch: if it is too large.
        MissingDependencyError: if it is HEIC and pillow-heif is not installed.
    """
    file = io.BytesIO(data)
    support(file, "the image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                size = image.size[::-1] if _lies(image) else image.size
    except UnidentifiedImageError as error:
        raise NoImage from error
    except Image.DecompressionBombError as error:
        raise TooMuch(f"the image has more than {megapixels} megapixels") from error
    except _FAULTS as error:
        raise NoImage from error
    if size[0] * size[1] > megapixels * 1_000_000:
        raise TooMuch(f"the image has more than {megapixels} megapixels")
    if 0 in size:
        raise NoImage
    return size


def _lies(image: Image.Image) -> bool:
    """Whether an image is turned by a quarter, as EXIF says."""
    try:
        return bool(image.getexif().get(_ORIENTATION, 1) > _HALF_TURNS)
    except (*_FAULTS, TypeError, AttributeError):  # EXIF data that nobody can read.
        return False
