"""RobustVideoMatting: its shapes, its memory, its ratio, its foreground, in both precisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import model_file, plain, rvm
from media import pictures
from numpy.typing import NDArray

from streamcut.errors import ModelError
from streamcut.frame import Frame
from streamcut.sessions import new_session
from streamcut.sessions.rvm import RvmSession, RvmStream
from streamcut.stages import matte

NAMES = [
    "rvm-mobilenetv3",
    "rvm-mobilenetv3-fp16",
    "rvm-resnet50",
    "rvm-resnet50-fp16",
]


def flat(level: int, size: tuple[int, int] = (128, 96)) -> NDArray[np.uint8]:
    return np.full((size[1], size[0], 3), level, np.uint8)


def new_stream(session: Any) -> RvmStream:
    assert isinstance(session, RvmSession)
    return session.stream()


@pytest.mark.parametrize("name", NAMES)
def test_the_memory_goes_from_frame_to_frame(name: str, tmp_path: Path) -> None:
    """Half the brightness, and a quarter of the memory: brightness and half of the last memory."""
    stream = new_stream(new_session(name, model_path=model_file(name, tmp_path)))
    found = [float(stream(flat(100)).mean()) for _ in range(3)]
    level = 100 / 255
    expected = [0.5 * level + 0.25 * memory * level for memory in (1, 1.5, 1.75)]
    assert found == pytest.approx(expected, abs=2e-3)
    stream.reset()
    assert float(stream(flat(100)).mean()) == pytest.approx(found[0], abs=1e-6)


@pytest.mark.parametrize("after", [flat(250), flat(100, (96, 128)), flat(100, (256, 192))])
def test_a_cut_or_another_size_empties_the_memory(after: NDArray[np.uint8], tmp_path: Path) -> None:
    session = new_session("rvm-mobilenetv3", model_path=model_file("rvm-mobilenetv3", tmp_path))
    stream, fresh = new_stream(session), new_stream(session)
    stream(flat(100))
    assert np.array_equal(stream(after), fresh(after))


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
    assert stream.foreground is None
    picture = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    stream(picture)
    assert stream.foreground is not None
    assert stream.foreground.dtype == np.float32
    # The stand-in gives its picture back as the foreground.
    assert np.abs(stream.foreground - picture / 255).max() < (1e-6 if name[-1] == "3" else 1e-3)


def test_frames_carry_the_foreground(tmp_path: Path) -> None:
    session = new_session("rvm-mobilenetv3", model_path=model_file("rvm-mobilenetv3", tmp_path))
    frames = list(matte((Frame(picture) for picture in pictures(2, 96, 64, "yuv420p")), session))
    for frame in frames:
        assert frame.small is not None
        assert frame.foreground is not None
        assert np.abs(frame.foreground - frame.small / 255).max() < 1e-6
    [plainly] = matte((Frame(picture) for picture in pictures(1, 96, 64)), new_session())
    assert plainly.foreground is None


@pytest.mark.parametrize("half", [False, True])
def test_a_file_is_recognised_by_what_it_takes(half: bool, tmp_path: Path) -> None:
    session = new_session(str(rvm(tmp_path / "some.onnx", half=half)))
    assert isinstance(session, RvmSession)
    assert session.model_name == "some"


def test_another_graph_is_one_line(tmp_path: Path) -> None:
    path = plain(tmp_path / "other.onnx", "src", "pha", 64)
    with pytest.raises(ModelError, match=r"other\.onnx is no RobustVideoMatting"):
        new_session("rvm-mobilenetv3", model_path=path)
