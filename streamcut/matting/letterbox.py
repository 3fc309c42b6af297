"""The network sees what is between its bars; the bars themselves are background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from streamcut.imaging.letterbox import BarFinder
from streamcut.imaging.resize import Shrink
from streamcut.imaging.scene_cuts import SceneCuts
from streamcut.media.bars import Bars
from streamcut.media.frame import Frame, PredictedFrame
from streamcut.media.matte import RGB, Prediction
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import planes

Size = tuple[int, int]
"""(width, height) in pixels."""


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
        prediction = self._whole(told) if self.bars else told
        return self.frame.predicted(self.whole, prediction, bars=self.bars, cut=self.cut)

    def _whole(self, told: Prediction) -> Prediction:
        alpha = np.zeros(self.whole.shape[:2], np.float32)
        alpha[self.window] = told.alpha
        if told.foreground is None:
            return replace(told, alpha=alpha)
        colours = self.whole.astype(np.float32) / np.float32(255)
        colours[self.window] = told.foreground
        return replace(told, alpha=alpha, foreground=colours)


class StreamView:
    """What the network is shown of a stream's frames, and where scenes begin in it."""

    def __init__(self) -> None:
        self._find, self._shrink, self._cuts = BarFinder(), Shrink(), SceneCuts()

    def __call__(self, frame: Frame, size_of: Callable[[int, int], Size]) -> Sight:
        """Scale a frame for the network.

        Args:
            frame: the next one of the stream.
            size_of: returns the network's size for a frame's width and height.
        """
        source = frame.source
        bars = self._find(planes(source)[0], peak(source.format.name))
        rows, columns = bars.inside(source.height, source.width)
        inner = columns.stop - columns.start, rows.stop - rows.start
        wanted = size_of(*inner)
        size = (
            round(source.width * wanted[0] / inner[0]),
            round(source.height * wanted[1] / inner[1]),
        )
        whole = self._shrink(source, size)
        left = min(round(bars.left * size[0] / source.width), size[0] - wanted[0])
        top = min(round(bars.top * size[1] / source.height), size[1] - wanted[1])
        window = slice(top, top + wanted[1]), slice(left, left + wanted[0])
        shown = np.ascontiguousarray(whole[window]) if bars else whole
        return Sight(frame, shown, whole, bars, window, self._cuts(whole))
