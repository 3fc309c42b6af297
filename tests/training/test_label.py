"""Labels by other networks: halves that agree, clips with a settled memory, nothing made twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from helpers.figures import figure
from helpers.graphs import model_file
from helpers.media import write
from numpy.typing import NDArray

from streamcut.sessions import BaseSession, Prediction, new_session
from streamcut.training.label import Panel, judged, label_clips, label_stills, panel_of

Levels = NDArray[np.uint8]


def boxes(*boxes: tuple[slice, slice]) -> NDArray[np.float32]:
    matte = np.zeros((40, 60), np.float32)
    for box in boxes:
        matte[box] = 1.0
    return matte


PERSON = (slice(5, 35), slice(5, 20))
POSTER = (slice(5, 35), slice(40, 55))
IMAGE = np.zeros((40, 60, 3), np.uint8)


def panel(matting: Any, people: Any, objects: Any) -> Panel:
    return Panel(lambda _: matting, [lambda _: people], [lambda _: objects])


def test_what_only_the_salient_network_sees_is_no_person() -> None:
    matte, trust = judged(IMAGE, panel(boxes(PERSON), boxes(PERSON), boxes(PERSON, POSTER)))
    assert (matte == boxes(PERSON)).all()
    assert trust == 1.0


def test_a_person_whom_the_matting_network_misses_is_added_and_trusted_less() -> None:
    matte, trust = judged(IMAGE, panel(boxes(), boxes(PERSON, POSTER), boxes(PERSON, POSTER)))
    assert (matte == boxes(PERSON, POSTER)).all()
    assert trust == 0.0
    matte, trust = judged(IMAGE, panel(boxes(PERSON), boxes(PERSON, POSTER), boxes(POSTER)))
    assert (matte == boxes(PERSON, POSTER)).all()
    assert trust == 0.0


def test_nobody_at_all_is_not_trusted() -> None:
    matte, trust = judged(IMAGE, panel(boxes(), boxes(), boxes()))
    assert matte.max() == 0.0
    assert trust == 0.0


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Two sets of a photograph each, and a clip that grows brighter."""
    for seed, name in enumerate(("near/a", "far/b")):
        path = tmp_path / "sets" / f"{name}.png"
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), figure(seed)[0][..., ::-1])
    (tmp_path / "sets" / "near" / "notes.txt").write_text("no image")
    return tmp_path / "sets"


def test_stills_are_labelled_once(sets: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, ...]] = []

    def network(image: Levels) -> NDArray[np.float32]:
        seen.append(image.shape)
        return (image[..., 0] > 160).astype(np.float32)

    out, told = tmp_path / "mattes", list[str]()
    label_stills(sets, out, Panel(network, [network], [network]), told.append)
    assert len(seen) == 6
    assert json.loads((out / "trust.json").read_text()) == {"far/b": 1.0, "near/a": 1.0}
    matte = cv2.imread(str(out / "near" / "a.webp"), cv2.IMREAD_GRAYSCALE)
    assert matte is not None
    assert ((matte > 127) == (figure(0)[1] > 127)).all()
    assert [line.split()[0] for line in told] == ["far/b", "near/a"]
    (out / "far" / "b.webp").unlink()
    label_stills(sets, out, Panel(network, [network], [network]), told.append)
    assert len(seen) == 9
    assert told[-1].startswith("far/b")


class Counting(BaseSession):
    """A network whose matte is the mean of all levels that its stream was shown."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        return width // 2, height // 2

    def stream(self) -> Any:
        return Remembering(self.shown)


class Remembering:
    def __init__(self, shown: list[int]) -> None:
        self._shown = shown

    def __call__(self, frame: Levels) -> Prediction:
        self._shown.append(round(float(frame.mean())))
        mean = float(np.mean(self._shown)) / 255
        return Prediction(np.full(frame.shape[:2], mean, np.float32))

    def reset(self) -> None:
        raise AssertionError("the memory is wanted")


def test_a_clip_is_labelled_with_a_settled_memory(sets: Path, tmp_path: Path) -> None:
    session = Counting()
    levels = [20 * n for n in range(1, 11)]
    planes = [np.full((64, 96, 3), level, np.uint8) for level in levels]
    frames = [VideoFrame.from_ndarray(plane, format="rgb24") for plane in planes]
    write(sets / "near" / "c.mkv", frames, pixel_format="bgr0")
    told = list[str]()
    label_clips(sets, tmp_path / "clips", session, told.append)
    # Every second frame of 25 a second: five of them, first all backwards, then as they come.
    kept = levels[::2]
    assert session.shown == pytest.approx([*kept[::-1], *kept], abs=2)
    with np.load(tmp_path / "clips" / "near__c.npz") as planes:
        assert planes["frames"].shape == (5, 64, 96, 3)
        assert planes["alpha"].shape == (5, 64, 96)
        assert planes["frames"][-1].mean() == pytest.approx(kept[-1], abs=2)
        assert planes["alpha"][-1].mean() == pytest.approx(float(np.mean(session.shown)), abs=2)
    label_clips(sets, tmp_path / "clips", session, told.append)
    assert told == ["near/c  5 frames"]


def test_sessions_are_networks_of_a_panel(tmp_path: Path) -> None:
    matting = new_session("rvm-mobilenetv3", model_path=model_file("rvm-mobilenetv3", tmp_path))
    u2net = new_session("u2netp", model_path=model_file("u2netp", tmp_path))
    image = figure(0)[0]
    image[:60] = 255
    matte, _ = judged(image, panel_of(matting, [u2net], [u2net]))
    assert matte.shape == image.shape[:2]
    assert matte[:50].mean() > matte[70:].mean()
