"""The border of the matte, as the user wants it: hard, soft, wider, narrower, inside out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from streamcut.media.frame import MattedFrame, StreamInfo
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import Plane


@dataclass(frozen=True, slots=True)
class Edges:
    """What is done to every matte at the frame's size, in this order.

    Attributes:
        post_process: make it hard and smooth at its border, as rembg's option does.
        threshold: make it hard at this opacity, 0..1; 0 leaves it as it is.
        grow: pixels by which it is widened, or narrowed where negative.
        feather: pixels that its border is softened by, to either side.
        invert: keep the background, cut the subject out.
    """

    post_process: bool = False
    threshold: float = 0.0
    grow: int = 0
    feather: int = 0
    invert: bool = False


def shape(frames: Iterable[MattedFrame], info: StreamInfo, edges: Edges) -> Iterator[MattedFrame]:
    """Shape the border of each matte; last, the input's own alpha limits it.

    Args:
        frames: with their mattes.
        info: of the stream.
        edges: what to do.
    """
    top = peak(info.pixel_format)

    def limited(frame: MattedFrame) -> MattedFrame:
        made = shaped(frame.matte, edges, top)
        made = made if frame.opacity is None else _both(made, frame.opacity, top)
        return replace(frame, matte=made)

    yield from map(limited, frames)


def shaped(matte: Plane, edges: Edges, top: int) -> Plane:
    """Return a matte (0..``top``) with everything done that ``edges`` says."""
    if edges.post_process:
        matte = hardened(matte, top)
    if edges.threshold:
        matte = np.where(matte >= edges.threshold * top, top, 0).astype(matte.dtype)
    if edges.grow:
        matte = grown(matte, edges.grow, top)
    if edges.feather:
        matte = feathered(matte, edges.feather, top)
    if edges.invert:
        matte = np.subtract(top, matte, dtype=matte.dtype)
    return matte


def hardened(matte: Plane, top: int) -> Plane:
    """Open, blur and threshold a matte: rembg's ``post_process`` at video speed.

    The blur works on 8-bit values, so that borders may differ from the images'
    version by a pixel.
    """
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    opened = cv2.morphologyEx(matte, cv2.MORPH_OPEN, cross)
    smooth = cv2.GaussianBlur(opened, (0, 0), 2, borderType=cv2.BORDER_REFLECT)
    return np.where(smooth < top * 127 / 255, 0, top).astype(matte.dtype)


def grown(matte: Plane, pixels: int, top: int) -> Plane:
    """Return a matte widened by some pixels all around, or narrowed where they are negative."""
    reach = abs(pixels)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    change = cv2.dilate if pixels > 0 else cv2.erode

    def work(part: Plane) -> Plane:
        return change(part, disc, borderType=cv2.BORDER_REPLICATE)

    return _at_border(matte, top, reach, work)


def feathered(matte: Plane, pixels: int, top: int) -> Plane:
    """Return a matte whose border is softened by about so many pixels to either side."""

    def work(part: Plane) -> Plane:
        return cv2.GaussianBlur(part, (0, 0), pixels / 2, borderType=cv2.BORDER_REPLICATE)

    return _at_border(matte, top, 3 * pixels, work)


def _at_border(matte: Plane, top: int, reach: int, work: Callable[[Plane], Plane]) -> Plane:
    """Return a copy with work done in the rectangle that holds all within reach of the border."""
    solid = (matte > top // 2).view(np.uint8)
    inner = cv2.erode(solid, np.ones((3, 3), np.uint8))
    soft = cv2.inRange(matte, 1, top - 1)
    x, y, width, height = cv2.boundingRect(cv2.bitwise_or(soft, solid - inner))
    area = (
        slice(max(0, y - 2 * reach), y + height + 2 * reach),
        slice(max(0, x - 2 * reach), x + width + 2 * reach),
    )
    made = matte.copy()
    if width:
        made[area] = work(matte[area])
    return made


def _both(matte: Plane, opacity: Plane, top: int) -> Plane:
    """Return where the matte and the input's own alpha both let the subject be seen."""
    return cv2.multiply(matte, opacity, scale=1 / top)
