"""What every family of models does, whatever it is inside: one suite over all of them.

The real weights are not needed: small graphs with their inputs and outputs stand in.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.graphs import FILES, model_file
from helpers.media import shown
from numpy.typing import NDArray
from PIL import Image

from streamcut import remove, remove_video
from streamcut.core.errors import ModelError
from streamcut.sessions import CATALOG, BaseSession, Prediction, new_session

FAMILIES = [
    "portrait",
    "modnet",
    "pphumanseg",
    "mediapipe",
    "selfie_segmentation",
    "sinet",
    "rvm-mobilenetv3",
    "rvm-mobilenetv3-fp16",
    "rvm-resnet50",
    "u2net",
    "u2net_cloth_seg",
    "birefnet-general",
    "sam",
    "chroma",
    "difference",
]
"""One of every kind; the others of a kind differ in numbers that the differential tests check."""

SIZES = {"landscape": (96, 54), "portrait": (54, 96), "tiny": (3, 2), "a pixel": (1, 1)}
GREEN, SKIN = (40, 170, 60), (210, 160, 130)


def scene(width: int, height: int, left: int | None = None) -> NDArray[np.uint8]:
    """A noisy green wall with somebody in front of it."""
    made = np.random.default_rng(1).normal(0, 2, (height, width, 3))
    made += GREEN
    start = width // 3 if left is None else left
    made[height // 4 :, start : start + max(1, width // 3)] += np.subtract(SKIN, GREEN)
    return np.clip(made, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def session_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], BaseSession]:
    folder = tmp_path_factory.mktemp("models")

    @cache
    def made(name: str) -> BaseSession:
        options: dict[str, Any] = {}
        if name in FILES or name == "sam":
            options["model_path"] = model_file(name, folder)
        if name == "difference":
            options["plate"] = Image.new("RGB", (96, 54), GREEN)
        return new_session(name, **options)

    return made


def small(session: BaseSession, width: int, height: int, left: int | None = None) -> Any:
    size = session.input_size(width, height)
    return np.asarray(Image.fromarray(scene(width, height, left)).resize(size))


def test_every_model_of_the_catalogue_can_be_made(
    session_of: Callable[[str], BaseSession],
) -> None:
    for model in CATALOG:
        session = session_of(model.name)
        assert session.model_name == model.name
        assert isinstance(session, BaseSession)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("size", SIZES)
def test_a_picture_gives_grey_masks_of_its_size(
    session_of: Callable[[str], BaseSession], name: str, size: str
) -> None:
    picture = Image.fromarray(scene(*SIZES[size]))
    masks = session_of(name).predict(picture)
    assert len(masks) == (3 if name == "u2net_cloth_seg" else 1)
    assert {(mask.mode, mask.size) for mask in masks} == {("L", SIZES[size])}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_pictures_of_other_modes_are_taken_as_their_colours(
    session_of: Callable[[str], BaseSession], name: str, mode: str
) -> None:
    session = session_of(name)
    picture = Image.fromarray(scene(24, 18)).convert(mode)
    if name == "chroma" and mode == "L":
        with pytest.raises(ModelError, match="no coloured screen"):
            session.predict(picture)
        return
    as_rgb = session.predict(picture.convert("RGB"))
    assert [m.tobytes() for m in session.predict(picture)] == [m.tobytes() for m in as_rgb]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("size", ["landscape", "portrait"])
def test_a_stream_gives_mattes_of_its_pictures(
    session_of: Callable[[str], BaseSession], name: str, size: str
) -> None:
    session = session_of(name)
    stream, picture = session.stream(), small(session, *SIZES[size])
    before = picture.copy()
    for _ in range(3):
        prediction = stream(picture)
        assert isinstance(prediction, Prediction)
        matte = prediction.alpha
        assert matte.dtype == np.float32
        assert matte.shape == picture.shape[:2]
        assert 0 <= matte.min() <= matte.max() <= 1
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_reset_is_a_new_beginning(session_of: Callable[[str], BaseSession], name: str) -> None:
    session = session_of(name)
    stream = session.stream()
    first = [stream(small(session, 96, 54, left)).alpha for left in (20, 24)]
    stream.reset()
    again = [stream(small(session, 96, 54, left)).alpha for left in (20, 24)]
    assert all(map(np.array_equal, first, again))


@pytest.mark.parametrize("name", FAMILIES)
def test_two_streams_of_a_session_do_not_disturb_each_other(
    session_of: Callable[[str], BaseSession], name: str
) -> None:
    session = session_of(name)
    alone = session.stream()
    expected = [alone(small(session, 96, 54, left)).alpha for left in (20, 26)]
    one, other = session.stream(), session.stream()
    found = []
    for left in (20, 26):
        found.append(one(small(session, 96, 54, left)).alpha)
        other(small(session, 96, 54, 60 - left))
    assert all(map(np.array_equal, expected, found))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_stream_takes_another_size(session_of: Callable[[str], BaseSession], name: str) -> None:
    session = session_of(name)
    stream, fresh = session.stream(), session.stream()
    stream(small(session, 96, 54))
    upright = small(session, 54, 96)
    assert np.array_equal(stream(upright).alpha, fresh(upright).alpha)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_video_is_converted_end_to_end(
    session_of: Callable[[str], BaseSession], name: str, clip: Callable[..., Path], tmp_path: Path
) -> None:
    source = clip(count=3, width=48, height=32)
    session = session_of(name)
    if name == "chroma":  # The clip has no screen of its own.
        session = new_session("chroma", screen="green")
    summary = remove_video(source, tmp_path / "out.mkv", session=session)
    assert summary.frames == 3
    made = shown(tmp_path / "out.mkv")
    assert [plane.shape for plane in made.planes()[0]][::3] == [(32, 48), (32, 48)]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_picture_is_cut_out_end_to_end(
    session_of: Callable[[str], BaseSession], name: str
) -> None:
    made = remove(Image.fromarray(scene(48, 32)), session=session_of(name))
    height = 96 if name == "u2net_cloth_seg" else 32
    assert (made.mode, made.size) == ("RGBA", (48, height))


@pytest.mark.parametrize("name", [*FILES, "sam"])
@pytest.mark.parametrize("content", [b"no model", b""])
def test_a_broken_file_is_one_line_that_names_it(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.encoder.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.encoder\.onnx is not a usable") as caught:
        new_session(name, model_path=path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [*FILES, "sam"])
def test_an_absent_file_is_one_line_that_names_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no such model file: .*absent\.onnx"):
        new_session(name, model_path=tmp_path / "absent.onnx")


@pytest.mark.parametrize("name", ["rvm-mobilenetv3", "sam", "mediapipe", "u2net_cloth_seg"])
def test_a_graph_of_another_kind_is_one_line(name: str, tmp_path: Path) -> None:
    wrong = model_file("sam", tmp_path) if name != "sam" else tmp_path / "x.encoder.onnx"
    if name == "sam":
        FILES["u2netp"](wrong)
        FILES["u2netp"](tmp_path / "x.decoder.onnx")
    with pytest.raises(ModelError) as caught:
        new_session(name, model_path=wrong).predict(Image.new("RGB", (8, 8)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["u2net_custom", "dis_custom", "ben_custom", "mediapipe"])
def test_what_is_published_nowhere_asks_for_its_path(name: str) -> None:
    with pytest.raises(ModelError, match=f"{name} .* give the path"):
        new_session(name)
