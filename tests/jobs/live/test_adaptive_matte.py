"""The matte stage of live jobs: kept while nothing changes, smaller and carried when it must."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import pytest
from helpers.media import Brightness, inside, picture
from numpy.typing import NDArray

from streamcut import new_session
from streamcut.jobs.live.adaptive_matte import Level, LiveMatte, is_alike, levels_of, likeness
from streamcut.media.frame import Frame, StreamInfo
from streamcut.sessions import Prediction

WIDTH, HEIGHT = 256, 160
INFO = StreamInfo(WIDTH, HEIGHT, "yuv420p")


class Counting(Brightness):
    """Notes the sizes at which it was asked."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked: list[tuple[int, int]] = []

    def smaller_sizes(self, width: int, height: int) -> list[tuple[int, int]]:
        return [(width // 2, height // 2)]

    def stream(self) -> Any:
        inner = super().stream()

        def made(small: NDArray[np.uint8]) -> Any:
            self.asked.append((small.shape[1], small.shape[0]))
            return inner(small)

        return made


def mattes(session: Brightness, *, lost: Any = lambda: 0, unchanged: int = 0) -> LiveMatte:
    return LiveMatte(INFO, lost=lost, unchanged=lambda: unchanged, say=lambda _: None)


def frames(indices: list[int]) -> Iterator[Frame]:
    return (Frame(source=picture(index, WIDTH, HEIGHT)) for index in indices)


def test_what_the_embedded_network_can_be_asked() -> None:
    levels = levels_of(new_session(), 1280, 720)
    assert [level.size for level in levels] == [(320, 176), (224, 128), (160, 96), (160, 96)]
    assert [level.every for level in levels] == [1, 1, 1, 2]
    assert [level.weight for level in levels] == sorted(
        (each.weight for each in levels), reverse=True
    )


def test_a_network_of_one_size_is_only_asked_less_often() -> None:
    assert levels_of(Brightness(1), WIDTH, HEIGHT) == [
        Level((WIDTH, HEIGHT)),
        Level((WIDTH, HEIGHT), every=2),
    ]


def test_an_unchanged_picture_keeps_its_matte_once_it_has_settled() -> None:
    session = Counting()
    stage = mattes(session, unchanged=40)
    made = list(stage(frames([0] * 12 + [3] * 3), session))
    assert (stage.kept, len(session.asked)) == (6, 9)
    assert all((frame.prediction.alpha == made[0].prediction.alpha).all() for frame in made[:12])
    assert (made[12].prediction.alpha != made[11].prediction.alpha).any()


def test_noise_is_no_change_and_a_moving_finger_is() -> None:
    before = np.full((144, 256, 3), 90, np.uint8)
    noise = np.random.default_rng(0).normal(0, 1, before.shape)
    finger = before.copy()
    finger[60:70, 100:103] = 190
    assert likeness(before, np.rint(before + noise).astype(np.uint8)) > 42
    assert likeness(before, finger) < 25
    assert likeness(before, before) == np.inf
    assert likeness(before, before[:100]) == 0


@pytest.mark.parametrize("least", [20, 30, 40])
@pytest.mark.parametrize("change", [0, 1, 3, 9])
@pytest.mark.parametrize("where", [slice(None), slice(40, 60), slice(0)])
def test_alike_means_as_like_as_that_where_they_differ_most(
    least: int, change: int, where: slice
) -> None:
    before = np.full((176, 320, 3), 90, np.uint8)
    after = before.copy()
    after[where, where] += np.uint8(change)
    assert is_alike(before, after, least) == (likeness(before, after) >= least)
    assert not is_alike(before, after[:100], least)


def test_likeness_is_the_psnr_of_the_part_that_differs_most() -> None:
    before = np.zeros((32, 32, 3), np.uint8)
    after = before.copy()
    after[:16, 16:] = 10
    assert likeness(before, after) == pytest.approx(10 * np.log10(255**2 / 100), abs=1e-4)


def test_overload_makes_the_network_s_input_smaller_then_carries_every_second_matte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a clock of its own: every picture seems to take half a second, and as many are lost."""
    moments = count(0, 0.25)
    for clock in ("monotonic", "perf_counter"):
        name = f"streamcut.jobs.live.adaptive_matte.time.{clock}"
        monkeypatch.setattr(name, lambda: next(moments))
    said: list[str] = []
    session, lost = Counting(), count(0, 5)
    stage = LiveMatte(INFO, lost=lambda: next(lost), unchanged=lambda: 0, say=said.append)
    made = list(stage(frames([0, 1] * 20), session))
    assert said == [
        "frames were lost: the network now works at 128x80",
        "frames were lost: the network now works at 128x80, every second matte by flow",
        "frames are lost, and not to the network: try a smaller size or frame rate",
    ]
    assert session.asked[0] == (256, 160)
    assert session.asked[-1] == (128, 80)
    assert stage.carried >= 5
    assert stage.runs + stage.carried == len(made) == 40


class Telling(Brightness):
    """Tells a foreground and a screen with every matte, as RobustVideoMatting and keyers do."""

    def stream(self) -> Any:
        inner = super().stream()

        def made(small: NDArray[np.uint8]) -> Prediction:
            alpha = inner(small).alpha
            return Prediction(alpha, np.dstack([alpha] * 3), (0.0, 255.0, 0.0))

        return made


@pytest.mark.parametrize("every", [1, 2])
def test_a_live_frame_has_the_foreground_of_its_own_matte(every: int) -> None:
    session = Telling(1)
    stage, stream = mattes(session), session.stream()
    for index in range(4):
        small: Any = picture(index, WIDTH, HEIGHT).to_ndarray(format="rgb24")
        made = stage._predicted(small, every, partial(stream, small), cut=False)
        assert made.foreground is not None
        assert np.allclose(made.foreground, made.alpha[:, :, None], atol=1e-5), index
        assert made.screen == (0.0, 255.0, 0.0)
    assert stage.carried == (0 if every == 1 else 2)


def test_a_kept_matte_keeps_its_foreground() -> None:
    session = Telling(1)
    stage = mattes(session, unchanged=40)
    made = list(stage(frames([0] * 12), session))
    assert stage.kept == 6
    assert all(frame.prediction.foreground is not None for frame in made)


def test_a_carried_matte_lies_where_the_subject_has_moved() -> None:
    session = Counting()
    stage = mattes(session)
    shown = frames(list(range(6)))
    stage.level = Level((WIDTH, HEIGHT), every=2)
    stream = session.stream()
    for index, frame in enumerate(shown):
        small: Any = frame.source.to_ndarray(format="rgb24")
        made = stage._predicted(small, 2, partial(stream, small), cut=False).alpha > 0.5
        subject = inside(WIDTH, HEIGHT, index)
        union = (made | subject).sum()
        assert (made & subject).sum() / union > 0.93, index
    assert stage.carried == 3
