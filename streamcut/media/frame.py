"""What travels through the pipeline: frames as decoded, their mattes, and what the stream is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from streamcut.media.bars import NONE, Bars
from streamcut.media.colour import Colour
from streamcut.media.planes import Plane


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a source knows about its pictures, as they will be delivered.

    Attributes:
        width: pixels, upright and after scaling.
        height: pixels, upright and after scaling.
        pixel_format: one of :data:`~streamcut.media.pixel_formats.WORKING_FORMATS`.
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
        bars: around the picture; the network does not see them.
        small: the whole picture at the scale at which the network saw it, RGB uint8 [h, w, 3].
        coarse: the network's matte, float32 [h, w] at that size, 0..1.
        foreground: the subject's colours without the background's where the network tells them,
            RGB float32 [h, w, 3] at that size, 0..1; None for most networks.
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
    bars: Bars = NONE
    small: NDArray[np.uint8] | None = None
    coarse: NDArray[np.float32] | None = None
    foreground: NDArray[np.float32] | None = None
    screen: tuple[float, float, float] | None = None
    matte: Plane | None = None
    front: av.VideoFrame | None = None
    alpha: bytes | None = None
    filmed: av.VideoFrame | None = None
    captured: float | None = None
