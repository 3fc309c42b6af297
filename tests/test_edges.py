"""What is done to the border of a matte: values worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from media import Brightness, depth, picture, pictures

from streamcut.edges import Edges, hardened, shape
from streamcut.frame import Frame, StreamInfo
from streamcut.stages import matte, upsample


def through(count: int = 6, pixel_format: str = "yuv420p", **options: Any) -> list[np.ndarray]:
    shots = pictures(count, 96, 64, pixel_format)
    info = StreamInfo(96, 64, pixel_format)
    frames = matte((Frame(shot) for shot in shots), Brightness())
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
    frames = (Frame(shot, opacity=opacity) for shot in shots)
    info = StreamInfo(96, 64, "yuv420p")
    made = list(shape(upsample(matte(frames, Brightness()), info), info, Edges()))
    plain = through(2)
    for got, want in zip(made, plain, strict=True):
        assert np.abs(got.matte - want * (opacity / 255)).max() <= 1
        assert got.matte[:, :40].max() == 0


def test_shape_needs_a_matte() -> None:
    with pytest.raises(ValueError, match="with a matte"):
        list(shape([Frame(picture(0))], StreamInfo(96, 64, "yuv420p"), Edges()))
