"""Where the subject of a video is: prompts that follow it from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.imaging.flow import Flow, grey
from streamcut.sessions.base import RGB

Points = NDArray[np.float32]
"""[count, 2], x and y in pixels."""

INSIDE, TOP_LEFT, BOTTOM_RIGHT = 1, 2, 3
"""What Segment Anything's labels mean."""

_MARGIN = 0.04  # Of the box's sides, for limbs that move out of it until the next frame.
_FLOW_SIDE = 256


@dataclass(frozen=True, slots=True)
class TrackedSubject:
    """Where the subject is: a point inside it, the box around it, or both; in pixels.

    Attributes:
        point: (x, y), or None.
        box: (left, top, right, bottom), or None.
    """

    point: tuple[float, float] | None
    box: tuple[float, float, float, float] | None = None

    @classmethod
    def at(cls, prompt: Sequence[float], width: int, height: int) -> TrackedSubject:
        """Return a point or a box, given in fractions of a frame, in its pixels."""
        pixels = [share * side for share, side in zip(prompt, (width, height) * 2, strict=False)]
        if len(pixels) == 2:
            return cls((pixels[0], pixels[1]))
        return cls(None, (pixels[0], pixels[1], pixels[2], pixels[3]))

    @classmethod
    def around(cls, mask: NDArray[np.uint8]) -> TrackedSubject:
        """Return the box around a mask, and the point deepest inside it."""
        x, y, width, height = cv2.boundingRect(mask)
        depths = cv2.distanceTransform(cv2.copyMakeBorder(mask, 1, 1, 1, 1, 0), cv2.DIST_L2, 3)
        row, column = np.unravel_index(int(np.argmax(depths)), depths.shape)
        across, down = _MARGIN * width, _MARGIN * height
        box = (
            max(0.0, x - across),
            max(0.0, y - down),
            min(mask.shape[1] - 1.0, x + width + across),
            min(mask.shape[0] - 1.0, y + height + down),
        )
        return cls((float(column - 1), float(row - 1)), box)

    def points(self) -> tuple[Points, list[int]]:
        """Return it as the decoder takes it: points and what each of them is."""
        marks = [(INSIDE, self.point)] if self.point else []
        if self.box:
            marks += [(TOP_LEFT, self.box[:2]), (BOTTOM_RIGHT, self.box[2:])]
        return np.array([at for _, at in marks], np.float32), [label for label, _ in marks]

    def moved(self, x: float, y: float) -> TrackedSubject:
        """Return it elsewhere."""
        point = self.point and (self.point[0] + x, self.point[1] + y)
        box = self.box
        return TrackedSubject(point, box and (box[0] + x, box[1] + y, box[2] + x, box[3] + y))


def part_at(mask: NDArray[np.bool_], target: TrackedSubject) -> NDArray[np.uint8]:
    """Return the connected part of a mask at the target's point, else its largest one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask.astype(np.uint8)
    chosen = 0
    if target.point is not None:
        column, row = np.clip(target.point, 0, (mask.shape[1] - 1, mask.shape[0] - 1)).astype(int)
        chosen = int(labels[row, column])
    chosen = chosen or 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == chosen, np.uint8)


def motion(before: RGB, after: RGB, mask: NDArray[np.uint8]) -> tuple[float, float]:
    """Return how far what a mask shows has moved, x and y in pixels: the median of its flow."""
    factor = min(1.0, _FLOW_SIDE / max(mask.shape))
    size = (max(1, round(mask.shape[1] * factor)), max(1, round(mask.shape[0] * factor)))

    def shrunk(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))

    inside = Flow()(shrunk(grey(before)), shrunk(grey(after)))[shrunk(mask) > 0]
    if not len(inside):
        return 0.0, 0.0
    x, y = np.median(inside, axis=0)
    return float(x) * mask.shape[1] / size[0], float(y) * mask.shape[0] / size[1]
