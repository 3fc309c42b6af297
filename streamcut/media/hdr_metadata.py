"""What HDR video says of itself beside its colours: HDR10's metadata, and dynamic ones."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
from av.sidedata.sidedata import Type

from streamcut.media.side_data import bytes_of

_DYNAMIC = {
    Type.DYNAMIC_HDR_PLUS: "HDR10+",
    Type.DOVI_RPU_BUFFER: "Dolby Vision",
    Type.DOVI_METADATA: "Dolby Vision",
    Type.DYNAMIC_HDR_VIVID: "HDR Vivid",
}
# FFmpeg's AVMasteringDisplayMetadata: ten fractions, and whether primaries and luminance are known.
_DISPLAY = struct.Struct("=22i")
_LIGHT = struct.Struct("=2I")


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """The display that a video was graded on (SMPTE ST 2086).

    Attributes:
        primaries: x and y of red, green, blue and white.
        luminance: the least and the most, cd/m2.
    """

    primaries: tuple[Fraction, ...]
    luminance: tuple[Fraction, Fraction]

    @classmethod
    def parsed(cls, data: bytes) -> MasteringDisplay | None:
        """Return what FFmpeg's structure says; None where it does not say all."""
        if len(data) < _DISPLAY.size:
            return None
        *numbers, has_primaries, has_luminance = _DISPLAY.unpack(data[: _DISPLAY.size])
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        if not (has_primaries and has_luminance and all(lower > 0 for _, lower in pairs)):
            return None
        *primaries, least, most = (Fraction(*pair) for pair in pairs)
        return cls(tuple(primaries), (least, most))


@dataclass(frozen=True, slots=True)
class HdrMetadata:
    """What is known of a stream; empty for most.

    Attributes:
        display: the mastering display, or None.
        light: maximum content light level and maximum frame-average light level (CTA-861.3),
            cd/m2, or None.
        dynamic: names of metadata that change from frame to frame.
    """

    display: MasteringDisplay | None = None
    light: tuple[int, int] | None = None
    dynamic: tuple[str, ...] = ()

    @classmethod
    def of(cls, frame: av.VideoFrame) -> HdrMetadata:
        """Return what a decoded frame says."""
        found = bytes_of(frame)
        display, light = (
            found.get(kind, b"")
            for kind in (Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL)
        )
        return cls(
            MasteringDisplay.parsed(display),
            cast(tuple[int, int], _LIGHT.unpack(light)) if len(light) == _LIGHT.size else None,
            tuple(dict.fromkeys(name for kind, name in _DYNAMIC.items() if kind in found)),
        )

    @property
    def static(self) -> bool:
        """Whether there is any of HDR10's metadata."""
        return self.display is not None or self.light is not None

    @property
    def notes(self) -> list[str]:
        """Say what no output keeps: it is made for the frames as they were."""
        return [f"the input's {name} metadata is not kept" for name in self.dynamic]


NO_HDR = HdrMetadata()
"""Of a stream that says nothing."""
