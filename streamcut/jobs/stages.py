"""The stages between source and sink: plain generators over frames.

Each takes frames and yields the same frames, further along: :func:`matte` adds the
network's coarse matte, :func:`upsample` brings it to the picture's size, and
:func:`composite` makes the picture that is encoded. Between them,
:mod:`streamcut.matting.morphology` works on the matte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Literal

import av
import cv2
import numpy as np

from streamcut.compositing.background import Background, Layer
from streamcut.compositing.light_wrap import wrapped
from streamcut.core.errors import UsageError
from streamcut.core.pipeline import gathered
from streamcut.matting.guided_filter import GuidedUpsampler
from streamcut.matting.letterbox import View, whole
from streamcut.media.colour import Colour, Range
from streamcut.media.frame import Frame, StreamInfo
from streamcut.media.matte import Picture
from streamcut.media.pixel_formats import ALPHA_TWIN, depth, dtype, peak
from streamcut.media.planes import Plane, blank_like, planes
from streamcut.sessions import BaseSession, BatchStream, MatteStream, Prediction, as_prediction

Look = Literal["straight", "premultiplied", "background", "mask", "stacked"]
"""What the output shows: colour with straight or premultiplied alpha, the subject over a
background, the matte alone, or colour above matte."""

ALPHA_LOOKS: frozenset[Look] = frozenset({"straight", "premultiplied"})
"""The looks that need an output with alpha."""


def matte(
    frames: Iterable[Frame], session: BaseSession, *, together: bool = False
) -> Iterator[Frame]:
    """Give each frame the network's matte, at the network's size.

    Args:
        frames: as decoded.
        session: the network's.
        together: let frames that wait already go through the network at once, where that is
            faster; the first of them is then late, so never where pictures are live.

    Raises:
        ModelError: if the network fails.
    """
    stream, view = session.stream(), View()
    for group in gathered(frames, getattr(stream, "batch", 1) if together else 1):
        seen = [view.look(frame, session.input_size) for frame in group]
        for frame, told in zip(group, _predictions(seen, stream), strict=True):
            told = whole(frame, told)
            frame.coarse, frame.foreground, frame.screen = told.alpha, told.foreground, told.screen
            yield frame


def _predictions(pictures: Sequence[Picture], stream: MatteStream) -> list[Prediction]:
    alike = len({picture.shape for picture in pictures}) == 1
    if len(pictures) > 1 and alike and isinstance(stream, BatchStream):
        return list(map(as_prediction, stream.many(pictures), pictures))
    return [as_prediction(stream(picture), picture) for picture in pictures]


def upsample(frames: Iterable[Frame], info: StreamInfo) -> Iterator[Frame]:
    """Bring each coarse matte to the picture's size and depth, its edges led by the picture.

    Args:
        frames: with their coarse mattes.
        info: of the stream.
    """
    enlarge = GuidedUpsampler(info.width, info.height, peak(info.pixel_format))
    for frame in frames:
        if frame.coarse is None:
            raise ValueError("upsample needs frames with a coarse matte")
        frame.matte = enlarge(planes(frame.picture)[0], frame.coarse)
        if frame.bars:
            frame.bars.clear(frame.matte)
        yield frame


def composite(
    frames: Iterable[Frame],
    look: Look,
    background: Background | None = None,
    *,
    light_wrap: float = 0.0,
    apart: bool = False,
) -> Iterator[Frame]:
    """Make the picture that is encoded from each frame's picture and matte.

    Args:
        frames: with their mattes.
        look: what is made.
        background: what lies behind, for the look "background".
        light_wrap: how much of its light spills over the subject's edge, 0..1.
        apart: leave the matte beside the picture instead of making it its alpha plane.
    """
    looks = _LOOKS | _APART if apart else _LOOKS
    if light_wrap:
        looks = looks | {"background": partial(_over, light_wrap=light_wrap)}
    for frame in frames:
        frame.picture = looks[look](frame, background)
        frame.front = None
        yield frame


def _straight(frame: Frame, _: Background | None) -> av.VideoFrame:
    """Colour, bit for bit, and the matte as its alpha plane."""
    made = blank_like(frame.picture, ALPHA_TWIN[frame.picture.format.name])
    *layers, alpha = planes(made)
    for source, target in zip(planes(_colour(frame)), layers, strict=True):
        target[:] = source
    alpha[:] = _matte_of(frame)
    return made


def _over_black(frame: Frame, _: Background | None) -> av.VideoFrame:
    """Colour times matte, without alpha."""
    return _blended(frame, _black(frame.picture))


def _premultiplied(frame: Frame, _: Background | None) -> av.VideoFrame:
    """Colour times matte (over black), and the matte as its alpha plane."""
    made = blank_like(frame.picture, ALPHA_TWIN[frame.picture.format.name])
    *layers, alpha = planes(made)
    _blend(frame, _black(frame.picture), layers)
    alpha[:] = _matte_of(frame)
    return made


def _over(frame: Frame, background: Background | None, light_wrap: float = 0.0) -> av.VideoFrame:
    """Picture over background, without alpha."""
    if background is None:
        raise ValueError("nothing to put the subject over")
    layers = background.layers(frame)
    if light_wrap:
        frame.front = wrapped(_colour(frame), _matte_of(frame), layers, light_wrap)
    return _blended(frame, layers)


def _blended(frame: Frame, below: list[Layer]) -> av.VideoFrame:
    made = blank_like(frame.picture, frame.picture.format.name)
    _blend(frame, below, planes(made))
    return made


def _mask(frame: Frame, _: Background | None) -> av.VideoFrame:
    """The matte alone, full-range grey."""
    grey = "gray" if depth(frame.picture.format.name) == 8 else _grey_of(frame.picture)
    made = blank_like(frame.picture, grey)
    planes(made)[0][:] = _matte_of(frame)
    made.color_range = Range.FULL
    return made


def _stacked(frame: Frame, _: Background | None) -> av.VideoFrame:
    """Colour above, matte below, in one picture of twice the height (sides cropped to even)."""
    width, height = frame.picture.width & ~1, frame.picture.height & ~1
    made = blank_like(frame.picture, frame.picture.format.name, (width, 2 * height))
    below = _matte_layers(frame)
    for source, matte, target in zip(planes(_colour(frame)), below, planes(made), strict=True):
        half = target.shape[0] // 2
        target[:half] = source[:half, : target.shape[1]]
        target[half:] = matte if isinstance(matte, int) else matte[:half, : target.shape[1]]
    return made


def made_by(look: Look, info: StreamInfo) -> tuple[str, tuple[int, int]]:
    """Return the pixel format and (width, height) of what :func:`composite` makes.

    Raises:
        UsageError: if the pictures are too small for it.
    """
    size = info.width, info.height
    bits = depth(info.pixel_format)
    if look in ALPHA_LOOKS:
        return ALPHA_TWIN[info.pixel_format], size
    if look == "mask":
        return "gray" if bits == 8 else f"gray{bits}le", size
    if look == "stacked":
        if min(size) < 2:
            raise UsageError(f"a picture of {size[0]}x{size[1]} is too small to be stacked")
        return info.pixel_format, (size[0] & ~1, 2 * (size[1] & ~1))
    return info.pixel_format, size


# Bytes of a plane that are blended at a time.
_STRIP = 1 << 16

_Make = Callable[[Frame, Background | None], av.VideoFrame]
_LOOKS: dict[Look, _Make] = {
    "straight": _straight,
    "premultiplied": _premultiplied,
    "background": _over,
    "mask": _mask,
    "stacked": _stacked,
}
_APART: dict[Look, _Make] = {
    "straight": lambda frame, _: _colour(frame),
    "premultiplied": _over_black,
}


def _colour(frame: Frame) -> av.VideoFrame:
    """Return the picture with the subject's own colours, or as decoded where they are unknown."""
    return frame.picture if frame.front is None else frame.front


