"""Sessions with one image in and one map out: the packaged model, known files, any .onnx."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from helpers.graphs import graph, mean_graph, save
from helpers.media import shared
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image

from streamcut.core.errors import ModelError
from streamcut.sessions import CATALOG, BaseSession, new_session
from streamcut.sessions.networks.saliency import MapSession, size_of_area

SAMPLE = Path(__file__).parents[3] / "samples" / "presenter.mp4"
KNOWN = {
    "mediapipe": "mediapipe.onnx",
    "selfie_segmentation": "selfie_segmentation.onnx",
    "sinet": "SINet_Softmax_simple.onnx",
}


def picture(width: int = 64, height: int = 48) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def first_picture() -> Image.Image:
    import av

    with av.open(str(SAMPLE)) as container:
        image: Image.Image = next(container.decode(video=0)).to_image()
        return image


def test_the_packaged_model_is_the_default_and_finds_the_person() -> None:
    session = new_session()
    assert isinstance(session, BaseSession)
    photo = first_picture()
    [mask] = session.predict(photo)
    assert mask.mode == "L"
    assert mask.size == photo.size
    alpha = np.asarray(mask) / 255
    assert alpha[300:, 400:600].mean() > 0.95
    assert alpha[:, 1000:].mean() < 0.02


def test_a_stream_gives_a_matte_of_its_input() -> None:
    session = new_session()
    width, height = session.input_size(1280, 720)
    stream = session.stream()
    small = np.asarray(first_picture().resize((width, height)))
    matte = stream(small).alpha
    assert matte.dtype == np.float32
    assert matte.shape == (height, width)
    assert 0 <= matte.min() < 0.05
    assert 0.95 < matte.max() <= 1
    again = session.stream()
    assert np.array_equal(again(small).alpha, matte)
    stream.reset()
    assert np.array_equal(stream(small).alpha, matte)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), (256, 160)), ((1080, 1920), (160, 256)), ((500, 500), (192, 192))],
)
def test_the_packaged_model_keeps_the_aspect_ratio(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    made = size_of_area(*size, 256 * 144, 32)
    assert made[0] % 32 == made[1] % 32 == 0
    assert abs(made[0] * made[1] - 256 * 144) < 10_000
    assert made[0] / made[1] == pytest.approx(expected[0] / expected[1], rel=0.3)


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_file_is_recognised_and_finds_the_person(name: str) -> None:
    session = new_session(str(shared("models", KNOWN[name])))
    assert isinstance(session, MapSession)
    assert session.model.name == name
    photo = first_picture()
    width, height = session.input_size(*photo.size)
    matte = session.stream()(np.asarray(photo.resize((width, height)))).alpha
    assert matte.shape == (height, width)
    inside = matte[height // 2 :, width // 3 : width // 2].mean()
    assert inside > 0.8
    assert matte[:, int(width * 0.85) :].mean() < 0.1
    [mask] = session.predict(photo)
    assert np.asarray(mask)[400:, 450:600].mean() > 200


def test_a_named_model_takes_its_file(tmp_path: Path) -> None:
    session = new_session(
        "selfie_segmentation", model_path=shared("models", KNOWN["selfie_segmentation"])
    )
    assert session.input_size(100, 50) == (256, 256)


def test_video_is_normalised_by_fixed_numbers_not_by_the_picture(tmp_path: Path) -> None:
    session = new_session(str(mean_graph(tmp_path / "mean.onnx", shape=(1, 3, 48, 64))))
    assert isinstance(session, MapSession)
    mean = np.array([0.485, 0.456, 0.406])
    std = np.array([0.229, 0.224, 0.225])
    expected = ((picture() / 255 - mean) / std).mean(axis=2)
    logits = 1 / (1 + np.exp(-expected))
    assert np.allclose(session.stream()(picture()).alpha, logits, atol=1e-5)


def test_still_pictures_are_stretched_as_rembg_does(tmp_path: Path) -> None:
    session = new_session(str(mean_graph(tmp_path / "mean.onnx", shape=(1, 3, 48, 64))))
    dim = Image.fromarray(picture() // 4)
    [mask] = session.predict(dim)
    values = np.asarray(mask)
    assert values.min() == 0
    assert values.max() == 255


def test_blue_comes_first_where_the_model_wants_it() -> None:
    [row] = [model for model in CATALOG if model.name == "sinet"]
    session = new_session(str(shared("models", KNOWN["sinet"])))
    assert isinstance(session, MapSession)
    feed = session._feed(np.full((4, 4, 3), (200, 100, 50), np.uint8))
    mean, std = (102.890434, 111.25247, 126.91212), (62.93292, 62.82138, 66.355705)
    expected = [(v - m) / s / 255 for v, m, s in zip((50, 100, 200), mean, std, strict=True)]
    assert row.bgr
    assert np.allclose(feed[0, :, 0, 0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("operator", "activation"),
    [(("Sigmoid", ["m"], ["y"], {}), "none"), (("Identity", ["m"], ["y"], {}), "sigmoid")],
)
def test_the_activation_is_settled_once(tmp_path: Path, operator: Any, activation: str) -> None:
    session = new_session(str(mean_graph(tmp_path / "g.onnx", operator)))
    assert isinstance(session, MapSession)
    assert session.activation == activation


def test_two_classes_are_softmaxed(tmp_path: Path) -> None:
    path = graph(
        tmp_path / "two.onnx",
        ("ReduceMean", ["x"], ["m"], {"axes": [1], "keepdims": 1}),
        ("Neg", ["m"], ["n"], {}),
        ("Concat", ["m", "n"], ["y"], {"axis": 1}),
    )
    session = new_session(str(path))
    assert isinstance(session, MapSession)
    assert session.activation == "softmax"
    bright = session.stream()(np.full((8, 8, 3), 255, np.uint8)).alpha
    assert bright.min() > 0.95


def test_channels_last_and_dynamic_sizes_are_understood(tmp_path: Path) -> None:
    average = ("ReduceMean", ["x"], ["y"], {"axes": [3], "keepdims": 1})
    last = new_session(str(graph(tmp_path / "last.onnx", average, shape=(1, 6, 10, 3))))
    assert last.input_size(1920, 1080) == (10, 6)
    free = new_session(str(mean_graph(tmp_path / "free.onnx", shape=(1, 3, "h", "w"))))
    assert free.input_size(1920, 1080) == (320, 320)


def test_two_streams_share_a_session() -> None:
    session = new_session()
    size = session.input_size(640, 360)
    small = np.asarray(first_picture().resize(size))
    one, two = session.stream(), session.stream()
    assert np.array_equal(one(small).alpha, two(small).alpha)


def test_errors_are_one_line_that_names_the_file(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    two = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["y"])],
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, (1, 3, 4, 4)) for n in "ab"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(two, opset_imports=opset, ir_version=8), tmp_path / "two.onnx")
    for name, words in (
        ("broken.onnx", "not a usable ONNX model"),
        ("two.onnx", "more than one"),
        ("absent.onnx", "no such model file"),
    ):
        with pytest.raises(ModelError, match=words) as caught:
            new_session(str(tmp_path / name))
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="did you mean portrait"):
        new_session("portait")


def test_an_own_session_class_needs_no_more_than_rembg_asks(tmp_path: Path) -> None:
    path = mean_graph(tmp_path / "own.onnx")

    class Own(BaseSession):
        @classmethod
        def download_models(cls, *args: Any, **kwargs: Any) -> Path:
            return path

        @classmethod
        def name(cls, *args: Any, **kwargs: Any) -> str:
            return "own"

        def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
            feed = self.normalize(img, (0, 0, 0), (1, 1, 1), (8, 8))
            output = self.inner_session.run(None, feed)[0]
            return [Image.fromarray((output[0, 0] * 255).astype(np.uint8)).resize(img.size)]

    from streamcut import remove

    made = remove(Image.fromarray(picture()), session=Own("own"), only_mask=True)
    assert isinstance(made, Image.Image)
    assert made.size == (64, 48)


def test_a_graph_of_one_size_is_fed_that_size_whatever_its_row_says(tmp_path: Path) -> None:
    file = mean_graph(tmp_path / "mean.onnx", shape=(1, 3, 48, 64))
    session = new_session("u2net_custom", model_path=file)
    assert session.input_size(640, 360) == (64, 48)
    [mask] = session.predict(Image.new("RGB", (20, 10)))
    assert mask.size == (20, 10)


def test_a_size_that_a_graph_refuses_is_told_in_words(tmp_path: Path) -> None:
    stream = new_session(mean_graph(tmp_path / "mean.onnx", shape=(1, 3, 48, 64))).stream()
    with pytest.raises(ModelError, match=r"failed: Got invalid .*indices: .*Got: 8 Expected: 48"):
        stream(np.zeros((8, 8, 3), np.uint8))


HOSTILE: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "no input": ("takes no image", lambda path: save(path, {}, {"y": (1,)}, [one("y", [1.0])])),
    "huge input": ("makes no sense", lambda path: identity(path, (1, 3, 65536, 65536))),
    "empty input": ("makes no sense", lambda path: identity(path, (1, 3, 0, 32))),
    "NaN": ("NaN", lambda path: constant(path, (1, 1, 32, 32), np.nan)),
    "nothing": ("gives nothing", lambda path: constant(path, (1, 1, 0, 32), 1)),
    "another shape": ("a map of 512x2", lambda path: constant(path, (1, 1, 2, 512), 1)),
    "vector": ("is not a map", lambda path: constant(path, (7,), 1)),
}


def one(name: str, value: object) -> Any:
    tensor = onnx.numpy_helper.from_array(np.asarray(value, np.float32))
    return helper.make_node("Constant", [], [name], value=tensor)


def identity(path: Path, shape: tuple[int, ...]) -> Path:
    return save(path, {"x": shape}, {"y": shape}, [helper.make_node("Identity", ["x"], ["y"])])


def constant(path: Path, shape: tuple[int, ...], value: float) -> Path:
    values = one("y", np.full(shape, value))
    return save(path, {"x": (1, 3, 32, 32)}, {"y": tuple("abcd"[: len(shape)])}, [values])


@pytest.mark.parametrize("fault", HOSTILE)
def test_a_model_that_lies_is_one_line(tmp_path: Path, fault: str) -> None:
    words, make = HOSTILE[fault]
    with pytest.raises(ModelError, match=words) as raised:
        new_session(make(tmp_path / "m.onnx")).stream()(picture(32, 32))
    assert "\n" not in str(raised.value)


def test_a_map_of_half_the_size_is_enlarged(tmp_path: Path) -> None:
    half = constant(tmp_path / "m.onnx", (1, 1, 16, 16), 0.5)
    assert new_session(half).stream()(picture(32, 32)).alpha.shape == (32, 32)
