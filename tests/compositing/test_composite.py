"""What is made of known frames and mattes: pixels worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable

import av
import numpy as np
import pytest
from helpers.frames import matted
from helpers.media import copied, depth, picture, views

from streamcut.compositing.background import Fixed
from streamcut.compositing.composite import composite, mix
from streamcut.media.frame import MattedFrame, OutputFrame
from streamcut.media.pixel_formats import ALPHA_TWIN

FORMATS = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p12le", "gbrp", "gbrp16le"]


def graded(width: int, height: int, top: int) -> np.ndarray:
    """A matte with all of nothing, everything and the steps between."""
    ramp = np.clip(np.linspace(-0.4, 1.4, width), 0, 1) * top
    kind = np.uint8 if top == 255 else np.uint16
    return np.tile(np.rint(ramp).astype(kind), (height, 1))


def frame(pixel_format: str, width: int = 96, height: int = 64) -> MattedFrame:
    shot = picture(2, width, height, pixel_format)
    shot.pts = 7
    top = (1 << depth(pixel_format)) - 1
    return matted(shot, graded(width, height, top))


def one(made: Iterable[OutputFrame]) -> av.VideoFrame:
    (only,) = made
    return only.output


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize(("width", "height"), [(96, 64), (85, 49)])
def test_straight(pixel_format: str, width: int, height: int) -> None:
    given = frame(pixel_format, width, height)
    colour = copied(given.source)
    made = one(composite([given], "straight"))
    assert made.format.name == ALPHA_TWIN[pixel_format]
    assert made.pts == 7
    *planes, alpha = copied(made)
    assert all(np.array_equal(a, b) for a, b in zip(planes, colour, strict=True))
    assert np.array_equal(alpha, given.matte)


def test_straight_apart_is_the_decoded_picture_itself() -> None:
    given = frame("yuv420p")
    shot = given.source
    assert one(composite([given], "straight", apart=True)) is shot


def shares(given: MattedFrame, plane: np.ndarray, top: int) -> np.ndarray:
    """The matte at a plane's size, 0..1: the mean over each sample's pixels."""
    height, width = given.matte.shape
    rows, columns = plane.shape
    full = given.matte.astype(float) / top
    down, across = -(-height // rows), -(-width // columns)
    padded = np.pad(full, ((0, rows * down - height), (0, columns * across - width)), mode="edge")
    return np.asarray(padded.reshape(rows, down, columns, across).mean(axis=(1, 3)))


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("apart", [False, True])
def test_premultiplied(pixel_format: str, full: bool, apart: bool) -> None:
    """Over black: in limited range that is 16, not 0."""
    given = frame(pixel_format)
    given.source.color_range = 2 if full else 1
    colour = copied(given.source)
    unit = 1 << (depth(pixel_format) - 8)
    made = copied(one(composite([given], "premultiplied", apart=apart)))
    top = 256 * unit - 1
    if not apart:
        assert np.array_equal(made[3], given.matte)
    for number, (plane, before) in enumerate(zip(made[:3], colour, strict=True)):
        rgb = pixel_format.startswith("gbr")
        black = 0 if rgb or (full and number == 0) else (128 if number else 16) * unit
        share = shares(given, before, top)
        want = before * share + black * (1 - share)
        assert np.abs(plane - want).max() <= 1 + unit / 256
        assert np.array_equal(plane[share == 1], before[share == 1])
        assert (plane[share == 0] == black).all()


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize(("width", "height"), [(96, 64), (85, 49)])
def test_over_a_background(pixel_format: str, width: int, height: int) -> None:
    """Exactly the picture inside, exactly the background outside, the blend between."""
    given = frame(pixel_format, width, height)
    colour = copied(given.source)
    below = [plane // 2 + 3 for plane in copied(picture(5, width, height, pixel_format))]
    made = one(composite([given], "background", Fixed([*below])))
    assert made.format.name == pixel_format
    top = (1 << depth(pixel_format)) - 1
    for plane, above, under in zip(copied(made), colour, below, strict=True):
        share = shares(given, above, top)
        if plane.shape == (height, width) or (width, height) == (96, 64):
            assert np.array_equal(plane[share == 1], above[share == 1])
            assert np.array_equal(plane[share == 0], under[share == 0])
            # Chroma's matte is rounded too, so that two roundings may add up.
            assert np.abs(plane - (above * share + under * (1 - share))).max() <= 1.25


def test_mix_of_every_value() -> None:
    """For each alpha: rounded, never off by more than one, exact at both ends."""
    above, alpha = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    target = np.empty_like(above)
    for below in (0, 1, 16, 127, 128, 254, 255):
        mix(above, below, alpha, 255, target)
        want = (above * (alpha / 255)) + below * (1 - alpha / 255)
        assert np.abs(target - want).max() <= 1.01
        assert np.array_equal(target[255], above[255])
        assert (target[0] == below).all()
    mix(above, above.copy(), alpha, 255, target)
    assert np.abs(target.astype(int) - above).max() <= 1


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_the_matte_alone(pixel_format: str) -> None:
    given = frame(pixel_format)
    made = one(composite([given], "mask"))
    assert made.format.name == ("gray" if depth(pixel_format) == 8 else made.format.name)
    assert made.format.name.startswith("gray")
    assert np.array_equal(views(made)[0], given.matte)
    assert int(made.color_range) == 2


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize(("width", "height"), [(96, 64), (85, 49)])
def test_stacked(pixel_format: str, full: bool, width: int, height: int) -> None:
    """Colour above, matte below as a grey picture in the same range: white is full opacity."""
    given = frame(pixel_format, width, height)
    given.source.color_range = 2 if full else 1
    colour = copied(given.source)
    made = one(composite([given], "stacked"))
    wide, high = width & ~1, height & ~1
    assert (made.width, made.height) == (wide, 2 * high)
    unit = 1 << (depth(pixel_format) - 8)
    top = 256 * unit - 1
    rgb = pixel_format.startswith("gbr")
    for number, (plane, before) in enumerate(zip(copied(made), colour, strict=True)):
        half = plane.shape[0] // 2
        assert np.array_equal(plane[:half], before[:half, : plane.shape[1]])
        if number and not rgb:
            assert (plane[half:] == 128 * unit).all()
            continue
        share = given.matte[:high, :wide] / top
        want = share * top if full or rgb else 16 * unit + share * 219 * unit
        assert np.abs(plane[half:] - want).max() <= 0.5 + 1e-6
