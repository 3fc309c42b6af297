"""What travels through the pipeline: pictures as decoded, their mattes, and what the stream is.

Pictures stay in the pixel format they were decoded in (or the nearest planar
one, see :data:`WORKING_FORMATS`), so that colour reaches the encoder untouched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from av.codec.codec import find_best_pix_fmt_of_list
from numpy.typing import NDArray

from streamcut.core.errors import UsageError

Plane = NDArray[Any]
"""A view of one plane: uint8 for 8-bit formats, uint16 above; [height, width]."""

ALPHA_TWIN: Mapping[str, str] = {
    "yuv420p": "yuva420p",
    "yuv422p": "yuva422p",
    "yuv444p": "yuva444p",
    "yuv420p10le": "yuva420p10le",
    "yuv422p10le": "yuva422p10le",
    "yuv444p10le": "yuva444p10le",
    "yuv422p12le": "yuva422p12le",
    "yuv444p12le": "yuva444p12le",
    "gbrp": "gbrap",
    "gbrp10le": "gbrap10le",
    "gbrp12le": "gbrap12le",
    "gbrp16le": "gbrap16le",
}
"""Each planar colour format and the same format with an alpha plane added."""

WORKING_FORMATS: tuple[str, ...] = tuple(ALPHA_TWIN)
"""The pixel formats that stages see; every decoded picture is in one of them."""

RANGE_UNSPECIFIED, RANGE_LIMITED, RANGE_FULL = 0, 1, 2
MATRIX_RGB, MATRIX_BT709, MATRIX_UNSPECIFIED, MATRIX_BT601 = 0, 1, 2, 5
HD_HEIGHT = 720

SCALING_THREADS = 1
"""Threads of every scaling and conversion. FFmpeg's scaler writes up to 32 bytes past the end of
a row, which PyAV's pictures (rows aligned to 16 bytes) do not always leave room for: with more
threads, one may overwrite the first pixels of a row that another has finished."""


@dataclass(frozen=True, slots=True)
class Colour:
    """Colour tags as ITU-T H.273 numbers them (what FFmpeg stores); 2 means unspecified.

    ``range`` is 1 for limited ("TV", "MPEG"), 2 for full ("PC", "JPEG"), 0 if unspecified.
    """

    primaries: int = 2
    transfer: int = 2
    matrix: int = MATRIX_UNSPECIFIED
    range: int = RANGE_UNSPECIFIED

    @classmethod
    def of(cls, picture: av.VideoFrame) -> Colour:
        """Return the tags of a picture; the old ``yuvj`` formats mean full range."""
        full = picture.format.name.startswith("yuvj")
        return cls(
            int(picture.color_primaries),
            int(picture.color_trc),
            int(picture.colorspace),
            RANGE_FULL if full else int(picture.color_range),
        )

    def apply(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Write the tags onto ``picture`` and return it."""
        picture.color_primaries = self.primaries
        picture.color_trc = self.transfer
        picture.colorspace = self.matrix
        picture.color_range = self.range
        return picture

    @property
    def full_range(self) -> bool:
        """Whether code values span the whole depth, black at 0."""
        return self.range == RANGE_FULL

    def known_matrix(self, height: int) -> int:
        """Return the matrix, guessed by the picture's height as players do where it is untagged."""
        if self.matrix not in (MATRIX_RGB, MATRIX_UNSPECIFIED):
            return self.matrix
        return MATRIX_BT709 if height >= HD_HEIGHT else MATRIX_BT601


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a source knows about its pictures, as they will be delivered.

    Attributes:
        width: pixels, upright and after scaling.
        height: pixels, upright and after scaling.
        pixel_format: one of :data:`WORKING_FORMATS`.
        colour: colour tags of the pictures.
        time_base: unit of the presentation timestamps, seconds.
        rate: average frames per second; exact times are the frames' own.
        sample_aspect_ratio: width of a pixel over its height.
        duration: seconds, or None where nobody knows (live, no header).
        start: what is subtracted from the input's clock, seconds.
        end: where the job stops on the input's clock, seconds, or None.
        url: where the input can be opened again (for its sound), or None.
        metadata: title, artist and so on.
        chapters: as PyAV gives them.
        live: pictures arrive at their own pace and may be dropped.
    """

    width: int
    height: int
    pixel_format: str
    colour: Colour = field(default_factory=Colour)
    time_base: Fraction = Fraction(1, 90_000)
    rate: Fraction = Fraction(30)
    sample_aspect_ratio: Fraction = Fraction(1)
    duration: float | None = None
    start: Fraction = Fraction(0)
    end: Fraction | None = None
    url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    chapters: Sequence[Mapping[str, Any]] = ()
    live: bool = False

    @property
    def frames(self) -> int | None:
        """About how many pictures there will be, or None where nobody knows."""
        return None if self.duration is None else max(1, round(self.duration * float(self.rate)))


@dataclass(slots=True)
class Frame:
    """A picture with its matte: they travel together, so that a matte cannot lag.

    Attributes:
        picture: the decoded picture; its ``pts`` and ``time_base`` are the input's.
        opacity: the input's own alpha, like ``matte``, or None where it is opaque.
        small: what the network saw: RGB uint8 [h, w, 3] at its size.
        coarse: the network's matte, float32 [h, w] at the network's size, 0..1.
        foreground: the subject's colours without the background's where the network tells them,
            RGB float32 [h, w, 3] at the network's size, 0..1; None for most networks.
        screen: the colour of the screen behind the subject, RGB 0..255, where there is one.
        matte: the matte at the picture's size and depth: uint8 0..255, or uint16 up to
            2**bits - 1 for deeper pictures.
        front: the picture with the subject's own colours along its border, or None where they
            were not asked for.
        alpha: the matte as an encoded picture, where the output wants it beside the colour.
        filmed: the picture before it was composited, where a preview may show both.
        captured: when a live picture was taken (``time.monotonic``, seconds), else None.
    """

    picture: av.VideoFrame
    opacity: Plane | None = None
    small: NDArray[np.uint8] | None = None
    coarse: NDArray[np.float32] | None = None
    foreground: NDArray[np.float32] | None = None
    screen: tuple[float, float, float] | None = None
    matte: Plane | None = None
    front: av.VideoFrame | None = None
    alpha: bytes | None = None
    filmed: av.VideoFrame | None = None
    captured: float | None = None


@cache
def depth(pixel_format: str) -> int:
    """Return the bits of one component of a pixel format."""
    return int(av.VideoFormat(pixel_format).components[0].bits)


def peak(pixel_format: str) -> int:
    """Return the largest code value of a pixel format, which is also full opacity."""
    return int((1 << depth(pixel_format)) - 1)


def dtype(pixel_format: str) -> type[np.uint8] | type[np.uint16]:
    """Return the numpy type that holds one component."""
    return np.uint8 if depth(pixel_format) == 8 else np.uint16


def planes(picture: av.VideoFrame) -> list[Plane]:
    """Return writable views of a planar picture's planes, without a copy."""
    kind = np.dtype(dtype(picture.format.name))
    return [
        np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)[  # type: ignore[call-overload]
            : plane.height, : plane.width
        ]
        for plane in picture.planes
    ]


