"""A frame's matte solved anew: what is done on a keyframe.

The frame and the network's matte are brought to a grid between the network's size and the
frame's. There the matte becomes a trimap, closed-form matting solves for the unknown band,
and the solution, made plausible, is what
:class:`~streamcut.matting.guided_filter.GuidedUpsampler` can bring to the frame's size. The
grid has the same number of cells for every video (but for networks whose mattes are finer), so
that a keyframe takes the same time at 720p and at 4K.

On clips whose true matte is known a grid of twice as many cells, or of nine times as many, gave
mattes no better, since closed-form matting of a fine grid follows noise and compression too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.imaging.resize import Shrink
from streamcut.matting.closed_form import MattingError, band_alpha, trimap
from streamcut.media.frame import PredictedFrame, StreamInfo
from streamcut.media.matte import RGB, Grid

# Cells of the grid, 320x180 for a frame of 16:9, where the network's matte is not finer. More
# unknown cells than this are not solved: it would take half a second.
_CELLS = 320 * 180
_MOST_UNKNOWN = 30_000
# Side, in cells, of the square that the trimap's sure regions are eroded with.
_ERODE = 5
# Over this many cells, solution and network must agree on the mean opacity: within the first
# limit the solution is taken, beyond the second the network's matte stays.
_AROUND, _PLAUSIBLE, _RUNAWAY = 13, 0.25, 0.5
# Closed-form matting, too, leaves a haze around the subject and holes in it: this much is taken
# for sure.
_HAZE = 0.1


@dataclass(frozen=True, slots=True)
class Trimming:
    """How a matte becomes a trimap; the names are rembg's.

    Attributes:
        foreground_threshold: code values (of 255) above it are sure foreground.
        background_threshold: code values below it are sure background.
        erode_size: side in pixels of the frame of the square that both are eroded with; 0
            takes five cells of the grid.
    """

    foreground_threshold: int = 240
    background_threshold: int = 10
    erode_size: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """What there is to be solved of one frame, on the grid.

    Attributes:
        rough: the network's matte.
        known: the trimap.
        colours: the frame.
    """

    rough: Grid
    known: NDArray[np.uint8]
    colours: RGB


class Solver:
    """Solves for the mattes of single frames of one video, on a grid.

    Args:
        info: of the stream.
        network: (rows, columns) of the network's mattes; the grid is at least as fine.
        trimming: how they become trimaps.

    Attributes:
        size: (columns, rows) of the grid.
    """

    def __init__(
        self,
        info: StreamInfo,
        network: tuple[int, ...] = (1, 1),
        trimming: Trimming | None = None,
    ) -> None:
        self._frame = info.width, info.height
        self._trimming = trimming or Trimming()
        cells = max(_CELLS, math.prod(network))
        factor = max(1, round((info.width * info.height / cells) ** 0.5))
        self.size = -(-info.width // factor), -(-info.height // factor)
        asked = self._trimming.erode_size
        self._erode = max(1, round(asked / factor)) if asked else _ERODE
        self._shrink = Shrink()

    def __call__(self, frame: PredictedFrame) -> Grid | None:
        """Return the matte of a frame on the grid; None where there is nothing to solve."""
        return self.solved(self.posed(frame))

    def posed(self, frame: PredictedFrame) -> Problem | None:
        """Return what is to be solved of a frame, copied from it; None where there is nothing.

        Others may read the frame at the same time, but none may convert it: PyAV changes its
        colour tags while it does.
        """
        rough = np.asarray(cv2.resize(frame.prediction.alpha, self.size), np.float32)
        known = self._trimap(rough)
        if not 0 < np.count_nonzero(known == 128) <= _MOST_UNKNOWN:
            return None
        colours = self._shrink(frame.source, self._frame)
        small = cv2.resize(colours, self.size, interpolation=cv2.INTER_AREA)
        return Problem(rough, known, np.asarray(small, np.uint8))

    def solved(self, problem: Problem | None) -> Grid | None:
        """Return the matte on the grid; None where there is nothing to solve, or it fails."""
        if problem is None:
            return None
        try:
            alpha = band_alpha(problem.colours, problem.known)
            return _without_haze(plausible(alpha, problem.rough))
        except MattingError:
            return None

    def _trimap(self, rough: Grid) -> NDArray[np.uint8]:
        codes = np.rint(np.clip(rough, 0, 1) * 255).astype(np.uint8)
        trimming = self._trimming
        return trimap(
            codes, trimming.foreground_threshold, trimming.background_threshold, self._erode
        )


def plausible(solved: Grid, rough: Grid) -> Grid:
    """Return a solution, drawn back to the rough matte where the two cannot both be right.

    Detail averages out over the width of a network's pixel or two; a band that flipped does not.
    """
    apart = np.abs(cv2.blur(solved - rough, (_AROUND, _AROUND)))
    trust = np.clip((_RUNAWAY - apart) / (_RUNAWAY - _PLAUSIBLE), 0, 1)
    return np.asarray(rough + trust * (solved - rough), np.float32)


def _without_haze(solved: Grid) -> Grid:
    return np.asarray(np.clip((solved - _HAZE) / (1 - 2 * _HAZE), 0, 1), np.float32)
