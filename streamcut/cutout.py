"""Cut the subject out of a single picture, as rembg does.

``remove`` takes what ``rembg.remove`` takes and returns the same pixels for the same session; its
positional parameters keep rembg's order of many years, into which rembg 2.0.86 has inserted
``decontaminate`` and ``vitmatte`` before ``bgcolor``. The parts it is made of are public too.

Where it departs from rembg, on purpose:

- no argument is modified: with several masks, ``putalpha`` gives each cutout its own mask, where
  rembg shows the last mask in all of them;
- ``force_return_bytes`` also works for images and arrays, where rembg fails;
- arrays come back writable;
- pictures that rembg cannot finish are finished: ``putalpha`` on palette pictures given as bytes,
  on 16-bit and on YCbCr ones, ``bgcolor`` after ``putalpha`` on grey ones, ``alpha_matting`` on
  grey ones with alpha, unreadable EXIF data (ignored), one-pixel pictures;
- ``alpha_matting`` of a YCbCr, HSV or LAB picture returns its colours, not its raw channels;
- what cannot be read raises ``SourceError``, and a wrong argument ``UsageError``;
- ``vitmatte`` is not offered.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast, overload

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from streamcut.errors import SourceError, UsageError
from streamcut.matting.closed_form import (
    MattingError,
    closed_form_alpha,
    estimate_foreground,
    trimap,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "Predictor",
    "alpha_matting_cutout",
    "apply_background_color",
    "decontaminate_cutout",
    "fix_image_orientation",
    "naive_cutout",
    "post_process",
    "putalpha_cutout",
    "remove",
    "stack_vertically",
]

Data = TypeVar("Data", bytes, Image.Image, "NDArray[Any]")

_PNG_MODES = {"1", "L", "LA", "I;16", "P", "RGB", "RGBA"}
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, struct.error)
_EXIF_ERRORS = (SyntaxError, ValueError, TypeError, AttributeError, struct.error)


class Predictor(Protocol):
    """What ``remove`` asks of a session; those of streamcut and of rembg both fit."""

    def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
        """Return the masks of ``img``: mode L, its size, 255 where the subject is."""
        ...


@overload
def remove(
    data: Data,
    alpha_matting: bool = ...,
    alpha_matting_foreground_threshold: int = ...,
    alpha_matting_background_threshold: int = ...,
    alpha_matting_erode_size: int = ...,
    session: Predictor | None = ...,
    only_mask: bool = ...,
    post_process_mask: bool = ...,
    bgcolor: Sequence[int] | None = ...,
    force_return_bytes: Literal[False] = ...,
    *args: Any,
    putalpha: bool = ...,
    decontaminate: bool = ...,
    vitmatte: bool = ...,
    **kwargs: Any,
) -> Data: ...


@overload
def remove(
    data: bytes | bytearray | memoryview | Image.Image | NDArray[Any],
    alpha_matting: bool = ...,
    alpha_matting_foreground_threshold: int = ...,
    alpha_matting_background_threshold: int = ...,
    alpha_matting_erode_size: int = ...,
    session: Predictor | None = ...,
    only_mask: bool = ...,
    post_process_mask: bool = ...,
    bgcolor: Sequence[int] | None = ...,
    *,
    force_return_bytes: Literal[True],
    putalpha: bool = ...,
    decontaminate: bool = ...,
    vitmatte: bool = ...,
    **kwargs: Any,
) -> bytes: ...


@overload
def remove(
    data: bytes | bytearray | memoryview | Image.Image | NDArray[Any],
    alpha_matting: bool = ...,
    alpha_matting_foreground_threshold: int = ...,
    alpha_matting_background_threshold: int = ...,
    alpha_matting_erode_size: int = ...,
    session: Predictor | None = ...,
    only_mask: bool = ...,
    post_process_mask: bool = ...,
    bgcolor: Sequence[int] | None = ...,
    force_return_bytes: bool = ...,
    *args: Any,
    putalpha: bool = ...,
    decontaminate: bool = ...,
    vitmatte: bool = ...,
    **kwargs: Any,
) -> bytes | Image.Image | NDArray[Any]: ...


def remove(
    data: bytes | bytearray | memoryview | Image.Image | NDArray[Any],
    alpha_matting: bool = False,
    alpha_matting_foreground_threshold: int = 240,
    alpha_matting_background_threshold: int = 10,
    alpha_matting_erode_size: int = 10,
    session: Predictor | None = None,
    only_mask: bool = False,
    post_process_mask: bool = False,
    bgcolor: Sequence[int] | None = None,
    force_return_bytes: bool = False,
    *args: Any,
    putalpha: bool = False,
    decontaminate: bool = False,
    vitmatte: bool = False,
    **kwargs: Any,
) -> bytes | Image.Image | NDArray[Any]:
    """Remove the background of one picture.

    Args:
        data: The picture: an encoded file's bytes, a PIL image, or an array that PIL takes
            (uint8 ``HxW``, ``HxWx3`` RGB or ``HxWx4`` RGBA above all). EXIF orientation is
            applied. It is not modified.
        alpha_matting: Refine the edge by closed-form matting. Where that has no answer (no sure
            foreground or background, a picture in one channel), ``decontaminate`` stands in.
        alpha_matting_foreground_threshold: Mask values above it are sure foreground.
        alpha_matting_background_threshold: Mask values below it are sure background.
        alpha_matting_erode_size: Pixels that the sure regions are eroded by before matting.
        session: What predicts the masks. Make one with ``new_session`` and pass it to every
            call; without it each call loads the default model anew.
        only_mask: Return the mask, not the cutout.
        post_process_mask: Clean and smooth the mask, which becomes binary.
        bgcolor: RGBA or RGB, 0..255, to lay under the cutout; not under a mask.
        force_return_bytes: Return PNG bytes whatever the input's type is. Also lets the input be
            any bytes-like object.
        *args: Handed to ``session.predict``.
        putalpha: Set the mask as alpha and leave the colours untouched.
        decontaminate: Remove the old background's colour from soft edges.
        vitmatte: Not offered.
        **kwargs: Handed to ``session.predict``, and to ``new_session`` when there is no session.

    Returns:
        The cutout in the type of ``data``: PNG bytes, an image or a uint8 array. Mode RGBA, save
        that ``putalpha`` makes LA of a grey picture and PA of a palette one (as an image only),
        and that a single mask is L. Several masks give their cutouts one below the other; no
        mask at all gives the picture back.

    Raises:
        UsageError: ``data`` has an unsupported type, or another argument makes no sense.
        SourceError: The bytes are no picture, or a damaged one.
    """
    if vitmatte:
        raise UsageError("vitmatte is not offered: use alpha_matting=True or decontaminate=True")
    picture = _load(data, force_return_bytes)
    if session is None:
        session = _default_session(**kwargs)
    masks = session.predict(picture, *args, **kwargs)
    if post_process_mask:
        masks = [Image.fromarray(post_process(np.asarray(mask.convert("L")))) for mask in masks]
    matting = (
        alpha_matting_foreground_threshold,
        alpha_matting_background_threshold,
        alpha_matting_erode_size,
    )
    if only_mask:
        cutouts = masks
    elif alpha_matting:
        cutouts = [_matted_or_plain(picture, mask, matting, putalpha) for mask in masks]
    else:
        cutouts = [_plain(picture, mask, putalpha, decontaminate) for mask in masks]
    cutout = stack_vertically(cutouts) if cutouts else picture
    if bgcolor is not None and not only_mask:
        cutout = apply_background_color(cutout, bgcolor)
    if isinstance(data, bytes) or force_return_bytes:
        return _png(cutout)
    return cutout if isinstance(data, Image.Image) else np.array(cutout)


def _default_session(**kwargs: Any) -> Predictor:
    """Make the default session; imported here because it brings ONNX Runtime along."""
    from streamcut.sessions import new_session

    return cast("Predictor", new_session(**kwargs))


def _load(data: object, any_bytes: bool) -> Image.Image:
    """Return the picture in ``data``, decoded, upright, and never the caller's own object."""
    if isinstance(data, bytes) or (any_bytes and isinstance(data, bytearray | memoryview)):
        picture = _decoded(io.BytesIO(data))
    elif isinstance(data, Image.Image):
        picture = _decoded(data)
    elif isinstance(data, np.ndarray):
        picture = _from_array(data)
    else:
        raise UsageError(
            f"Input type {type(data)} is not supported: pass bytes, a PIL image or a numpy array"
            " (for other bytes-like objects, try force_return_bytes=True)"
        )
    if 0 in picture.size:
        raise UsageError(f"the picture is empty: {picture.width}x{picture.height} pixels")
    return fix_image_orientation(picture)


