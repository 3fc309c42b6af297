"""A network's coarse matte brought to the frame's size, its edges led by the frame.

The fast guided filter (He and Sun, "Fast Guided Filter", 2015, arXiv:1505.00996): within
small windows the matte is taken for a linear function of the luma, ``matte = a * luma + b``;
a and b are solved on a grid as coarse as the matte and only they are enlarged. Where the
coarse matte is plainly 0 or 1 there is no edge to find, so the full-size work is done in the
band between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.imaging.border import Border
from streamcut.imaging.resize import Halved, repeated
from streamcut.imaging.tiles import Area, around, covering, shifted, whole
from streamcut.media.frame import MattedFrame, PredictedFrame, StreamInfo
from streamcut.media.matte import Grid
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import Plane, planes

# This regularisation, the windows of 3 x 3 cells and the haze were chosen by MAD on the sample
# clip, whose true matte is known: 9.3 -> 5.9 (x 1000) against bilinear enlargement.
_EPSILON = 1e-4
_WINDOW = (3, 3)
# Opacity below which (or above whose complement) a window counts as plainly outside (inside).
_PLAIN = 0.02
# Networks leave a haze in the background and holes in the subject: this much is taken for sure.
_HAZE = 0.15
_TILE = 16
# Cells beside a tile that its own are made of: two windows, and a neighbour to enlarge with.
_REACH = 3


class GuidedUpsampler:
    """Enlarges the mattes of one video to its size.

    Args:
        width: of the frames, pixels.
        height: of the frames, pixels.
        peak: the largest code value of their planes and so of the mattes made.
        haze: opacity that counts as none, and whose complement counts as full; networks leave
            that much in the background.
        epsilon: regularisation, for luma in 0..1: contrasts below its square root are taken
            for noise.
    """

    def __init__(
        self,
        width: int,
        height: int,
        peak: int,
        *,
        haze: float = _HAZE,
        epsilon: float = _EPSILON,
    ) -> None:
        self._width, self._height, self._peak = width, height, peak
        self._haze, self._epsilon = haze, epsilon

    def __call__(self, luma: Plane, coarse: NDArray[np.float32]) -> Plane:
        """Return the matte at the luma plane's size and dtype, 0..peak.

        Args:
            luma: [height, width], uint8 or uint16; its edges lead those of the matte.
            coarse: float32 [h, w], 0..1.
        """
        return self.bordered(luma, coarse).matte

    def bordered(
        self, luma: Plane, coarse: NDArray[np.float32], halved: Halved | None = None
    ) -> Border:
        """Return the matte, and where it is empty.

        Args:
            luma: as for a call.
            coarse: likewise.
            halved: the luma, where others look at all of it made smaller.
        """
        factor = self._factor(coarse)
        rough = self._on_grid(coarse, factor)
        matte = np.zeros(luma.shape, luma.dtype)
        if factor == 1:
            self._refine(matte, luma, *self._solved(luma, rough, factor, whole(rough)))
            return Border(matte, self._peak)
        band = np.abs(_mean(_mean(rough)) - np.float32(0.5)) < 0.5 - _PLAIN
        tiles = list(covering(band, _TILE))
        seen = _seen(rough, tiles)
        self._fill(matte, rough, factor, seen)
        if tiles:
            area = _around(tiles)
            gain, offset = self._solved(luma, rough, factor, area, halved)
            for tile in tiles:
                self._refine_tile(matte, luma, gain, offset, factor, tile, area)
        return Border(matte, self._peak, _pixels(seen, factor))

    def _factor(self, coarse: NDArray[np.float32]) -> int:
        """Return how many frame pixels a grid cell is wide and high."""
        return max(1, round(self._width / int(coarse.shape[1])))

    def _solved(
        self, luma: Plane, rough: Grid, factor: int, area: Area, halved: Halved | None = None
    ) -> tuple[Grid, Grid]:
        """Return gain and offset from luma to the matte, in code values, for an area of cells."""
        guide = self._shrunk(luma, factor, area, rough.shape, halved)
        return self._to_codes(*_solve(guide, rough[area], self._epsilon))

    def _shrunk(
        self,
        luma: Plane,
        factor: int,
        area: Area,
        shape: tuple[int, ...],
        halved: Halved | None,
    ) -> Grid:
        """Return the luma averaged over an area's cells, 0..1; the last may reach outside."""
        inner = [slice(*side.indices(whole)) for side, whole in zip(area, shape, strict=True)]
        rows, columns = (side.stop - side.start for side in inner)
        pixels = _scaled(inner[0], factor), _scaled(inner[1], factor)
        part = luma[pixels]
        pad = (rows * factor - part.shape[0], columns * factor - part.shape[1])
        if any(pad):
            part = cv2.copyMakeBorder(part, 0, pad[0], 0, pad[1], cv2.BORDER_REPLICATE)
        elif halved is not None and factor % 2 == 0 and halved.reaches(1, pixels):
            part, factor = halved.times(1, pixels), factor // 2
        while factor % 2 == 0:  # That is what OpenCV averages fastest.
            part = cv2.resize(part, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            factor //= 2
        small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
        return np.multiply(small, np.float32(1 / self._peak), dtype=np.float32)

    def _on_grid(self, coarse: Grid, factor: int) -> Grid:
        """Return the coarse matte at the centres of the grid's cells."""
        size = (-(-self._width // factor), -(-self._height // factor))
        if not self._width % factor and not self._height % factor:
            return np.asarray(cv2.resize(coarse, size), np.float32)  # Bilinear, too.
        across = factor * coarse.shape[1] / self._width
        down = factor * coarse.shape[0] / self._height
        to_coarse = np.array(
            [[across, 0, 0.5 * across - 0.5], [0, down, 0.5 * down - 0.5]], np.float64
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(
            coarse, to_coarse, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32, copy=False)

    def _fill(self, matte: Plane, rough: Grid, factor: int, area: Area) -> None:
        """Make an area full where it is plainly so; the band around is redone later."""
        target = matte[_pixels(area, factor)]
        if target.size:
            cells = np.multiply(rough[area] > 0.5, self._peak, dtype=matte.dtype)
            target[:] = repeated(cells, factor, factor)[: target.shape[0], : target.shape[1]]

    def _refine_tile(
        self,
        matte: Plane,
        luma: Plane,
        gain: Grid,
        offset: Grid,
        factor: int,
        tile: Area,
        area: Area,
    ) -> None:
        """Redo one rectangle of grid cells at full size; gain and offset are those of an area."""
        rows, columns = tile
        pixels = _pixels(tile, factor)
        target, guide = matte[pixels], luma[pixels]
        height, width = target.shape
        inner = shifted(rows, -area[0].start), shifted(columns, -area[1].start)
        grown = [_enlarged(grid, factor, *inner)[:height, :width] for grid in (gain, offset)]
        self._refine(target, guide, *grown)

    def _to_codes(self, gain: Grid, offset: Grid) -> tuple[Grid, Grid]:
        """Make ``gain * luma + offset`` take and give code values, the haze clipped away."""
        stretch = np.float32(1 / (1 - 2 * self._haze))
        return gain * stretch, (offset - np.float32(self._haze)) * (stretch * self._peak)

    def _refine(self, target: Plane, luma: Plane, gain: Grid, offset: Grid) -> None:
        """Write ``gain * luma + offset``, rounded and clipped, into ``target``."""
        matte = cv2.multiply(gain, luma.astype(np.float32))
        if target.dtype == np.uint8:
            cv2.add(matte, offset, dst=target, dtype=cv2.CV_8U)
        else:
            target[:] = np.minimum(cv2.add(matte, offset, dtype=cv2.CV_16U), self._peak)


def upsample(frames: Iterable[PredictedFrame], info: StreamInfo) -> Iterator[MattedFrame]:
    """Bring each coarse matte to the frame's size and depth, its edges led by the frame.

    Args:
        frames: with their predictions.
        info: of the stream.
    """
    enlarge = GuidedUpsampler(info.width, info.height, peak(info.pixel_format))

    def enlarged(frame: PredictedFrame) -> MattedFrame:
        halved = None if frame.halved is None else frame.halved[0]
        border = enlarge.bordered(planes(frame.source)[0], frame.prediction.alpha, halved)
        if frame.bars:
            frame.bars.clear(border.matte)
        return frame.matted(border.matte, border)

    yield from map(enlarged, frames)


def _mean(grid: Grid) -> Grid:
    return cast(Grid, cv2.boxFilter(grid, -1, _WINDOW, borderType=cv2.BORDER_REPLICATE))


def _solve(guide: Grid, rough: Grid, epsilon: float) -> tuple[Grid, Grid]:
    """Return a, b of ``matte = a * luma + b`` for each cell."""
    mean_guide, mean_rough = _mean(guide), _mean(rough)
    variance = _mean(guide * guide) - mean_guide * mean_guide
    covariance = _mean(guide * rough) - mean_guide * mean_rough
    gain = np.asarray(covariance / (variance + np.float32(epsilon)), np.float32)
    offset = mean_rough - gain * mean_guide
    return _mean(gain), _mean(offset)


def _around(tiles: list[Area]) -> Area:
    """Return the rectangle of all tiles, and of what their cells are solved from."""
    rows, columns = zip(*tiles, strict=True)
    above, left = (max(0, min(side.start for side in sides) - _REACH) for sides in (rows, columns))
    below, right = (max(side.stop for side in sides) + _REACH for sides in (rows, columns))
    return slice(above, below), slice(left, right)


def _seen(rough: Grid, tiles: list[Area]) -> Area:
    """Return the rectangle of all cells that are more than half full, and of all tiles."""
    seen = np.multiply(rough > 0.5, 1, dtype=np.uint8)
    for tile in tiles:
        seen[tile] = 1
    return around(seen, 0, 2) or (slice(0, 0), slice(0, 0))


def _pixels(cells: Area, factor: int) -> Area:
    """Return what a rectangle of cells is in the frame, beyond which the last ones may reach."""
    return _scaled(cells[0], factor), _scaled(cells[1], factor)


def _scaled(cells: slice, factor: int) -> slice:
    return slice(cells.start * factor, cells.stop * factor)


def _enlarged(grid: Grid, factor: int, rows: slice, columns: slice) -> Grid:
    """Enlarge a rectangle of cells; a margin of one cell makes neighbours meet seamlessly."""
    top, left = max(rows.start - 1, 0), max(columns.start - 1, 0)
    part = grid[top : rows.stop + 1, left : columns.stop + 1]
    size = (part.shape[1] * factor, part.shape[0] * factor)
    grown = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)
    y, x = (rows.start - top) * factor, (columns.start - left) * factor
    height, width = (rows.stop - rows.start) * factor, (columns.stop - columns.start) * factor
    return cast(Grid, grown[y : y + height, x : x + width])
