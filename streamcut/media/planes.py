"""The planes of a frame as numpy arrays, and new frames to write into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.media.colour import Colour
from streamcut.media.pixel_formats import depth, dtype, peak

Plane = NDArray[Any]
"""A view of one plane: uint8 for 8-bit formats, uint16 above; [height, width]."""


def planes(video_frame: av.VideoFrame) -> list[Plane]:
    """Return writable views of a planar frame's planes, without a copy."""
    kind = np.dtype(dtype(video_frame.format.name))
    return [
        np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)[  # type: ignore[call-overload]
            : plane.height, : plane.width
        ]
        for plane in video_frame.planes
    ]


def blank_like(
    video_frame: av.VideoFrame, pixel_format: str, size: tuple[int, int] | None = None
) -> av.VideoFrame:
    """Return a new frame with the time and colour tags of ``video_frame``; its pixels are unset."""
    width, height = size or (video_frame.width, video_frame.height)
    made = Colour.of(video_frame).apply(av.VideoFrame(width, height, pixel_format))
    copy_time(video_frame, made)
    return made


def copy_time(source: av.VideoFrame, target: av.VideoFrame) -> None:
    """Copy presentation timestamp, its unit and the duration."""
    target.pts = source.pts
    if source.time_base is not None:
        target.time_base = source.time_base
    target.duration = source.duration


def copy_planes(source: av.VideoFrame, target: av.VideoFrame) -> av.VideoFrame:
    """Copy the planes of a frame, as many as both have, and return ``target``.

    Where ``target`` is smaller it takes the upper left part.
    """
    for ours, theirs in zip(planes(target), planes(source), strict=False):
        ours[:] = theirs[: ours.shape[0], : ours.shape[1]]
    return target


def copied(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a copy to write into: decoders may still refer to the frame that they gave."""
    return copy_planes(frame, blank_like(frame, frame.format.name))


def cropped(
    frame: av.VideoFrame, width: int, height: int, left: int = 0, top: int = 0
) -> av.VideoFrame:
    """Return a part of a planar frame, its corner moved up and left to where chroma begins."""
    made = blank_like(frame, frame.format.name, (width, height))
    chroma = planes(frame)[-1]
    left -= left % -(-frame.width // chroma.shape[1])
    top -= top % -(-frame.height // chroma.shape[0])
    for ours, theirs in zip(planes(made), planes(frame), strict=True):
        x, y = left * theirs.shape[1] // frame.width, top * theirs.shape[0] // frame.height
        ours[:] = theirs[y : y + ours.shape[0], x : x + ours.shape[1]]
    return made


def fitted(plane: Plane, shape: tuple[int, ...]) -> Plane:
    """Return a plane at the size of another: averaged where it shrinks, as chroma planes ask."""
    if plane.shape == shape:
        return plane
    grows = shape[0] > plane.shape[0] or shape[1] > plane.shape[1]
    # Between two pixels interpolation is their mean, at a quarter of the time: 4:2:2.
    halved = shape[0] == plane.shape[0] and 2 * shape[1] == plane.shape[1]
    how = cv2.INTER_LINEAR if grows or halved else cv2.INTER_AREA
    return cv2.resize(plane, (shape[1], shape[0]), interpolation=how)


@dataclass(frozen=True, slots=True)
class Levels:
    """What the code values of a frame's planes stand for.

    Attributes:
        zero: of each plane, the code value of no light or of no colour.
        span: of each plane, how many code values it is to full light, or through all colour.
        peak: the largest code value.
    """

    zero: tuple[int, int, int]
    span: tuple[int, int, int]
    peak: int

    @classmethod
    def of(cls, pixel_format: str, full_range: bool) -> Levels:
        """Return those of a planar format."""
        top, unit = peak(pixel_format), 1 << (depth(pixel_format) - 8)
        if pixel_format.startswith("gbr"):
            return cls((0, 0, 0), (top, top, top), top)
        middle = 128 * unit
        if full_range:
            return cls((0, middle, middle), (top, top, top), top)
        return cls((16 * unit, middle, middle), (219 * unit, 224 * unit, 224 * unit), top)

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> Levels:
        """Return those of a planar frame, by its format and tags."""
        return cls.of(frame.format.name, Colour.of(frame).full_range)
