"""The size that a user asks for, and what it means for a given frame."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from streamcut.core.errors import UsageError

_MOST_PIXELS = 2**27
_MOST_SIDE = 16384
_PIXELS = re.compile(r"(\d{0,9})[xX](\d{0,9})")
_HEIGHT = re.compile(r"(\d{1,9})p")
_PERCENT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)%")


@dataclass(frozen=True, slots=True)
class Size:
    """A wanted size: both sides, one of them (the other follows), or a factor."""

    width: int | None = None
    height: int | None = None
    factor: Fraction | None = None

    @classmethod
    def parse(cls, text: str) -> Size:
        """Read ``1280x720``, ``1280x``, ``x720``, ``720p`` or ``50%``.

        Raises:
            UsageError: if it is none of these, or empty in both sides.
        """
        if match := _HEIGHT.fullmatch(text):
            return cls(height=_side(match[1], text))
        if match := _PERCENT.fullmatch(text):
            if Fraction(match[1]) > 0:
                return cls(factor=Fraction(match[1]) / 100)
        elif (match := _PIXELS.fullmatch(text)) and (match[1] or match[2]):
            width, height = (_side(side, text) if side else None for side in match.groups())
            return cls(width, height)
        raise UsageError(f"{text!r} is not a size: write 1280x720, 1280x, x720, 720p or 50%")

    def of(self, width: int, height: int) -> tuple[int, int]:
        """Return what a frame of ``width`` x ``height`` pixels is scaled to; never under 1.

        Raises:
            UsageError: if that is more than FFmpeg can hold.
        """
        if self.factor is not None:
            wanted = width * self.factor, height * self.factor
        elif self.width and self.height:
            wanted = Fraction(self.width), Fraction(self.height)
        elif self.width:
            wanted = Fraction(self.width), Fraction(height * self.width, width)
        else:
            tall = self.height or height
            wanted = Fraction(width * tall, height), Fraction(tall)
        across, down = max(1, round(wanted[0])), max(1, round(wanted[1]))
        if max(across, down) > _MOST_SIDE or across * down > _MOST_PIXELS:
            raise UsageError(f"{across}x{down} is too large")
        return across, down


def _side(digits: str, text: str) -> int:
    side = int(digits)
    if not 1 <= side <= _MOST_SIDE:
        raise UsageError(f"{text!r} is not a size: each side is 1 to {_MOST_SIDE} pixels")
    return side