def _matte_of(frame: Frame) -> Plane:
    if frame.matte is None:
        raise ValueError("composite needs frames with a matte")
    return frame.matte


def _grey_of(picture: av.VideoFrame) -> str:
    return f"gray{depth(picture.format.name)}le"


def _black(picture: av.VideoFrame) -> list[Layer]:
    """Return black for each plane of a picture's format and range."""
    name = picture.format.name
    if name.startswith("gbr"):
        return [0, 0, 0]
    floor, middle = _levels(picture)
    return [floor, middle, middle]


def _levels(picture: av.VideoFrame) -> tuple[int, int]:
    """Return the code values of black luma and of no colour, for a YUV picture."""
    middle = 1 << (depth(picture.format.name) - 1)
    return 0 if Colour.of(picture).full_range else middle >> 3, middle


def _matte_layers(frame: Frame) -> list[Layer]:
    """Return the matte as a grey picture in the frame's own format and range."""
    matte, name = _matte_of(frame), frame.picture.format.name
    if name.startswith("gbr"):
        return [matte, matte, matte]
    floor, middle = _levels(frame.picture)
    if not floor:
        return [matte, middle, middle]
    span = 219 * middle >> 7
    table = np.arange(peak(name) + 1, dtype=np.float64) * (span / peak(name)) + floor
    return [np.rint(table).astype(dtype(name))[matte], middle, middle]


def _blend(frame: Frame, below: list[Layer], targets: list[Plane]) -> None:
    """Write ``picture * matte + below * (1 - matte)`` into ``targets``, plane by plane."""
    top = peak(frame.picture.format.name)
    sized: dict[tuple[int, ...], Plane] = {}
    for above, layer, target in zip(planes(_colour(frame)), below, targets, strict=True):
        alpha = sized.get(above.shape)
        if alpha is None:
            alpha = sized[above.shape] = _fit(_matte_of(frame), above.shape)
        mix(above, layer, alpha, top, target)


def _fit(matte: Plane, shape: tuple[int, ...]) -> Plane:
    """Return the matte at the size of a (chroma) plane."""
    if matte.shape == shape:
        return matte
    size = (shape[1], shape[0])
    return cv2.resize(matte, size, interpolation=cv2.INTER_AREA)


def mix(above: Plane, below: Layer, alpha: Plane, top: int, target: Plane) -> None:
    """Write ``above * alpha + below * (top - alpha)``, over ``top``, rounded, into ``target``.

    Where ``alpha`` is 0 or ``top`` the result is exactly one or the other.
    """
    for strip in _strips(above):
        under = np.full_like(above[strip], below) if isinstance(below, int) else below[strip]
        share = cv2.multiply(above[strip], alpha[strip], scale=1 / top)
        rest = cv2.multiply(under, np.subtract(top, alpha[strip], dtype=alpha.dtype), scale=1 / top)
        cv2.add(share, rest, dst=target[strip])


def _strips(plane: Plane) -> Iterator[slice]:
    """Yield a plane's rows in parts whose intermediate results stay in a processor's cache."""
    rows = max(1, _STRIP // plane[0].nbytes)
    yield from (slice(start, start + rows) for start in range(0, len(plane), rows))
