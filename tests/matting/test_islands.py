"""The parts of a matte: what is removed, filled, made to wait and held, and what never is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from streamcut.matting.islands import Blobs

Matte = NDArray[np.float32]

WIDTH, HEIGHT = 256, 144
SUBJECT = (100, 50, 60, 94)  # x, y, width, height: down to the picture's lower side.
FAR = (20, 20, 12, 10)


def matte(*boxes: tuple[int, int, int, int], level: float = 1.0) -> Matte:
    made = np.zeros((HEIGHT, WIDTH), np.float32)
    for x, y, width, height in boxes:
        made[y : y + height, x : x + width] = level
    return made


def picture(*boxes: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """A grey picture with something bright in it."""
    made = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for x, y, width, height in boxes:
        made[y : y + height, x : x + width] = 200
    return made


def shows(made: Matte, box: tuple[int, int, int, int] = FAR) -> bool:
    x, y, width, height = box
    values = np.unique(made[y : y + height, x : x + width])
    assert values.size == 1
    return bool(values[0] > 0.5)


def series(
    blobs: Blobs,
    present: str,
    box: tuple[int, int, int, int] = FAR,
    shown: NDArray[np.uint8] | None = None,
) -> str:
    """What becomes of a box that is there (x) or not (.) in each frame, beside a subject."""
    shown = picture() if shown is None else shown
    made = ""
    for flag in present:
        given = matte(SUBJECT, box) if flag == "x" else matte(SUBJECT)
        made += "x" if shows(blobs(shown, given), box) else "."
    return made


@pytest.mark.parametrize("patient", [False, True])
def test_islands_and_holes_below_the_size_go_and_others_stay(patient: bool) -> None:
    given = matte(SUBJECT, (20, 20, 4, 4), (40, 20, 5, 5))
    given[70:74, 120:124] = 0  # 16 pixels: below 0.05% of the picture, which is 18.4.
    given[90:95, 120:125] = 0.3  # 25 pixels.
    before = given.copy()
    made = Blobs(0.05, patient=patient)(picture(), given)
    assert np.array_equal(given, before), "the matte that was given is changed"
    expected = before.copy()
    expected[20:24, 20:24] = 0
    expected[70:74, 120:124] = 1
    assert np.array_equal(made, expected)


def test_a_gap_at_the_side_is_no_hole_and_a_soft_border_is_left_alone() -> None:
    given = cv2.GaussianBlur(matte((0, 0, 120, HEIGHT)), (0, 0), 3)
    given[:3, 40:43] = 0
    assert np.array_equal(Blobs(0.05)(picture(), np.asarray(given, np.float32)), given)


def test_a_small_subject_is_no_island() -> None:
    given = matte((60, 60, 3, 3))
    assert np.array_equal(Blobs(0.05)(picture(), np.asarray(given, np.float32)), given)


def test_a_blob_shows_after_it_has_been_there_for_some_frames() -> None:
    assert series(Blobs(0.05), "." + "x" * 8) == "......" + "xxx"
    assert series(Blobs(0.05), ".xx.xx.x.xxx.") == "............."


def test_what_moves_slowly_is_the_same_blob() -> None:
    blobs, made = Blobs(0.05), []
    blobs(picture(), matte(SUBJECT))
    for index in range(8):
        box = (20 + 2 * index, 20, 12, 10)
        made.append(shows(blobs(picture(), matte(SUBJECT, box)), box))
    assert made == [False] * 5 + [True] * 3


@pytest.mark.parametrize(
    "box",
    [(20, 20, 30, 20), (0, 40, 12, 10), (20, 0, 12, 10), (244, 40, 12, 10), (86, 60, 10, 10)],
    ids=["large", "left side", "top", "right side", "near the subject"],
)
def test_what_is_no_blob_never_waits(box: tuple[int, int, int, int]) -> None:
    present = ".x.xx..x"
    assert series(Blobs(0.05), present, box) == present


def test_what_comes_off_the_subject_never_waits() -> None:
    """A hand that was one with the subject, and of which the arm between is lost."""
    blobs = Blobs(0.05)
    hand = (40, 60, 12, 10)
    blobs(picture(), matte(SUBJECT, (40, 60, 70, 10)))
    assert shows(blobs(picture(), matte(SUBJECT, hand)), hand)


def test_a_blob_that_vanishes_for_a_moment_is_held_and_one_that_is_gone_is_not() -> None:
    assert series(Blobs(0.05), "xx.xx..x...xx") == "x" * 13
    assert series(Blobs(0.05), "xx.......") == "xxxxx...."


def test_nothing_is_held_where_the_picture_changed() -> None:
    blobs = Blobs(0.05)
    assert series(blobs, "xx", shown=picture(FAR)) == "xx"
    assert series(blobs, "..", shown=picture()) == ".."


def test_a_blob_that_jumps_leaves_no_ghost() -> None:
    blobs = Blobs(0.05)
    there = (20, 100, 12, 10)
    assert shows(blobs(picture(FAR), matte(SUBJECT, FAR)))
    assert not shows(blobs(picture(there), matte(SUBJECT, there)))


def test_the_first_frame_and_one_after_a_reset_show_everything() -> None:
    blobs = Blobs(0.05)
    assert series(blobs, "x") == "x"
    blobs.reset()
    blobs(picture(), matte(SUBJECT))
    blobs.reset()
    assert series(blobs, "x.") == "xx"


def test_without_patience_every_matte_stands_alone() -> None:
    present = ".x.xx..x"
    assert series(Blobs(0.05, patient=False), present) == present
    given = matte(SUBJECT, FAR)
    assert Blobs(0, patient=False)(picture(), given) is given
