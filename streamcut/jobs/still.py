"""A still through the chain that videos take: decoded, looked at for longer, written."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from streamcut.compositing.looks import ALPHA_LOOKS
from streamcut.core.config import Settings
from streamcut.core.errors import ModelError, StreamcutError, UsageError
from streamcut.imaging.letterbox import find_bars
from streamcut.jobs.report import NOBODY
from streamcut.jobs.request import limits_of, look_of, session_of, size_of
from streamcut.jobs.stages import (
    Appearance,
    Sighting,
    composited,
    one_thread_per_frame,
    steadied,
    steadying_of,
)
from streamcut.matting.network import able
from streamcut.matting.views import seen
from streamcut.media.bars import NONE
from streamcut.media.colour import Colour, Matrix, Primaries, Range, Transfer
from streamcut.media.convert import Converter
from streamcut.media.frame import CompositedFrame, Frame, PredictedFrame, StreamInfo
from streamcut.media.matte import RGB, Prediction
from streamcut.media.planes import planes
from streamcut.media.still import Still
from streamcut.media.stills import in_srgb, read_still
from streamcut.sessions import BaseSession, place_of
from streamcut.sinks.file.stills import still_format, write_still

Pixels = NDArray[np.uint8]

_SRGB = Colour(Primaries.BT709, Transfer.SRGB, Matrix.RGB, Range.FULL)

_VISIBLE = 8
"""Opacity, of 255, from which on a pixel counts as part of the subject."""


@dataclass(frozen=True, slots=True)
class StillSummary:
    """What became of a still.

    Attributes:
        input: what was read.
        output: what was written.
        width: of the result, pixels.
        height: likewise.
        seconds: how long it took.
        bytes: size of the file.
        notes: what could not be kept, in words.
        device: where the network ran.
    """

    input: str
    output: str
    width: int
    height: int
    seconds: float
    bytes: int
    notes: list[str] = field(default_factory=list)
    device: str = "CPU"


class StillJob:
    """Cuts out stills, one after the other, with one session.

    Args:
        settings: as for a video; what is about time means nothing here.
        under: RGBA, 0..255, laid under the cutout, or None.
        session: a session to use; None makes one when the first still comes.
        extras: handed to the session's ``predict``, as by rembg's ``-x``; with any, that is
            asked for the mask.

    Raises:
        UsageError: if the settings contradict each other.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        under: tuple[int, int, int, int] | None = None,
        session: BaseSession | None = None,
        extras: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.look = look_of(self.settings)
        self._under, self._size = under, size_of(self.settings)
        self._session = session
        self._extras = dict(extras or {})

    def check_output(self, path: str) -> None:
        """Refuse an ending that is no image's, or that cannot hold alpha where there will be some.

        Raises:
            UsageError: so.
        """
        form, under = still_format(path), self._under
        opaque = self.look not in ALPHA_LOOKS or (under is not None and under[3] == 255)
        if not form.alpha and not opaque:
            raise UsageError(
                f"{path}: {form.name} cannot hold alpha: give a background or write a .png"
            )

    def file(self, source: str, output: str) -> StillSummary:
        """Cut out one file into another.

        Raises:
            StreamcutError: in one line, whatever the reason.
        """
        self.check_output(output)
        began = time.perf_counter()
        still = read_still(source, limits=limits_of(self.settings))
        made = self.cut(still)
        size = write_still(made, output, self.settings.output.quality)
        return self.summary(source, output, made, time.perf_counter() - began, size)

    def summary(
        self, source: str, output: str, made: Still, seconds: float, size: int
    ) -> StillSummary:
        """Return what there is to say about a still that was cut."""
        device = "CPU" if self._session is None else place_of(self._session)
        return StillSummary(
            source, output, *made.size, seconds, size, notes=list(made.notes), device=device
        )

    def session(self, size: tuple[int, int] | None = None) -> BaseSession:
        """Return the session, loaded now if it was not."""
        if self._session is None:
            self._session = session_of(self.settings, size, live=False)
        return self._session

    def cut(self, still: Still) -> Still:
        """Return the cutout of an image: RGBA with straight alpha, RGB over a background, or grey.

        Raises:
            ModelError: if the network fails.
            UsageError: if the background makes no sense.
        """
        if self._has_foreign_colours():
            still = in_srgb(still)
        with one_thread_per_frame:
            frame, found = self._composited(still)
        pixels, matte = _pixels(frame, self.look), frame.matte
        if self._under is not None and pixels.ndim == 3 and pixels.shape[2] == 4:
            pixels = _over(pixels, self._under)
        image = self.settings.image
        if image.trim:
            pixels = pixels[_box(np.asarray(matte), image.margin)]
        if self._size is not None:
            pixels = _scaled(pixels, self._size.of(pixels.shape[1], pixels.shape[0]))
        icc = None if pixels.ndim == 2 else still.icc
        notes = still.notes if found else (*still.notes, NOBODY)
        return Still(np.ascontiguousarray(pixels), icc, still.dpi, notes)

    def _has_foreign_colours(self) -> bool:
        """Whether sRGB comes beside the image's own colours."""
        behind = self.settings.picture.background
        return self._under is not None or (bool(behind) and behind.partition(":")[0] != "blur")

    def _composited(self, still: Still) -> tuple[CompositedFrame, bool]:
        info = _info_of(still)
        settings = self.settings.with_options({"quality": "best"})  # No frame rate has to be kept.
        frame = _frame_of(still)
        predicted = self._predicted(frame, still)
        alone = steadying_of(settings, info)._replace(strength=0.0)
        sighting = Sighting()
        with Appearance.of(settings, info) as shown:
            [made] = composited(sighting(steadied([predicted], alone)), info, shown, still=True)
        if not sighting.found and self.settings.output.fail_if_empty:
            raise StreamcutError(NOBODY)
        return made, sighting.found

    def _predicted(self, frame: Frame, still: Still) -> PredictedFrame:
        session = self.session(still.size)
        if self._extras or not _streams(session):
            return frame.predicted(*self._masked(session, still), cut=True)
        bars = NONE if session.whole_frames else find_bars(planes(frame.source)[0])
        return frame.predicted(*seen(frame.source, session, bars), bars=bars, cut=True)

    def _masked(self, session: BaseSession, still: Still) -> tuple[RGB, Prediction]:
        image = Image.fromarray(np.ascontiguousarray(still.pixels[..., :3]))
        masks = session.predict(image, **self._extras)
        if not masks:
            raise ModelError(f"{session.model_name} gave no mask")
        alpha = np.max([np.asarray(mask.convert("L")) for mask in masks], axis=0)
        return np.asarray(image), Prediction(alpha.astype(np.float32) / 255)


