"""Scene cuts by the mean difference of two frames."""

from __future__ import annotations

import numpy as np
import pytest

from streamcut.imaging.scene_cuts import SceneCuts, is_cut


@pytest.mark.parametrize("shape", [(36, 64, 3), (720, 1280, 3)])
@pytest.mark.parametrize("up", [True, False])
def test_a_cut_begins_above_a_mean_difference_of_40(shape: tuple[int, int, int], up: bool) -> None:
    before = np.full(shape, 100, np.uint8)
    sign = 1 if up else -1
    after = np.full(shape, 100 + 40 * sign, np.uint8)
    assert not is_cut(before, after)
    after[::5, ::5, 1] += np.uint8(sign % 256)
    assert is_cut(before, after)


def test_a_stream_begins_with_a_scene_and_another_size_is_one() -> None:
    begins = SceneCuts()
    frames = [np.full((8, width, 3), 50, np.uint8) for width in (16, 16, 20, 20)]
    assert [begins(frame) for frame in frames] == [True, False, True, False]
