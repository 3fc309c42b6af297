"""Parts in which the network is nowhere certain are left out; whoever is a person stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from helpers.frames import predicted
from helpers.media import pictures

from streamcut.matting.ghosts import Ghosts
from streamcut.matting.smoothing import steady
from streamcut.media.matte import Matte, Prediction

SIZE = (144, 256)
FRONT, COAT = (80, 80, 50), (200, 60, 25)


def shown(*bodies: tuple[tuple[int, int, int], float]) -> Matte:
    """Ellipses (x, y, half the height) of an opacity each."""
    matte = np.zeros(SIZE, np.float32)
    for (x, y, half), alpha in bodies:
        one = np.zeros(SIZE, np.float32)
        cv2.ellipse(one, (x, y), (half // 2, half), 0, 0, 360, 1.0, -1)
        matte = np.maximum(matte, alpha * cv2.GaussianBlur(one, (0, 0), 1.5))
    return matte


def made(mattes: Sequence[Matte]) -> list[Matte]:
    ghosts = Ghosts()
    return [ghosts(matte) for matte in mattes]


def test_a_faint_part_is_left_out_with_its_haze() -> None:
    (matte,) = made([shown((FRONT, 1.0), (COAT, 0.7))])
    assert np.array_equal(matte[:, :150], shown((FRONT, 1.0))[:, :150])
    assert matte[:, 160:].max() < 0.02


def test_a_second_person_stays() -> None:
    both = shown((FRONT, 1.0), (COAT, 0.97))
    (matte,) = made([both])
    assert matte is both


def test_the_only_one_stays_however_faint() -> None:
    faint = shown((FRONT, 0.6))
    assert made([faint])[0] is faint


def test_where_nothing_is_certain_nothing_is_a_ghost() -> None:
    faint = shown((FRONT, 0.85), (COAT, 0.6))
    assert made([faint])[0] is faint


def test_a_blurred_hand_beside_its_person_stays() -> None:
    hand = shown((FRONT, 1.0), ((112, 60, 8), 0.6))
    assert made([hand])[0] is hand


def test_who_was_certain_a_moment_ago_stays_and_a_ghost_comes_back_only_if_certain() -> None:
    clear, faint = shown((FRONT, 1.0), (COAT, 1.0)), shown((FRONT, 1.0), (COAT, 0.7))
    found = made([clear, *[faint] * 20, clear])
    seen = [float(matte[60, 200]) > 0.1 for matte in found]
    assert seen == [True] * 12 + [False] * 9 + [True]


def test_a_new_size_begins_anew() -> None:
    small = np.asarray(cv2.resize(shown((FRONT, 1.0), (COAT, 0.7)), (128, 72)), np.float32)
    found = made([shown((FRONT, 1.0), (COAT, 1.0)), small])
    assert found[1][:, 80:].max() < 0.02


@pytest.mark.parametrize(
    ("min_area", "keyed", "gone"), [(0.05, False, True), (0.0, False, False), (0.05, True, False)]
)
def test_in_a_video_unless_all_islands_stay_or_it_is_keyed(
    min_area: float, keyed: bool, gone: bool
) -> None:
    """What is faint before a screen is meant so: smoke, glass."""
    told = Prediction(shown((FRONT, 1.0), (COAT, 0.7)), keyed=keyed)
    frames = [replace(predicted(image, told.alpha), prediction=told) for image in pictures(3)]
    for frame in steady(frames, 0.6, min_area):
        assert bool(frame.prediction.alpha[60, 200] == 0.0) is gone
        assert frame.prediction.alpha[80, 80] > 0.99
