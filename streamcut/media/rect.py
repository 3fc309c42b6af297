"""A part of a frame, in shares of its sides."""

from __future__ import annotations

from typing import NamedTuple


class Rect(NamedTuple):
    """A rectangle in a frame: 0 is its left and upper side, 1 its right and lower one."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Share of the frame's width."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Share of the frame's height."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Share of the frame's area."""
        return self.width * self.height

    def inside(self, height: int, width: int) -> tuple[slice, slice]:
        """Return the rows and columns of a frame, at least one of each."""
        top, left = round(self.top * height), round(self.left * width)
        bottom, right = round(self.bottom * height), round(self.right * width)
        return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))

    def snapped(self, height: int, width: int) -> Rect:
        """Return it with its sides between the rows and columns of a frame."""
        rows, columns = self.inside(height, width)
        return Rect(
            columns.start / width, rows.start / height, columns.stop / width, rows.stop / height
        )

    def seen_from(self, other: Rect) -> Rect:
        """Return it in shares of another box of the same frame; it may reach outside of that."""
        return Rect(
            (self.left - other.left) / other.width,
            (self.top - other.top) / other.height,
            (self.right - other.left) / other.width,
            (self.bottom - other.top) / other.height,
        )

    def of(self, other: Rect) -> Rect:
        """Return it, which is in shares of another box, in shares of the frame."""
        return Rect(
            other.left + self.left * other.width,
            other.top + self.top * other.height,
            other.left + self.right * other.width,
            other.top + self.bottom * other.height,
        )

    def holds(self, other: Rect, slack: float = 0.0) -> bool:
        """Whether another box lies in it, or reaches out by no more than ``slack``."""
        return (
            self.left - slack <= other.left
            and self.top - slack <= other.top
            and self.right + slack >= other.right
            and self.bottom + slack >= other.bottom
        )

    def mirrored(self) -> Rect:
        """Return it where left and right are exchanged."""
        return Rect(1 - self.right, self.top, 1 - self.left, self.bottom)


WHOLE = Rect(0, 0, 1, 1)
