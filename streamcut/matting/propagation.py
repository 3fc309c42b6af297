"""A keyframe's detail carried to the frames around it, along the frame's motion.

From every frame a trail leads back (or ahead) to a keyframe: flow chained from frame to frame.
What solving added to the keyframe's matte is followed along it and added to the frame's own
matte, as far as the trail can be believed: flow forwards and backwards must cancel out on every
step, and at its end the keyframe must look as the frame does, in colour and in the
network's matte. Where one of these fails the frame keeps its own matte, so that nothing is
dragged along.

To carry the solved matte itself, instead of its difference, measured worse: a small error of
the flow then blurs a border that the frame's own matte has in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.imaging.flow import Field, Flow, agreement, chained, enlarged, follow, left_frame
from streamcut.media.matte import Grid

Light = NDArray[np.uint8]
"""Brightness of what the network saw, [height, width]."""

# Differences of brightness (code values) and of the network's opacity up to which a keyframe
# counts as looking the same; at twice that it does not any more.
_SAME_LIGHT, _SAME_OPACITY = 13.0, 0.2


@dataclass(frozen=True, slots=True)
class Key:
    """A keyframe: what it looked like, and what solving it brought to light.

    Attributes:
        light: its brightness, at the network's size.
        coarse: the network's matte, at the same size.
        detail: the solved matte less the frame's own, on the grid, -1..1; None where there was
            nothing to solve.
    """

    light: Light
    coarse: Grid
    detail: Grid | None


@dataclass(frozen=True, slots=True)
class Step:
    """How two successive frames hang together.

    Attributes:
        back: from the later to the earlier.
        ahead: from the earlier to the later.
    """

    back: Field
    ahead: Field

    @classmethod
    def between(cls, flow: Flow, earlier: Light, later: Light) -> Step:
        """Return the step between two frames."""
        return cls(flow(later, earlier), flow(earlier, later))


@dataclass(frozen=True, slots=True)
class Trail:
    """The way from a frame to a keyframe.

    Attributes:
        field: where each pixel of the frame is in the keyframe.
        trust: how far that is believed, float32 [height, width], 0..1.
    """

    field: Field
    trust: Grid

    @classmethod
    def start(cls, shape: tuple[int, ...]) -> Trail:
        """Return the trail from a keyframe to itself."""
        return cls(np.zeros((*shape, 2), np.float32), np.ones(shape, np.float32))

    def extended(self, there: Field, back: Field) -> Trail:
        """Return the trail of the next frame, from which ``there`` leads to this one."""
        believed = agreement(there, back) * ~left_frame(there)
        return Trail(chained(there, self.field), np.minimum(believed, follow(self.trust, there)))


def evidence(trail: Trail, key: Key, light: Light, coarse: Grid) -> Grid:
    """Return how far a keyframe, seen along a trail, is what a frame shows, 0..1.

    Args:
        trail: from the frame to the keyframe.
        key: the keyframe.
        light: the frame's brightness.
        coarse: the network's matte of the frame.
    """
    if key.detail is None:
        return np.zeros_like(trail.trust)
    apart = cv2.absdiff(follow(key.light, trail.field), light)
    seen = _same(cv2.boxFilter(apart, cv2.CV_32F, (3, 3)), _SAME_LIGHT)
    matte = _same(np.abs(follow(key.coarse, trail.field) - coarse), _SAME_OPACITY)
    return np.asarray(trail.trust * seen * matte, np.float32)


def _same(apart: NDArray[Any], limit: float) -> Grid:
    return np.asarray(np.clip(2 - apart / np.float32(limit), 0, 1), np.float32)


@dataclass(frozen=True, slots=True)
class Share:
    """What one keyframe has to say about a frame.

    Attributes:
        key: the keyframe.
        field: from the frame to it.
        trust: how far to believe it, 0..1, at the network's size.
        weight: its nearness beside that of other keyframes, above 0.
    """

    key: Key
    field: Field
    trust: Grid
    weight: float


def carried(plain: Grid, shares: Sequence[Share]) -> Grid:
    """Return a frame's matte with the detail of the keyframes around it.

    Args:
        plain: the frame's own matte on the grid.
        shares: of one or two keyframes; what none is trusted about stays plain.
    """
    size = plain.shape[1], plain.shape[0]
    weights = [share.trust * np.float32(share.weight) for share in shares]
    total = sum(weights, np.float32(1e-6))
    strength = 1 - np.prod([1 - share.trust for share in shares], axis=0)
    made = plain.copy()
    for share, weight in zip(shares, weights, strict=True):
        if share.key.detail is not None:
            there = follow(share.key.detail, enlarged(share.field, size))
            made += cv2.resize(weight / total * strength, size) * there
    return made
