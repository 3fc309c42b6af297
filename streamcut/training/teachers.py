"""Published segmentation networks as teachers and as yardsticks.

A teacher is any ONNX file with one RGB input in 0..1 and one mask output. The
layouts met so far: channels last with a softmax pair or a sigmoid (MediaPipe),
channels first at a free size (this project's own networks, recurrent or not).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort

from streamcut.training.arrays import Bytes, Floats

OWN_AREA = 36_864
"""Pixels that a network of free input size is fed, unless its metadata says more."""


class Teacher:
    """One ONNX network: RGB uint8 [h, w, 3] in, person probability float32 [h, w] out."""

    def __init__(self, path: Path, *, area: int | None = None, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.name = path.stem
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        first = self._session.get_inputs()[0]
        self._input, self._shape = first.name, first.shape
        self._channels_last = bool(self._shape[-1] == 3)
        self._extra = no_states(self._session)
        self._state = dict(self._extra)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self._area = area or int(metadata.get("streamcut.area", OWN_AREA))
        self._stride = int(metadata.get("streamcut.stride", 32))

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """The (height, width) at which an image is fed to this network."""
        if self._channels_last:
            return int(self._shape[1]), int(self._shape[2])
        scale = (self._area / (height * width)) ** 0.5
        return _multiple(height * scale, self._stride), _multiple(width * scale, self._stride)

    @property
    def fixed(self) -> bool:
        """Whether the network takes images of one size only."""
        return self._channels_last

    @property
    def stride(self) -> int:
        """Height and width are fed in multiples of this."""
        return self._stride

    def reset(self) -> None:
        """Forget the previous frames (a network without memory has none)."""
        self._state = dict(self._extra)

    def __call__(self, image: Bytes) -> Floats:
        """The matte of a single photograph, at the photograph's own size."""
        self.reset()
        return self.step(image)

    def step(self, image: Bytes) -> Floats:
        """The matte of the next frame of a clip."""
        height, width = image.shape[:2]
        mask = self.raw(self.feed(image))
        return cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)

    def feed(self, image: Bytes) -> Floats:
        """The network's input tensor for an image."""
        rows, columns = self.size_for(*image.shape[:2])
        small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
        tensor = small[None].astype(np.float32) / 255.0
        return tensor if self._channels_last else np.ascontiguousarray(tensor.transpose(0, 3, 1, 2))

    def raw(self, tensor: Floats) -> Floats:
        """Run the network on a tensor; the mask comes back at the network's size."""
        outputs: list[Any] = self._session.run(None, {self._input: tensor, **self._state})
        for name, value in zip(self._extra, outputs[1:], strict=False):
            self._state[name] = value
        return _probability(outputs[0], self._channels_last)


def load_teachers(paths: Sequence[Path]) -> list[Teacher]:
    """One teacher a file."""
    return [Teacher(path) for path in paths]


def consensus(teachers: Sequence[Teacher], image: Bytes) -> Floats:
    """Mean of all teachers over the whole image, square windows, and mirrored copies."""
    masks = [teacher(image) for teacher in teachers]
    masks += [_windowed(teacher, image) for teacher in teachers]
    return np.asarray(np.mean(np.stack(masks), axis=0), np.float32)


def _windowed(teacher: Teacher, image: Bytes) -> Floats:
    total = np.zeros(image.shape[:2], np.float32)
    weight = np.zeros_like(total)
    for rows, columns in _windows(*image.shape[:2]):
        window = np.ascontiguousarray(image[rows, columns])
        mirrored = np.ascontiguousarray(window[:, ::-1])
        total[rows, columns] += teacher(window) + teacher(mirrored)[:, ::-1]
        weight[rows, columns] += 2.0
    return total / weight


def _windows(height: int, width: int) -> list[tuple[slice, slice]]:
    """Overlapping squares along the longer side."""
    side, spare = min(height, width), abs(height - width)
    if spare < side // 6:
        return [(slice(None), slice(None))]
    starts = (0, spare // 2, spare)
    spans = [slice(start, start + side) for start in starts]
    whole = slice(None)
    return [(span, whole) if height > width else (whole, span) for span in spans]


def _probability(output: Floats, channels_last: bool) -> Floats:
    planes = np.moveaxis(output[0], -1, 0) if channels_last else output[0]
    if planes.shape[0] == 1:
        return np.ascontiguousarray(planes[0], dtype=np.float32)
    return np.asarray(1.0 / (1.0 + np.exp(planes[0] - planes[1])), dtype=np.float32)


def _multiple(length: float, stride: int) -> int:
    return max(stride, round(length / stride) * stride)


def no_states(session: ort.InferenceSession) -> dict[str, Floats]:
    """What a recurrent network is fed beside its first frame, by name; nothing to others."""
    return {each.name: _zero_state(each.shape) for each in session.get_inputs()[1:]}


def _zero_state(shape: Sequence[Any]) -> Floats:
    return np.zeros([side if isinstance(side, int) else 1 for side in shape], np.float32)
