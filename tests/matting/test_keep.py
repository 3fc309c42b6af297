"""Bystanders are left out whole, and nobody flickers at the border between in and out."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pytest

from streamcut.matting.keep import ALL, MAIN, Keep, Keeper
from streamcut.media.matte import RGB

SIZE = (144, 256)
Body = tuple[float, float, float]
"""Middle x, middle y and half the height, in pixels."""


def people(*bodies: Body) -> np.ndarray:
    """Soft ellipses, twice as high as wide."""
    matte = np.zeros(SIZE, np.float32)
    for x, y, half in bodies:
        one = np.zeros(SIZE, np.float32)
        cv2.ellipse(one, (round(x), round(y)), (round(half / 2), round(half)), 0, 0, 360, 1.0, -1)
        matte = np.maximum(matte, cv2.GaussianBlur(one, (0, 0), 1.5))
    return matte


def at(matte: np.ndarray, body: Body) -> float:
    """How much of a body is left, 0..1."""
    whole = people(body)
    return float((matte * whole).sum() / np.square(whole).sum())


def kept(keep: Keep, mattes: Iterable[np.ndarray]) -> list[np.ndarray]:
    keeper = Keeper(keep)
    return [keeper(matte) for matte in mattes]


FRONT, BEHIND, FAR = (80.0, 80.0, 55.0), (190.0, 60.0, 20.0), (30.0, 40.0, 12.0)


def test_everybody_is_kept_by_default() -> None:
    matte = people(FRONT, BEHIND)
    assert Keeper(ALL)(matte) is matte


def test_those_behind_are_left_out_whole_with_their_haze() -> None:
    matte = people(FRONT, BEHIND, FAR)
    (made,) = kept(MAIN, [matte])
    assert np.array_equal(made[:, 60:110], matte[:, 60:110])
    assert made[:, 160:].max() == made[:, :38].max() == 0.0


def test_two_in_front_are_both_kept() -> None:
    second = (180.0, 85.0, 48.0)
    (made,) = kept(MAIN, [people(FRONT, second)])
    assert at(made, FRONT) > 0.99
    assert at(made, second) > 0.99


def test_a_hand_that_is_apart_stays_with_its_person() -> None:
    hand = (112.0, 60.0, 5.0)
    (made,) = kept(MAIN, [people(FRONT, hand)])
    assert at(made, hand) > 0.99


def test_somebody_at_the_limit_does_not_flicker() -> None:
    sizes = [30 + 12 * (-1) ** n for n in range(40)]  # 59% and 11% of the first's area.
    mattes = [people(FRONT, (190.0, 70.0, half)) for half in sizes]
    seen = [at(made, (190.0, 70.0, 16)) > 0.5 for made in kept(MAIN, mattes)]
    assert np.count_nonzero(np.diff(seen)) <= 1


def test_who_comes_to_the_front_appears_once_and_stays() -> None:
    bodies = [(190.0, 70.0, 12 + n) for n in range(40)]
    made = kept(MAIN, [people(FRONT, body) for body in bodies])
    seen = [at(matte, body) > 0.5 for matte, body in zip(made, bodies, strict=True)]
    assert seen[0] is False
    assert seen[-1]
    assert np.count_nonzero(np.diff(seen)) == 1


def test_the_last_one_is_kept_however_small() -> None:
    mattes = [people(FRONT, BEHIND)] * 3 + [people(BEHIND)] * 2
    made = kept(MAIN, mattes)
    assert at(made[2], BEHIND) < 0.01
    assert at(made[3], BEHIND) > 0.99


@pytest.mark.parametrize(("point", "body"), [((0.74, 0.42), BEHIND), ((0.3, 0.5), FRONT)])
def test_the_one_at_a_point_is_kept_alone(point: tuple[float, float], body: Body) -> None:
    other = FRONT if body is BEHIND else BEHIND
    made = kept(Keep(True, point), [people(FRONT, BEHIND)] * 3)
    assert all(at(matte, body) > 0.99 and at(matte, other) < 0.01 for matte in made)


def test_the_one_at_a_point_is_followed_away_from_it() -> None:
    bodies = [(190.0 - 3 * n, 60.0, 20.0) for n in range(15)]
    made = kept(Keep(True, (0.74, 0.42)), [people((50.0, 80.0, 50.0), body) for body in bodies])
    assert all(at(matte, body) > 0.95 for matte, body in zip(made, bodies, strict=True))
    assert all(at(matte, (50.0, 80.0, 50.0)) < 0.05 for matte in made)


def test_who_passes_close_behind_is_not_let_in() -> None:
    bodies = [(230.0 - 2 * n, 55.0, 22.0) for n in range(58)]
    made = kept(MAIN, [people(FRONT, body) for body in bodies])
    for matte in made[:20]:
        assert matte[:, 130:].max() == 0.0
    touching = made[50]  # At 130: 11 wide, beside a body that ends at 107.
    assert at(touching, (135.0, 55.0, 8.0)) < 0.1
    assert at(touching, FRONT) > 0.9


def test_an_empty_matte_passes() -> None:
    keeper = Keeper(MAIN)
    assert keeper(np.zeros(SIZE, np.float32)).max() == 0
    assert at(keeper(people(FRONT)), FRONT) > 0.99


def test_a_new_size_begins_anew() -> None:
    keeper = Keeper(MAIN)
    keeper(people(FRONT, BEHIND))
    made = keeper(np.asarray(cv2.resize(people(FRONT, BEHIND), (192, 112)), np.float32))
    assert made.shape == (112, 192)
    assert made[:, 130:].max() == 0.0


def clothed(red: tuple[float, float, float], blue: tuple[float, float, float]) -> RGB:
    """A frame of two people; the one in blue is in front."""
    frame = np.full((*SIZE, 3), 60, np.uint8)
    frame[people(red) > 0.5] = (200, 40, 40)
    frame[people(blue) > 0.5] = (40, 40, 200)
    return frame


def test_the_one_at_a_point_is_known_again_after_somebody_passed_before_him() -> None:
    """Red stands, blue passes before him so that they are one part, and both are apart again."""
    red = (90.0, 80.0, 50.0)
    passing = [(200.0 - 4 * n, 80.0, 54.0) for n in range(45)]
    keeper, made = Keeper(Keep(True, (0.35, 0.55))), []
    for blue in passing:
        made.append(keeper(people(red, blue), clothed(red, blue)))
    for matte, blue in [(made[3], passing[3]), (made[44], passing[44])]:
        assert at(matte, red) > 0.98
        assert at(matte, blue) < 0.05


def test_the_one_at_a_point_comes_back_from_behind_somebody() -> None:
    """Red passes behind blue, who is broader, and is kept again on the other side."""
    blue = (130.0, 80.0, 56.0)
    passing = [(50.0 + 4 * n, 80.0, 30.0) for n in range(42)]
    keeper, made = Keeper(Keep(True, (0.2, 0.55))), []
    for red in passing:
        made.append(keeper(people(red, blue), clothed(red, blue)))
    assert at(made[0], passing[0]) > 0.98
    assert at(made[0], blue) < 0.05
    assert at(made[-1], passing[-1]) > 0.98
    assert at(made[-1], blue) < 0.05
