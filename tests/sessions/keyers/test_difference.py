"""A camera that stands still: what differs from the empty room, but for noise and shadows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.keyed import filmed, in_the_room, iou, room
from helpers.media import shown
from helpers.photographs import PHOTOGRAPHS
from PIL import Image

from streamcut import remove_video
from streamcut.core.errors import ModelError, SourceError
from streamcut.sessions import new_session
from streamcut.sessions.base import MatteStream
from streamcut.sessions.keyers.difference import _loaded

LEARNT = 15


def learnt(noise: float) -> MatteStream:
    stream = new_session("difference").stream()
    for seed in range(LEARNT):
        assert stream(filmed(room(), noise, 100 + seed)).alpha.max() == 0
    return stream


def test_the_room_is_learnt_and_somebody_found() -> None:
    values, truth = in_the_room()
    matte = learnt(3)(filmed(values, 3)).alpha
    assert iou(matte, truth) > 0.93
    assert np.abs(matte - truth).mean() < 0.02
    assert matte[truth < 0.001].mean() < 0.01
    assert matte[truth > 0.99].mean() > 0.98


@pytest.mark.parametrize("noise", [1.0, 3.0, 8.0])
def test_an_empty_room_stays_empty_whatever_the_noise(noise: float) -> None:
    stream = learnt(noise)
    for seed in range(5):
        assert stream(filmed(room(), noise, seed)).alpha.mean() < 1e-4


def test_a_picture_of_the_empty_room_may_be_given(tmp_path: Path) -> None:
    Image.fromarray(filmed(room(), 3, 7)).resize((640, 360)).save(tmp_path / "plate.png")
    values, truth = in_the_room()
    session = new_session("difference", plate=tmp_path / "plate.png")
    assert iou(session.stream()(filmed(values)).alpha, truth) > 0.93
    [mask] = session.predict(Image.fromarray(filmed(values)))
    assert iou(np.asarray(mask, np.float32) / 255, truth) > 0.93


def test_shadows_stay_outside() -> None:
    values, truth = in_the_room(darker=0.4)
    plain, _ = in_the_room(darker=0)
    shaded = (np.abs(values - plain).mean(axis=2) > 10) & (truth < 0.001)
    assert shaded.sum() > 500
    assert learnt(3)(filmed(values)).alpha[shaded].mean() < 0.05


@pytest.mark.parametrize("gain", [0.9, 1.1])
def test_a_camera_may_change_its_exposure(gain: float) -> None:
    values, truth = in_the_room()
    matte = learnt(2)(filmed(values * gain, 2)).alpha
    assert iou(matte, truth) > 0.93
    assert matte[truth < 0.001].mean() < 0.01


def test_a_single_picture_needs_a_plate() -> None:
    with pytest.raises(ModelError, match="needs a plate"):
        new_session("difference").predict(Image.new("RGB", (8, 8)))


def test_a_plate_that_is_no_picture_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "plate.png").write_bytes(b"no picture")
    for name in ("plate.png", "absent.png"):
        with pytest.raises(SourceError, match=rf"(?:the plate|no such file: the plate) .*{name}"):
            new_session("difference", plate=tmp_path / name)


def test_a_video_with_a_plate(clip_of: Callable[..., Path], tmp_path: Path) -> None:
    Image.fromarray(filmed(room(), 1, 7)).save(tmp_path / "plate.png")
    pictures = [in_the_room(left) for left in (0.4, 0.45, 0.5)]
    source = clip_of([filmed(values, 2, seed) for seed, (values, _) in enumerate(pictures)])
    plate = str(tmp_path / "plate.png")
    remove_video(source, tmp_path / "m.mkv", model="difference", plate=plate, only_mask=True)
    for made, (_, truth) in zip(shown(tmp_path / "m.mkv").pictures, pictures, strict=True):
        assert iou(made.to_ndarray(format="gray").astype(np.float32) / 255, truth) > 0.93


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_plate_may_be_any_photograph(tmp_path: Path, name: str) -> None:
    (tmp_path / "plate").write_bytes(PHOTOGRAPHS[name].make())
    plate = np.asarray(_loaded(tmp_path / "plate"))
    assert plate.shape[2] == 3
    if min(PHOTOGRAPHS[name].alpha) == 255:
        PHOTOGRAPHS[name].assert_is(plate)
