"""Constant bars around a frame, which are no part of it."""

from __future__ import annotations

from dataclasses import dataclass

from streamcut.media.planes import Plane


@dataclass(frozen=True, slots=True)
class Bars:
    """The widths of the bars at each side of a frame, pixels."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __bool__(self) -> bool:
        return bool(self.top or self.bottom or self.left or self.right)

    @property
    def sides(self) -> tuple[int, int, int, int]:
        """Top, bottom, left, right."""
        return self.top, self.bottom, self.left, self.right

    def inside(self, height: int, width: int) -> tuple[slice, slice]:
        """Return the rows and columns between the bars."""
        return slice(self.top, height - self.bottom), slice(self.left, width - self.right)

    def joined(self, other: Bars) -> Bars:
        """Return bars as wide as the wider of both at each side."""
        return Bars(*map(max, self.sides, other.sides))

    def clear(self, plane: Plane) -> None:
        """Set a plane to 0 where the bars are."""
        height, width = plane.shape
        plane[: self.top] = 0
        plane[height - self.bottom :] = 0
        plane[:, : self.left] = 0
        plane[:, width - self.right :] = 0


NONE = Bars()