def _decoded(source: io.BytesIO | Image.Image) -> Image.Image:
    """Open and decode now, so that every fault of the data surfaces here."""
    try:
        picture = source if isinstance(source, Image.Image) else Image.open(source)
        picture.load()
    except UnidentifiedImageError as error:
        raise SourceError("cannot decode the picture: no known image format") from error
    except (*_DECODE_ERRORS, Image.DecompressionBombError) as error:
        raise SourceError(f"cannot decode the picture: {error}") from error
    return picture


def _from_array(array: NDArray[Any]) -> Image.Image:
    try:
        return Image.fromarray(array)
    except TypeError as error:
        raise UsageError(
            f"an array of shape {array.shape} and type {array.dtype} is no picture:"
            " pass uint8 HxW, HxWx3 (RGB) or HxWx4 (RGBA)"
        ) from error


def _matted_or_plain(
    picture: Image.Image, mask: Image.Image, matting: tuple[int, int, int], putalpha: bool
) -> Image.Image:
    """Matting also unmixes colours, so where it fails ``decontaminate`` stands in."""
    try:
        return alpha_matting_cutout(picture, mask, *matting)
    except MattingError:
        return _plain(picture, mask, putalpha, decontaminate=True)


def _plain(
    picture: Image.Image, mask: Image.Image, putalpha: bool, decontaminate: bool
) -> Image.Image:
    if putalpha:
        return putalpha_cutout(picture, mask)
    if decontaminate:
        return decontaminate_cutout(picture, mask)
    return naive_cutout(picture, mask)