def remove_image(
    input: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    session: BaseSession | None = None,
    **options: Any,
) -> StillSummary:
    """Cut out an image file into another: what ``streamcut image`` does, for programs.

    Args:
        input: path of the image.
        output: path of the result, whose ending chooses the format; it is replaced.
        session: a session to use for several images; None makes one.
        **options: settings by name, such as ``background="blur"`` or ``trim=True``.

    Raises:
        StreamcutError: in one line, whatever the reason.
    """
    job = StillJob(Settings().with_options(options), session=session)
    return job.file(os.fspath(input), os.fspath(output))


def _streams(session: BaseSession) -> bool:
    """Whether a session can be shown views; what was made for rembg alone has only masks."""
    try:
        able(session)
    except ModelError:
        return False
    return True


def _info_of(still: Still) -> StreamInfo:
    """Return what a stream of this one frame would be."""
    width, height = still.size
    rate = Fraction(25)
    return StreamInfo(width, height, "gbrp", _SRGB, 1 / rate, rate, duration=1 / float(rate))


def _frame_of(still: Still) -> Frame:
    """Return a still as the only frame of a stream: planar RGB, its own alpha beside it."""
    colours = np.ascontiguousarray(still.pixels[..., :3])
    made = Converter("gbrp", _SRGB)(av.VideoFrame.from_ndarray(colours, "rgb24"))
    made.pts, made.time_base = 0, Fraction(1, 25)
    opaque = still.pixels.shape[2] < 4
    opacity = None if opaque else np.ascontiguousarray(still.pixels[..., 3])
    return Frame(source=_SRGB.apply(made), opacity=opacity)


def _pixels(frame: CompositedFrame, look: str) -> Pixels:
    """Return what was composited as [h, w] grey, [h, w, 3] RGB or [h, w, 4] RGBA."""
    layers = planes(frame.output)
    if look == "mask":
        return np.ascontiguousarray(layers[0])
    green, blue, red, *alpha = layers
    made = np.dstack([red, green, blue, *alpha])
    if alpha:  # What nobody sees is nobody's business.
        made[alpha[0] == 0] = 0
    return made


def _over(pixels: Pixels, colour: Sequence[int]) -> Pixels:
    """Return a cutout over a colour, which may let through as well."""
    below = Image.new("RGBA", (pixels.shape[1], pixels.shape[0]), tuple(colour))
    made = np.asarray(Image.alpha_composite(below, Image.fromarray(pixels)))
    return made[..., :3] if colour[3] == 255 else made


def _box(matte: NDArray[Any], margin: float) -> tuple[slice, slice]:
    """Return where the subject is, with a margin in percent of its longer side; all, if nowhere."""
    x, y, width, height = cv2.boundingRect((matte >= _VISIBLE).astype(np.uint8))
    if not width:
        return slice(None), slice(None)
    around = round(max(width, height) * margin / 100)
    return (
        slice(max(0, y - around), y + height + around),
        slice(max(0, x - around), x + width + around),
    )


def _scaled(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return an image at (width, height); hidden colours do not bleed into what is seen."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if image.mode != "RGBA":
        return np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    small = image.convert("RGBa").resize(size, Image.Resampling.LANCZOS)
    return np.asarray(small.convert("RGBA"))
