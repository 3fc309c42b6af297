"""Bars are found where they are, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from streamcut.imaging.letterbox import BarFinder, find_bars
from streamcut.media.bars import NONE, Bars

SIZE = (144, 256)


def picture(bars: Bars, level: int = 16, noise: int = 0, *, seed: int = 0) -> np.ndarray:
    """Texture between bars, whose values scatter by up to `noise`."""
    rng = np.random.default_rng(seed)
    plane = rng.integers(40, 220, SIZE).astype(np.int16)
    inside = np.zeros(SIZE, bool)
    inside[bars.inside(*SIZE)] = True
    plane[~inside] = level + rng.integers(-noise, noise + 1, SIZE)[~inside]
    return np.clip(plane, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "bars",
    [Bars(18, 18), Bars(0, 0, 40, 40), Bars(10, 20, 30, 32), Bars(4, 3), NONE],
    ids=["letterbox", "pillarbox", "both, uneven", "thin", "none"],
)
@pytest.mark.parametrize("level", [16, 0, 235], ids=["black", "full black", "white"])
def test_bars_are_found_to_the_pixel(bars: Bars, level: int) -> None:
    assert find_bars(picture(bars, level)) == bars
    assert find_bars(picture(bars, level, noise=2)) == bars


def test_deep_pictures_have_bars_too() -> None:
    plane = picture(Bars(18, 18), noise=1).astype(np.uint16) * 4
    assert find_bars(plane, peak=1023) == Bars(18, 18)


def test_a_bar_alone_is_none() -> None:
    plane = picture(NONE)
    plane[:20] = 16
    assert find_bars(plane) == NONE


def test_a_picture_of_one_colour_has_no_bars() -> None:
    assert find_bars(np.full(SIZE, 16, np.uint8)) == NONE


def test_a_body_before_a_plain_wall_leaves_no_bars() -> None:
    wall = np.full(SIZE, 200, np.uint8)
    wall[40:120, 100:150] = 60
    assert find_bars(wall) == NONE


def test_known_bars_outlast_a_dark_scene() -> None:
    find = BarFinder()
    assert find(picture(Bars(18, 18))) == Bars(18, 18)
    dark = np.full(SIZE, 16, np.uint8)
    dark[60:80, 100:140] = 90
    assert find(dark) == Bars(18, 18)


def test_what_appears_in_a_bar_is_shown_at_once() -> None:
    find = BarFinder()
    find(picture(Bars(18, 18)))
    reached = picture(Bars(18, 18))
    reached[10:18, 100:140] = 150
    assert find(reached) == NONE


def test_bars_that_appear_within_a_stream_must_stay() -> None:
    find = BarFinder()
    assert find(picture(NONE)) == NONE
    seen = [find(picture(Bars(18, 18), seed=n)) for n in range(20)]
    assert seen[:12] == [NONE] * 12
    assert seen[13:] == [Bars(18, 18)] * 7


def test_bars_of_a_clip_that_fades_in_are_found_as_soon_as_they_can_be_seen() -> None:
    find, light = BarFinder(), picture(Bars(18, 18)).astype(int) - 16
    seen = [find((16 + light * n // 20).astype(np.uint8)) for n in range(20)]
    assert all(seen[5:])
    assert seen[-1] == Bars(18, 18)


def test_what_a_codec_leaves_beside_the_image_is_no_end_of_the_bars() -> None:
    find = BarFinder()
    assert find(picture(Bars(18, 18))) == Bars(18, 18)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        ringing = picture(Bars(18, 18), seed=seed)
        ringing[15:18, ::7] += rng.integers(0, 30, ringing[15:18, ::7].shape, dtype=np.uint8)
        assert find_bars(ringing) == Bars(18, 18)
        assert find(ringing) == Bars(18, 18)


def test_bars_that_begin_with_a_scene_are_found_at_once() -> None:
    find = BarFinder()
    assert find(picture(NONE)) == NONE
    after = picture(Bars(18, 18), seed=1)
    assert find(after) == NONE
    assert find.anew(after) == Bars(18, 18)
    assert find(picture(Bars(18, 18), seed=2)) == Bars(18, 18)
    dark = np.full(SIZE, 16, np.uint8)
    assert find.anew(dark) == Bars(18, 18)  # The same, as far as can be seen.
    assert find.anew(picture(Bars(0, 0, 40, 40), seed=3)) == Bars(0, 0, 40, 40)
