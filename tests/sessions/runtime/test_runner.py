"""Running graphs frame after frame: the numbers of plain calls, and nobody's buffers shared."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from helpers.graphs import graph
from numpy.typing import NDArray

from streamcut.core.errors import ModelError
from streamcut.media.rect import WHOLE, Rect
from streamcut.sessions import new_session
from streamcut.sessions.networks.recurrent import RecurrentSession
from streamcut.sessions.runtime import runner
from streamcut.sessions.runtime.runner import Runner, State

Array = NDArray[np.float32]
device_of = runner._device_of  # Before anything is put in its place.
SIZE = 64, 96  # Height and width.


@pytest.fixture(autouse=True, params=["plain", "bound"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test also with bound buffers: the CPU's memory under a number of its own stands
    for a GPU's, to which feeds are copied and from which results come back.
    """
    if request.param == "bound":
        monkeypatch.setattr(runner, "_device_of", lambda _: (("cpu", 1), False))


@pytest.fixture(scope="module")
def portrait() -> RecurrentSession:
    session = new_session("portrait")
    assert isinstance(session, RecurrentSession)
    return session


def feeds(count: int, seed: int = 0, size: tuple[int, int] = SIZE) -> list[Array]:
    random = np.random.default_rng(seed)
    return [random.random((1, 3, *size), np.float32) for _ in range(count)]


