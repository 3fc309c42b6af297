"""RobustVideoMatting: its shapes, its memory, its ratio, its foreground, in both precisions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from av.video.frame import VideoFrame
from helpers.graphs import model_file, plain, rvm
from helpers.media import pictures, shown
from numpy.typing import NDArray

from streamcut import remove_video
from streamcut.core.errors import ModelError
from streamcut.matting.network import predict
from streamcut.matting.views import seen
from streamcut.media.frame import Frame
from streamcut.sessions import new_session
from streamcut.sessions.base import View
from streamcut.sessions.networks.recurrent import RecurrentStream
from streamcut.sessions.networks.rvm import RvmSession

NAMES = [
    "rvm-mobilenetv3",
    "rvm-mobilenetv3-fp16",
    "rvm-resnet50",
    "rvm-resnet50-fp16",
]


def flat(level: int, size: tuple[int, int] = (128, 96)) -> NDArray[np.uint8]:
    return np.full((size[1], size[0], 3), level, np.uint8)


def new_stream(session: Any) -> RecurrentStream:
    assert isinstance(session, RvmSession)
    return session.stream()


@pytest.mark.parametrize("name", NAMES)
def test_the_memory_goes_from_frame_to_frame(name: str, tmp_path: Path) -> None:
    """Half the brightness, and a quarter of the memory: brightness and half of the last memory."""
    stream = new_stream(new_session(name, model_path=model_file(name, tmp_path)))
    found = [float(stream(flat(100)).alpha.mean()) for _ in range(3)]
    level = 100 / 255
    expected = [0.5 * level + 0.25 * memory * level for memory in (1, 1.5, 1.75)]
    assert found == pytest.approx(expected, abs=2e-3)
    stream.reset()
    assert float(stream(flat(100)).alpha.mean()) == pytest.approx(found[0], abs=1e-6)


@pytest.mark.parametrize("after", [flat(250), flat(100, (96, 128)), flat(100, (256, 192))])
def test_a_cut_or_another_size_empties_the_memory(after: NDArray[np.uint8], tmp_path: Path) -> None:
    session = new_session("rvm-mobilenetv3", model_path=model_file("rvm-mobilenetv3", tmp_path))
    stream, fresh = new_stream(session), new_stream(session)
    stream(flat(100))
    assert np.array_equal(stream(after).alpha, fresh(after).alpha)


def test_a_still_is_shown_until_the_memory_has_settled(tmp_path: Path) -> None:
    session = new_session("rvm-mobilenetv3", model_path=model_file("rvm-mobilenetv3", tmp_path))
    image = VideoFrame.from_ndarray(flat(100), format="rgb24")
    small, told = seen(image, session)
    assert small.shape == (96, 128, 3)
    # Half the brightness and a quarter of what was remembered of it four times.
    level = 100 / 255
    assert float(told.alpha.mean()) == pytest.approx(0.5 * level + 0.25 * 1.9375 * level, abs=2e-3)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), (1920, 1080)),
        ((3840, 2160), (1920, 1080)),
        ((1080, 1920), (1080, 1920)),
        ((853, 481), (853, 481)),
        ((20, 10), (64, 64)),
    ],
)
def test_pictures_enter_whole_up_to_1920_pixels(
    size: tuple[int, int], expected: tuple[int, int], tmp_path: Path
) -> None:
    session = new_session("rvm-mobilenetv3", model_path=model_file("rvm-mobilenetv3", tmp_path))
    assert session.input_size(*size) == expected
    smaller = session.smaller_sizes(*size)
    assert all(width * height < expected[0] * expected[1] for width, height in smaller)


@pytest.mark.parametrize(
    ("size", "ratio"), [((1920, 1080), 512 / 1920), ((600, 1024), 0.5), ((512, 300), 1.0)]
)
def test_the_ratio_is_that_of_its_authors(
    size: tuple[int, int], ratio: float, tmp_path: Path
) -> None:
    session = new_session("rvm-mobilenetv3", model_path=model_file("rvm-mobilenetv3", tmp_path))
    assert isinstance(session, RvmSession)
    fed: dict[str, Any] = {}

    def runner(feeds: dict[str, Any]) -> Any:
        fed.update(feeds)
        return [np.zeros((1, 3, *size[::-1]), np.float32), np.zeros((1, 1, *size[::-1]))]

    session.step(flat(0, size), runner)  # type: ignore[arg-type]
    assert fed["downsample_ratio"].dtype == np.float32
    assert fed["downsample_ratio"] == pytest.approx([ratio])
    assert fed["src"].shape == (1, 3, size[1], size[0])


@pytest.mark.parametrize("name", NAMES[:2])
def test_pictures_enter_as_0_to_1_and_the_foreground_comes_out(name: str, tmp_path: Path) -> None:
    stream = new_stream(new_session(name, model_path=model_file(name, tmp_path)))
    picture = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    foreground = stream(picture).foreground
    assert foreground is not None
    assert foreground.dtype == np.float32
    # The stand-in gives its picture back as the foreground.
    assert np.abs(foreground - picture / 255).max() < (1e-6 if name[-1] == "3" else 1e-3)


def test_frames_carry_the_foreground(tmp_path: Path) -> None:
    session = new_session("rvm-mobilenetv3", model_path=model_file("rvm-mobilenetv3", tmp_path))
    frames = list(
        predict((Frame(source=picture) for picture in pictures(2, 96, 64, "yuv420p")), session)
    )
    for frame in frames:
        assert frame.prediction.foreground is not None
        assert np.abs(frame.prediction.foreground - frame.seen / 255).max() < 1e-6
    [plainly] = predict((Frame(source=picture) for picture in pictures(1, 96, 64)), new_session())
    assert plainly.prediction.foreground is None


def test_a_video_takes_the_border_s_colours_from_the_network(
    clip_of: Callable[..., Path], tmp_path: Path
) -> None:
    """The foreground is made white here, which the picture is not."""
    path = model_file("rvm-mobilenetv3", tmp_path)
    model = onnx.load(path)
    [node] = [node for node in model.graph.node if node.output[0] == "fgr"]
    node.op_type = "Ceil"  # What is not black becomes 1.
    onnx.save(model, path)
    source = clip_of([flat(150)] * 2)
    options: dict[str, Any] = {"model": str(path), "background": "black"}
    for name, wanted in (("told.mkv", True), ("plain.mkv", False)):
        remove_video(source, tmp_path / name, decontaminate=wanted, **options)
    told, plain = (
        np.stack([picture[..., :3] for picture in shown(tmp_path / name).rgba()]).astype(int)
        for name in ("told.mkv", "plain.mkv")
    )
    assert told.mean() == pytest.approx(
        plain.mean() * 255 / 150, rel=0.03
    )  # White, and the picture, by the same matte.


def test_the_best_quality_looks_at_a_frame_once_too(
    clip_of: Callable[..., Path], tmp_path: Path
) -> None:
    session = new_session("rvm-mobilenetv3", model_path=model_file("rvm-mobilenetv3", tmp_path))
    assert session.patient_views(96, 64) == [View(session.input_size(96, 64))]
    source = clip_of([flat(150)] * 2)
    for quality in ("balanced", "best"):
        remove_video(source, tmp_path / f"{quality}.mkv", session=session, quality=quality)
    plain, best = (
        list(shown(tmp_path / f"{quality}.mkv").rgba()) for quality in ("balanced", "best")
    )
    assert np.array_equal(plain, best)


@pytest.mark.parametrize("half", [False, True])
def test_a_file_is_recognised_by_what_it_takes(half: bool, tmp_path: Path) -> None:
    session = new_session(str(rvm(tmp_path / "some.onnx", half=half)))
    assert isinstance(session, RvmSession)
    assert session.model_name == "some"


def test_another_graph_is_one_line(tmp_path: Path) -> None:
    path = plain(tmp_path / "other.onnx", "src", "pha", 64)
    with pytest.raises(ModelError, match=r"other\.onnx is not a RobustVideoMatting"):
        new_session("rvm-mobilenetv3", model_path=path)
