"""A screen's light taken off the subject: at its border, where it reflects it, nowhere else."""

from __future__ import annotations

import av
import numpy as np
import pytest
from helpers.frames import matted
from helpers.keyed import before_a_screen
from helpers.media import copied
from numpy.typing import NDArray

from streamcut.compositing.despill import despill, without_spill
from streamcut.media.colour import Colour
from streamcut.media.pixel_formats import peak
from streamcut.media.planes import planes

GREEN = (60, 170, 70)
FORMATS = ["yuv420p", "yuv422p10le", "yuv444p12le", "gbrp", "gbrp10le"]


def picture_of(rgb: NDArray[np.uint8], name: str, full: bool = False) -> av.VideoFrame:
    source = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    matrix = {} if name.startswith("gbr") else {"dst_colorspace": 1}
    made = source.reformat(format=name, dst_color_range=2 if full else 1, **matrix)
    return Colour(matrix=0 if not matrix else 1, range=2 if full or not matrix else 1).apply(made)


def rgb_of(picture: av.VideoFrame) -> NDArray[np.float32]:
    matrix = {} if picture.format.name.startswith("gbr") else {"src_colorspace": 1}
    made = picture.reformat(format="rgb24", src_color_range=int(picture.color_range), **matrix)
    return made.to_ndarray().astype(np.float32)


def codes(matte: NDArray[np.float32], name: str) -> NDArray[np.generic]:
    top = peak(name)
    return np.rint(matte * top).astype(np.uint8 if top == 255 else np.uint16)


def green(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much green exceeds the other two."""
    return np.maximum(rgb[..., 1] - np.maximum(rgb[..., 0], rgb[..., 2]), 0)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_the_border_loses_its_green_fringe(name: str, full: bool) -> None:
    rgb, truth, _ = before_a_screen(GREEN, noise=1)
    picture = picture_of(rgb, name, full)
    before = copied(picture)
    made = without_spill(picture, codes(truth, name), GREEN)
    edge = (truth > 0.15) & (truth < 0.9)
    assert green(rgb_of(picture))[edge].mean() > 15
    assert green(rgb_of(made))[edge].mean() < 4
    assert all(map(np.array_equal, before, copied(picture)))  # The input is left as it is.
    assert made.format.name == name
    assert made.colorspace == picture.colorspace


def test_what_the_subject_reflects_is_taken_off() -> None:
    shirt = np.full((32, 32, 3), 150, np.float32)
    lit = np.clip(shirt + 0.2 * np.array(GREEN), 0, 255).astype(np.uint8)
    made = rgb_of(
        without_spill(picture_of(lit, "yuv444p"), np.full((32, 32), 255, np.uint8), GREEN)
    )
    assert np.abs(made - 150).max() < 8
    assert np.abs(lit - 150.0).max() > 30


def test_what_has_no_share_of_the_screen_stays_as_decoded() -> None:
    rgb = np.zeros((32, 96, 3), np.uint8)
    rgb[:, :32], rgb[:, 32:64], rgb[:, 64:] = (210, 160, 130), (230, 220, 40), (20, 20, 25)
    picture = picture_of(rgb, "yuv420p")
    made = without_spill(picture, np.full((32, 96), 255, np.uint8), GREEN)
    assert all(map(np.array_equal, planes(made), planes(picture)))


def test_the_background_stays_as_decoded() -> None:
    rgb, truth, _ = before_a_screen(GREEN)
    picture = picture_of(rgb, "yuv444p")
    made = without_spill(picture, codes(truth, "yuv444p"), GREEN)
    outside = codes(truth, "yuv444p") == 0
    for plane, source in zip(planes(made), planes(picture), strict=True):
        assert np.array_equal(plane[outside], source[outside])


def test_frames_without_a_screen_pass_through() -> None:
    picture = picture_of(np.full((16, 16, 3), GREEN, np.uint8), "yuv420p")
    [frame] = despill([matted(picture)])
    assert frame.subject is picture
