"""Colour tags, named as ITU-T H.273 numbers them, which is what FFmpeg stores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import av

HD_HEIGHT = 720
"""From this height on, untagged video is taken for BT.709, below for BT.601, as players do."""


class Primaries(IntEnum):
    """Which red, green, blue and white a colour is made of (``color_primaries``)."""

    BT709 = 1
    UNSPECIFIED = 2
    BT470M = 4
    BT470BG = 5
    SMPTE170M = 6
    SMPTE240M = 7
    FILM = 8
    BT2020 = 9
    XYZ = 10
    DCI_P3 = 11
    DISPLAY_P3 = 12
    EBU3213 = 22


class Transfer(IntEnum):
    """How light becomes code values (``color_trc``)."""

    BT709 = 1
    UNSPECIFIED = 2
    GAMMA22 = 4
    GAMMA28 = 5
    SMPTE170M = 6
    SMPTE240M = 7
    LINEAR = 8
    SRGB = 13
    BT2020_10 = 14
    BT2020_12 = 15
    PQ = 16
    HLG = 18


class Matrix(IntEnum):
    """How RGB becomes luma and colour differences (``colorspace``)."""

    RGB = 0
    BT709 = 1
    UNSPECIFIED = 2
    FCC = 4
    BT601 = 5
    SMPTE170M = 6
    SMPTE240M = 7
    YCGCO = 8
    BT2020 = 9
    BT2020_CONSTANT = 10
    ICTCP = 14


class Range(IntEnum):
    """Which code values are used (``color_range``): limited is "TV" or "MPEG", full is "PC"."""

    UNSPECIFIED = 0
    LIMITED = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class Colour:
    """Colour tags as FFmpeg stores them; a file may hold numbers that are not named here.

    Attributes:
        primaries: which red, green and blue: one of :class:`Primaries`.
        transfer: how light becomes code values: one of :class:`Transfer`.
        matrix: how RGB becomes Y'CbCr: one of :class:`Matrix`.
        range: which code values are used: one of :class:`Range`.
    """

    primaries: int = Primaries.UNSPECIFIED
    transfer: int = Transfer.UNSPECIFIED
    matrix: int = Matrix.UNSPECIFIED
    range: int = Range.UNSPECIFIED

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Colour:
        """Return the tags of a frame; the old ``yuvj`` formats mean full range."""
        full = frame.format.name.startswith("yuvj")
        return cls(
            int(frame.color_primaries),
            int(frame.color_trc),
            int(frame.colorspace),
            Range.FULL if full else int(frame.color_range),
        )

    def apply(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Write the tags onto ``frame`` and return it."""
        frame.color_primaries = self.primaries
        frame.color_trc = self.transfer
        frame.colorspace = self.matrix
        frame.color_range = self.range
        return frame

    @property
    def full_range(self) -> bool:
        """Whether code values span the whole depth, black at 0."""
        return self.range == Range.FULL

    def resolved(self, height: int) -> Colour:
        """Return the colour with its matrix guessed, where it is untagged, by a height."""
        return replace(self, matrix=self.known_matrix(height))

    def known_matrix(self, height: int) -> int:
        """Return the matrix, guessed by the frame's height as players do where it is untagged."""
        if self.matrix not in (Matrix.RGB, Matrix.UNSPECIFIED):
            return self.matrix
        return Matrix.BT709 if height >= HD_HEIGHT else Matrix.BT601
