"""Live frames brought to the one size, format and colour of a running output."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
from av.video.reformatter import Interpolation, VideoReformatter

from streamcut.media.colour import Colour, Matrix, Range
from streamcut.media.colour_mapping import ColourMapping
from streamcut.media.convert import SCALING_THREADS, Matching
from streamcut.media.planes import blank_like, copy_time, planes

PIXEL_FORMAT = "yuv420p"
"""What every live consumer takes; cameras have no more colour worth keeping."""

# Aspects that differ by less are taken for the same: sizes in even pixels seldom fit exactly.
_SAME_ASPECT = Fraction(1, 50)


class Framing:
    """Makes every frame match the output, whatever the camera does meanwhile.

    Where the aspect differs the middle is kept: nothing is stretched. HDR and wide primaries become
    SDR, see :mod:`streamcut.media.colour_mapping`.

    Args:
        width: of the frames made, even.
        height: of the frames made, even.
        matrix: of the frames made; also what untagged frames are taken for.
        aspect: of what comes: a pixel's width over its height. Pixels made are square.
    """

    def __init__(
        self, width: int, height: int, matrix: int, aspect: Fraction = Fraction(1)
    ) -> None:
        self._size = width, height
        self._wanted = Fraction(width, height) / aspect
        self._colour = Colour(matrix=matrix, range=Range.LIMITED)
        self._to_format, self._to_size = VideoReformatter(), VideoReformatter()
        self._matching: dict[tuple[int, int], Matching] = {}

    @property
    def colour(self) -> Colour:
        """The tags of the frames made."""
        return self._colour

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return a decoded frame as the output wants it: limited range, 8 bits, 4:2:0."""
        whole = frame.width, frame.height
        seen = self._seen(frame)
        if seen != whole:
            frame = _middle(self._made(self._to_format, frame, whole), *seen)
        return self._made(self._to_size, frame, self._size)

    def _seen(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Return the size of the frame's part that has the wanted aspect; even sides."""
        width, height, wanted = frame.width, frame.height, self._wanted
        if abs(Fraction(width, height) / wanted - 1) < _SAME_ASPECT:
            return width, height
        wide, high = min(width, round(height * wanted)), min(height, round(width / wanted))
        return max(2, wide & ~1), max(2, high & ~1)

    def _made(
        self, reformatter: VideoReformatter, frame: av.VideoFrame, size: tuple[int, int]
    ) -> av.VideoFrame:
        own = Colour.of(frame)
        if ColourMapping.between(own, self._colour) is not None:
            return self._matched(frame, size)
        untagged = own.matrix in (Matrix.RGB, Matrix.UNSPECIFIED)
        matrix = self._colour.matrix if untagged else own.matrix
        here = (frame.width, frame.height), frame.format.name, matrix, own.full_range
        if here == (size, PIXEL_FORMAT, self._colour.matrix, False):
            return self._colour.apply(frame)
        made = reformatter.reformat(
            frame,
            *size,
            PIXEL_FORMAT,
            src_colorspace=matrix,
            dst_colorspace=self._colour.matrix,
            src_color_range=Range.FULL if own.full_range else Range.LIMITED,
            dst_color_range=Range.LIMITED,
            interpolation=Interpolation.BILINEAR,
            threads=SCALING_THREADS,
        )
        copy_time(frame, made)
        return self._colour.apply(made)

    def _matched(self, frame: av.VideoFrame, size: tuple[int, int]) -> av.VideoFrame:
        if size not in self._matching:
            how = Interpolation.BILINEAR
            self._matching = {size: Matching(PIXEL_FORMAT, self._colour, size, how)}
        return self._matching[size](frame)


def mirrored(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a planar frame with left and right exchanged."""
    made = blank_like(frame, frame.format.name)
    for source, target in zip(planes(frame), planes(made), strict=True):
        target[:] = cv2.flip(source, 1)
    return made


def _middle(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """Return the middle of a 4:2:0 frame; both sides even."""
    made = blank_like(frame, frame.format.name, (width, height))
    left, top = (frame.width - width) // 4 * 2, (frame.height - height) // 4 * 2
    for source, target in zip(planes(frame), planes(made), strict=True):
        rows, columns = target.shape
        y, x = top * rows // height, left * columns // width
        target[:] = source[y : y + rows, x : x + columns]
    return made
