"""What travels through the pipeline: frames as decoded, their mattes, and what the stream is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

import av

from streamcut.media.bars import NONE, Bars
from streamcut.media.colour import Colour
from streamcut.media.hdr_metadata import NO_HDR, HdrMetadata
from streamcut.media.immersive import NOT_IMMERSIVE, Immersive
from streamcut.media.limits import STRICT, Limits
from streamcut.media.matte import RGB, Matte, Prediction
from streamcut.media.planes import Plane

if TYPE_CHECKING:
    from streamcut.imaging.border import Border, BorderColours
    from streamcut.imaging.resize import Halved


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a source knows about its frames, as they will be delivered.

    Attributes:
        width: pixels, upright and after scaling.
        height: pixels, upright and after scaling.
        pixel_format: one of :data:`~streamcut.media.pixel_formats.WORKING_FORMATS`.
        colour: colour tags of the frames.
        time_base: unit of the presentation timestamps, seconds.
        rate: average frames per second; exact times are the frames' own.
        sample_aspect_ratio: width of a pixel over its height.
        duration: seconds, or None where nobody knows (live, no header).
        start: what is subtracted from the input's clock, seconds.
        end: where the job stops on the input's clock, seconds, or None.
        url: where the input can be opened again (for its sound), or None.
        metadata: title, artist and so on.
        chapters: as PyAV gives them.
        live: frames arrive at their own pace and may be dropped.
        hdr: what HDR video says of itself beside its colours.
        immersive: whether its frames are stereo 3D or spherical.
        limits: within which the input was opened, and what else is read for it is, too.
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
    hdr: HdrMetadata = NO_HDR
    immersive: Immersive = NOT_IMMERSIVE
    limits: Limits = STRICT

    @property
    def frames(self) -> int | None:
        """About how many frames there will be, or None where nobody knows."""
        return None if self.duration is None else max(1, round(self.duration * float(self.rate)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame as it was decoded. Nothing along the way writes into it.

    Every stage that finds something out returns another frame that holds it beside all that was
    known before, so that a matte cannot lag and what a stage needs is seen in its types::

        Frame -> PredictedFrame -> MattedFrame -> CompositedFrame

    A stage that makes one of each says ``yield from map(make, frames)``: a loop's variable would
    hold the last frame, and all its planes, until the next one comes.

    Attributes:
        source: what was decoded, in a working format; its ``pts`` and ``time_base`` are the
            input's.
        opacity: the input's own alpha, as large and deep as ``source``, or None where it is
            opaque.
        captured: when a live frame was taken (``time.monotonic``, seconds), else None.
    """

    source: av.VideoFrame
    opacity: Plane | None = None
    captured: float | None = None

    def predicted(
        self, seen: RGB, prediction: Prediction, *, bars: Bars = NONE, cut: bool = False
    ) -> PredictedFrame:
        """Return the frame with what the network says, see :class:`PredictedFrame`."""
        return PredictedFrame(
            source=self.source,
            opacity=self.opacity,
            captured=self.captured,
            seen=seen,
            prediction=prediction,
            bars=bars,
            cut=cut,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedFrame(Frame):
    """A frame with what the network says about it.

    Attributes:
        seen: the frame at the scale at which the network saw it, RGB.
        prediction: the network's answer, as large as ``seen``.
        bars: around the image; the network does not see them.
        cut: whether a scene begins with this frame.
        halved: the planes of ``source``, where a stage looks at all of them made smaller, so that
            others can share that.
    """

    seen: RGB
    prediction: Prediction
    bars: Bars = NONE
    cut: bool = False
    halved: Sequence[Halved] | None = None

    def with_alpha(self, alpha: Matte) -> Self:
        """Return the frame with another matte at the network's size."""
        return replace(self, prediction=replace(self.prediction, alpha=alpha))

    def matted(self, matte: Plane, border: Border | None = None) -> MattedFrame:
        """Return the frame with its matte, see :class:`MattedFrame`."""
        return MattedFrame(
            source=self.source,
            opacity=self.opacity,
            captured=self.captured,
            seen=self.seen,
            prediction=self.prediction,
            bars=self.bars,
            cut=self.cut,
            halved=self.halved,
            matte=matte,
            colours=self.source,
            border=border,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MattedFrame(PredictedFrame):
    """A frame with a matte of its size.

    Attributes:
        matte: as large and deep as ``source``: uint8 0..255, or uint16 up to 2**bits - 1.
        colours: what ``subject`` is, or is made of when somebody asks.
        border: of this matte or of one before, where a stage has looked for it.
    """

    matte: Plane
    colours: av.VideoFrame | BorderColours
    border: Border | None = None

    @property
    def subject(self) -> av.VideoFrame:
        """The frame with the subject's own colours along its border.

        It is ``source`` where nothing had to be done.
        """
        colours = self.colours
        return colours if isinstance(colours, av.VideoFrame) else colours.written()

    def composited(self, output: av.VideoFrame) -> CompositedFrame:
        """Return the frame with what is made of it."""
        return CompositedFrame(
            output=output, captured=self.captured, source=self.source, matte=self.matte
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFrame:
    """What sinks take: a frame's output without what it was made of.

    Attributes:
        output: what is shown or encoded; it may be what was decoded.
        alpha: the matte as an encoded frame, where the output wants it beside the colour.
        captured: when a live frame was taken (``time.monotonic``, seconds), else None.
    """

    output: av.VideoFrame
    alpha: bytes | None = None
    captured: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositedFrame(OutputFrame):
    """What was made of a frame, and what of, for a preview or for an encoder of mattes.

    Attributes:
        source: as :class:`Frame` has it.
        matte: as :class:`MattedFrame` has it.
    """

    source: av.VideoFrame
    matte: Plane
