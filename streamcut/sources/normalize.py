"""Every frame of a stream made like its first: upright, one size, one working format."""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from fractions import Fraction

import av

from streamcut.core.errors import SourceError
from streamcut.media.colour import Colour, Matrix, Range
from streamcut.media.convert import Converter
from streamcut.media.frame import Frame
from streamcut.media.pixel_formats import ALPHA_TWIN, has_alpha, peak, working_format
from streamcut.media.planes import Plane, blank_like, copy_planes, planes
from streamcut.sources.fitting import Placement, boxed, middle, scaled_opacity
from streamcut.sources.orientation import TURNABLE, Orientation, Orientations
from streamcut.sources.size import Size

# Rounding a side to whole pixels is no reason to declare pixels that are not square.
_SQUARE_ENOUGH = Fraction(1, 100)
_MOST_TOLD = 3
# FFmpeg's scaler (libswscale 9) writes past the end of its memory for these.
_DANGEROUS = ("yaf32le", "yaf32be")


@dataclass(frozen=True, slots=True)
class Shape:
    """How a decoded frame lies.

    Attributes:
        width: pixels, as stored.
        height: pixels, as stored.
        aspect: width of a pixel over its height, as stored.
        orientation: how to put it upright.
    """

    width: int
    height: int
    aspect: Fraction
    orientation: Orientation

    @property
    def upright(self) -> tuple[int, int]:
        """Return (width, height) upright."""
        size = self.width, self.height
        return size[::-1] if self.orientation.transpose else size

    @property
    def upright_aspect(self) -> Fraction:
        """Return the width of a pixel over its height, upright."""
        return 1 / self.aspect if self.orientation.transpose else self.aspect

    def __str__(self) -> str:
        size = "x".join(map(str, self.upright))
        pixels = self.upright_aspect.as_integer_ratio()
        return size if pixels == (1, 1) else f"{size} with pixels {pixels[0]}:{pixels[1]}"


