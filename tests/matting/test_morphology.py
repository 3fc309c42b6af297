"""What is done to the border of a matte: values worked out by hand."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from helpers.media import Brightness, depth, pictures
from numpy.typing import NDArray

from streamcut.matting.guided_filter import upsample
from streamcut.matting.morphology import Edges, feathered, grown, hardened, shape, shaped
from streamcut.matting.network import predict
from streamcut.media.frame import Frame, StreamInfo


def through(count: int = 6, pixel_format: str = "yuv420p", **options: Any) -> list[np.ndarray]:
    shots = pictures(count, 96, 64, pixel_format)
    info = StreamInfo(96, 64, pixel_format)
    frames = predict((Frame(source=shot) for shot in shots), Brightness())
    return [made.matte.copy() for made in shape(upsample(frames, info), info, Edges(**options))]


def test_invert() -> None:
    for plain, inverted in zip(through(), through(invert=True), strict=True):
        assert np.array_equal(inverted, 255 - plain)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_post_process_is_hard(pixel_format: str) -> None:
    top = (1 << depth(pixel_format)) - 1
    for soft, hard in zip(
        through(pixel_format=pixel_format),
        through(pixel_format=pixel_format, post_process=True),
        strict=True,
    ):
        assert set(np.unique(hard)) == {0, top}
        assert (hard[soft > 0.98 * top] == top).mean() > 0.98
        assert (hard[soft < 0.02 * top] == 0).mean() > 0.98


def test_post_process_removes_specks() -> None:
    speck = np.zeros((40, 40), np.uint8)
    speck[5, 5] = speck[20:34, 20:34] = 255
    made = hardened(speck, 255)
    assert made[:12, :12].max() == 0
    assert made[24:30, 24:30].min() == 255


def test_own_alpha_limits_the_matte() -> None:
    shots = pictures(2)
    opacity = np.full((64, 96), 255, np.uint8)
    opacity[:, :40] = 0
    opacity[:, 40:44] = 128
    frames = (Frame(source=shot, opacity=opacity) for shot in shots)
    info = StreamInfo(96, 64, "yuv420p")
    made = list(shape(upsample(predict(frames, Brightness()), info), info, Edges()))
    plain = through(2)
    for got, want in zip(made, plain, strict=True):
        assert np.abs(got.matte - want * (opacity / 255)).max() <= 1
        assert got.matte[:, :40].max() == 0


def square(top: int = 255) -> np.ndarray:
    """A full square of 40 pixels with a one-pixel border of half opacity, in nothing."""
    made = np.zeros((120, 160), np.uint8 if top == 255 else np.uint16)
    made[39:81, 59:101] = top // 2
    made[40:80, 60:100] = top
    return made


def hard(matte: np.ndarray, top: int) -> np.ndarray:
    return shaped(matte, Edges(threshold=0.6), top)


@pytest.mark.parametrize("top", [255, 1023])
def test_threshold_is_a_level_of_opacity(top: int) -> None:
    ramp: NDArray[Any] = np.linspace(0, top, top + 1).astype(np.uint8 if top == 255 else np.uint16)[
        None
    ]
    for level in (0.01, 0.5, 1.0):
        made = shaped(ramp, Edges(threshold=level), top)
        assert made.dtype == ramp.dtype
        assert np.array_equal(made, np.where(ramp >= level * top, top, 0))


@pytest.mark.parametrize("top", [255, 1023])
@pytest.mark.parametrize("pixels", [1, 3, 10, -1, -3, -10])
def test_expand_and_contract_move_a_straight_edge_by_so_many_pixels(top: int, pixels: int) -> None:
    made = shaped(hard(square(top), top), Edges(grow=pixels), top)
    assert set(np.unique(made)) == {0, top}
    assert np.flatnonzero(made[60]).tolist() == list(range(60 - pixels, 100 + pixels))
    assert np.flatnonzero(made[:, 80]).tolist() == list(range(40 - pixels, 80 + pixels))


def test_expand_is_round_at_corners() -> None:
    made = shaped(hard(square(), 255), Edges(grow=10), 255)
    assert made[33, 53] == 255  # 7 and 7 pixels away: 9.9.
    assert made[31, 51] == 0  # 9 and 9: 12.7.


def test_a_narrowed_subject_at_the_picture_s_side_stays_there() -> None:
    whole = np.full((60, 80), 255, np.uint8)
    whole[:, :20] = 0
    made = shaped(whole, Edges(grow=-5), 255)
    assert (made[:, 25:] == 255).all()
    assert (made[:, :25] == 0).all()


@pytest.mark.parametrize("top", [255, 1023])
def test_feather_softens_to_both_sides_and_leaves_the_rest(top: int) -> None:
    made = shaped(hard(square(top), top), Edges(feather=4), top).astype(float) / top
    row = made[60]
    assert row[60 - 13] == 0
    assert row[60 + 13] == 1
    assert (row[59] + row[60]) / 2 == pytest.approx(0.5, abs=0.01)
    # A normal distribution of standard deviation 2: 16% at one deviation, 2.3% at two.
    assert row[[55, 57, 62, 64]] == pytest.approx([0.012, 0.106, 0.894, 0.988], abs=0.01)
    assert made.sum() == pytest.approx(1600, rel=0.001)


@pytest.mark.parametrize("edges", [Edges(grow=4), Edges(grow=-4), Edges(feather=6)])
@pytest.mark.parametrize("seed", range(4))
def test_working_in_the_border_s_rectangle_alone_changes_nothing(edges: Edges, seed: int) -> None:
    random = np.random.default_rng(seed)
    noise = random.normal(0, 1, (90, 130)).astype(np.float32)
    blobs = cv2.GaussianBlur(noise, (0, 0), 8) * 25
    matte = np.zeros((220, 300), np.uint8)
    matte[60:150, 80:210] = np.clip(128 + blobs * 128, 0, 255)
    padded = np.pad(matte, 200, mode="edge")
    padded[0, 0] = padded[-1, -1] = 128  # So that the rectangle is all of it.
    whole = shaped(padded, edges, 255)[200:-200, 200:-200]
    assert np.abs(shaped(matte, edges, 255).astype(int) - whole).max() <= 1


@pytest.mark.parametrize("level", [0, 255])
def test_without_a_border_there_is_nothing_to_shape(level: int) -> None:
    plain = np.full((60, 80), level, np.uint8)
    for edges in (Edges(grow=3), Edges(grow=-3), Edges(feather=3), Edges(threshold=0.5)):
        assert np.array_equal(shaped(plain, edges, 255), plain)


def test_controls_follow_each_other_in_their_order() -> None:
    """Hard first, then wider, then soft, then inside out."""
    made = shaped(square(), Edges(threshold=0.6, grow=5, feather=2, invert=True), 255)
    plain = feathered(grown(hard(square(), 255), 5, 255), 2, 255)
    assert np.array_equal(made, 255 - plain)
    assert made[60, 80] == 0
    assert made[0, 0] == 255
