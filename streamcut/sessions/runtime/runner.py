"""Runs a graph frame after frame: its buffers are made once, its memory stays where it runs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from streamcut.core.errors import ModelError
from streamcut.media.rect import Rect
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
_graph_ids = itertools.count(2, step=2)  # 0 is ONNX Runtime's own.


@dataclass(frozen=True, slots=True)
class State:
    """One thing that a network remembers from frame to frame; it starts as zeros.

    Attributes:
        input: name of the graph's input that takes it.
        output: name of the graph's output that gives it.
        channels: of its first value.
        stride: its first value is [1, channels, h // stride, w // stride] for a frame of
            h x w; None makes it [1, channels, 1, 1], for graphs that broadcast it.
    """

    input: str
    output: str
    channels: int = 1
    stride: int | None = None

    def empty(self, height: int, width: int, kind: type[np.generic]) -> Array:
        """Return the first value, for a frame of that height and width."""
        sides = (height // self.stride, width // self.stride) if self.stride else (1, 1)
        return np.zeros((1, self.channels, *sides), kind)


class Runner:
    """One video's way through a graph.

    On a CUDA GPU everything is bound to buffers there (see :class:`_Bound`): states never leave
    it, and only the outputs that are wanted come to the host. Elsewhere plain calls are made:
    on the CPU, binding was measured to cost up to 3 % more time than it saves.

    A runner belongs to one stream and one thread at a time; several may share a session.

    Args:
        session: the loaded graph. Where its CUDA provider has ``enable_cuda_graph``, frames
            replay what the third and fourth recorded.
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
        kept = [state.output for state in states]
        outputs = [output.name for output in session.get_outputs()]
        self._wanted = list(wanted or (name for name in outputs if name not in kept))
        self._outputs = [*self._wanted, *(name for name in kept if name not in self._wanted)]
        self._types = {entry.name: _TYPES.get(entry.type) for entry in session.get_inputs()}
        self._states = tuple(states)
        self._memory: list[Any] = []
        self._frame = 0, 0
        self._part: Rect | None = None
        self._session = session
        device, records = _device_of(session)
        self._bound = _Bound(session, self._outputs, device, records) if device else None

    def __call__(self, feeds: Mapping[str, Array]) -> list[Array]:
        """Return the wanted outputs of one frame: arrays that are the caller's to keep.

        Args:
            feeds: an array for every input that is not a state, the frame [n, c, h, w] first; they
                are converted to the graph's types. Shapes may change between frames only after
                :meth:`reset` or :meth:`move`, if there are states.

        Raises:
            ModelError: if the graph fails, in ONNX Runtime's own words, or gives no numbers.
        """
        typed = {
            name: np.ascontiguousarray(array, self._types.get(name))
            for name, array in feeds.items()
        }
        try:
            made = self._run(typed)
        except Exception as error:  # ONNX Runtime's errors share no base of their own.
            raise ModelError(first_words(error)) from error
        for value in made:
            check_numbers(value)
        return made

    def reset(self) -> None:
        """Forget the frames before."""
        self._memory, self._part = [], None

    def move(self, part: Rect) -> None:
        """Say that the next frame shows a part of what the last one showed.

        What the network remembers is scaled to it, and empty outside of the last frame.

        Args:
            part: in shares of the last frame; it may reach outside.
        """
        self._part = part if self._part is None else part.of(self._part)

    def _run(self, feeds: Mapping[str, Array]) -> list[Array]:
        height, width = next(iter(feeds.values())).shape[2:4]
        if self._part is not None and self._memory:
            self._memory = self._moved(self._part, height, width)
        self._frame, self._part = (height, width), None
        memory = self._memory or self._empty(height, width)
        states = dict(zip((state.input for state in self._states), memory, strict=True))
        if self._bound is not None:
            made = self._bound(feeds, states)
        else:
            made = self._session.run(self._outputs, {**feeds, **states})
        by_name = dict(zip(self._outputs, made, strict=True))
        self._memory = [by_name[state.output] for state in self._states]
        wanted = [by_name[name] for name in self._wanted]
        return wanted if self._bound is None else [_to_host(value) for value in wanted]

    def _moved(self, part: Rect, height: int, width: int) -> list[Array]:
        """Return the memory of a part of the last frame, for a frame of that height and width."""
        held = [each if isinstance(each, np.ndarray) else each.numpy() for each in self._memory]
        across, down = width / self._frame[1], height / self._frame[0]
        return [
            _scaled(each, part, round(down * each.shape[2]), round(across * each.shape[3]))
            for each in held
        ]

    def _empty(self, height: int, width: int) -> list[Array]:
        """Return the states before the first frame."""
        return [
            state.empty(height, width, self._types.get(state.input) or np.float32)
            for state in self._states
        ]


class _Bound:
    """A graph whose inputs and outputs are buffers on the device (ONNX Runtime's IO binding).

    They are made once, and again when a shape changes. Two sets of outputs take turns, so that
    what one frame wrote is what the next one reads, without a copy. From the third frame on all
    buffers stay where they are, as CUDA graphs ask: each set has a graph of its own.

    Args:
        session: the loaded graph.
        outputs: the names to bind.
        device: what ONNX Runtime calls the device, and its number.
        records: whether frames are to be recorded as CUDA graphs.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        outputs: Sequence[str],
        device: tuple[str, int],
        records: bool,
    ) -> None:
        self._session, self._outputs = session, outputs
        self._device, self._records = device, records
        self._binding = session.io_binding()
        self._turn = 0
        self._clear(())

    def __call__(
        self, feeds: Mapping[str, Array], states: Mapping[str, Array | ort.OrtValue]
    ) -> list[ort.OrtValue]:
        """Run one frame and return its outputs, which the frame after the next overwrites.

        Args:
            feeds: what the host gives.
            states: arrays for the first frame, afterwards what the frame before returned.
        """
        decided_by = tuple(_shaping(array) for array in feeds.values())
        if decided_by != self._decided_by:
            self._clear(decided_by)
        for name, array in feeds.items():
            self._bind_feed(name, array)
        for name, value in states.items():
            self._bind_state(name, value)
        self._bind_outputs()
        first = any(isinstance(value, np.ndarray) for value in states.values())
        settled = bool(self._sets[self._turn]) and not first
        self._session.run_with_iobinding(self._binding, self._options(settled))
        made: list[ort.OrtValue] = self._binding.get_outputs()
        self._sets[self._turn] = made
        self._turn = 1 - self._turn
        return made

    def _clear(self, decided_by: tuple[Any, ...]) -> None:
        """Drop the buffers: what decides their shapes is new."""
        self._decided_by = decided_by
        self._inputs: dict[str, ort.OrtValue] = {}
        self._sets: list[list[ort.OrtValue]] = [[], []]
        self._turn = 0
        self._graph_id = next(_graph_ids)
        self._binding.clear_binding_inputs()
        self._binding.clear_binding_outputs()

    def _bind_feed(self, name: str, array: Array) -> None:
        if array.size <= _SMALL and not self._records:  # Settings are mostly read on the CPU.
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

    def _bind_state(self, name: str, value: Array | ort.OrtValue) -> None:
        if isinstance(value, np.ndarray):
            value = ort.OrtValue.ortvalue_from_numpy(value, *self._device)
        self._binding.bind_ortvalue_input(name, value)

    def _bind_outputs(self) -> None:
        buffers = self._sets[self._turn]
        for place, name in enumerate(self._outputs):
            if buffers:
                self._binding.bind_ortvalue_output(name, buffers[place])
            else:
                self._binding.bind_output(name, *self._device)

    def _options(self, settled: bool) -> ort.RunOptions | None:
        """Say which CUDA graph this frame records or replays: one for each set of buffers."""
        if not self._records:
            return None
        options = ort.RunOptions()
        which = self._graph_id + self._turn if settled else _NO_GRAPH
        options.add_run_config_entry("gpu_graph_id", str(which))
        return options


def check_numbers(output: Array) -> None:
    """Refuse what a graph gives if it is empty or not a number anywhere.

    Raises:
        ModelError: if it is.
    """
    if not isinstance(output, np.ndarray) or not output.size:
        raise ModelError("it gives nothing")
    if output.dtype.kind == "f" and np.isnan(output.min()):  # A minimum passes NaN on.
        raise ModelError("it returns NaN")


def _scaled(state: Array, part: Rect, rows: int, columns: int) -> Array:
    """Return a part of a state [1, channels, h, w] at another size; 0 outside of it."""
    high, wide = state.shape[2:]
    down, top = part.height * high / rows, part.top * high
    across, left = part.width * wide / columns, part.left * wide
    y = top + down * (np.arange(rows) + 0.5)
    x = left + across * (np.arange(columns) + 0.5)
    outside = ~np.logical_and.outer((y > 0) & (y < high), (x > 0) & (x < wide))
    to_state = np.array([[across, 0, x[0] - 0.5], [0, down, y[0] - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    made = np.empty((1, state.shape[1], rows, columns), state.dtype)
    for plane, scaled in zip(state[0].astype(np.float32), made[0], strict=True):
        scaled[:] = cv2.warpAffine(
            plane, to_state, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
    made[..., outside] = 0
    return made


def _to_host(value: ort.OrtValue) -> Array:
    """Return a copy: where the device is the CPU, an array would show the buffer itself."""
    array: Array = value.numpy()
    return array.copy() if value.device_name() == "cpu" else array


def _device_of(session: ort.InferenceSession) -> tuple[tuple[str, int] | None, bool]:
    """Return where to bind buffers, (device, number), if anywhere; and whether to record."""
    provider = session.get_providers()[0]
    if provider not in _ON_THE_GPU:
        return None, False
    options = session.get_provider_options().get(provider, {})
    number = int(options.get("device_id", 0))
    return ("cuda", number), options.get("enable_cuda_graph") == "1"


def _shaping(array: Array) -> tuple[int, ...] | bytes:
    """Return what of an input may decide the outputs' shapes: its own, or its few values."""
    return array.tobytes() if array.size <= _SMALL else array.shape