class Conform:
    """Turns decoded frames into frames; frames that need no change pass untouched.

    Frames of another shape than the first one are fitted into it, never stretched: with bars
    around them, which are transparent, or cropped.

    Args:
        first: the stream's first decoded frame, which all later ones are made to match.
        size: what to scale to, as seen upright; None keeps the first frame's size.
        aspect: width of the first frame's pixels over their height.
        colour: what untagged frames are taken for; None goes by the first frame.
        cover: crop frames of another shape instead of leaving bars.
    """

    def __init__(
        self,
        first: av.VideoFrame,
        size: Size | None,
        aspect: Fraction = Fraction(1),
        *,
        colour: Colour | None = None,
        cover: bool = False,
    ) -> None:
        self._converters: dict[tuple[str, int], Converter] = {}
        self._turns, self._cover = Orientations(), cover
        self._shape = self._shape_of(first, aspect)
        self._pixel_format = working_format(first.format.name)
        if self._shape.orientation.transpose:
            self._pixel_format = TURNABLE.get(self._pixel_format, self._pixel_format)
        self._colour = _colour_of(first, colour)
        self._width, self._height = self._lying_size(first, size)
        self._stretch = Fraction(first.width * self._height, first.height * self._width)
        self._format = first.format.name
        self._other: tuple[Shape, str, Conform] | None = None
        self._shapes: dict[str, None] = {}
        self._formats: dict[str, None] = {}

    def __call__(self, decoded: av.VideoFrame, aspect: Fraction | None = None) -> Frame:
        """Return ``decoded`` as a frame, its own alpha apart from its colour.

        Args:
            decoded: the next frame.
            aspect: width of its pixels over their height; None is the first frame's.
        """
        shape = self._shape_of(decoded, self._shape.aspect if aspect is None else aspect)
        if decoded.format.name != self._format:
            self._formats[decoded.format.name] = None
        return self._alike(decoded) if shape == self._shape else self._fitted(decoded, shape)

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of the frames made."""
        size = self._width, self._height
        return size[::-1] if self._shape.orientation.transpose else size

    @property
    def aspect(self) -> Fraction:
        """The sample aspect ratio upright, so that a stretched frame looks as before."""
        lying = self._shape.aspect * self._stretch
        if abs(self._stretch - 1) < _SQUARE_ENOUGH:
            lying = self._shape.aspect
        return 1 / lying if self._shape.orientation.transpose else lying

    @property
    def notes(self) -> list[str]:
        """How the frames change within the stream, in words, if they do."""
        told = []
        if self._shapes:
            size = "{}x{}".format(*self.size)
            how = "cropped" if self._cover else "with bars where their aspect differs"
            told.append(
                f"the frames' shape changes ({_some(self._shapes)}): fitted into {size}, {how}"
            )
        if self._formats:
            told.append(
                f"the frames' pixel format changes ({_some(self._formats)}): "
                f"all are made {self._pixel_format}"
            )
        return told

    def _shape_of(self, decoded: av.VideoFrame, aspect: Fraction) -> Shape:
        return Shape(decoded.width, decoded.height, aspect, self._turns(decoded))

    def _alike(self, decoded: av.VideoFrame) -> Frame:
        if not has_alpha(decoded.format.name):
            return Frame(source=self._upright(self._scaled(decoded, self._pixel_format)))
        colour, opacity = self._split(self._upright(self._scaled(decoded, self._twin)))
        return Frame(source=colour, opacity=opacity)

    def _fitted(self, decoded: av.VideoFrame, shape: Shape) -> Frame:
        """Return a frame of another shape: by itself first, then in the stream's."""
        self._shapes[str(shape)] = None
        frame = self._by_itself(decoded, shape)
        box, seen = Placement(0, 0, *self.size), Fraction(*self.size) * self.aspect
        if self._cover:
            frame = middle(frame, Placement.contained(*shape.upright, seen / shape.upright_aspect))
        else:
            shown = Fraction(*shape.upright) * shape.upright_aspect
            box = Placement.contained(*self.size, shown / self.aspect)
        was = frame.source.format.name
        opacity = scaled_opacity(frame.opacity, box.size, was, self._pixel_format)
        made = self._made(frame.source, box.size, self._pixel_format)
        return boxed(Frame(source=made, opacity=opacity), box, self.size)

    def _by_itself(self, decoded: av.VideoFrame, shape: Shape) -> Frame:
        name = decoded.format.name
        if self._other is None or self._other[:2] != (shape, name):
            self._other = shape, name, Conform(decoded, None, shape.aspect, colour=self._colour)
        return self._other[2]._alike(decoded)

    @property
    def _twin(self) -> str:
        return ALPHA_TWIN[self._pixel_format]

    def _lying_size(self, first: av.VideoFrame, size: Size | None) -> tuple[int, int]:
        lying = (first.width, first.height)
        if size is None:
            return lying
        if self._shape.orientation.transpose:
            height, width = size.of(first.height, first.width)
            return width, height
        return size.of(*lying)

    def _scaled(self, decoded: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
        same_size = (decoded.width, decoded.height) == (self._width, self._height)
        if not same_size or not self._has_same_codes(decoded):
            return self._made(decoded, (self._width, self._height), pixel_format)
        if decoded.format.name == pixel_format:
            return decoded
        if decoded.format.name.replace("yuvj", "yuv") == pixel_format:
            # The same codes, in the format that names their range apart.
            return self._colour.apply(copy_planes(decoded, blank_like(decoded, pixel_format)))
        return self._made(decoded, (self._width, self._height), pixel_format)

    def _has_same_codes(self, decoded: av.VideoFrame) -> bool:
        """Whether a frame's code values mean what those of the first frame do."""
        own, height = _colour_of(decoded, self._colour), decoded.height
        alike = own.known_matrix(height) == self._colour.known_matrix(height)
        return alike and own.full_range == self._colour.full_range

    def _made(
        self, frame: av.VideoFrame, size: tuple[int, int], pixel_format: str
    ) -> av.VideoFrame:
        """Return a frame scaled and converted to the stream's colour."""
        own, wanted = _colour_of(frame, self._colour), self._colour
        if own.full_range != wanted.full_range:
            own, wanted = _with_range(own), _with_range(wanted)
        wanted = wanted.resolved(self._shape.height)
        return self._colour.apply(self._converted(frame, size, pixel_format, own, wanted))

    def _converted(
        self,
        frame: av.VideoFrame,
        size: tuple[int, int],
        pixel_format: str,
        own: Colour,
        wanted: Colour,
    ) -> av.VideoFrame:
        name = frame.format.name
        convert = self._converters.setdefault(
            (pixel_format, wanted.range), Converter(pixel_format, wanted)
        )
        try:
            if name in _DANGEROUS:
                raise av.error.OSError(errno.EOPNOTSUPP, "would crash")
            return convert(frame, size, own)
        except av.error.OSError as error:
            raise SourceError(f"frames in the pixel format {name} cannot be converted") from error

    def _upright(self, decoded: av.VideoFrame) -> av.VideoFrame:
        turn = self._shape.orientation
        return turn.apply(decoded) if turn else decoded

    def _split(self, whole: av.VideoFrame) -> tuple[av.VideoFrame, Plane | None]:
        """Return colour alone, and the alpha plane or None where all of it is opaque."""
        colour = copy_planes(whole, blank_like(whole, self._pixel_format))
        alpha = planes(whole)[-1]
        return colour, None if (alpha == peak(self._twin)).all() else alpha


def _colour_of(frame: av.VideoFrame, untagged: Colour | None = None) -> Colour:
    """Return the tags of a frame; grey frames are full range whatever they say.

    Args:
        frame: as decoded.
        untagged: what is taken where it has none.
    """
    own = Colour.of(frame)
    if frame.format.name.startswith("gray"):
        own = replace(own, range=Range.FULL)
    if untagged is None:
        return own
    told = own.matrix not in (Matrix.RGB, Matrix.UNSPECIFIED)
    return replace(
        own,
        matrix=own.matrix if told else untagged.matrix,
        range=own.range or untagged.range,
    )


def _with_range(colour: Colour) -> Colour:
    return replace(colour, range=Range.FULL if colour.full_range else Range.LIMITED)


def _some(names: dict[str, None]) -> str:
    """Return the first few of some names."""
    first = list(names)[:_MOST_TOLD]
    more = len(names) - len(first)
    return ", ".join([*first, f"{more} more"] if more else first)
