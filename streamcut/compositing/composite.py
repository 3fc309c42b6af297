"""What is encoded or shown, made of a frame and its matte: see :data:`~.looks.Look`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import av
import cv2
import numpy as np

from streamcut.compositing.background import Background, Layer
from streamcut.compositing.cleared import clear
from streamcut.compositing.light_wrap import wrapped
from streamcut.compositing.looks import Look, grey_of
from streamcut.imaging.border import Border, BorderColours
from streamcut.imaging.soft import memory
from streamcut.media.colour import Range
from streamcut.media.frame import CompositedFrame, MattedFrame
from streamcut.media.pixel_formats import ALPHA_TWIN, dtype
from streamcut.media.planes import Levels, Plane, blank_like, copy_planes, planes

_Make = Callable[[MattedFrame], av.VideoFrame]

# Bytes of a plane that are blended at a time.
_STRIP = 1 << 16


def composite(
    frames: Iterable[MattedFrame],
    look: Look,
    background: Background | None = None,
    *,
    light_wrap: float = 0.0,
    apart: bool = False,
    last: bool = False,
) -> Iterator[CompositedFrame]:
    """Make what is encoded of each frame and its matte.

    Args:
        frames: as far as that.
        look: what is made.
        background: what lies behind, for the look "background".
        light_wrap: how much of its light spills over the subject's edge, 0..1.
        apart: leave the matte beside the colour instead of making it its alpha plane.
        last: nobody needs the subject's colours after this, so that they can be written over.
    """
    make = _maker(look, background, light_wrap, apart=apart)
    if last and apart and look == "cleared":
        make = _cleared_in_place

    def composited(frame: MattedFrame) -> CompositedFrame:
        return frame.composited(make(frame))

    yield from map(composited, frames)


def _maker(look: Look, background: Background | None, light_wrap: float, *, apart: bool) -> _Make:
    if apart and look in _APART:
        return _APART[look]
    if look != "background":
        return _LOOKS[look]
    if background is None:
        raise ValueError("nothing to put the subject over")
    return partial(_over, background=background, light_wrap=light_wrap)


def _straight(frame: MattedFrame) -> av.VideoFrame:
    """Colour, bit for bit, and the matte as its alpha plane."""
    made = blank_like(frame.source, ALPHA_TWIN[frame.source.format.name])
    copy_planes(frame.subject, made)
    planes(made)[-1][:] = frame.matte
    return made


def _cleared(frame: MattedFrame) -> av.VideoFrame:
    """Colour where somebody sees it, and the matte as its alpha plane."""
    made = blank_like(frame.source, ALPHA_TWIN[frame.source.format.name])
    clear(planes(frame.subject), planes(made), frame.matte, frame.source.format.name)
    planes(made)[-1][:] = frame.matte
    return made


def _cleared_in_place(frame: MattedFrame) -> av.VideoFrame:
    """The same without another copy, where the subject has one of its own."""
    if frame.subject is frame.source:  # Decoders may still refer to it.
        return _cleared_colour(frame)
    own = planes(frame.subject)
    clear(own, own, frame.matte, frame.source.format.name)
    return frame.subject


def _cleared_colour(frame: MattedFrame) -> av.VideoFrame:
    """Colour where somebody sees it, without alpha."""
    made = blank_like(frame.source, frame.source.format.name)
    clear(planes(frame.subject), planes(made), frame.matte, frame.source.format.name)
    return made


def _premultiplied(frame: MattedFrame) -> av.VideoFrame:
    """Colour times matte (over black), and the matte as its alpha plane."""
    made = blank_like(frame.source, ALPHA_TWIN[frame.source.format.name])
    *layers, alpha = planes(made)
    _blend(frame, _black(frame.source), layers)
    alpha[:] = frame.matte
    return made


def _over_black(frame: MattedFrame) -> av.VideoFrame:
    """Colour times matte, without alpha."""
    made = blank_like(frame.source, frame.source.format.name)
    _blend(frame, _black(frame.source), planes(made))
    return made


def _over(frame: MattedFrame, background: Background, light_wrap: float) -> av.VideoFrame:
    """Subject over background, without alpha."""
    made = blank_like(frame.source, frame.source.format.name)
    targets = planes(made)
    layers = background.layers(frame, targets)
    if light_wrap:
        subject = wrapped(frame.subject, frame.matte, layers, light_wrap)
        frame = replace(frame, colours=subject)
    _blend(frame, layers, targets)
    return made


def _mask(frame: MattedFrame) -> av.VideoFrame:
    """The matte alone, full-range grey."""
    made = blank_like(frame.source, grey_of(frame.source.format.name))
    planes(made)[0][:] = frame.matte
    made.color_range = Range.FULL
    return made


def _stacked(frame: MattedFrame) -> av.VideoFrame:
    """Colour above, matte below, in one frame of twice the height (sides cropped to even)."""
    width, height = frame.source.width & ~1, frame.source.height & ~1
    made = blank_like(frame.source, frame.source.format.name, (width, 2 * height))
    below = _matte_layers(frame)
    for source, matte, target in zip(planes(frame.subject), below, planes(made), strict=True):
        half = target.shape[0] // 2
        target[:half] = source[:half, : target.shape[1]]
        target[half:] = matte if isinstance(matte, int) else matte[:half, : target.shape[1]]
    return made


_LOOKS: dict[Look, _Make] = {
    "cleared": _cleared,
    "straight": _straight,
    "premultiplied": _premultiplied,
    "mask": _mask,
    "stacked": _stacked,
}
_APART: dict[Look, _Make] = {
    "cleared": _cleared_colour,
    "straight": lambda frame: frame.subject,
    "premultiplied": _over_black,
}


def _black(image: av.VideoFrame) -> list[Layer]:
    """Return black for each plane of a frame's format and range."""
    return list(Levels.of_frame(image).zero)


