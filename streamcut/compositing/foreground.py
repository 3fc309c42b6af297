"""The subject's own colours along its border, so that no rim of the old background shows.

Where the matte is neither full nor empty, the camera saw ``a * F + (1 - a) * B``. Both colours
are first guessed by what lies around, and F is then moved so that the mixture becomes what was
seen, as in Forte, "Approximate Fast Foreground Colour Estimation" (ICIP 2021). There, the means
around a pixel, weighed by matte and by its complement, stand for the colours, and a second pass
mends that both are mixtures themselves. Here one pass does: the means of the matte itself say
how far each mean of the frame is mixed, and two lines through two points give both colours.

Colours that the input's own alpha hides say nothing about what lies around and are left out.

Blending is linear in gamma-coded RGB, and Y'CbCr is linear in that, so all of it happens on the
decoded planes. Where the matte is full or empty nothing is touched.

A network that tells the subject's colours itself (RobustVideoMatting) is believed instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.imaging.border import Border, BorderColours
from streamcut.imaging.resize import Halved, averaged
from streamcut.imaging.soft import SoftPixels, memory
from streamcut.imaging.tiles import Area, around, scaled, whole
from streamcut.matting.multilevel import subject_colours
from streamcut.media.colour import Colour, Range
from streamcut.media.convert import BILINEAR, Converter
from streamcut.media.frame import MattedFrame
from streamcut.media.matte import Grid
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import Plane, copied, fitted, planes

# Surroundings: a box of 5 x 5 cells on a grid of about 90 rows, and with a small weight, which
# counts where that holds nothing sure, one of 15 x 15. By the colour error in the border of
# generated clips, whose true colours are known, twice the rows are hardly better at four times
# the cost, and half of them are worse.
_ROWS = 90
_NEAR, _FAR, _FAR_WEIGHT = (5, 5), (15, 15), 0.05
# Cells beside the border that its surroundings reach into.
_REACH = 9
# By how much the matte must differ, on average, between what is weighed as inside and outside, for
# the two colours to be told apart at all, and to be believed in full. A wide soft part, a hand
# that the network is unsure of, is not a mixture of its surroundings: it stays as decoded.
_APART, _BELIEVED = 0.3, 0.6
# What the pixel's own colour weighs beside its surroundings, for where they hold nothing sure.
_OWN = 1e-4
# Pixels beside the border that the thorough estimate looks at.
_MARGIN = 48
# OpenCV's remap takes frames, no lists, and none with a side of 32768.
_ROW = 1024

_Layer = tuple[Halved, Area]  # A plane, and what of it is looked at.


def decontaminate(
    frames: Iterable[MattedFrame], *, thorough: bool = False, invert: bool = False
) -> Iterator[MattedFrame]:
    """Give each frame's subject its own colours at the border.

    Args:
        frames: with mattes as the frame explains them: before their border is shaped. Before
            a coloured screen there is nothing left to do, see :mod:`streamcut.compositing.despill`.
        thorough: estimate by several levels (Germer et al. 2020), which takes much longer. It
            cannot leave colours out: where the input hides some, the quick estimate is taken.
        invert: what the matte leaves out is what will be seen.
    """
    yield from map(partial(_decontaminated, thorough=thorough, invert=invert), frames)


def _decontaminated(frame: MattedFrame, *, thorough: bool, invert: bool) -> MattedFrame:
    told = None if invert else frame.prediction.foreground
    if told is not None:
        return replace(frame, colours=_told(frame.subject, frame.matte, told))
    if frame.prediction.screen is not None:
        return frame
    border = Border.of(frame)
    colours = _unmixed(frame, border.inverted() if invert else border, thorough=thorough)
    return replace(frame, colours=colours, border=border)


def _unmixed(
    frame: MattedFrame, border: Border, *, thorough: bool
) -> av.VideoFrame | BorderColours:
    visible = _visible(frame.opacity)
    if thorough and visible is None:
        return _thorough(frame.subject, border.matte)
    return _fast(frame, border, visible)


def _visible(opacity: Plane | None) -> Plane | None:
    """Return where the input's own alpha shows anything, 255 and 0; None where it does all over."""
    if opacity is None or opacity.all():
        return None
    return np.asarray(cv2.inRange(opacity, 1, np.iinfo(opacity.dtype).max), np.uint8)


