"""What nobody sees is cleared; what somebody may see is not touched."""

from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np
import pytest
from helpers.media import pictures
from numpy.typing import NDArray

from streamcut.compositing.cleared import CELL, clear, kept_cells
from streamcut.media.pixel_formats import depth, peak
from streamcut.media.planes import Plane, blank_like, planes

FORMATS = ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le", "gbrp", "gbrp16le")
SIZES = ((96, 64), (90, 50), (61, 37), (8, 8), (3, 5), (1, 1))


def matte(width: int, height: int, top: int = 255) -> NDArray[Any]:
    """A disc off the centre, with a soft border and one faint pixel by itself."""
    drawn = np.zeros((height, width), np.float32)
    cv2.circle(drawn, (width // 3, height // 2), min(width, height) // 4, 1.0, -1)
    soft = cv2.GaussianBlur(drawn, (0, 0), 1.0)
    made = np.rint(soft * top).astype(np.uint8 if top == 255 else np.uint16)
    made[-1, -1] = 1
    return made


def cleared(frame: av.VideoFrame, seen: Plane) -> av.VideoFrame:
    made = blank_like(frame, frame.format.name)
    clear(planes(frame), planes(made), seen, frame.format.name)
    return made


def noise(pixel_format: str, size: tuple[int, int]) -> av.VideoFrame:
    frame = pictures(1, *size, pixel_format)[0]
    rng = np.random.default_rng(1)
    for plane in planes(frame):
        plane[:] = rng.integers(0, peak(pixel_format) + 1, plane.shape)
    return frame


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_what_is_visible_and_its_margin_stay_bit_for_bit(
    pixel_format: str, size: tuple[int, int]
) -> None:
    frame, seen = noise(pixel_format, size), matte(*size, peak(pixel_format))
    made = cleared(frame, seen)
    near = cv2.dilate((seen > 0).astype(np.uint8), np.ones((9, 9), np.uint8))
    for before, after in zip(planes(frame), planes(made), strict=True):
        # A chroma sample counts as near where any pixel that it colours is.
        high, wide = (-(-a // b) for a, b in zip(near.shape, before.shape, strict=True))
        whole = np.pad(near, [(0, high * before.shape[0] - near.shape[0]), (0, 0)])
        whole = np.pad(whole, [(0, 0), (0, wide * before.shape[1] - near.shape[1])])
        cells = whole.reshape(before.shape[0], high, before.shape[1], wide).max(axis=(1, 3)) > 0
        assert np.array_equal(before[cells], after[cells])


@pytest.mark.parametrize("how", ["FAST_BILINEAR", "BILINEAR", "BICUBIC", "AREA"])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "gbrp"])
def test_players_that_scale_colour_without_regard_to_alpha_show_no_rim(
    pixel_format: str, how: str
) -> None:
    """What is seen at half the size does not depend on whether the room was cleared."""
    frame, seen = noise(pixel_format, (96, 64)), matte(96, 64)
    half = (48, 32)
    share = cv2.resize(seen, half, interpolation=cv2.INTER_CUBIC)[..., None] / np.float32(255)
    small = [
        each.reformat(*half, format=pixel_format, interpolation=how).to_ndarray(format="rgb24")
        * share
        for each in (frame, cleared(frame, seen))
    ]
    assert small[0].max() > 200
    assert np.abs(small[0] - small[1]).max() <= 1


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_far_from_the_subject_all_is_grey(pixel_format: str) -> None:
    frame, seen = noise(pixel_format, (256, 128)), np.zeros((128, 256), np.uint8)
    seen[40:60, 40:60] = 255
    grey = 1 << (depth(pixel_format) - 1)
    for plane in planes(cleared(frame, seen)):
        assert np.all(plane[:, plane.shape[1] // 2 :] == grey)
    for plane in planes(cleared(frame, np.zeros_like(seen))):
        assert np.all(plane == grey)


def test_the_fade_lies_between_the_local_colour_and_grey() -> None:
    frame, seen = pictures(1, 128, 64, "yuv420p")[0], np.zeros((64, 128), np.uint8)
    planes(frame)[0][:] = 200
    seen[16:48, 16:48] = 255
    row = planes(cleared(frame, seen))[0][32].astype(int)
    border = 48 + CELL
    assert np.all(row[CELL:border] == 200)
    assert np.all(np.diff(row[border:]) <= 0)
    assert abs(np.diff(row)).max() < 40
    assert row[border + 2 * CELL] == 128


def test_the_room_cannot_be_read_from_the_fade() -> None:
    """One value a block is all that is left of what lies beyond the margin."""
    seen = np.zeros((64, 128), np.uint8)
    seen[24:40, 24:40] = 255
    kept = kept_cells(seen).repeat(CELL, 0).repeat(CELL, 1) > 0
    one = noise("yuv420p", (128, 64))
    other = noise("yuv420p", (128, 64))
    planes(other)[0][~kept] = 255 - planes(one)[0][~kept]
    for a, b in zip(planes(cleared(one, seen)), planes(cleared(other, seen)), strict=True):
        assert np.array_equal(a, b)


def test_a_frame_as_decoded_is_not_changed() -> None:
    frame = noise("yuv420p", (96, 64))
    before = [plane.copy() for plane in planes(frame)]
    made = cleared(frame, matte(96, 64))
    assert made.pts == frame.pts
    assert all(map(np.array_equal, planes(frame), before))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "gbrp16le"])
def test_in_place_gives_the_same(pixel_format: str) -> None:
    for size in SIZES:
        frame, seen = noise(pixel_format, size), matte(*size, peak(pixel_format))
        want = planes(cleared(frame, seen))
        own = planes(frame)
        clear(own, own, seen, pixel_format)
        assert all(map(np.array_equal, own, want))
