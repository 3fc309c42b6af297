"""Mattes read back from what a tool wrote: video with alpha, grey video, images in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np

from streamcut.core.errors import SourceError
from streamcut.imaging.resize import Shrink
from streamcut.media.colour import Colour
from streamcut.media.frame import Frame
from streamcut.media.matte import RGB, Matte
from streamcut.media.pixel_formats import depth, peak
from streamcut.media.planes import Plane, planes
from streamcut.sources import open_source

Kind = Literal["alpha", "grey", "colour"]

IMAGES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"}
"""Endings of what counts as an image in a folder."""

# What a lossy codec leaves in a grey video is faint; an image has more than that.
_FAINT, _FEW = 12 / 255, 0.02
# Images looked at for alpha: a stream that has it may begin opaque.
_AHEAD = 50


@dataclass(frozen=True, slots=True)
class EvaluatedFrame:
    """One image of what is evaluated.

    Attributes:
        time: seconds, or None where only the order is known.
        matte: float32 [h, w], 0..1.
        colours: RGB uint8 [h, w, 3]; None where none were asked for.
    """

    time: float | None
    matte: Matte
    colours: RGB | None


class Reader:
    """Reads a file, an address, a numbered sequence (``%04d.png``) or a folder of images.

    What has alpha gives its alpha as matte; what has none and is grey is a matte itself.

    Args:
        url: what to read; it must be possible to read it more than once.

    Attributes:
        kind: "alpha", "grey", or "colour" where it can show no matte.
        size: (height, width) in pixels.
        frames: how many images are expected, or None where nobody knows.

    Raises:
        SourceError: if it cannot be read, or is a folder without images.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._folder = _images_in(Path(url)) if os.path.isdir(url) else []
        if os.path.isdir(url) and not self._folder:
            raise SourceError(f"{url} is a folder without images")
        self.frames = len(self._folder) or None
        self.kind, self.size = self._look()

    def read(self, side: int = 0) -> Iterator[EvaluatedFrame]:
        """Yield the images in order, from the first.

        Args:
            side: how long the longer side of the colours may be, pixels; 0 for no colours.
        """
        for frame in self._frames():
            source = frame.source
            time = None
            if not self._timeless and source.pts is not None and source.time_base is not None:
                time = float(source.pts * source.time_base)
            colours = _colours(source, side) if side else None
            yield EvaluatedFrame(time, self._matte(frame), colours)

    @property
    def _timeless(self) -> bool:
        """Whether times are made up: images have none of their own."""
        return bool(self._folder) or "%" in self.url

    def _frames(self) -> Iterator[Frame]:
        for url in map(str, self._folder) if self._folder else [self.url]:
            with open_source(url) as source:
                yield from source

    def _look(self) -> tuple[Kind, tuple[int, int]]:
        """See what it is from its first images."""
        if not self._folder:
            with open_source(self.url) as source:
                self.frames = source.info.frames
        frames = self._frames()
        first = next(frames)
        size = (first.source.height, first.source.width)
        if first.opacity is not None or any(f.opacity is not None for f in islice(frames, _AHEAD)):
            return "alpha", size
        return ("grey" if _is_grey(first.source) else "colour"), size

    def _matte(self, frame: Frame) -> Matte:
        if self.kind != "alpha":
            return _levels(frame.source)
        if frame.opacity is None:
            return np.ones((frame.source.height, frame.source.width), np.float32)
        return _unit(frame.opacity, 0, peak(frame.source.format.name))


def _images_in(folder: Path) -> list[Path]:
    """Return a folder's images in the order of the numbers in their names."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in IMAGES]
    return sorted(found, key=lambda path: [_rank(part) for part in re.split(r"(\d+)", path.stem)])


def _rank(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdigit() else (-1, part)


def _colours(source: av.VideoFrame, side: int) -> RGB:
    scale = min(1.0, side / max(source.width, source.height))
    size = (max(1, round(source.width * scale)), max(1, round(source.height * scale)))
    return Shrink()(source, size)


def _is_grey(source: av.VideoFrame) -> bool:
    colours = _colours(source, 320).astype(np.int16)
    spread = colours.max(axis=2) - colours.min(axis=2)
    return float((spread > 255 * _FAINT).mean()) < _FEW


def _levels(source: av.VideoFrame) -> Matte:
    """Return the brightness of a greyscale image, 0..1, whatever the range of its code values."""
    top = peak(source.format.name)
    if source.format.is_rgb or Colour.of(source).full_range:
        return _unit(planes(source)[0], 0, top)
    unit = 1 << (depth(source.format.name) - 8)
    return _unit(planes(source)[0], 16 * unit, 235 * unit)


def _unit(plane: Plane, low: int, high: int) -> Matte:
    levels = plane.astype(np.float32)
    levels -= low
    levels /= high - low
    return np.clip(levels, 0.0, 1.0, out=levels) if low else levels


def fitted(matte: Matte, size: tuple[int, int]) -> Matte:
    """Return a matte scaled to (height, width): by area where it shrinks."""
    if matte.shape == size:
        return matte
    mode = cv2.INTER_AREA if matte.shape[0] > size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(matte, size[::-1], interpolation=mode), np.float32)
