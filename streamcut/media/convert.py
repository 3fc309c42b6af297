"""Frames converted from one pixel format, size and colour to another, in one place."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import av
from av.video.reformatter import Interpolation, VideoReformatter

from streamcut.media import deep_rgb, plane_by_plane
from streamcut.media.colour import Colour, Matrix, Range
from streamcut.media.colour_mapping import ColourMapping
from streamcut.media.lut import PIXEL_FORMAT as MAPPED
from streamcut.media.lut import Lut
from streamcut.media.packed_rgb import is_packed, unpacked
from streamcut.media.planes import copy_time

BICUBIC, BILINEAR, AREA = Interpolation.BICUBIC, Interpolation.BILINEAR, Interpolation.AREA
"""FFmpeg's ways of scaling."""

EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
"""Added to those, FFmpeg's most precise arithmetic."""

# FFmpeg's scaler writes up to 32 bytes past the end of a row, which PyAV's frames (rows aligned to
# 16 bytes) do not always leave room for: with more threads, one may overwrite the first pixels of
# a row that another has finished.
_THREADS = 1

RGB_TAGS = Colour(matrix=Matrix.RGB, range=Range.FULL)
"""Of frames that become arrays: nothing more is known of them."""


class Converter:
    """Converts frames to one pixel format and colour, and to a size.

    Only matrix and range are converted, which is arithmetic on code values; transfer and primaries
    are written onto what is made. :class:`Matching` converts these, too.

    Args:
        pixel_format: of what is made.
        colour: tags of what is made; an unspecified range is the source's.
        size: (width, height) of what is made; None keeps each frame's.
        untagged: the matrix of frames that tell none; None guesses it by their height.
        how: how FFmpeg is to scale.
    """

    def __init__(
        self,
        pixel_format: str,
        colour: Colour,
        *,
        size: tuple[int, int] | None = None,
        untagged: int | None = None,
        how: Interpolation = BICUBIC,
    ) -> None:
        self._pixel_format, self._colour, self._size = pixel_format, colour, size
        self._untagged, self._how = untagged, how
        self._reformatters: dict[tuple[str, str], VideoReformatter] = {}

    def __call__(
        self,
        frame: av.VideoFrame,
        size: tuple[int, int] | None = None,
        taken_for: Colour | None = None,
    ) -> av.VideoFrame:
        """Return a frame converted, or itself where it is so already.

        Args:
            frame: any.
            size: (width, height) of what is made, instead of the one that was given.
            taken_for: its colour, whatever its tags say; None believes them.

        Raises:
            av.error.FFmpegError: if its pixel format cannot be converted.
        """
        width, height = size = size or self._size or (frame.width, frame.height)
        source = self._source(frame, taken_for or Colour.of(frame))
        wanted = self._colour.known_matrix(height)
        have = frame.width, frame.height, frame.format.name, source.matrix, source.full_range
        if have == (width, height, self._pixel_format, wanted, self._colour.full_range):
            return frame
        made = self._converted(frame, source, size)
        copy_time(frame, made)
        return self._colour.apply(made)

    def _source(self, frame: av.VideoFrame, source: Colour) -> Colour:
        if self._untagged is not None and source.matrix in (Matrix.RGB, Matrix.UNSPECIFIED):
            return replace(source, matrix=self._untagged)
        return source.resolved(frame.height)

    def _converted(
        self, frame: av.VideoFrame, source: Colour, size: tuple[int, int]
    ) -> av.VideoFrame:
        if self._how == BILINEAR and size == (frame.width, frame.height):
            range_ = self._colour.range or source.range
            wanted = replace(self._colour.resolved(size[1]), range=range_)
            if plane_by_plane.is_possible(frame, source, self._pixel_format, wanted):
                return plane_by_plane.converted(frame, source, wanted)
        if is_packed(frame.format.name):
            frame = unpacked(frame)
        scale = partial(self._scaled, source=source, size=size)
        if deep_rgb.is_needed(frame.format.name, self._pixel_format):
            full = source.full_range
            return deep_rgb.converted(frame, self._pixel_format, scale, full=full)
        return scale(frame, self._pixel_format)

    def _scaled(
        self, frame: av.VideoFrame, pixel_format: str, source: Colour, size: tuple[int, int]
    ) -> av.VideoFrame:
        how = (frame.format.name, pixel_format)
        reformatter = self._reformatters.setdefault(how, VideoReformatter())
        return reformatter.reformat(
            frame,
            *size,
            pixel_format,
            src_colorspace=source.matrix,
            dst_colorspace=self._colour.known_matrix(size[1]),
            src_color_range=source.range or None,
            dst_color_range=self._colour.range or None,
            interpolation=self._how,
            threads=_THREADS,
        )


class Matching:
    """Converts frames so that they look the same beside those of another video.

    Where transfer or primaries differ (see :class:`~streamcut.media.colour_mapping.ColourMapping`)
    every pixel is mapped through a table; otherwise it is a :class:`Converter`.

    Args:
        pixel_format: of what is made.
        colour: of what is made.
        size: (width, height) of what is made; None keeps each frame's.
        how: how FFmpeg is to scale.
    """

    def __init__(
        self,
        pixel_format: str,
        colour: Colour,
        *,
        size: tuple[int, int] | None = None,
        how: Interpolation = BICUBIC,
    ) -> None:
        self._colour = colour
        self._plain = Converter(pixel_format, colour, size=size, how=how)
        self._to_rgb = Converter(MAPPED, RGB_TAGS, size=size, how=how | EXACT)
        self._from_rgb = Converter(pixel_format, colour, how=how | EXACT)
        self._mapping: ColourMapping | None = None
        self._lut: Lut | None = None

    def __call__(self, frame: av.VideoFrame, size: tuple[int, int] | None = None) -> av.VideoFrame:
        """Return a frame converted, or itself where it is so already; see :class:`Converter`."""
        mapping = ColourMapping.between(Colour.of(frame), self._colour)
        if mapping is None:
            return self._plain(frame, size)
        if self._lut is None or mapping != self._mapping:
            self._lut, self._mapping = Lut(mapping), mapping
        mapped = self._lut(self._to_rgb(frame, size))
        copy_time(frame, mapped)
        return self._from_rgb(mapped)
