"""The network sees what is between its bars; the bars themselves are background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from av.video.frame import VideoFrame

from streamcut.imaging.letterbox import BarFinder
from streamcut.imaging.resize import Shrink
from streamcut.imaging.scene_cuts import SceneCuts
from streamcut.media.bars import NONE, Bars
from streamcut.media.frame import Frame, PredictedFrame
from streamcut.media.matte import RGB, Prediction
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import planes

Size = tuple[int, int]
"""(width, height) in pixels."""

SizeOf = Callable[[int, int], Size]
"""Tells the network's size for a width and a height."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the network is shown of one frame.

    Attributes:
        frame: which.
        shown: what the network is shown: the frame without its bars, RGB uint8.
        whole: the frame with its bars, at the same scale.
        bars: of the frame.
        window: rows and columns of ``whole`` that ``shown`` is.
        cut: whether a scene begins with the frame.
    """

    frame: Frame
    shown: RGB
    whole: RGB
    bars: Bars
    window: tuple[slice, slice]
    cut: bool

    def predicted(self, told: Prediction) -> PredictedFrame:
        """Return the frame with what is predicted of it, bars and all.

        Args:
            told: of ``shown``.
        """
        prediction = laid_back(told, self.whole, self.window) if self.bars else told
        return self.frame.predicted(self.whole, prediction, bars=self.bars, cut=self.cut)


class StreamView:
    """What the network is shown of a stream's frames, and where scenes begin in it.

    Args:
        bars: whether bars are left out.
    """

    def __init__(self, *, bars: bool = True) -> None:
        self._find = BarFinder() if bars else None
        self._shrink, self._cuts = Shrink(), SceneCuts()
        self._begun = False

    def __call__(self, frame: Frame, size_of: SizeOf) -> Sight:
        """Scale a frame for the network.

        Args:
            frame: the next one of the stream.
            size_of: returns the network's size for a frame's width and height.
        """
        luma = planes(frame.source)[0], peak(frame.source.format.name)
        bars = self._find(*luma) if self._find else NONE
        seen = self._seen(frame, bars, size_of)
        if seen.cut and self._begun and self._find:
            again = self._find.anew(*luma)
            if again != bars:
                seen = replace(self._seen(frame, again, size_of), cut=True)
        self._begun = True
        return seen

    def _seen(self, frame: Frame, bars: Bars, size_of: SizeOf) -> Sight:
        size, window = placed(frame.source, bars, size_of)
        whole = self._shrink(frame.source, size)
        shown = np.ascontiguousarray(whole[window]) if bars else whole
        return Sight(frame, shown, whole, bars, window, self._cuts(whole))


def placed(source: VideoFrame, bars: Bars, size_of: SizeOf) -> tuple[Size, tuple[slice, slice]]:
    """Return how large a frame is scaled, and which rows and columns of that are shown.

    Args:
        source: the frame.
        bars: of the frame.
        size_of: returns the network's size for what lies between the bars.
    """
    rows, columns = bars.inside(source.height, source.width)
    inner = columns.stop - columns.start, rows.stop - rows.start
    wanted = size_of(*inner)
    size = (
        round(source.width * wanted[0] / inner[0]),
        round(source.height * wanted[1] / inner[1]),
    )
    left = min(round(bars.left * size[0] / source.width), size[0] - wanted[0])
    top = min(round(bars.top * size[1] / source.height), size[1] - wanted[1])
    return size, (slice(top, top + wanted[1]), slice(left, left + wanted[0]))


def laid_back(told: Prediction, whole: RGB, window: tuple[slice, slice]) -> Prediction:
    """Return a prediction of a part as one of the whole: nothing is outside.

    Args:
        told: of the part.
        whole: the frame with its bars.
        window: the part's rows and columns.
    """
    alpha = np.zeros(whole.shape[:2], np.float32)
    alpha[window] = told.alpha
    if told.foreground is None:
        return replace(told, alpha=alpha)
    colours = whole.astype(np.float32) / np.float32(255)
    colours[window] = told.foreground
    return replace(told, alpha=alpha, foreground=colours)
