"""The border of the matte, as the user wants it: hard, soft, wider, narrower, inside out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from streamcut.frame import Frame, Plane, StreamInfo, peak


@dataclass(frozen=True, slots=True)
class Edges:
    """What is done to every matte at the picture's size, in this order.

    Attributes:
        post_process: make it hard and smooth at its border, as rembg's option does.
        invert: keep the background, cut the subject out.
    """

    post_process: bool = False
    invert: bool = False


def shape(frames: Iterable[Frame], info: StreamInfo, edges: Edges) -> Iterator[Frame]:
    """Shape the border of each matte; last, the input's own alpha limits it.

    Args:
        frames: with mattes at the picture's size.
        info: of the stream.
        edges: what to do.
    """
    top = peak(info.pixel_format)
    for frame in frames:
        if frame.matte is None:
            raise ValueError("shape needs frames with a matte")
        made = shaped(frame.matte, edges, top)
        frame.matte = made if frame.opacity is None else _both(made, frame.opacity, top)
        yield frame


def shaped(matte: Plane, edges: Edges, top: int) -> Plane:
    """Return a matte (0..``top``) with everything done that ``edges`` says."""
    if edges.post_process:
        matte = hardened(matte, top)
    if edges.invert:
        matte = np.subtract(top, matte, dtype=matte.dtype)
    return matte


def hardened(matte: Plane, top: int) -> Plane:
    """Open, blur and threshold a matte: rembg's ``post_process`` at video speed.

    The blur works on 8-bit values, so that borders may differ from the still pictures'
    version by a pixel.
    """
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    opened = cv2.morphologyEx(matte, cv2.MORPH_OPEN, cross)
    smooth = cv2.GaussianBlur(opened, (0, 0), 2, borderType=cv2.BORDER_REFLECT)
    return np.where(smooth < top * 127 / 255, 0, top).astype(matte.dtype)


def _both(matte: Plane, opacity: Plane, top: int) -> Plane:
    """Return where the matte and the input's own alpha both let the subject be seen."""
    return cv2.multiply(matte, opacity, scale=1 / top)