def _matte_layers(frame: MattedFrame) -> list[Layer]:
    """Return the matte as a grey image in the frame's own format and range."""
    name, levels = frame.source.format.name, Levels.of_frame(frame.source)
    if name.startswith("gbr"):
        return [frame.matte] * 3
    floor, middle, _ = levels.zero
    if not floor:
        return [frame.matte, middle, middle]
    table = np.arange(levels.peak + 1, dtype=np.float64) * (levels.span[0] / levels.peak) + floor
    return [np.rint(table).astype(dtype(name))[frame.matte], middle, middle]


def _blend(frame: MattedFrame, below: list[Layer], targets: list[Plane]) -> None:
    """Write ``subject * matte + below * (1 - matte)`` into ``targets``, plane by plane."""
    border, subject = Border.of(frame), frame.colours
    own: Sequence[Plane | None] | None = None
    if isinstance(subject, BorderColours):
        subject, own = subject.apart(border)
    own = own or [None] * len(targets)
    for above, values, layer, target in zip(planes(subject), own, below, targets, strict=True):
        if layer is not target:
            target[:] = layer
        area, matte = border.shown(above.shape)
        if not matte.size:
            continue
        if values is None:
            for strip in _strips(matte):
                _mix_strip(above[area][strip], matte[strip], border.top, target[area][strip])
        else:
            _lay_over(above, values, border, target)


def _lay_over(above: Plane, own: Plane, border: Border, target: Plane) -> None:
    """Write ``above`` where a matte shows it into ``target``; in soft pixels mix ``own`` values.

    Where the matte is empty or full the result is exactly one or the other.
    """
    (area, matte), soft = border.shown(above.shape), border.soft(above.shape)
    room, at = memory(target), soft.at(target)
    below = room.take(at)
    cv2.copyTo(above[area], _shown(matte, border.top), target[area])
    if at.size:
        # OpenCV takes short lists for colours, and rows for what they are.
        room[at] = mix(own[None], below[None], soft.values[None], soft.top)


def _mix_strip(above: Plane, matte: Plane, top: int, target: Plane) -> None:
    """Write ``above * matte + target * (1 - matte)`` into ``target``.

    It is mixed where the matte is between empty and full; beside that is one or the other.
    """
    left, _, width, _ = cv2.boundingRect(cv2.inRange(matte, 1, top - 1))
    band = np.s_[:, left : left + width]
    mixed = mix(above[band], target[band], matte[band], top) if width else None
    cv2.copyTo(above, _shown(matte, top), target)
    if mixed is not None:
        target[band] = mixed


def _shown(matte: Plane, top: int) -> Plane:
    """Return where a matte shows anything, as OpenCV's masks have it."""
    return matte if matte.dtype == np.uint8 else cv2.inRange(matte, 1, top)


def _strips(plane: Plane) -> Iterator[slice]:
    """Yield a plane's rows in parts whose intermediate results stay in a processor's cache."""
    rows = max(1, _STRIP // plane[0].nbytes)
    yield from (slice(start, start + rows) for start in range(0, len(plane), rows))


def mix(above: Plane, below: Plane, alpha: Plane, top: int) -> Plane:
    """Return ``above * alpha + below * (top - alpha)``, over ``top``, rounded; [rows, columns]."""
    seen = cv2.multiply(above, alpha, scale=1 / top)
    rest = cv2.multiply(below, np.subtract(top, alpha, dtype=alpha.dtype), scale=1 / top)
    return cv2.add(seen, rest)
