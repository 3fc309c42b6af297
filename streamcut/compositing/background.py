"""What a subject is put over: a colour, an image, a looped video, or its own blurred surroundings.

Every background gives planes in the pixel format, colour space and range of the frame above
it, so that blending happens plane by plane and the frame is never converted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from streamcut.compositing.own_colour import has_own_colour
from streamcut.core.errors import MissingDependencyError, Named, UsageError
from streamcut.imaging.border import Border
from streamcut.imaging.resize import Halved
from streamcut.imaging.tiles import whole
from streamcut.media.colour import Colour, Matrix, Primaries, Range, Transfer
from streamcut.media.colour_mapping import ColourMapping
from streamcut.media.convert import Converter, Matching
from streamcut.media.frame import Frame, MattedFrame, StreamInfo
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import Levels, Plane, blank_like, cropped, fitted, planes
from streamcut.media.stills import in_srgb, over_black, read_still
from streamcut.sources import open_source

# The least standard deviation of a blur, in cells of the grid that it is worked out on. Enlarged
# again it is .64 of a code value off the full-size one on average (luma of the sample clip with a
# hard pattern drawn in); with 1.35 cells 1.9, with 4 .3 at twice the time.
_CELLS = 2

_SRGB = Colour(Primaries.BT709, Transfer.SRGB, Matrix.RGB, Range.FULL)

GREEN = "#00ff00"
"""The colour of a software green screen."""

Layer = Plane | int
"""One plane of a background, or the one code value that all of it has."""

OpenVideo = Callable[[], AbstractContextManager["Pictures"]]


class Pictures(Protocol):
    """What a looped background needs of a source."""

    def __iter__(self) -> Iterator[Frame]: ...


class Background(Protocol):
    """Gives what lies behind each frame."""

    def layers(self, frame: MattedFrame, room: Sequence[Plane] | None = None) -> list[Layer]:
        """Return a layer for each plane of ``frame.source``.

        Args:
            frame: what it lies behind.
            room: planes like the frame's; layers that are new for each frame are made in them.
        """
        ...

    def close(self) -> None:
        """Release what is held open."""
        ...


class Fixed:
    """The same layers behind every frame."""

    def __init__(self, layers: list[Layer]) -> None:
        self._layers = layers

    def layers(self, frame: MattedFrame, room: Sequence[Plane] | None = None) -> list[Layer]:
        """Return the layers, whatever the frame."""
        return self._layers

    def close(self) -> None:
        """Hold nothing, close nothing."""


def colour_background(text: str, info: StreamInfo) -> Fixed:
    """Return one colour, given as a CSS name or as hex (``red``, ``#f00``, ``#ff0000``).

    Raises:
        UsageError: if it is not a colour.
    """
    rgb, target = parse_colour(text), _target(info)
    patch = _from_rgb(np.full((16, 16, 3), rgb, np.uint8))
    mapping = ColourMapping.between(_SRGB, target)
    if mapping is not None:  # By the formulas: a table is for images.
        codes = np.rint(mapping(np.array(rgb) / 255) * 65535).astype(np.uint16)
        patch = av.VideoFrame.from_ndarray(np.full((16, 16, 3), codes), format="rgb48le")
    made = Converter(info.pixel_format, target)(patch)
    return Fixed([int(plane[0, 0]) for plane in planes(made)])


def parse_colour(text: str) -> tuple[int, int, int]:
    """Return the RGB values, 0..255, of a CSS colour name or hex number.

    Raises:
        UsageError: if it is not a colour, or one that lets light through.
    """
    try:
        rgba = ImageColor.getcolor(GREEN if text == "green" else text, "RGBA")
    except ValueError as error:
        raise UsageError(f"{text!r} is not a colour") from error
    red, green, blue, alpha = rgba  # type: ignore[misc]
    if alpha != 255:
        raise UsageError(
            f"{text!r} is a transparent colour; leave ", Named("background"), " out for alpha"
        )
    return red, green, blue


def image_background(path: Path, info: StreamInfo) -> Fixed:
    """Return an image, upright, scaled and cropped at its centre to cover the frame.

    Raises:
        SourceError: if it cannot be read.
    """
    try:
        if not has_own_colour(path):
            enough = 2 * max(info.width, info.height)
            still = read_still(path, limits=info.limits, enough=enough)
            return rgb_background(over_black(in_srgb(still)), info)
    except MissingDependencyError:  # FFmpeg reads some of them.
        pass
    made = matching(info)(_cropped(_over_black(_first_frame(path, info)), info))
    return Fixed([plane.copy() for plane in planes(made)])


def _first_frame(path: Path, info: StreamInfo) -> Frame:
    with open_source(str(path), limits=info.limits) as source:
        return next(iter(source))


def rgb_background(
    rgb: NDArray[np.uint8], info: StreamInfo, match: Matching | None = None
) -> Fixed:
    """Return an image, scaled and cropped at its centre to cover the frame.

    Args:
        rgb: uint8 [height, width, 3], sRGB.
        info: of the frames above it.
        match: what :func:`matching` gave, where more images than one are put behind a video.
    """
    made = (match or matching(info))(_from_rgb(_covering(rgb, info)))
    return Fixed([plane.copy() for plane in planes(made)])


class Video:
    """A video behind the subject, looped, at its own pace.

    Args:
        opened: opens it anew; called again each time it ends.
        info: of the frames above it.
    """

    def __init__(self, opened: OpenVideo, info: StreamInfo) -> None:
        self._opened = opened
        self._info, self._match = info, matching(info)
        self._began: Fraction | None = None
        self._offset = Fraction(0)
        self._length: Fraction | None = None
        self._frames = self._looped()
        self._shown = self._planes(next(self._frames)[1])
        self._next = next(self._frames)

    def layers(self, frame: MattedFrame, room: Sequence[Plane] | None = None) -> list[Layer]:
        """Return the frame that is due at the frame's presentation time."""
        now = _time(frame.source)
        if self._began is None:
            self._began = now
        due = None
        while self._next[0] <= now - self._began:
            self._skip_loops(now - self._began)
            due, self._next = self._next[1], next(self._frames)
        if due is not None:
            self._shown = self._planes(due)
        return list(self._shown)

    def close(self) -> None:
        """Close the video."""
        self._frames.close()

    def _skip_loops(self, time: Fraction) -> None:
        """Pass over whole loops before a time, without decoding them: gaps may be of hours."""
        ahead = time - self._next[0]
        if self._length is not None and ahead >= self._length:
            skipped = ahead // self._length * self._length
            self._offset += skipped
            self._next = self._next[0] + skipped, self._next[1]

    def _looped(self) -> Generator[tuple[Fraction, av.VideoFrame]]:
        """Yield (seconds since the first, frame) for ever."""
        while True:
            began, last, step = None, Fraction(0), Fraction(1, 30)
            with self._opened() as frames:
                for frame in frames:
                    time = _time(frame.source)
                    began = time if began is None else began
                    step = time - began - last or step
                    last = time - began
                    yield self._offset + last, _over_black(frame)
            self._length = last + step
            self._offset += self._length

    def _planes(self, video_frame: av.VideoFrame) -> list[Plane]:
        made = self._match(_cropped(video_frame, self._info))
        return [plane.copy() for plane in planes(made)]


class Blur:
    """The frame's own surroundings, out of focus, without the subject bleeding into them.

    It blurs the frame's own code values, as all blending here is done in them: nothing has to be
    converted, and a light in HDR is spread less far than a lens would spread it.

    The blur is normalised by what is not subject (as depth-of-field filters do), and worked
    out on a small copy, since nothing sharp is left to lose.

    Args:
        strength: standard deviation of the Gaussian in thousandths of the frame's height.
    """

    def __init__(self, strength: float) -> None:
        self._strength = strength

    def layers(self, frame: MattedFrame, room: Sequence[Plane] | None = None) -> list[Layer]:
        """Return the blurred planes of the frame."""
        border = Border.of(frame)
        sigma = max(0.5, self._strength / 1000 * frame.source.height)
        shrink = _power_of_two(sigma / _CELLS)
        height, width = frame.matte.shape
        size = (max(1, width // shrink), max(1, height // shrink))
        weight = _weights(border.averaged(shrink, size), border.top)
        share = cv2.GaussianBlur(weight, (0, 0), sigma / shrink)
        seen = planes(frame.source)
        made = [np.empty_like(plane) for plane in seen] if room is None else room
        halved = frame.halved or [Halved(plane) for plane in seen]
        for plane, smaller, target in zip(seen, halved, made, strict=True):
            small = smaller.averaged(whole(plane), size).astype(np.float32)
            total = cv2.GaussianBlur(np.multiply(small, weight), (0, 0), sigma / shrink)
            # Rounded while it is small, which is several times faster and as smooth.
            even = np.rint(np.divide(total, share)).astype(plane.dtype)
            cv2.resize(even, plane.shape[::-1], target, interpolation=cv2.INTER_LINEAR)
        return list(made)

    def close(self) -> None:
        """Hold nothing, close nothing."""


def _power_of_two(most: float) -> int:
    """Return the largest one that is at most ``most``: by these OpenCV shrinks fastest."""
    return 1 << max(0, math.floor(math.log2(most))) if most >= 1 else 1


def _weights(small: Plane, top: int) -> NDArray[np.float32]:
    """Return how much each small pixel is background; never nothing, so that it can divide."""
    return np.float32(1.001) - np.multiply(small, np.float32(1 / top), dtype=np.float32)


def _time(video_frame: av.VideoFrame) -> Fraction:
    return Fraction(video_frame.pts or 0) * (video_frame.time_base or Fraction(1, 1000))


def _over_black(frame: Frame) -> av.VideoFrame:
    """Return a background video's frame; what is transparent in it is black."""
    if frame.opacity is None:
        return frame.source
    made = blank_like(frame.source, frame.source.format.name)
    top, zero = peak(made.format.name), Levels.of_frame(made).zero
    for above, target, black in zip(planes(frame.source), planes(made), zero, strict=True):
        alpha = fitted(frame.opacity, above.shape).astype(np.float32) / top
        target[:] = np.rint(above * alpha + black * (1 - alpha)).astype(target.dtype)
    return made


def _from_rgb(rgb: NDArray[np.uint8]) -> av.VideoFrame:
    return _SRGB.apply(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"))


def _target(info: StreamInfo) -> Colour:
    """Return the colour of the frames above, nothing about its planes left open."""
    full = Range.FULL if info.colour.full_range else Range.LIMITED
    return replace(info.colour, matrix=info.colour.known_matrix(info.height), range=full)


def matching(info: StreamInfo) -> Matching:
    """Return what brings frames to the size, pixel format and colour of a stream's."""
    return Matching(info.pixel_format, _target(info), size=(info.width, info.height))


def _crop_of(width: int, height: int, info: StreamInfo) -> tuple[int, int, int, int]:
    """Return (x, y, width, height) of the central part with the frame's display aspect."""
    aspect = Fraction(info.width, info.height) * info.sample_aspect_ratio
    wide = min(width, max(1, round(height * aspect)))
    high = min(height, max(1, round(width / aspect)))
    return (width - wide) // 2, (height - high) // 2, wide, high


def _covering(rgb: NDArray[np.uint8], info: StreamInfo) -> NDArray[np.uint8]:
    x, y, width, height = _crop_of(rgb.shape[1], rgb.shape[0], info)
    return rgb[y : y + height, x : x + width]


def _cropped(video_frame: av.VideoFrame, info: StreamInfo) -> av.VideoFrame:
    """Return the part of a background video's frame that will be seen."""
    x, y, width, height = _crop_of(video_frame.width, video_frame.height, info)
    if (width, height) == (video_frame.width, video_frame.height):
        return video_frame
    return cropped(video_frame, width, height, x, y)
