"""A still's views: each the right way round again, and averaged as logits."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest

from streamcut.matting.views import Looks, looks_twice, patient_size, seen
from streamcut.media.matte import Prediction
from streamcut.sessions.base import BaseSession, View


class Left(BaseSession):
    """Whatever is bright is the subject, more surely the oftener it is shown."""

    def __init__(self, *views: View) -> None:
        self.views = views
        self.shown: list[np.ndarray] = []

    def still_views(self, width: int, height: int) -> list[View]:
        return list(self.views) or super().still_views(width, height)

    def patient_views(self, width: int, height: int) -> list[View]:
        sizes = {view.size for view in self.views}
        scale = width / max((size[0] for size in sizes), default=width)
        return [
            view._replace(size=(round(view.size[0] * scale), round(view.size[1] * scale)))
            for view in self.views
        ] or super().patient_views(width, height)

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        return width // 2, height // 2

    def stream(self) -> Any:
        rounds = []

        def look(picture: np.ndarray) -> Prediction:
            rounds.append(picture)
            self.shown.append(picture)
            sure = min(1.0, 0.4 + 0.2 * len(rounds))
            return Prediction(np.where(picture.mean(axis=2) > 128, sure, 0).astype(np.float32))

        return look


def image() -> av.VideoFrame:
    """Bright at the left, 40x20."""
    rgb = np.zeros((20, 40, 3), np.uint8)
    rgb[:, :10] = 255
    return av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="gbrp")


def test_one_view_is_as_for_a_video() -> None:
    session = Left()
    picture, answer = seen(image(), session)
    assert (picture.shape, answer.alpha.shape) == ((10, 20, 3), (10, 20))
    assert answer.alpha[5, 2] == pytest.approx(0.6)


def test_mirrored_views_come_back_and_rounds_are_shown_again() -> None:
    session = Left(View((20, 10), True, 3), View((40, 20)))
    picture, answer = seen(image(), session)
    assert picture.shape == (20, 40, 3)
    assert [shown.shape[1] for shown in session.shown] == [20, 20, 20, 40]
    assert session.shown[0][5, 18].mean() > 200  # Mirrored.
    assert answer.alpha[10, 4] > 0.9  # The mean of a sure view and of one that is half sure.
    assert answer.alpha[10, 30] < 1e-6


def test_what_one_view_denies_surely_is_no_veil() -> None:
    session = Left(View((20, 10), False, 1), View((40, 20), True, 3))
    _, answer = seen(image(), session)
    assert answer.alpha.max() <= 1
    assert answer.alpha.min() >= 0


def test_looks_are_the_mean_of_two_memories_each_the_right_way_round() -> None:
    session = Left(View((20, 10)), View((20, 10), True))
    stream = Looks(session)
    bright = np.zeros((10, 20, 3), np.uint8)
    bright[:, :5] = 255
    first, second = stream(bright), stream(bright)
    assert np.array_equal(session.shown[1], bright[:, ::-1])
    assert first.alpha[5, 2] == pytest.approx(0.6, abs=0.01)
    assert second.alpha[5, 2] == pytest.approx(0.8, abs=0.01)  # Each has counted to two.
    assert second.alpha[:, 5:].max() < 1e-6


def test_a_view_that_is_sure_outweighs_one_that_is_not() -> None:
    class Torn(Left):
        def stream(self) -> Any:
            turned = bool(self.shown)
            self.shown.append(np.zeros(0))
            return lambda picture: Prediction(
                np.full(picture.shape[:2], 0.4 if turned else 1, np.float32)
            )

    torn = Torn(View((4, 4)), View((4, 4), True))
    assert Looks(torn)(np.zeros((4, 4, 3), np.uint8)).alpha.min() > 0.9


def test_a_smaller_look_is_made_of_the_larger_one() -> None:
    session = Left(View((20, 10)), View((40, 20), True))
    stream = Looks(session)
    bright = np.zeros((20, 40, 3), np.uint8)
    bright[:, :10] = 255
    answer = stream(bright)
    assert [shown.shape for shown in session.shown] == [(10, 20, 3), (20, 40, 3)]
    assert answer.alpha.shape == (20, 40)
    assert answer.alpha[10, 4] == pytest.approx(0.6, abs=0.01)
    assert answer.alpha[:, 12:].max() < 1e-6
    assert patient_size(session)(80, 40) == (80, 40)


@pytest.mark.parametrize("more", [False, True])
def test_a_network_says_itself_whether_another_look_helps(more: bool) -> None:
    views = [View((20, 10)), View((20, 10), True)][: 1 + more]
    assert looks_twice(Left(*views), 40, 20) == more
