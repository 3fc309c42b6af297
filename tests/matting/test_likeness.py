"""Colours tell the one who is kept from others, once both were seen apart."""

from __future__ import annotations

import numpy as np

from streamcut.matting.likeness import Likeness

LEFT, RIGHT = np.zeros((20, 40), np.bool_), np.zeros((20, 40), np.bool_)
LEFT[5:15, 5:15], RIGHT[5:15, 25:35] = True, True
LABELS = np.where(LEFT, 1, np.where(RIGHT, 2, 0)).astype(np.int32)


def frame(left: int, right: int) -> np.ndarray:
    made = np.zeros((20, 40, 3), np.uint8)
    made[LEFT, 0], made[RIGHT, 0] = left, right
    return made


def test_nothing_is_known_before_both_were_seen() -> None:
    likeness = Likeness()
    likeness.learn(frame(200, 50), LEFT, RIGHT & False)
    assert likeness.scores(frame(200, 50), LABELS, 3) is None


def test_who_has_changed_places_is_known_and_strangers_are_neither() -> None:
    likeness = Likeness()
    likeness.learn(frame(200, 50), LEFT, RIGHT)
    scores = likeness.scores(frame(50, 200), LABELS, 3)
    assert scores is not None
    assert scores[1] < -2
    assert scores[2] > 2
    strangers = likeness.scores(frame(120, 120), LABELS, 3)
    assert strangers is not None
    assert np.abs(strangers[1:]).max() < 0.01


def test_two_who_are_taken_for_one_teach_nothing() -> None:
    likeness = Likeness()
    likeness.learn(frame(200, 50), LEFT, RIGHT)
    third = np.zeros_like(LEFT)
    third[16:] = True
    for _ in range(50):
        likeness.learn(frame(200, 50), LEFT | RIGHT, third)
    scores = likeness.scores(frame(200, 50), LABELS, 3)
    assert scores is not None
    assert scores[2] < -2