def _png(image: Image.Image) -> bytes:
    if image.mode not in _PNG_MODES:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def fix_image_orientation(img: Image.Image) -> Image.Image:
    """Turn the picture as its EXIF orientation says.

    Args:
        img: A picture of any mode.

    Returns:
        A new picture without the orientation tag. EXIF data that cannot be read is ignored.
    """
    try:
        return ImageOps.exif_transpose(img)
    except _EXIF_ERRORS:
        return img.copy()


def post_process(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Clean and smooth a mask: open it with a 3x3 cross, blur it with sigma 2, threshold at 127.

    The same values as rembg's ``post_process``, without scikit-image: a cross that meets the
    border finds there only repeats of the pixels it already covers, so ``opening``'s reflected
    border and OpenCV's neutral one agree.

    Args:
        mask: ``HxW`` uint8, 0..255.

    Returns:
        ``HxW`` uint8 of 0 and 255.

    References:
        https://www.sciencedirect.com/science/article/pii/S2352914821000757
    """
    from scipy.ndimage import gaussian_filter

    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cross)
    smooth = gaussian_filter(opened.astype(np.float64), sigma=2)
    return np.where(smooth < 127, 0, 255).astype(np.uint8)


def alpha_matting_cutout(
    img: Image.Image,
    mask: Image.Image,
    foreground_threshold: int,
    background_threshold: int,
    erode_structure_size: int,
) -> Image.Image:
    """Cut out with the alpha and the colours that closed-form matting finds.

    Args:
        img: A picture in colour; its own alpha is dropped.
        mask: Mode L, of the picture's size.
        foreground_threshold: Mask values above it are sure foreground.
        background_threshold: Mask values below it are sure background.
        erode_structure_size: Pixels that the sure regions are eroded by.

    Returns:
        RGBA, colours not multiplied by alpha.

    Raises:
        MattingError: The picture has a single channel, or the solver has no answer.
        UsageError: The mask's size is not the picture's.
    """
    if len(img.getbands()) == 1:  # rembg declines these too, palette pictures among them
        raise MattingError(f"closed-form matting needs colour channels, not mode {img.mode}")
    regions = trimap(
        np.asarray(mask.convert("L")),
        foreground_threshold,
        background_threshold,
        erode_structure_size,
    )
    picture = np.asarray(img.convert("RGB"))
    alpha = closed_form_alpha(picture, regions)
    return _rgba(estimate_foreground(picture, alpha), alpha)


def naive_cutout(img: Image.Image, mask: Image.Image) -> Image.Image:
    """Fade the picture into transparent black by the mask.

    Args:
        img: A picture of any mode.
        mask: Mode L, of the picture's size.

    Returns:
        RGBA; as in rembg the colours fade with the alpha, that is, are multiplied by the mask.
    """
    return Image.composite(img, Image.new("RGBA", img.size, 0), mask)


def decontaminate_cutout(img: Image.Image, mask: Image.Image) -> Image.Image:
    """Set the mask as alpha over estimated subject colours, free of the old background.

    Args:
        img: A picture of any mode; its own alpha is dropped.
        mask: Mode L, of the picture's size.

    Returns:
        RGBA, colours not multiplied by alpha.

    Raises:
        UsageError: The mask's size is not the picture's.
    """
    picture = np.asarray(img.convert("RGB"))
    alpha = np.asarray(mask.convert("L")) / 255.0
    return _rgba(estimate_foreground(picture, alpha), alpha)


def _rgba(foreground: NDArray[np.float32], alpha: NDArray[np.float64]) -> Image.Image:
    """Join colours and alpha; values are cut off, not rounded, as rembg does."""
    joined = np.dstack([foreground, alpha])
    return Image.fromarray(np.clip(joined * 255, 0, 255).astype(np.uint8))


def putalpha_cutout(img: Image.Image, mask: Image.Image) -> Image.Image:
    """Set the mask as alpha and leave the colours untouched.

    Unlike rembg's, this returns a new picture and leaves ``img`` as it was.

    Args:
        img: A picture of any mode.
        mask: Mode L, of the picture's size.

    Returns:
        LA for grey pictures, PA for palette pictures, else RGBA.
    """
    cutout = img.copy()
    try:
        cutout.putalpha(mask)
    except ValueError:  # a mode without an alpha variant
        cutout = img.convert("RGB")
        cutout.putalpha(mask)
    return cutout


def stack_vertically(imgs: Sequence[Image.Image]) -> Image.Image:
    """Lay pictures one below the other.

    Args:
        imgs: At least one picture.

    Returns:
        The picture itself if it is the only one; else RGBA, as wide as the first.
    """
    if len(imgs) == 1:
        return imgs[0]
    stack = Image.new("RGBA", (imgs[0].width, sum(img.height for img in imgs)))
    top = 0
    for img in imgs:
        stack.paste(img, (0, top))
        top += img.height
    return stack


def apply_background_color(img: Image.Image, color: Sequence[int]) -> Image.Image:
    """Lay a colour under a cutout.

    Args:
        img: A picture, usually with alpha.
        color: RGBA or RGB, 0..255.

    Returns:
        RGBA.

    Raises:
        UsageError: The colour is no sequence of three or four integers.
    """
    try:
        background = Image.new("RGBA", img.size, tuple(color))
    except (TypeError, ValueError) as error:
        raise UsageError(f"no RGBA colour: {color!r}") from error
    return Image.alpha_composite(background, img.convert("RGBA"))
