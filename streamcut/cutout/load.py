"""What ``remove`` is given, as a decoded image."""

from __future__ import annotations

import io
import os
import struct
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from PIL import Image, UnidentifiedImageError

from streamcut.core.errors import SourceError, UsageError
from streamcut.core.reason import reason
from streamcut.cutout.steps import fix_image_orientation
from streamcut.media.heif import support
from streamcut.media.limits import STRICT
from streamcut.media.stills import eight_bits, is_deep_grey

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DECODE_ERRORS = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, struct.error)


@runtime_checkable
class Readable(Protocol):
    """A file that is open in binary mode."""

    def read(self, size: int = ..., /) -> bytes:
        """Return the bytes from where the file stands, all of them."""
        ...


def load(data: object, any_bytes: bool) -> Image.Image:
    """Return the image in ``data``, decoded, upright, and never the caller's own object.

    Args:
        data: bytes, an image, an array, a path or an open file.
        any_bytes: whether other bytes-like objects are taken too.

    Raises:
        UsageError: if it is nothing of that kind, or empty.
        SourceError: if it cannot be read or decoded.
    """
    if isinstance(data, bytes) or (any_bytes and isinstance(data, bytearray | memoryview)):
        picture = _decoded(io.BytesIO(data))
    elif isinstance(data, Image.Image):
        picture = _decoded(data)
    elif isinstance(data, np.ndarray):
        picture = _from_array(data)
    elif isinstance(data, str | os.PathLike):
        picture = _decoded(io.BytesIO(_bytes_of_path(data)))
    elif isinstance(data, Readable):
        picture = _decoded(io.BytesIO(_bytes_of_file(data)))
    else:
        raise UsageError(
            f"Input type {type(data)} is not supported: pass bytes, a PIL image, a numpy array, a"
            " path or an open file (for other bytes-like objects, try force_return_bytes=True)"
        )
    if 0 in picture.size:
        raise UsageError(f"the image is empty: {picture.width}x{picture.height} pixels")
    return fix_image_orientation(picture)


def _bytes_of_path(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise SourceError(f"{os.fspath(path)!r} cannot be read: {reason(error)}") from error


def _bytes_of_file(file: Readable) -> bytes:
    try:
        data: object = file.read()
    except (OSError, ValueError) as error:  # Closed, or open for writing alone.
        raise SourceError(f"the file cannot be read: {error}") from error
    if not isinstance(data, bytes):
        raise UsageError(f"the file gives {type(data).__name__}: open it in binary mode, 'rb'")
    return data


def _decoded(source: io.BytesIO | Image.Image) -> Image.Image:
    """Open and decode now, so that every fault of the data surfaces here."""
    try:
        if isinstance(source, Image.Image):
            picture = source
            picture.load()
        else:
            picture = _opened(source)
    except SourceError as error:
        raise SourceError(f"{error}".partition(":")[0]) from error  # A caller may pass an Image.
    except UnidentifiedImageError as error:
        raise SourceError("cannot decode the image: no known image format") from error
    except (*_DECODE_ERRORS, Image.DecompressionBombError) as error:
        raise SourceError(f"cannot decode the image: {error}") from error
    return picture


def _opened(file: io.BytesIO) -> Image.Image:
    """Return a file's image; of deep greys, of which rembg makes white, what they look like."""
    support(file, "the image")
    picture = Image.open(file)
    STRICT.check_image("the image", picture)
    picture.load()
    return eight_bits(fix_image_orientation(picture)) if is_deep_grey(picture.mode) else picture


def _from_array(array: NDArray[Any]) -> Image.Image:
    try:
        return Image.fromarray(array)
    except TypeError as error:
        raise UsageError(
            f"an array of shape {array.shape} and type {array.dtype} is not an image:"
            " pass uint8 HxW, HxWx3 (RGB) or HxWx4 (RGBA)"
        ) from error
