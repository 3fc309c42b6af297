"""The network sees the picture between its bars; the bars themselves are background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from streamcut.imaging.letterbox import BarFinder
from streamcut.imaging.resize import network_input
from streamcut.media.bars import Bars
from streamcut.media.frame import Frame
from streamcut.media.matte import Picture, Prediction
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import planes

Size = tuple[int, int]
"""(width, height) in pixels."""


class View:
    """What the network is shown of a stream's frames."""

    def __init__(self) -> None:
        self._find, self._shrink = BarFinder(), VideoReformatter()

    def look(self, frame: Frame, size_of: Callable[[int, int], Size]) -> Picture:
        """Scale a frame for the network; fill in ``small`` and ``bars`` of it.

        Args:
            frame: as decoded.
            size_of: returns the network's size for a picture's width and height.

        Returns:
            What the network is to see: ``small`` without its bars, RGB uint8.
        """
        picture = frame.picture
        frame.bars = self._find(planes(picture)[0], peak(picture.format.name))
        rows, columns = frame.bars.inside(picture.height, picture.width)
        inner = columns.stop - columns.start, rows.stop - rows.start
        wanted = size_of(*inner)
        whole = (
            round(picture.width * wanted[0] / inner[0]),
            round(picture.height * wanted[1] / inner[1]),
        )
        frame.small = network_input(picture, whole, self._shrink)
        if not frame.bars:
            return frame.small
        window = _window(frame.bars, picture, whole, wanted)
        return np.ascontiguousarray(frame.small[window])


def whole(frame: Frame, told: Prediction) -> Prediction:
    """Return what is predicted of a frame's ``small`` from what is predicted between its bars."""
    if not frame.bars or frame.small is None:
        return told
    height, width, _ = frame.small.shape
    rows, columns = told.alpha.shape
    window = _window(frame.bars, frame.picture, (width, height), (columns, rows))
    alpha = np.zeros((height, width), np.float32)
    alpha[window] = told.alpha
    if told.foreground is None:
        return replace(told, alpha=alpha)
    colours = frame.small.astype(np.float32) / np.float32(255)
    colours[window] = told.foreground
    return replace(told, alpha=alpha, foreground=colours)


def _window(bars: Bars, picture: av.VideoFrame, whole: Size, inner: Size) -> tuple[slice, slice]:
    """Return the rows and columns of the scaled picture that lie between the bars."""
    left = min(round(bars.left * whole[0] / picture.width), whole[0] - inner[0])
    top = min(round(bars.top * whole[1] / picture.height), whole[1] - inner[1])
    return slice(top, top + inner[1]), slice(left, left + inner[0])