def _told(video_frame: av.VideoFrame, matte: Plane, colours: Grid) -> av.VideoFrame:
    """Return a copy with the colours in the border as a network tells them, RGB 0..1."""
    made, top = copied(video_frame), peak(video_frame.format.name)
    codes = np.rint(np.clip(colours, 0, 1) * np.float32(65535)).astype(np.uint16)
    full = Colour.of(video_frame).full_range or video_frame.format.name.startswith("gbr")
    wanted = replace(
        Colour.of(video_frame).resolved(video_frame.height),
        range=Range.FULL if full else Range.LIMITED,
    )
    convert = Converter(video_frame.format.name, wanted, how=BILINEAR)
    size = video_frame.width, video_frame.height
    front = convert(av.VideoFrame.from_ndarray(codes, "rgb48le"), size)
    for source, plane in zip(planes(front), planes(made), strict=True):
        band = _band(fitted(matte, plane.shape), top)
        plane[band] = source[band]
    return made


def _fast(
    frame: MattedFrame, border: Border, visible: Plane | None
) -> av.VideoFrame | BorderColours:
    """Return the colours in the border, unmixed from their visible surroundings."""
    matte, top = border.matte, border.top
    soft = border.soft(matte.shape)
    if not soft.values.size:
        return frame.subject
    cell = max(1, round(matte.shape[0] / _ROWS))
    area = soft.around(_REACH * cell, step=2 * cell)
    seen = planes(frame.subject)
    parts = [scaled(area, matte.shape, plane.shape) for plane in seen]
    hidden = None if visible is None else visible[area]
    layers = _layers(frame, parts)
    nearby = _Surroundings(layers, matte[area], top, hidden, cell)
    edges: dict[tuple[int, ...], _Edge] = {}
    for plane, part in zip(seen, parts, strict=True):
        if plane.shape not in edges:
            edges[plane.shape] = _Edge(border.soft(plane.shape), part, nearby.cells)
    own = [edges[plane.shape] for plane in seen]
    values = [
        _unmixed_values(plane, edge, nearby.colours(number, edge), top)
        for number, (plane, edge) in enumerate(zip(seen, own, strict=True))
    ]
    return BorderColours(frame.subject, [edge.soft for edge in own], values)


def _layers(frame: MattedFrame, parts: list[Area]) -> list[_Layer]:
    """Return parts of the subject's planes."""
    if frame.halved is not None and frame.subject is frame.source:
        return list(zip(frame.halved, parts, strict=True))
    return [_alone(plane[part]) for plane, part in zip(planes(frame.subject), parts, strict=True)]


def _alone(plane: Plane) -> _Layer:
    return Halved(plane), whole(plane)


class _Edge:
    """The pixels of a plane where the matte is neither empty nor full.

    Args:
        soft: these pixels.
        area: of the plane; what lies outside is left out.
        cells: (columns, rows) of the area's grid, on which the surroundings are known.

    Attributes:
        soft: those in the area.
        share: their opacity, 0..1, row after row.
        points: x and y of the pixels on the grid, padded to [.., _ROW].
    """

    def __init__(self, soft: SoftPixels, area: Area, cells: tuple[int, int]) -> None:
        self.soft = soft = soft.inside(area)
        self.share = soft.values * np.float32(1 / soft.top)
        self.points = (
            _on_grid(soft.columns, area[1], cells[0]),
            _on_grid(soft.rows, area[0], cells[1]),
        )


