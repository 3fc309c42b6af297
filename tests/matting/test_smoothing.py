"""Smoothing in time: what flickers is stilled, what moves is not dragged, a cut starts anew."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from helpers.frames import in_scenes, predicted
from helpers.media import picture
from numpy.typing import NDArray

from streamcut.matting.smoothing import Smoother, doubt, sameness, steady
from streamcut.media.frame import PredictedFrame

Matte = NDArray[np.float32]
Pictures = list[NDArray[np.uint8]]

WIDTH, HEIGHT = 256, 144


def texture(seed: int, low: int, high: int) -> NDArray[np.float32]:
    """Clouds and fine detail, as cloth and walls have them; RGB."""
    random = np.random.default_rng(seed)
    coarse = random.integers(low, high, (18, 32, 3)).astype(np.float32)
    clouds = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(clouds + random.normal(0, 4, (HEIGHT, WIDTH, 3)), np.float32)


def filmed(truths: Sequence[Matte], shifts: Sequence[float], noise: float = 1.0) -> Pictures:
    """A bright, textured subject that its texture moves with, before a still, dark place."""
    subject, place = texture(1, 130, 240), texture(2, 10, 110)
    random = np.random.default_rng(3)
    made = []
    for truth, shift in zip(truths, shifts, strict=True):
        move = np.array([[1, 0, shift], [0, 1, 0]], np.float64)
        front = cv2.warpAffine(subject, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        shown = front * truth[:, :, None] + place * (1 - truth[:, :, None])
        grain = random.normal(0, noise, shown.shape)
        made.append(np.clip(shown + grain, 0, 255).astype(np.uint8))
    return made


def disc(x: float, radius: float = 40.0) -> Matte:
    across, down = np.meshgrid(np.arange(WIDTH) - x, np.arange(HEIGHT) - HEIGHT / 2)
    return np.asarray(np.clip(radius - np.hypot(across, down) + 0.5, 0, 1), np.float32)


def arm(degrees: float) -> Matte:
    """A disc with an arm that reaches up at an angle."""
    scaled = np.zeros((HEIGHT * 4, WIDTH * 4), np.uint8)
    way = np.array([np.cos(np.deg2rad(degrees)), -np.sin(np.deg2rad(degrees))])
    start = np.array([WIDTH / 2, HEIGHT * 0.8]) * 4
    end = start + way * 360
    cv2.line(scaled, start.astype(int).tolist(), end.astype(int).tolist(), 255, 48)
    line = cv2.resize(scaled, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) / np.float32(255)
    return np.maximum(disc(WIDTH / 2, 30), line.astype(np.float32))


def guessed(truths: Sequence[Matte], wobble: float = 0.0) -> list[Matte]:
    """What a network makes of it: a soft border, and another mistake there in every frame."""
    random = np.random.default_rng(4)
    made = []
    for truth in truths:
        soft = cv2.GaussianBlur(truth, (0, 0), 2.0)
        patches = random.normal(0, wobble, (18, 32)).astype(np.float32)
        error = cv2.resize(patches, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        made.append(np.clip(soft + error * 4 * soft * (1 - soft), 0, 1).astype(np.float32))
    return made


def smoothed(pictures: Pictures, mattes: Sequence[Matte], strength: float = 0.8) -> list[Matte]:
    smoother = Smoother(strength)
    return [smoother(shown, matte) for shown, matte in zip(pictures, mattes, strict=True)]


def flicker(mattes: Sequence[Matte]) -> float:
    """Root mean square of the change from frame to frame."""
    return float(np.sqrt(np.mean(np.square(np.diff(np.stack(mattes), axis=0)))))


def dragging(mattes: Sequence[Matte], share: float) -> list[Matte]:
    """What everybody writes first: each frame keeps a share of the one before."""
    made = [mattes[0]]
    for matte in mattes[1:]:
        made.append(share * made[-1] + (1 - share) * matte)
    return made


@pytest.mark.parametrize("noise", [1.0, 6.0])
def test_a_still_border_stops_flickering(noise: float) -> None:
    truths = [disc(128)] * 20
    pictures, mattes = filmed(truths, [0] * 20, noise), guessed(truths, 0.15)
    made = smoothed(pictures, mattes)
    assert flicker(made[5:]) < 0.4 * flicker(mattes[5:])
    assert abs(float(np.mean(made) - np.mean(mattes))) < 0.002


def test_a_border_that_moves_steadily_flickers_less_about_where_it_should_be() -> None:
    ways = [2.5 * index for index in range(20)]
    truths = [disc(90 + way) for way in ways]
    pictures, mattes = filmed(truths, ways), guessed(truths, 0.15)
    made, plain = smoothed(pictures, mattes), guessed(truths)

    def errors(given: Sequence[Matte]) -> list[Matte]:
        return [one - other for one, other in zip(given, plain, strict=True)][5:]

    assert flicker(errors(made)) < 0.8 * flicker(errors(mattes))
    assert flicker(errors(dragging(mattes, 0.6))) > flicker(errors(mattes))


def lag(made: Sequence[float], truth: Sequence[float]) -> float:
    """By how many frames one series is behind another, where their correlation peaks."""
    moves = np.diff(made) - np.mean(np.diff(made)), np.diff(truth) - np.mean(np.diff(truth))
    middle = len(moves[0]) - 1
    found = np.correlate(*moves, mode="full")[middle - 3 : middle + 4]
    at = int(np.argmax(found))
    before, peak, after = (float(value) for value in found[at - 1 : at + 2])
    return at - 3 + 0.5 * (before - after) / (before - 2 * peak + after)


def middle(matte: Matte) -> float:
    return float((matte.sum(axis=0) * np.arange(WIDTH)).sum() / matte.sum())


def test_no_lag_is_added() -> None:
    ways = [30 * np.sin(index / 3) for index in range(40)]
    truths = [disc(128 + way) for way in ways]
    pictures, mattes = filmed(truths, ways), guessed(truths, 0.1)
    true = [middle(truth) for truth in truths]
    assert abs(lag([middle(made) for made in smoothed(pictures, mattes, 1.0)], true)) < 0.1
    assert lag([middle(made) for made in dragging(mattes, 0.6)], true) > 0.5


def test_a_fast_arm_leaves_no_ghost() -> None:
    """Where the arm was and is no more, nothing of it stays; nor is it late where it came."""
    truths = [arm(20 + 13 * index) for index in range(11)]
    pictures, mattes = filmed(truths, [0] * 11), guessed(truths)

    def worst(made: Sequence[Matte]) -> float:
        return max(
            float(np.abs(one - other).mean()) for one, other in zip(made, mattes, strict=True)
        )

    def ghost(made: Sequence[Matte]) -> float:
        trails = []
        for index in range(1, 11):
            gone = (truths[index - 1] > 0.9) & (cv2.dilate(mattes[index], np.ones((9, 9))) < 0.05)
            trails.append(float(made[index][gone].mean()))
        return max(trails)

    made, dragged = smoothed(pictures, mattes, 1.0), dragging(mattes, 0.5)
    assert ghost(made) < 0.01
    assert worst(made) < 0.003
    assert ghost(dragged) > 0.3
    assert worst(dragged) > 0.01


def test_what_the_network_is_sure_of_stays_as_it_is() -> None:
    sure = [(disc(128, radius) > 0.5).astype(np.float32) for radius in (30, 45, 20)]
    made = smoothed(filmed([disc(128)] * 3, [0] * 3, noise=0), sure)
    assert all(np.array_equal(one, other) for one, other in zip(made, sure, strict=True))


def test_doubt_by_hand() -> None:
    now = np.array([[0.5, 0.0, 1.0, 0.0, 0.5, 0.05]], np.float32)
    was = np.array([[0.5, 0.0, 1.0, 1.0, 0.0, 0.05]], np.float32)
    expected = [1, 0, 0, 0, 0.75, 8 * 0.05 * 0.95]
    assert doubt(now, was)[0].tolist() == pytest.approx(expected, abs=1e-5)


def test_sameness_allows_for_noise_and_for_no_more() -> None:
    random = np.random.default_rng(1)
    first = np.full((60, 90, 3), 100, np.uint8)
    noisy = (first + random.normal(0, 8, first.shape)).astype(np.uint8)
    changed = noisy.copy()
    changed[20:30, 20:30] += 90
    same = sameness(changed, first)
    assert same[22:28, 22:28].max() == 0
    assert same[40:].mean() > 0.95
    # What noise hides there, shows in a clean picture.
    clean = first.copy()
    clean[20:30, 20:30] += 12
    assert sameness(clean, first)[22:28, 22:28].max() == 0


def test_a_flash_takes_every_matte_as_it_is() -> None:
    truths = [disc(128)] * 2
    dark, bright = filmed(truths, [0, 0])
    bright = np.clip(bright * 1.2 + 40, 0, 255).astype(np.uint8)
    mattes = guessed(truths, 0.15)
    made = smoothed([dark, bright], mattes)
    assert np.abs(made[1] - mattes[1]).mean() < 0.1 * np.abs(mattes[0] - mattes[1]).mean()


def frames(pictures: Pictures, mattes: Sequence[Matte]) -> list[PredictedFrame]:
    return list(
        in_scenes(
            predicted(picture(0), matte, seen=shown)
            for shown, matte in zip(pictures, mattes, strict=True)
        )
    )


def test_a_cut_starts_anew() -> None:
    truths = [disc(128)] * 6
    pictures, mattes = filmed(truths, [0] * 6), guessed(truths, 0.15)
    pictures[3:] = [255 - shown for shown in pictures[3:]]
    made = [frame.prediction.alpha for frame in steady(frames(pictures, mattes), 0.8)]
    kept = [np.array_equal(one, other) for one, other in zip(made, mattes, strict=True)]
    assert kept == [True, False, False, True, False, False]


def test_without_strength_nothing_changes() -> None:
    truths = [disc(128)] * 3
    pictures, mattes = filmed(truths, [0] * 3), guessed(truths, 0.15)
    made = [frame.prediction.alpha for frame in steady(frames(pictures, mattes), 0)]
    assert all(np.array_equal(one, other) for one, other in zip(made, mattes, strict=True))


def test_other_sizes_do_not_meet() -> None:
    """A stream whose size changes begins anew, and very small pictures are no trouble."""
    sizes = [(9, 16), (9, 16), (20, 11), (1, 1), (1, 1)]
    given = list(in_scenes(predicted(picture(0), np.full(size, 0.5, "f4")) for size in sizes))
    assert [frame.prediction.alpha.shape for frame in steady(given, 0.8)] == [
        frame.seen.shape[:2] for frame in given
    ]