def plainly(session: RecurrentSession, pictures: list[Array]) -> Iterator[Array]:
    """Run the packaged network as ONNX Runtime's own examples do, through numpy."""
    inner = session.inner_session
    names = [entry.name for entry in inner.get_inputs()][1:]
    height, width = pictures[0].shape[2:]
    states = [
        np.zeros((1, state.channels, height // state.stride, width // state.stride), np.float32)
        for state in session._states
        if state.stride
    ]
    for picture in pictures:
        alpha, *states = inner.run(None, {"rgb": picture, **dict(zip(names, states, strict=True))})
        yield alpha


def test_the_packaged_network_gives_the_numbers_of_plain_calls(portrait: RecurrentSession) -> None:
    pictures = feeds(7)
    run = portrait.runner()
    made = [run({"rgb": picture})[0] for picture in pictures]
    for mine, plain in zip(made, plainly(portrait, pictures), strict=True):
        assert np.array_equal(mine, plain)
    assert not np.array_equal(made[0], next(plainly(portrait, pictures[1:2])))


def test_what_was_returned_stays_as_it_was(portrait: RecurrentSession) -> None:
    run = portrait.runner()
    kept: list[Array] = []
    copies: list[Array] = []
    for picture in feeds(6):
        [alpha] = run({"rgb": picture})
        kept.append(alpha)
        copies.append(alpha.copy())
    run.reset()
    run({"rgb": feeds(1, seed=1)[0]})
    del run
    assert all(np.array_equal(mine, copy) for mine, copy in zip(kept, copies, strict=True))


def test_the_picture_may_be_overwritten_after_the_call(portrait: RecurrentSession) -> None:
    pictures = feeds(4)
    run, buffer = portrait.runner(), np.empty_like(pictures[0])
    made = []
    for picture in pictures:
        buffer[:] = picture
        made.append(run({"rgb": buffer})[0])
        buffer[:] = 0
    assert all(map(np.array_equal, made, plainly(portrait, pictures)))


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_a_reset_is_a_new_beginning_after_any_number_of_frames(
    portrait: RecurrentSession, after: int
) -> None:
    run = portrait.runner()
    for picture in feeds(after, seed=1):
        run({"rgb": picture})
    run.reset()
    pictures = feeds(4)
    made = [run({"rgb": picture})[0] for picture in pictures]
    assert all(map(np.array_equal, made, plainly(portrait, pictures)))


def test_another_size_after_a_reset(portrait: RecurrentSession) -> None:
    run = portrait.runner()
    run({"rgb": feeds(1)[0]})
    run.reset()
    pictures = feeds(3, size=(96, 64))
    made = [run({"rgb": picture})[0] for picture in pictures]
    assert all(map(np.array_equal, made, plainly(portrait, pictures)))


def test_two_runners_take_turns_without_disturbing_each_other(portrait: RecurrentSession) -> None:
    ours, theirs = feeds(5, seed=1), feeds(5, seed=2)
    one, two = portrait.runner(), portrait.runner()
    made = [(one({"rgb": a})[0], two({"rgb": b})[0]) for a, b in zip(ours, theirs, strict=True)]
    assert all(map(np.array_equal, (pair[0] for pair in made), plainly(portrait, ours)))
    assert all(map(np.array_equal, (pair[1] for pair in made), plainly(portrait, theirs)))


def test_runners_of_one_session_on_threads_of_their_own(portrait: RecurrentSession) -> None:
    made: dict[int, list[Array]] = {}

    def work(seed: int) -> None:
        run = portrait.runner()
        made[seed] = [run({"rgb": picture})[0] for picture in feeds(8, seed)]

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(3):
        assert all(map(np.array_equal, made[seed], plainly(portrait, feeds(8, seed))))


def test_a_state_that_starts_small_and_a_ratio_that_decides_sizes(tmp_path: Path) -> None:
    """As in RobustVideoMatting: zeros of [1, 1, 1, 1] broadcast, and a ratio as an input."""
    path = resizing(tmp_path / "resizing.onnx")
    inner = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    run = Runner(inner, states=[State("s", "t")])
    ones = np.ones((1, 1, 4, 4), np.float32)
    half, full = np.array([1, 1, 0.5, 0.5], np.float32), np.ones(4, np.float32)
    for expected in (1, 2, 3, 4):
        assert np.array_equal(run({"x": ones, "ratio": half})[0], np.full((1, 1, 2, 2), expected))
    run.reset()
    for expected in (1, 2, 3):
        assert np.array_equal(run({"x": ones, "ratio": full})[0], ones * expected)


def resizing(path: Path) -> Path:
    """Write a graph that adds the picture, resized by a ratio, to its last output."""
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Resize", ["x", "", "ratio"], ["small"], mode="nearest"),
        helper.make_node("Add", ["small", "s"], ["t"]),
        helper.make_node("Identity", ["t"], ["y"]),
    ]
    made = helper.make_graph(
        nodes,
        "g",
        [
            value("x", TensorProto.FLOAT, (1, 1, 4, 4)),
            value("ratio", TensorProto.FLOAT, (4,)),
            value("s", TensorProto.FLOAT, (1, 1, "a", "b")),
        ],
        [value(name, TensorProto.FLOAT, (1, 1, "c", "d")) for name in "yt"],
    )
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(made, opset_imports=opset, ir_version=8), str(path))
    return path


def test_pictures_are_converted_to_what_the_graph_takes(portrait: RecurrentSession) -> None:
    [picture] = feeds(1)
    [doubled] = portrait.runner()({"rgb": picture.astype(np.float64)})
    [strided] = portrait.runner()({"rgb": picture[:, ::-1][:, ::-1]})
    assert np.array_equal(doubled, next(plainly(portrait, [picture])))
    assert np.array_equal(strided, doubled)


def test_only_the_wanted_outputs_are_returned(tmp_path: Path) -> None:
    path = graph(tmp_path / "g.onnx", ("Neg", ["x"], ["y"], {}))
    inner = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    picture = np.ones((1, 3, 8, 8), np.float32)
    for wanted in (None, ["y"]):
        [made] = Runner(inner, wanted)({"x": picture})
        assert np.array_equal(made, -picture)


