"""What happens in the clips with exact mattes: who is where, and how the camera films it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RATE = 30
"""Frames per second of every clip."""


@dataclass(frozen=True)
class Part:
    """What one person does in a shot.

    Attributes:
        person: which one, by number.
        height: of the whole body, in heights of the frame.
        columns: (time, position) pairs, both 0..1 across the shot and the frame.
        top: where the head begins, in heights of the frame.
        strands: how many strands of hair are drawn.
        length: their mean length, in heights of the head.
        sway: how far the person sways and bends, in heights of the frame.
        limb: degrees that a limb swings to either side, or 0 for none.
    """

    person: int
    height: float = 1.7
    columns: Sequence[tuple[float, float]] = ((0.0, 0.5),)
    top: float = 0.12
    strands: int = 260
    length: float = 0.1
    sway: float = 0.006
    limb: float = 0.0


@dataclass(frozen=True)
class Shot:
    """People before a place, filmed without a cut."""

    parts: Sequence[Part]
    place: int
    drift: float = 0.0
    shake: float = 0.0


@dataclass(frozen=True)
class Scene:
    """A clip: one or more shots, and the camera that films them.

    Attributes:
        name: what the clip is there for.
        shots: equally long, one after the other.
        stops: how far the exposure swings.
        gain: light on everything.
        noise: standard deviation of the camera's noise, of 255.
        crf: x264's rate factor.
        moments: how many moments are averaged into a frame.
    """

    name: str
    shots: Sequence[Shot]
    stops: float = 0.0
    gain: float = 1.0
    noise: float = 1.5
    crf: int = 18
    moments: int = 1


SCENES: Sequence[Scene] = (
    Scene("still-subject", (Shot((Part(94, sway=0.002),), 80),)),
    Scene("talking", (Shot((Part(12, height=2.6, sway=0.012),), 10, drift=0.1),), moments=2),
    Scene("fast-limbs", (Shot((Part(59, height=1.3, limb=35.0),), 170),), moments=12),
    Scene("hair", (Shot((Part(58, height=2.6, strands=800, length=0.16),), 30, drift=0.3),)),
    Scene(
        "hair-shake",
        (Shot((Part(62, height=2.3, strands=600, length=0.13),), 60, drift=0.4, shake=0.8),),
        moments=3,
    ),
    Scene(
        "enter-leave",
        (
            Shot(
                (Part(2, height=1.2, columns=((0.12, -0.3), (0.4, 0.5), (0.6, 0.5), (0.88, 1.3))),),
                45,
            ),
        ),
        moments=4,
    ),
    Scene(
        "cut",
        (
            Shot((Part(73, columns=((0.0, 0.4),)),), 20, drift=0.2),
            Shot((Part(85, height=2.4, columns=((0.0, 0.6),), strands=500),), 175),
            Shot((Part(73, height=1.1, columns=((0.0, 0.55),)),), 20),
        ),
    ),
    Scene("exposure", (Shot((Part(31),), 75, drift=0.2),), stops=0.9),
    Scene("shake", (Shot((Part(46, height=1.4),), 40, shake=2.2),), moments=4),
    Scene(
        "two-people",
        (
            Shot(
                (
                    Part(95, height=1.3, columns=((0.0, 0.35), (1.0, 0.6))),
                    Part(16, height=1.5, columns=((0.0, 0.75), (1.0, 0.4))),
                ),
                160,
                drift=0.2,
            ),
        ),
        moments=2,
    ),
    Scene("low-light", (Shot((Part(97, sway=0.01),), 85, drift=0.3),), gain=0.28, noise=7.0),
    Scene("compressed", (Shot((Part(75, height=1.5, sway=0.012),), 25, drift=0.6),), crf=34),
)
"""The set. Numbers of people and places are those of the CCP and Poly Haven data held out."""
