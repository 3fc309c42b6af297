"""Every frame of a stream made like its first: upright, one size, one working format."""

from __future__ import annotations

from fractions import Fraction

import av
from av.video.reformatter import Interpolation, VideoReformatter

from streamcut.media.colour import Colour, Range
from streamcut.media.convert import SCALING_THREADS
from streamcut.media.frame import Frame
from streamcut.media.pixel_formats import ALPHA_TWIN, has_alpha, peak, working_format
from streamcut.media.planes import Plane, blank_like, copy_time, planes
from streamcut.sources.orientation import TURNABLE, Orientation
from streamcut.sources.size import Size

# Rounding a side to whole pixels is no reason to declare pixels that are not square.
_SQUARE_ENOUGH = Fraction(1, 100)


class Conform:
    """Turns decoded frames into frames; frames that need no change pass untouched.

    Args:
        first: the stream's first decoded frame, which all later ones are made to match.
        size: what to scale to, as seen upright; None keeps the first frame's size.
    """

    def __init__(self, first: av.VideoFrame, size: Size | None) -> None:
        self._reformatter = VideoReformatter()
        self._orientation = Orientation.of(first)
        self._pixel_format = working_format(first.format.name)
        if self._orientation.transpose:
            self._pixel_format = TURNABLE.get(self._pixel_format, self._pixel_format)
        self._colour = _colour_of(first)
        self._width, self._height = self._lying_size(first, size)
        self._stretch = Fraction(first.width * self._height, first.height * self._width)

    def __call__(self, decoded: av.VideoFrame) -> Frame:
        """Return ``decoded`` as a frame, its own alpha apart from its colour."""
        if not has_alpha(decoded.format.name):
            return Frame(source=self._upright(self._scaled(decoded, self._pixel_format)))
        colour, opacity = self._split(self._upright(self._scaled(decoded, self._twin)))
        return Frame(source=colour, opacity=opacity)

    def aspect(self, source: Fraction) -> Fraction:
        """Return the sample aspect ratio upright, so that a stretched frame looks as before."""
        lying = source * self._stretch
        if abs(self._stretch - 1) < _SQUARE_ENOUGH:
            lying = source
        return 1 / lying if self._orientation.transpose else lying

    @property
    def _twin(self) -> str:
        return ALPHA_TWIN[self._pixel_format]

    def _lying_size(self, first: av.VideoFrame, size: Size | None) -> tuple[int, int]:
        lying = (first.width, first.height)
        if size is None:
            return lying
        if self._orientation.transpose:
            height, width = size.of(first.height, first.width)
            return width, height
        return size.of(*lying)

    def _scaled(self, decoded: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
        same_size = (decoded.width, decoded.height) == (self._width, self._height)
        if same_size and decoded.format.name == pixel_format:
            return decoded
        if same_size and decoded.format.name.replace("yuvj", "yuv") == pixel_format:
            return self._renamed(decoded, pixel_format)
        made = self._reformatter.reformat(
            decoded,
            self._width,
            self._height,
            pixel_format,
            src_colorspace=self._colour.known_matrix(decoded.height),
            dst_colorspace=self._colour.known_matrix(decoded.height),
            src_color_range=self._colour.range or None,
            dst_color_range=self._colour.range or None,
            interpolation=Interpolation.BICUBIC,
            threads=SCALING_THREADS,
        )
        copy_time(decoded, made)
        return self._colour.apply(made)

    def _renamed(self, decoded: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
        """Copy a ``yuvj`` frame, bit for bit, into the format that names its range apart."""
        made = blank_like(decoded, pixel_format)
        for source, target in zip(planes(decoded), planes(made), strict=True):
            target[:] = source
        return self._colour.apply(made)

    def _upright(self, decoded: av.VideoFrame) -> av.VideoFrame:
        return self._orientation.apply(decoded) if self._orientation else decoded

    def _split(self, whole: av.VideoFrame) -> tuple[av.VideoFrame, Plane | None]:
        """Return colour alone, and the alpha plane or None where all of it is opaque."""
        colour = blank_like(whole, self._pixel_format)
        *layers, alpha = planes(whole)
        for source, target in zip(layers, planes(colour), strict=True):
            target[:] = source
        return colour, None if (alpha == peak(self._twin)).all() else alpha


def _colour_of(first: av.VideoFrame) -> Colour:
    """Return the tags of a stream; grey frames are full range whatever they say."""
    colour = Colour.of(first)
    if not first.format.name.startswith("gray"):
        return colour
    return Colour(colour.primaries, colour.transfer, colour.matrix, Range.FULL)
