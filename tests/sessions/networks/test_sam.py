"""Segment Anything: prompts as rembg's, and a prompt that follows the subject of a video.

The stand-in graphs find what has the colour at the prompt's centre; see graphs.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.graphs import sam
from helpers.media import shown
from numpy.typing import NDArray
from PIL import Image

from streamcut import remove_video
from streamcut.core.errors import ModelError, UsageError
from streamcut.sessions import new_session
from streamcut.sessions.networks.sam import SamSession
from streamcut.sessions.networks.sam_prompt import TrackedSubject, motion, part_at

WIDTH, HEIGHT = 512, 288
VIT_H = "sam_vit_h_4b8939"
WALL, BALL, OTHER = (40, 60, 90), (220, 80, 60), (70, 200, 80)


def scene(x: float | None, y: float = 144, radius: float = 40) -> NDArray[np.uint8]:
    """A wall with a pattern, a red ball (or none), and a green box that is not the subject."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    pattern = 6 * np.sin(columns / 7)[..., None] + 6 * np.cos(rows / 9)[..., None]
    made = np.array(WALL, np.float32) + pattern
    made[200:260, 400:480] = OTHER
    if x is not None:
        inside = np.hypot(columns - x, rows - y) < radius
        shade = 12 * np.sin((columns - x) / 4)[..., None] * np.cos((rows - y) / 5)[..., None]
        made = np.where(inside[..., None], np.array(BALL) + shade, made)
    return np.asarray(np.clip(made, 0, 255), np.uint8)


def ball(x: float, y: float = 144, radius: float = 40) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray(np.hypot(columns - x, rows - y) < radius)


def iou(matte: NDArray[Any], truth: NDArray[np.bool_]) -> float:
    return float(((matte > 0.5) & truth).sum() / ((matte > 0.5) | truth).sum())


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sam(tmp_path_factory.mktemp("sam"))


@pytest.fixture
def made(encoder: Path) -> Callable[..., SamSession]:
    def session(**options: Any) -> SamSession:
        new = new_session("sam", model_path=encoder, **options)
        assert isinstance(new, SamSession)
        return new

    return session


def test_pictures_fit_the_canvas(made: Callable[..., SamSession]) -> None:
    session = made()
    assert session.input_size(1920, 1080) == (1024, 576)
    assert session.input_size(1080, 1920) == (385, 684)
    assert session.input_size(320, 180) == (1024, 576)


def test_the_prompt_follows_what_moves(made: Callable[..., SamSession]) -> None:
    stream = made(prompt=(80 / WIDTH, 0.5)).stream()
    for x in range(80, 440, 30):  # From one end to the other; the first prompt is soon elsewhere.
        assert iou(stream(scene(x)).alpha, ball(x)) > 0.75


def test_without_following_it_would_be_lost(made: Callable[..., SamSession]) -> None:
    session = made(prompt=(80 / WIDTH, 0.5))
    assert iou(session.stream()(scene(260)).alpha, ball(260)) < 0.1


def test_a_box_is_a_prompt(made: Callable[..., SamSession]) -> None:
    box = (60 / WIDTH, 100 / HEIGHT, 140 / WIDTH, 190 / HEIGHT)
    assert iou(made(prompt=box).stream()(scene(100)).alpha, ball(100)) > 0.75


def test_the_centre_is_the_prompt_of_those_who_give_none(made: Callable[..., SamSession]) -> None:
    assert iou(made().stream()(scene(256)).alpha, ball(256)) > 0.75


def test_a_subject_that_was_lost_is_found_where_it_was(made: Callable[..., SamSession]) -> None:
    stream = made(prompt=(100 / WIDTH, 0.5)).stream()
    for x in (100, 115, 130):
        stream(scene(x))
    for _ in range(3):
        stream(scene(None))
    assert iou(stream(scene(140)).alpha, ball(140)) > 0.75


def test_a_cut_goes_back_to_the_prompt(made: Callable[..., SamSession]) -> None:
    stream = made(prompt=(100 / WIDTH, 0.5)).stream()
    for x in range(100, 300, 25):
        stream(scene(x))
    stream(np.full((HEIGHT, WIDTH, 3), 255, np.uint8))
    assert iou(stream(scene(100)).alpha, ball(100)) > 0.75


def test_of_several_masks_a_video_takes_the_best(made: Callable[..., SamSession]) -> None:
    session = made()
    maps = np.stack([np.full((684, 1024), level, np.float32) for level in (-9.0, 9.0, 0.0)])
    session.decode = lambda *_: (maps, np.array([0.5, 0.9, 0.7]))  # type: ignore[method-assign]
    assert session.stream()(scene(100)).alpha.min() > 0.99


def test_still_pictures_take_the_sessions_prompt(made: Callable[..., SamSession]) -> None:
    [mask] = made(prompt=(100 / WIDTH, 0.5)).predict(Image.fromarray(scene(100)))
    assert iou(np.asarray(mask, np.float32) / 255, ball(100)) > 0.75


