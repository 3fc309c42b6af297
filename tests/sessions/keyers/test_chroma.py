"""Coloured screens: found, keyed softly, whatever their light; and what is not a screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.keyed import before_a_screen, iou, somebody
from helpers.media import shown
from PIL import Image

from streamcut import remove_video
from streamcut.core.errors import ModelError, UsageError
from streamcut.sessions import Prediction, new_session

SCREENS = {
    "green": (60, 170, 70),
    "blue": (40, 70, 190),
    "magenta": (200, 40, 180),
    "dark green": (20, 80, 30),
}


def told(prediction: Prediction) -> tuple[Any, tuple[float, float, float] | None]:
    """The matte and the screen's colour."""
    return prediction.alpha, prediction.screen


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_is_found_and_keyed(screen: str) -> None:
    picture, truth, _ = before_a_screen(SCREENS[screen])
    matte, found = told(new_session("chroma").stream()(picture))
    assert iou(matte, truth) > 0.98
    assert np.abs(matte - truth).mean() < 0.02
    assert matte[truth < 0.01].mean() < 0.02
    assert matte[truth > 0.99].mean() > 0.93
    assert found is not None
    assert np.allclose(found, SCREENS[screen], atol=25)


def test_edges_are_soft() -> None:
    picture, truth, _ = before_a_screen(SCREENS["green"], noise=1)
    matte = new_session("chroma").stream()(picture).alpha
    edge = (truth > 0.2) & (truth < 0.8)
    assert np.corrcoef(matte[edge], truth[edge])[0, 1] > 0.8
    assert np.unique(np.round(matte[edge], 2)).size > 30


def test_a_colour_that_is_given_is_keyed_and_no_other() -> None:
    picture, truth, _ = before_a_screen(SCREENS["green"])
    given = new_session("chroma", screen="#3caa46").stream()(picture).alpha
    assert iou(given, truth) > 0.98
    other = new_session("chroma", screen="blue").stream()(picture).alpha
    assert other[truth < 0.01].mean() > 0.95


def test_the_screen_is_looked_for_along_the_first_borders() -> None:
    stream = new_session("chroma").stream()
    black = np.zeros((180, 320, 3), np.uint8)
    with pytest.warns(RuntimeWarning, match="no coloured screen yet"):
        assert stream(black).alpha.min() == 1  # A fade from black: nothing is keyed yet.
    assert stream(black).alpha.min() == 1
    picture, truth, _ = before_a_screen(SCREENS["green"])
    assert iou(stream(picture).alpha, truth) > 0.98


def test_what_is_learnt_stays_when_somebody_comes_close() -> None:
    stream = new_session("chroma").stream()
    for left in np.linspace(0.3, 0.5, 14):
        stream(before_a_screen(SCREENS["green"], left=float(left))[0])
    close = before_a_screen(SCREENS["green"])[0]
    truth, _ = somebody()
    close[:, :140] = 150, 90, 60  # A hand over the border.
    matte = stream(close).alpha
    assert matte[:, :140].mean() > 0.99
    assert iou(matte[:, 140:], truth[:, 140:]) > 0.98


def test_after_a_cut_another_screen_is_keyed_and_a_scene_without_keeps_the_last() -> None:
    stream = new_session("chroma").stream()
    filmed = {name: before_a_screen(SCREENS[name]) for name in ("green", "blue")}
    for name in ("green", "blue", "green"):
        picture, truth, _ = filmed[name]
        for _ in range(14):
            matte, found = told(stream(picture))
        assert iou(matte, truth) > 0.98
    whole, still = told(stream(np.full((180, 320, 3), 200, np.uint8)))
    assert whole.min() == 1
    assert still == found


def test_no_screen_is_one_line() -> None:
    grey = np.random.default_rng(0).integers(90, 110, (36, 64, 3), np.uint8)
    stream = new_session("chroma").stream()
    with pytest.warns(RuntimeWarning), pytest.raises(ModelError, match="colour as screen"):
        [stream(grey) for _ in range(1000)]
    with pytest.raises(ModelError, match="no coloured screen"):
        new_session("chroma").predict(Image.fromarray(grey))


@pytest.mark.parametrize(
    ("colour", "words"),
    [
        ("nothing", "not a colour"),
        ("#808080", "grey"),
        ((0, 255), "three numbers"),
        ((300, -5, 0), "three numbers"),
        (("a", 1, 2), "three numbers"),
    ],
)
def test_what_is_no_screen_is_refused(colour: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        new_session("chroma", screen=colour)


def test_a_still_picture_is_keyed_at_its_own_size() -> None:
    picture, truth, _ = before_a_screen(SCREENS["green"])
    large = Image.fromarray(picture).resize((960, 540))
    [mask] = new_session("chroma").predict(large)
    assert mask.size == (960, 540)
    small = np.asarray(mask.resize((320, 180))).astype(np.float32) / 255
    assert iou(small, truth) > 0.98


def test_a_video_before_a_screen_comes_out_over_another_colour(
    clip_of: Callable[..., Path], tmp_path: Path
) -> None:
    filmed = [before_a_screen(SCREENS["green"], left=0.4 + 0.02 * n) for n in range(4)]
    source = clip_of([picture for picture, _, _ in filmed])
    remove_video(source, tmp_path / "out.mkv", model="chroma", background="#808080")
    for made, (_, truth, _) in zip(shown(tmp_path / "out.mkv").rgba(), filmed, strict=True):
        outside = made[truth < 0.01][:, :3].astype(int)
        assert np.abs(outside - 128).mean() < 3
        border = made[(truth > 0.1) & (truth < 0.9)][:, :3].astype(int)
        assert (border[:, 1] - border[:, [0, 2]].max(axis=1)).mean() < 4  # No green fringe.
