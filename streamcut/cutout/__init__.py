"""Cut the subject out of a single image, as rembg does.

``remove`` takes what ``rembg.remove`` takes and returns the same pixels for the same session; its
positional parameters keep rembg's order of many years, into which rembg 2.0.86 has inserted
``decontaminate`` and ``vitmatte`` before ``bgcolor``. The parts it is made of
(:mod:`streamcut.cutout.steps`) are public too.

Where it departs from rembg, on purpose:

- no argument is modified: with several masks, ``putalpha`` gives each cutout its own mask, where
  rembg shows the last mask in all of them;
- ``force_return_bytes`` also works for images and arrays, where rembg fails;
- arrays come back writable;
- paths and open files are taken too, and give images;
- the default session is kept, where rembg makes one for each call;
- images that rembg cannot finish are finished: ``putalpha`` on palette images given as bytes,
  on 16-bit and on YCbCr ones, ``bgcolor`` after ``putalpha`` on grey ones, ``alpha_matting`` on
  grey ones with alpha, unreadable EXIF data (ignored), one-pixel images;
- ``alpha_matting`` of a YCbCr, HSV or LAB image returns its colours, not its raw channels;
- what cannot be read raises ``SourceError``, and a wrong argument ``UsageError``;
- ``vitmatte`` is not offered.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, overload

import numpy as np
from PIL import Image

from streamcut.core.errors import UsageError
from streamcut.cutout.kept_session import Predictor, default_session
from streamcut.cutout.load import Readable, load
from streamcut.cutout.steps import (
    alpha_matting_cutout,
    apply_background_color,
    decontaminate_cutout,
    fix_image_orientation,
    naive_cutout,
    post_process,
    putalpha_cutout,
    stack_vertically,
)
from streamcut.matting.closed_form import MattingError
from streamcut.media.stills import MADE_OF_RGB

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

StrPath: TypeAlias = "str | os.PathLike[str]"
AnyImage: TypeAlias = (
    "bytes | bytearray | memoryview | Image.Image | NDArray[Any] | StrPath | Readable"
)
"""What :func:`remove` takes: an encoded file's bytes, an image, an array, a path, an open file."""

_PNG_MODES = {"1", "L", "LA", "I;16", "P", "RGB", "RGBA"}


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
    data: StrPath | Readable,
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
) -> Image.Image: ...


@overload
def remove(
    data: AnyImage,
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
    data: AnyImage,
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
    data: AnyImage,
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
    """Remove the background of one image.

    Args:
        data: The image: an encoded file's bytes, a PIL image, an array that PIL takes (uint8
            ``HxW``, ``HxWx3`` RGB or ``HxWx4`` RGBA above all), the path of a file, or a file
            opened in binary mode, which is read on from where it stands and left open. EXIF
            orientation is applied. It is not modified.
        alpha_matting: Refine the edge by closed-form matting. Where that has no answer (no sure
            foreground or background, an image in one channel), ``decontaminate`` stands in.
        alpha_matting_foreground_threshold: Mask values above it are sure foreground.
        alpha_matting_background_threshold: Mask values below it are sure background.
        alpha_matting_erode_size: Pixels that the sure regions are eroded by before matting.
        session: What predicts the masks, as ``new_session`` makes it. None takes the default
            model's, which is loaded once and kept for the calls that follow.
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
        The cutout in the type of ``data``: PNG bytes, an image or a uint8 array; of a path or an
        open file an image. Mode RGBA, save
        that ``putalpha`` makes LA of a greyscale image and PA of a palette one (as an image only),
        and that a single mask is L. Several masks give their cutouts one below the other; no
        mask at all gives the image back.

    Raises:
        UsageError: ``data`` has an unsupported type, or another argument makes no sense.
        SourceError: The file cannot be read, or its bytes are no image, or a damaged one.
    """
    if vitmatte:
        raise UsageError("vitmatte is not offered: use alpha_matting=True or decontaminate=True")
    picture = load(data, force_return_bytes)
    if session is None:
        session = default_session(kwargs)
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
    if not only_mask and picture.mode in MADE_OF_RGB and "icc_profile" in picture.info:
        cutout.info["icc_profile"] = picture.info["icc_profile"]
    if isinstance(data, bytes) or force_return_bytes:
        return _png(cutout)
    return np.array(cutout) if isinstance(data, np.ndarray) else cutout


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