@pytest.mark.parametrize(
    "marks",
    [
        [],
        [{"type": "point"}],
        [{"type": "point", "label": 1, "data": [1]}],
        [{"type": "rectangle", "data": [1, 2]}],
        [{"type": "point", "label": 1, "data": ["here", "there"]}],
        7,
    ],
)
def test_what_is_no_prompt_is_one_line(made: Callable[..., SamSession], marks: Any) -> None:
    with pytest.raises(UsageError, match="sam_prompt") as caught:
        made().predict(Image.new("RGB", (8, 8)), sam_prompt=marks)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "prompt", [(0.5,), (0.5, 1.5), (0.5, 0.5, 0.5), (0.6, 0.1, 0.4, 0.9), (float("nan"), 0.5)]
)
def test_a_prompt_lies_within_the_picture(
    made: Callable[..., SamSession], prompt: tuple[float, ...]
) -> None:
    with pytest.raises(UsageError, match=r"fractions|not a box"):
        made(prompt=prompt)


def test_the_other_file_and_the_other_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"sam_vit_b_01ec64, sam_vit_h_4b8939, sam_vit_l"):
        new_session("sam", sam_model="../../etc")
    encoder = sam(tmp_path)
    (tmp_path / "sam_vit_b_01ec64.decoder.onnx").unlink()
    with pytest.raises(ModelError, match=r"no such model file: .*decoder\.onnx"):
        new_session("sam", model_path=encoder)
    with pytest.raises(ModelError, match=r"name NAME\.encoder\.onnx"):
        new_session("sam", model_path=encoder.rename(tmp_path / "mine.onnx"))


def test_the_parts_of_a_large_encoder_are_joined_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its data is published in three parts, and read from one file with the encoder."""

    def fetch(weights: Any, **_: Any) -> Path:
        path = tmp_path / weights.file
        path.write_bytes(weights.file.encode())
        asked.append(weights.file)
        return Path(path)

    monkeypatch.setattr("streamcut.sessions.files.store.fetch", fetch)
    parts = [f"{VIT_H}.encoder_data.{number}.bin" for number in (1, 2, 3)]
    for expected in (parts, []):  # The second time all is there.
        asked: list[str] = []
        encoder, decoder = SamSession.download_models(sam_model=VIT_H)
        assert (encoder.name, decoder.name) == tuple(asked[:2])
        assert asked[2:] == expected
        assert (tmp_path / f"{VIT_H}.encoder_data.bin").read_bytes() == "".join(parts).encode()
        assert not any((tmp_path / part).exists() for part in parts)


def test_the_parts_are_joined_by_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)
    asked: list[str] = []

    def fetch(weights: Any, **_: Any) -> Path:
        path = tmp_path / weights.file
        if ".decoder." in path.name:
            both.wait(20)
        if "_data" in path.name:
            asked.append(path.name)
            path.write_bytes(bytes(1 << 20))
            time.sleep(0.02)
        return Path(path)

    monkeypatch.setattr("streamcut.sessions.files.store.fetch", fetch)
    with ThreadPoolExecutor() as several:
        runs = [several.submit(SamSession.download_models, sam_model=VIT_H) for _ in range(2)]
        for run in runs:
            run.result()
    assert len(asked) == 3
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [3 << 20]


def test_a_video_follows_the_prompt_of_its_settings(
    encoder: Path, clip_of: Callable[..., Path], tmp_path: Path
) -> None:
    places = [100, 125, 150, 175]
    source = clip_of([scene(x) for x in places])
    model = str(encoder)
    remove_video(source, tmp_path / "m.mkv", model=model, prompt="100,144", only_mask=True)
    for made, x in zip(shown(tmp_path / "m.mkv").pictures, places, strict=True):
        assert iou(made.to_ndarray(format="gray").astype(np.float32) / 255, ball(x)) > 0.75


# --- where the subject is -------------------------------------------------------------------


def test_motion_is_that_of_the_subject() -> None:
    x, y = motion(scene(100), scene(112, 150), ball(100).astype(np.uint8))
    assert (x, y) == pytest.approx((12, 6), abs=3)
    x, y = motion(scene(100), scene(112, 150), (~ball(100, radius=90)).astype(np.uint8))
    assert (x, y) == pytest.approx((0, 0), abs=1)


def test_the_deepest_point_lies_inside_and_the_box_around() -> None:
    ring = ball(200) & ~ball(200, radius=20)
    target = TrackedSubject.around(ring.astype(np.uint8))
    assert target.point is not None
    assert target.box is not None
    assert ring[int(target.point[1]), int(target.point[0])]
    left, top, right, bottom = target.box
    assert left < 161
    assert right > 239
    assert top < 105
    assert bottom > 183


def test_the_part_at_the_point_is_followed_not_a_larger_one() -> None:
    mask = ball(100, radius=20) | ball(300, radius=60)
    assert np.array_equal(part_at(mask, TrackedSubject((100, 144))) > 0, ball(100, radius=20))
    assert np.array_equal(part_at(mask, TrackedSubject((200, 20))) > 0, ball(300, radius=60))
