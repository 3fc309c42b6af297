"""Runs a graph frame after frame: its buffers are made once, its memory stays where it runs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from streamcut.errors import ModelError
from streamcut.sessions.base import first_words

Array = NDArray[Any]

_TYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int64)": np.int64,
}
_ON_THE_GPU = ("CUDAExecutionProvider", "TensorrtExecutionProvider")
_SMALL = 16  # Values of an input that is a setting (a ratio, a size), which may decide shapes.
_NO_GRAPH = -1
_graph_ids = itertools.count(step=2)


@dataclass(frozen=True, slots=True)
class State:
    """One thing that a network remembers from frame to frame; it starts as zeros.

    Attributes:
        input: name of the graph's input that takes it.
        output: name of the graph's output that gives it.
        channels: of its first value.
        stride: its first value is [1, channels, h // stride, w // stride] for a picture of
            h x w; None makes it [1, channels, 1, 1], for graphs that broadcast it.
    """

    input: str
    output: str
    channels: int = 1
    stride: int | None = None

    def empty(self, height: int, width: int, kind: type[np.generic]) -> Array:
        """Return the first value, for a picture of that height and width."""
        sides = (height // self.stride, width // self.stride) if self.stride else (1, 1)
        return np.zeros((1, self.channels, *sides), kind)


class Runner:
    """One video's way through a graph.

    Inputs, outputs and states are bound to buffers on the device (ONNX Runtime's IO binding).
    States go from frame to frame without being copied: two sets of output buffers take turns,
    what one frame wrote is what the next one reads. Only the outputs that are wanted come to
    the host. On the CPU, too, this is cheaper than plain calls, which allocate every output.

    A runner belongs to one stream and one thread at a time; several may share a session.

    Args:
        session: the loaded graph. Where its CUDA provider has ``enable_cuda_graph``, the frames
            after the third replay what the third and fourth recorded.
        wanted: names of the outputs to return; None returns those that are no states.
        states: what the network remembers.

    Example::

        runner = Runner(session, ["alpha"], [State("r1i", "r1o", channels=16, stride=4)])
        for feed in feeds:  # float32 [1, 3, h, w]
            [alpha] = runner({"rgb": feed})
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        wanted: Sequence[str] | None = None,
        states: Sequence[State] = (),
    ) -> None:
        self._session = session
        self._states = tuple(states)
        kept = {state.output for state in states}
        self._outputs = [output.name for output in session.get_outputs()]
        self._wanted = list(wanted or (name for name in self._outputs if name not in kept))
        self._outputs = [n for n in self._outputs if n in kept or n in self._wanted]
        self._types = {entry.name: _TYPES.get(entry.type) for entry in session.get_inputs()}
        self._device, self._records = _device_of(session)
        self._binding = session.io_binding()
        self._memory: list[ort.OrtValue] = []
        self._turn = 0
        self._clear(())

    def __call__(self, feeds: Mapping[str, Array]) -> list[Array]:
        """Return the wanted outputs of one frame: arrays that are the caller's to keep.

        Args:
            feeds: an array for every input that is no state, the picture [n, c, h, w] first; they
                are converted to the graph's types. Shapes may change between frames only after
                :meth:`reset`, if there are states.

        Raises:
            ModelError: if the graph fails, in ONNX Runtime's own words.
        """
        typed = {
            name: np.ascontiguousarray(array, self._types.get(name))
            for name, array in feeds.items()
        }
        try:
            return self._run(typed)
        except Exception as error:  # ONNX Runtime's errors share no base of their own.
            raise ModelError(first_words(error)) from error

    def reset(self) -> None:
        """Forget the frames before."""
        self._memory = []

    def _run(self, feeds: Mapping[str, Array]) -> list[Array]:
        decided_by = tuple(_shaping(array) for array in feeds.values())
        if decided_by != self._decided_by:
            self._clear(decided_by)
        settled = self._bind(feeds)
        self._session.run_with_iobinding(self._binding, self._options(settled))
        made = dict(zip(self._outputs, self._binding.get_outputs(), strict=True))
        self._sets[self._turn] = made
        self._memory = [made[state.output] for state in self._states]
        self._turn = 1 - self._turn
        return [self._to_host(made[name]) for name in self._wanted]

    def _clear(self, decided_by: tuple[Any, ...]) -> None:
        """Drop the buffers: what decides their shapes is new."""
        self._decided_by = decided_by
        self._inputs: dict[str, ort.OrtValue] = {}
        self._sets: list[dict[str, ort.OrtValue]] = [{}, {}]
        self._turn = 0
        self._graph_id = next(_graph_ids)
        self._binding.clear_binding_inputs()
        self._binding.clear_binding_outputs()

    def _bind(self, feeds: Mapping[str, Array]) -> bool:
        """Bind all inputs and outputs; return whether all are where they will stay."""
        for name, array in feeds.items():
            self._bind_feed(name, array)
        first = not self._memory
        for state, value in zip(self._states, self._memory or self._empty(feeds), strict=True):
            self._binding.bind_ortvalue_input(state.input, value)
        buffers = self._sets[self._turn]
        for name in self._outputs:
            if name in buffers:
                self._binding.bind_ortvalue_output(name, buffers[name])
            else:
                self._binding.bind_output(name, *self._device)
        return bool(buffers) and not (first and self._states)

    def _bind_feed(self, name: str, array: Array) -> None:
        if self._device == _CPU or array.size <= _SMALL:
            self._binding.bind_cpu_input(name, array)
            return
        value = self._inputs.get(name)
        if value is None:
            value = ort.OrtValue.ortvalue_from_shape_and_type(
                array.shape, array.dtype.type, *self._device
            )
            self._inputs[name] = value
        value.update_inplace(array)
        self._binding.bind_ortvalue_input(name, value)

    def _empty(self, feeds: Mapping[str, Array]) -> list[ort.OrtValue]:
        height, width = next(iter(feeds.values())).shape[2:4]
        return [
            ort.OrtValue.ortvalue_from_numpy(
                state.empty(height, width, self._types.get(state.input) or np.float32),
                *self._device,
            )
            for state in self._states
        ]

    def _options(self, settled: bool) -> ort.RunOptions | None:
        """Say which CUDA graph this frame records or replays: one for each set of buffers."""
        if not self._records:
            return None
        options = ort.RunOptions()
        which = self._graph_id + self._turn if settled else _NO_GRAPH
        options.add_run_config_entry("gpu_graph_id", str(which))
        return options

    def _to_host(self, value: ort.OrtValue) -> Array:
        """Return a copy: on the CPU an array would show the buffer, which is written again."""
        array: Array = value.numpy()
        return array.copy() if self._device == _CPU else array


_CPU = ("cpu", 0)


def _device_of(session: ort.InferenceSession) -> tuple[tuple[str, int], bool]:
    """Return where buffers live, (device, index), and whether CUDA graphs are on."""
    provider = session.get_providers()[0]
    if provider not in _ON_THE_GPU:
        return _CPU, False
    options = session.get_provider_options().get(provider, {})
    index = int(options.get("device_id", 0))
    return ("cuda", index), options.get("enable_cuda_graph") == "1"


def _shaping(array: Array) -> tuple[int, ...] | bytes:
    """Return what of an input may decide the outputs' shapes: its own, or its few values."""
    return array.tobytes() if array.size <= _SMALL else array.shape
