"""What is made of known frames and mattes: pixels worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import av
import cv2
import numpy as np
import pytest
from helpers.frames import matted
from helpers.media import copied, depth, picture, views
from numpy.typing import NDArray

from streamcut.compositing.background import Blur, Fixed
from streamcut.compositing.composite import composite, mix
from streamcut.imaging.border import Border
from streamcut.imaging.tiles import around
from streamcut.media.frame import MattedFrame, OutputFrame
from streamcut.media.pixel_formats import ALPHA_TWIN
from streamcut.media.planes import fitted

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
    for below in (0, 1, 16, 127, 128, 254, 255):
        made = mix(above, np.full_like(above, below), alpha, 255)
        want = (above * (alpha / 255)) + below * (1 - alpha / 255)
        assert np.abs(made - want).max() <= 1.01
        assert np.array_equal(made[255], above[255])
        assert (made[0] == below).all()
    made = mix(above, above.copy(), alpha, 255)
    assert np.abs(made.astype(int) - above).max() <= 1


def blobs(width: int, height: int, count: int) -> np.ndarray:
    """A matte of soft discs, as a share of full."""
    random, drawn = np.random.default_rng(count), np.zeros((height, width), np.float32)
    for _ in range(count):
        at = int(random.integers(width)), int(random.integers(height))
        cv2.circle(drawn, at, int(random.integers(1, height // 3 + 2)), 1, -1)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), 1.5))


MATTES: dict[str, Callable[[int, int], NDArray[Any]]] = {
    "empty": lambda width, height: np.zeros((height, width)),
    "full": lambda width, height: np.ones((height, width)),
    "one blob": lambda width, height: blobs(width, height, 1),
    "many blobs": lambda width, height: blobs(width, height, 9),
    "hard": lambda width, height: blobs(width, height, 3) > 0.5,
    "soft all over": lambda width, height: np.random.default_rng(3).random((height, width)),
    "one pixel": lambda width, height: np.eye(height, width, k=width - 1),
}


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p12le", "gbrp"])
@pytest.mark.parametrize(("width", "height"), [(96, 64), (85, 49), (2, 2)])
@pytest.mark.parametrize("kind", MATTES)
@pytest.mark.parametrize("behind", ["planes", "blur"])
def test_only_what_is_mixed_is_touched_and_all_of_it(
    pixel_format: str, width: int, height: int, kind: str, behind: str
) -> None:
    """The same pixels as of whole planes, whatever the matte, and wherever it is known empty."""
    top = (1 << depth(pixel_format)) - 1
    matte = np.rint(MATTES[kind](width, height) * top)
    given = matted(
        picture(2, width, height, pixel_format),
        matte.astype(np.uint8 if top == 255 else np.uint16),
    )
    below = Fixed([plane // 2 + 3 for plane in copied(picture(5, width, height, pixel_format))])
    background = below if behind == "planes" else Blur(20)
    want = [
        mixed_whole(above, np.asarray(layer), fitted(given.matte, above.shape), top)
        for above, layer in zip(views(given.source), background.layers(given), strict=True)
    ]
    area = around((given.matte > 0).view(np.uint8), 0, 2) or (slice(0, 0), slice(0, 0))
    known = replace(given, border=Border(given.matte, top, area))
    stale = replace(given, border=Border(np.zeros_like(given.matte), top, (slice(0), slice(0))))
    for frame in (given, known, stale):
        made = one(composite([frame], "background", background))
        assert all(map(np.array_equal, views(made), want))


def mixed_whole(above: Any, below: Any, alpha: Any, top: int) -> Any:
    """Every pixel of a plane mixed, as it was done before."""
    seen = cv2.multiply(above, alpha, scale=1 / top)
    rest = cv2.multiply(below, cv2.subtract(np.full_like(alpha, top), alpha), scale=1 / top)
    return np.where(alpha == top, above, np.where(alpha == 0, below, cv2.add(seen, rest)))


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
