"""Networks that remember: state per stream, reset at cuts, none for still pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image

from streamcut.core.errors import ModelError
from streamcut.imaging.scene_cuts import is_cut
from streamcut.sessions import new_session
from streamcut.sessions.networks.recurrent import RecurrentSession

FACTS = {
    "streamcut.area": "3072",
    "streamcut.stride": "16",
    "streamcut.states": json.dumps([["r1", 1, 2]]),
}


def write(path: Path, facts: dict[str, str] = FACTS) -> Path:
    """Write a network whose matte is half the picture's brightness and half the last one's."""
    half = onnx.numpy_helper.from_array(np.array(0.5, np.float32), "half")
    scales = onnx.numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    nodes = [
        helper.make_node("ReduceMean", ["rgb"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Resize", ["r1i", "", "scales"], ["last"], mode="nearest"),
        helper.make_node("Add", ["mean", "last"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["alpha"]),
        helper.make_node("AveragePool", ["mean"], ["r1o"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (
            ("rgb", (1, 3, "h", "w")),
            ("r1i", (1, 1, "a", "b")),
            ("alpha", (1, 1, "h", "w")),
            ("r1o", (1, 1, "c", "d")),
        )
    }
    inputs, outputs = [values["rgb"], values["r1i"]], [values["alpha"], values["r1o"]]
    graph = helper.make_graph(nodes, "g", inputs, outputs, [half, scales])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, facts)
    onnx.save(model, str(path))
    return path


@pytest.fixture
def session(tmp_path: Path) -> RecurrentSession:
    made = new_session(str(write(tmp_path / "mine.onnx")))
    assert isinstance(made, RecurrentSession)
    return made


def flat(value: int, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    return np.full((size[1], size[0], 3), value, np.uint8)


def test_the_size_is_that_of_its_metadata(session: RecurrentSession) -> None:
    assert session.input_size(640, 480) == (64, 48)
    assert session.input_size(480, 640) == (48, 64)


def test_the_memory_goes_from_frame_to_frame(session: RecurrentSession) -> None:
    stream = session.stream()
    values = [float(stream(flat(level)).alpha.mean()) for level in (100, 120, 120)]
    assert values == pytest.approx([50 / 255, 110 / 255, 120 / 255], abs=1e-5)
    stream.reset()
    assert float(stream(flat(120)).alpha.mean()) == pytest.approx(60 / 255, abs=1e-5)


def test_the_memory_belongs_to_the_stream(session: RecurrentSession) -> None:
    one, two = session.stream(), session.stream()
    one(flat(100))
    assert float(two(flat(100)).alpha.mean()) == pytest.approx(50 / 255, abs=1e-5)
    assert float(one(flat(100)).alpha.mean()) == pytest.approx(100 / 255, abs=1e-5)


@pytest.mark.parametrize("after", [flat(200), flat(100, (48, 64))])
def test_a_cut_or_another_size_empties_the_memory(
    session: RecurrentSession, after: NDArray[np.uint8]
) -> None:
    stream = session.stream()
    stream(flat(100))
    assert float(stream(after).alpha.mean()) == pytest.approx(after.mean() / 510, abs=1e-5)


def test_motion_and_noise_are_no_cut() -> None:
    random = np.random.default_rng(0)
    picture = random.integers(60, 200, (48, 64, 3), np.uint8)
    noisy = np.clip(picture + random.normal(0, 12, picture.shape), 0, 255).astype(np.uint8)
    assert not is_cut(picture, noisy)
    assert is_cut(flat(40), flat(200))


def test_a_still_picture_is_a_first_frame(session: RecurrentSession) -> None:
    [mask] = session.predict(Image.fromarray(flat(200, (640, 480))))
    assert mask.size == (640, 480)
    assert np.asarray(mask).mean() == pytest.approx(100, abs=1)


def test_metadata_that_lacks_something_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "half.onnx", {"streamcut.states": "[]", "streamcut.area": "many"})
    with pytest.raises(ModelError, match=r"half\.onnx does not say"):
        new_session(str(path))


def test_an_image_is_looked_at_in_three_sizes_and_mirrored(tmp_path: Path) -> None:
    facts = FACTS | {"streamcut.still_area": "16384"}
    session = new_session(str(write(tmp_path / "mine.onnx", facts)))
    views = session.still_views(640, 640)
    assert [view.size for view in views] == [(96, 96)] * 2 + [(128, 128)] * 2 + [(176, 176)] * 2
    assert [view.mirrored for view in views] == [False, True] * 3
    assert {view.rounds for view in views} == {1}