def test_what_the_graph_refuses_is_one_line(portrait: RecurrentSession) -> None:
    with pytest.raises(ModelError, match=r"[Dd]imension") as caught:
        portrait.runner()({"rgb": np.zeros((1, 4, *SIZE), np.float32)})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("provider", "options", "device", "records"),
    [
        ("CPUExecutionProvider", {}, None, False),
        ("CUDAExecutionProvider", {"device_id": "1"}, ("cuda", 1), False),
        ("CUDAExecutionProvider", {"enable_cuda_graph": "1"}, ("cuda", 0), True),
        ("TensorrtExecutionProvider", {"device_id": "0"}, ("cuda", 0), False),
        ("DmlExecutionProvider", {"device_id": "1"}, None, False),
    ],
)
def test_buffers_live_where_the_session_runs(
    provider: str, options: dict[str, str], device: tuple[str, int] | None, records: bool
) -> None:
    class Session:
        def get_providers(self) -> list[str]:
            return [provider, "CPUExecutionProvider"]

        def get_provider_options(self) -> dict[str, dict[str, str]]:
            return {provider: options, "CPUExecutionProvider": {}}

    assert device_of(Session()) == (device, records)


class Recorded:
    """A session on the CPU that notes which CUDA graph each run asks for."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.ids: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def run_with_iobinding(self, binding: Any, options: Any) -> None:
        self.ids.append(int(options.get_run_config_entry("gpu_graph_id")))
        self._inner.run_with_iobinding(binding, options)


def test_cuda_graphs_are_recorded_once_the_buffers_stay_where_they_are(
    portrait: RecurrentSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_device_of", lambda _: (("cpu", 1), True))
    session = Recorded(portrait.inner_session)
    run = Runner(session, ["alpha"], portrait._states)
    for picture in feeds(6):
        run({"rgb": picture})
    run.reset()
    for picture in feeds(3):
        run({"rgb": picture})
    even, odd = session.ids[2], session.ids[3]
    assert even != odd
    assert min(even, odd) > 0
    assert session.ids == [-1, -1, even, odd, even, odd, -1, odd, even]


def test_a_move_to_the_whole_frame_changes_nothing(portrait: RecurrentSession) -> None:
    stays, moves = portrait.runner(), portrait.runner()
    for picture in feeds(4):
        moves.move(WHOLE)
        assert np.array_equal(stays({"rgb": picture})[0], moves({"rgb": picture})[0])


def test_what_is_remembered_goes_where_it_is_shown_next(portrait: RecurrentSession) -> None:
    """Twice as large, and the right half of it: what is shown has been seen before."""
    run, [seen] = portrait.runner(), feeds(1)
    for _ in range(3):
        run({"rgb": seen})
    before = [np.array(_host(state)) for state in run._memory]
    run.move(Rect(0.5, 0, 1, 1))
    moved = run._moved(Rect(0.5, 0, 1, 1), *SIZE)
    for state, other in zip(moved, before, strict=True):
        assert state.shape == other.shape
        assert np.array_equal(state[..., -1], other[..., -1])
        quarters = 0.75 * other[..., -1] + 0.25 * other[..., -2]
        assert np.allclose(state[..., -2], quarters, atol=0.05)
    larger = np.ascontiguousarray(seen[..., SIZE[1] // 2 :].repeat(2, axis=3))
    assert run({"rgb": larger})[0].shape == (1, 1, *SIZE)


def test_outside_of_what_was_seen_nothing_is_remembered(portrait: RecurrentSession) -> None:
    run = portrait.runner()
    for picture in feeds(2):
        run({"rgb": picture})
    for state in run._moved(Rect(-1, 0, 0, 1), *SIZE):
        assert np.abs(state[..., : state.shape[3] // 2]).max() == 0


def test_two_moves_are_one(portrait: RecurrentSession) -> None:
    once, twice = portrait.runner(), portrait.runner()
    shown, then = feeds(2)
    for run in (once, twice):
        run({"rgb": shown})
    once.move(Rect(0.25, 0.25, 0.75, 0.75))
    twice.move(Rect(0, 0, 0.75, 0.75))
    twice.move(Rect(1 / 3, 1 / 3, 1, 1))
    assert np.allclose(once({"rgb": then})[0], twice({"rgb": then})[0], atol=0.02)


def _host(value: Any) -> Any:
    return value if isinstance(value, np.ndarray) else value.numpy()
