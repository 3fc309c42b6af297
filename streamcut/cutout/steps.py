"""What the cutout of an image is made of: each step by itself, with rembg's values.

A mask is cleaned, an image is turned upright, cut out by a mask in one way or another, laid over
a colour, or stacked with others.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageOps

from streamcut.core.errors import UsageError
from streamcut.cutout.closed_form import closed_form_alpha, estimate_foreground
from streamcut.matting.closed_form import MattingError, trimap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_EXIF_ERRORS = (SyntaxError, ValueError, TypeError, AttributeError, struct.error)


def fix_image_orientation(img: Image.Image) -> Image.Image:
    """Turn the image as its EXIF orientation says.

    Args:
        img: An image of any mode.

    Returns:
        A new image without the orientation tag. EXIF data that cannot be read is ignored.
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
        img: An image in colour; its own alpha is dropped.
        mask: Mode L, of the image's size.
        foreground_threshold: Mask values above it are sure foreground.
        background_threshold: Mask values below it are sure background.
        erode_structure_size: Pixels that the sure regions are eroded by.

    Returns:
        RGBA, colours not multiplied by alpha.

    Raises:
        MattingError: The image has a single channel, or the solver has no answer.
        UsageError: The mask's size is not the image's.
    """
    if len(img.getbands()) == 1:  # rembg declines these too, palette images among them
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
    """Fade the image into transparent black by the mask.

    Args:
        img: An image of any mode.
        mask: Mode L, of the image's size.

    Returns:
        RGBA; as in rembg the colours fade with the alpha, that is, are multiplied by the mask.
    """
    return Image.composite(img, Image.new("RGBA", img.size, 0), mask)


def decontaminate_cutout(img: Image.Image, mask: Image.Image) -> Image.Image:
    """Set the mask as alpha over estimated subject colours, free of the old background.

    Args:
        img: An image of any mode; its own alpha is dropped.
        mask: Mode L, of the image's size.

    Returns:
        RGBA, colours not multiplied by alpha.

    Raises:
        UsageError: The mask's size is not the image's.
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

    Unlike rembg's, this returns a new image and leaves ``img`` as it was.

    Args:
        img: An image of any mode.
        mask: Mode L, of the image's size.

    Returns:
        LA for grey images, PA for palette images, else RGBA.
    """
    cutout = img.copy()
    try:
        cutout.putalpha(mask)
    except ValueError:  # a mode without an alpha variant
        cutout = img.convert("RGB")
        cutout.putalpha(mask)
    return cutout


def stack_vertically(imgs: Sequence[Image.Image]) -> Image.Image:
    """Lay images one below the other.

    Args:
        imgs: At least one image.

    Returns:
        The image itself if it is the only one; else RGBA, as wide as the first.
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
        img: An image, usually with alpha.
        color: RGBA or RGB, 0..255.

    Returns:
        RGBA.

    Raises:
        UsageError: The colour is not a sequence of three or four integers.
    """
    try:
        background = Image.new("RGBA", img.size, tuple(color))
    except (TypeError, ValueError) as error:
        raise UsageError(f"not an RGBA colour: {color!r}") from error
    return Image.alpha_composite(background, img.convert("RGBA"))