def blank_like(
    picture: av.VideoFrame, pixel_format: str, size: tuple[int, int] | None = None
) -> av.VideoFrame:
    """Return a new picture with the time and colour tags of ``picture``; its pixels are unset."""
    width, height = size or (picture.width, picture.height)
    made = Colour.of(picture).apply(av.VideoFrame(width, height, pixel_format))
    copy_time(picture, made)
    return made


def copy_time(source: av.VideoFrame, target: av.VideoFrame) -> None:
    """Copy presentation timestamp, its unit and the duration."""
    target.pts = source.pts
    if source.time_base is not None:
        target.time_base = source.time_base
    target.duration = source.duration


@cache
def working_format(pixel_format: str) -> str:
    """Return the working format that loses least of a decoded pixel format."""
    plain = pixel_format.replace("yuvj", "yuv")
    for opaque, with_alpha in ALPHA_TWIN.items():
        if plain in (opaque, with_alpha):
            return opaque
    if plain.startswith("gray"):
        return "yuv420p" if depth(plain) == 8 else "yuv420p10le"
    return nearest_format(plain, WORKING_FORMATS)


def nearest_format(pixel_format: str, offered: Sequence[str]) -> str:
    """Return the offered pixel format that loses least (depth, chroma, colour) of another."""
    if pixel_format in offered:
        return pixel_format
    best, _ = find_best_pix_fmt_of_list(list(offered), pixel_format, has_alpha=True)
    return best.name if best is not None else offered[0]


def known_format(pixel_format: str) -> str:
    """Return a pixel format's name if FFmpeg knows it.

    Raises:
        UsageError: if not.
    """
    try:
        return av.VideoFormat(pixel_format).name
    except ValueError as error:
        raise UsageError(
            f"FFmpeg knows no pixel format {pixel_format!r} (ffmpeg -pix_fmts lists them)"
        ) from error


@cache
def has_alpha(pixel_format: str) -> bool:
    """Whether a pixel format carries alpha (palettes may)."""
    layout = av.VideoFormat(pixel_format)
    return layout.has_palette or any(component.is_alpha for component in layout.components)
