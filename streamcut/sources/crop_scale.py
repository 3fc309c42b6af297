"""Live frames brought to the one size, format and colour of a running output."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2

from streamcut.media.colour import Colour, Range
from streamcut.media.colour_mapping import ColourMapping
from streamcut.media.convert import BILINEAR, Converter, Matching
from streamcut.media.frame import Frame
from streamcut.media.planes import blank_like, planes
from streamcut.sources.fitting import Placement, boxed
from streamcut.sources.orientation import Orientations

PIXEL_FORMAT = "yuv420p"
"""What every live consumer takes; cameras have no more colour worth keeping."""

# Aspects that differ by less are taken for the same: sizes in even pixels seldom fit exactly.
_SAME_ASPECT = Fraction(1, 50)


class Framing:
    """Makes every frame match the output, whatever the camera does meanwhile.

    Where the aspect of the output is another one, the middle is kept. What then changes (a turned
    telephone) is shown whole, with transparent bars. Nothing is stretched. HDR and wide primaries
    become SDR, see :mod:`streamcut.media.colour_mapping`.

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
        self._aspect = aspect
        self._usual: Fraction | None = None
        self._turns = Orientations()
        self._colour = Colour(matrix=matrix, range=Range.LIMITED)
        self._convert, self._scale = (
            Converter(PIXEL_FORMAT, self._colour, untagged=matrix, how=BILINEAR) for _ in range(2)
        )
        self._match: Matching | None = None

    @property
    def colour(self) -> Colour:
        """The tags of the frames made."""
        return self._colour

    def __call__(self, decoded: av.VideoFrame, aspect: Fraction | None = None) -> Frame:
        """Return a decoded frame as the output wants it: limited range, 8 bits, 4:2:0.

        Args:
            decoded: the next frame.
            aspect: of its pixels; None is what it was at first.
        """
        pixel, turn = aspect or self._aspect, self._turns(decoded)
        upright = decoded.height, decoded.width
        upright = upright if turn.transpose else upright[::-1]
        pixel = 1 / pixel if turn.transpose else pixel
        shown = Fraction(*upright) * pixel
        self._usual = self._usual or shown
        fits = _alike(shown, Fraction(*self._size))
        if ColourMapping.between(Colour.of(decoded), self._colour) is not None:
            decoded = self._matched(decoded, scale=fits and not turn)
        if turn:
            decoded = turn.apply(self._convert(decoded))
        if not fits and not _alike(shown, self._usual):
            return self._whole(decoded, shown)
        if not fits:
            decoded = _middle(self._convert(decoded), *self._seen(decoded, pixel))
        return Frame(source=self._colour.apply(self._scale(decoded, self._size)))

    def _whole(self, frame: av.VideoFrame, shown: Fraction) -> Frame:
        """Return all of a frame, with bars."""
        place = Placement.contained(*self._size, shown)
        made = self._colour.apply(self._scale(frame, place.size))
        return boxed(Frame(source=made), place, self._size)

    def _matched(self, frame: av.VideoFrame, *, scale: bool) -> av.VideoFrame:
        """Return a frame of another light or wider primaries as the output has them."""
        if self._match is None:
            self._match = Matching(PIXEL_FORMAT, self._colour, how=BILINEAR)
        return self._match(frame, self._size if scale else None)

    def _seen(self, frame: av.VideoFrame, pixel: Fraction) -> tuple[int, int]:
        """Return the size of the frame's part that has the wanted aspect; even sides."""
        width, height, wanted = frame.width, frame.height, Fraction(*self._size) / pixel
        wide, high = min(width, round(height * wanted)), min(height, round(width / wanted))
        return max(2, wide & ~1), max(2, high & ~1)


def _alike(aspect: Fraction, other: Fraction) -> bool:
    return abs(aspect / other - 1) < _SAME_ASPECT


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