def _on_grid(positions: NDArray[np.int32], side: slice, cells: int) -> Grid:
    """Return pixels' positions along one side of an area on its grid, padded to whole rows."""
    padded = np.zeros((-(-positions.size // _ROW), _ROW), np.float32)
    padded.ravel()[: positions.size] = positions - np.int32(side.start)
    scale = np.float32(cells / (side.stop - side.start))
    return (padded + np.float32(0.5)) * scale - np.float32(0.5)


def _unmixed_values(plane: Plane, edge: _Edge, nearby: tuple[Grid, Grid, Grid], top: int) -> Plane:
    """Return the subject's values in a plane's border."""
    front, back, belief = nearby
    share = edge.share
    seen = memory(plane).take(edge.soft.at(plane)).astype(np.float32)
    # What is seen is share * found + (1 - share) * back, but for what front has wrong.
    missed = seen - back - share * (front - back)
    found = seen + belief * (front + share * missed - seen)
    return np.rint(np.clip(found, 0, top, out=found), out=found).astype(plane.dtype)


class _Surroundings:
    """What subject and background look like nearby, for each cell of a coarse grid.

    ``cells`` are the grid's columns and rows.
    """

    def __init__(
        self, layers: list[_Layer], matte: Plane, top: int, visible: Plane | None, cell: int
    ) -> None:
        height, width = matte.shape
        self.cells = (max(1, width // cell), max(1, height // cell))
        alpha, shown = _averages(_alone(matte), visible, self.cells)
        alpha = np.multiply(alpha, np.float32(1 / top), dtype=np.float32)
        # What is half one side says less about it: hence squares.
        sure = [np.square(alpha) * shown, np.square(1 - alpha) * shown]
        (share_in, share_out), *sides = _means(
            [alpha, *(_averages(layer, visible, self.cells)[0] for layer in layers)], sure
        )
        apart = np.maximum(share_in - share_out, np.float32(_APART))
        belief = np.minimum((apart - _APART) / (_BELIEVED - _APART), 1, dtype=np.float32)
        self._known = []
        for inside, outside in sides:
            step = (inside - outside) / apart
            pair = (inside + (1 - share_in) * step, outside - share_out * step)
            # Of four channels OpenCV takes three times as many a second as of three.
            known = [*np.clip(pair, 0, np.float32(top)), belief, belief]
            self._known.append(np.asarray(cv2.merge(known), np.float32))

    def colours(self, number: int, edge: _Edge) -> tuple[Grid, Grid, Grid]:
        """Return both sides' values of a plane along a border, and how far to believe them."""
        if not edge.share.size:
            return (edge.share,) * 3
        x, y = edge.points
        found = cv2.remap(
            self._known[number], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        rows = cast(Grid, cv2.transpose(found.reshape(-1, found.shape[2])))
        front, back, belief, _ = rows[:, : edge.share.size]
        return front, back, belief


def _means(values: list[Grid], weights: list[Grid]) -> list[list[Grid]]:
    """Return the means around each cell of each of several values, by each weight."""
    weighed = [grid * weight for grid in values for weight in weights]
    together = np.asarray(cv2.merge([*weights, *weighed]), np.float32)  # As channels.
    sums = cv2.split(_around(together))
    own = np.float32(_OWN)
    totals, sums = [total + own for total in sums[: len(weights)]], sums[len(weights) :]
    return [
        [
            (sums[number * len(weights) + side] + grid * own) / total
            for side, total in enumerate(totals)
        ]
        for number, grid in enumerate(values)
    ]


def _averages(
    layer: _Layer, visible: Plane | None, size: tuple[int, int]
) -> tuple[Grid, Grid | np.float32]:
    """Return a layer's averages over a grid's cells, of what is visible there, and its share."""
    halved, area = layer
    plain = halved.averaged(area, size).astype(np.float32)
    if visible is None:
        return plain, np.float32(1)
    plane = halved.times(0, area)
    weight = fitted(visible, plane.shape) * np.float32(1 / 255)
    share = averaged(weight, size)
    kept = averaged(plane * weight, size)
    return np.divide(kept, share, out=plain, where=share > 0), share


def _around(grid: Grid) -> Grid:
    """Return the mean around each cell, near and, with little weight, far."""
    near, far = (
        cv2.boxFilter(grid, -1, box, borderType=cv2.BORDER_REPLICATE) for box in (_NEAR, _FAR)
    )
    return np.asarray(cv2.addWeighted(near, 1, far, _FAR_WEIGHT, 0), np.float32)


def _thorough(video_frame: av.VideoFrame, matte: Plane) -> av.VideoFrame:
    """Return a copy with the colours in the border as estimated by several levels."""
    made, top = copied(video_frame), peak(video_frame.format.name)
    area = around(_between(matte, top), _MARGIN)
    if area is None:
        return made
    size = (matte.shape[1], matte.shape[0])
    full = cv2.merge([cv2.resize(layer, size)[area] for layer in planes(video_frame)])
    share = (matte[area] / np.float32(top)).astype(np.float32, copy=False)
    found = subject_colours(full / np.float32(top), share) * np.float32(top)
    for number, plane in enumerate(planes(made)):
        wide = np.zeros(matte.shape, np.float32)
        wide[area] = found[..., number]
        alpha = fitted(matte, plane.shape)
        band = _band(alpha, top)
        plane[band] = np.rint(fitted(wide, plane.shape)[band])
    return made


def _band(matte: Plane, top: int) -> NDArray[np.bool_]:
    """Return where a matte is neither empty nor full."""
    return np.asarray(_between(matte, top) != 0, np.bool_)


def _between(matte: Plane, top: int) -> NDArray[np.uint8]:
    """Return the same as 255 and 0, as OpenCV has it."""
    return np.asarray(cv2.inRange(matte, 1, top - 1), np.uint8)
