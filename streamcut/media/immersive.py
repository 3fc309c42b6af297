"""Stereo 3D and spherical video: how a frame's two views lie in it, and what it is projected on."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import av
from av.sidedata.sidedata import Type

from streamcut.media.side_data import bytes_of

# The beginnings of FFmpeg's AVStereo3D (arrangement, flags) and AVSphericalMapping (projection;
# yaw, pitch and roll in 16.16 fixed point degrees; the bounds; the padding).
_STEREO = struct.Struct("=2i")
_SPHERICAL = struct.Struct("=4i5I")
_INVERTED = 1


class Arrangement(IntEnum):
    """How two views lie in a frame, as FFmpeg numbers it (``AVStereo3DType``)."""

    FLAT = 0
    SIDE_BY_SIDE = 1
    TOP_AND_BOTTOM = 2
    FRAME_BY_FRAME = 3
    CHECKERBOARD = 4
    SIDE_BY_SIDE_QUINCUNX = 5
    LINES = 6
    COLUMNS = 7
    UNSPECIFIED = 8


class Projection(IntEnum):
    """What a frame is projected on, as FFmpeg numbers it (``AVSphericalProjection``)."""

    EQUIRECTANGULAR = 0
    CUBEMAP = 1
    EQUIRECTANGULAR_TILE = 2
    HALF_EQUIRECTANGULAR = 3
    RECTILINEAR = 4
    FISHEYE = 5
    PARAMETRIC_IMMERSIVE = 6


@dataclass(frozen=True, slots=True)
class Spherical:
    """How a frame lies on a sphere.

    Attributes:
        projection: one of :class:`Projection`, or a number that is not named there.
        pose: yaw, pitch and roll, degrees.
        bounds: of a tile, what is missing on the left, top, right and bottom, in 2^-32 of a side.
        padding: of a cubemap, pixels around each face.
    """

    projection: int
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bounds: tuple[int, int, int, int] = (0, 0, 0, 0)
    padding: int = 0


@dataclass(frozen=True, slots=True)
class Immersive:
    """What is known of a stream; nothing for most.

    Attributes:
        arrangement: one of :class:`Arrangement`, or a number that is not named there.
        inverted: whether the right eye's view comes first.
        spherical: how a frame lies on a sphere, or None.
    """

    arrangement: int = Arrangement.FLAT
    inverted: bool = False
    spherical: Spherical | None = None

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Immersive:
        """Return what a decoded frame says."""
        found: Mapping[Type, bytes] = bytes_of(frame)
        stereo, sphere = found.get(Type.STEREO3D, b""), found.get(Type.SPHERICAL, b"")
        arrangement, flags = Arrangement.FLAT, 0
        if len(stereo) >= _STEREO.size:
            arrangement, flags = _STEREO.unpack_from(stereo)
        return cls(arrangement, bool(flags & _INVERTED), _spherical(sphere))

    @property
    def stereo(self) -> str:
        """How the views lie, in words; nothing where there is one."""
        if self.arrangement == Arrangement.FLAT:
            return ""
        return f"stereo 3D ({_words(Arrangement, self.arrangement)})"

    @property
    def sphere(self) -> str:
        """What it is projected on, in words; nothing where it is flat."""
        if self.spherical is None:
            return ""
        return f"spherical ({_words(Projection, self.spherical.projection)})"


def _spherical(data: bytes) -> Spherical | None:
    if len(data) < _SPHERICAL.size:
        return None
    projection, yaw, pitch, roll, *bounds, padding = _SPHERICAL.unpack_from(data)
    pose = (yaw / 65536, pitch / 65536, roll / 65536)
    left, top, right, bottom = bounds
    return Spherical(projection, pose, (left, top, right, bottom), padding)


def _words(kind: type[IntEnum], number: int) -> str:
    try:
        return kind(number).name.lower().replace("_", " ")
    except ValueError:
        return str(number)


NOT_IMMERSIVE = Immersive()
"""Of a stream that says nothing."""
