"""Models with one picture in and one map out, without memory of the last frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from streamcut.errors import ModelError
from streamcut.sessions.base import BaseSession, Matte, MatteStream, Picture, first_words
from streamcut.sessions.catalog import Model

_FALLBACK_SIZE = (320, 320)
_TYPES: dict[str, type[np.floating[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}


class MapSession(BaseSession):
    """Runs one row of the catalogue whose graph has one input and gives one map.

    Args:
        model: how it is fed and read.
        path: the model file.
        sess_opts: as for :class:`BaseSession`.
        *args: as for :class:`BaseSession`.
        **kwargs: as for :class:`BaseSession`.
    """

    def __init__(
        self,
        model: Model,
        path: Path,
        sess_opts: ort.SessionOptions | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(model.name, sess_opts, *args, model_path=path, **kwargs)
        self.model = model
        self._input = self.inner_session.get_inputs()[0]
        self._prepare(path)
        self._channels_last = self._input.shape[3] == 3 and self._input.shape[1] != 3
        # (value / scale - mean) / std, as one multiplication and one addition.
        self._gain = np.array([1 / (model.scale * std) for std in model.std], np.float32)
        self._bias = np.divide(model.mean, model.std).astype(np.float32) * np.float32(-1)
        self.model = self._decided(model)

    def _prepare(self, path: Path) -> None:
        """Refuse a graph that this class cannot run."""
        if len(self.inner_session.get_inputs()) != 1:
            raise ModelError(f"{path} takes more than one picture: no session knows how to feed it")
        if len(self._input.shape) != 4:
            raise ModelError(f"{path} takes no picture: its input is not [1, 3, H, W]")
        if self._input.type not in _TYPES:
            raise ModelError(f"{path} takes {self._input.type}, not floating point")

    @classmethod
    def name(cls, *args: Any, **kwargs: Any) -> str:
        """Return the name of the architecture."""
        return "map"

    @classmethod
    def download_models(cls, *args: Any, **kwargs: Any) -> Path:
        """Return the path that the session was made with."""
        return cast(Path, kwargs["model_path"])

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the model's fixed size, or the one nearest to its area at this aspect ratio."""
        if self.model.area is not None:
            return size_of_area(width, height, self.model.area, self.model.stride)
        return self.model.size or self._graph_size()

    def smaller_sizes(self, width: int, height: int) -> list[tuple[int, int]]:
        """Return sizes of less area; none where the graph takes one size alone."""
        area, stride = self.model.area, self.model.stride
        return [] if area is None else smaller_sizes_of(width, height, area, stride)

    def stream(self) -> MatteStream:
        """Return a callable for the pictures of one video; it keeps no state."""
        return MapStream(self._matte)

    def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
        """Return the one mask of a picture: mode "L", at its size."""
        size = self.input_size(*img.size)
        if self.model.stretch:
            feed = self._stretched_feed(img, size)
        else:
            pixels = np.asarray(img.convert("RGB").resize(size, Image.Resampling.LANCZOS))
            feed = self._feed(pixels)
        matte = self._run(feed)
        if self.model.stretch:
            matte = _stretch(matte)
        mask = Image.fromarray((matte * 255).astype(np.uint8))
        return [mask.resize(img.size, Image.Resampling.LANCZOS)]

    def _graph_size(self) -> tuple[int, int]:
        shape = self._input.shape
        height, width = shape[1:3] if self._channels_last else shape[2:4]
        if isinstance(width, int) and isinstance(height, int):
            return width, height
        return _FALLBACK_SIZE

    def _stretched_feed(self, img: Image.Image, size: tuple[int, int]) -> NDArray[np.float32]:
        feed = self.normalize(img, self.model.mean, self.model.std, size)[self._input.name]
        return feed.transpose(0, 2, 3, 1) if self._channels_last else feed

    def _decided(self, model: Model) -> Model:
        """Settle an unknown activation once: deciding anew for each frame would flicker."""
        if model.activation != "auto":
            return model
        width, height = self.input_size(*_FALLBACK_SIZE)
        noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        maps = self._maps(self._feed(noise))
        if maps.min() >= -1e-3 and maps.max() <= 1 + 1e-3:
            return replace(model, activation="none")
        return replace(model, activation="sigmoid" if len(maps) == 1 else "softmax")

    def _matte(self, picture: Picture) -> Matte:
        return self._run(self._feed(picture))

    def _feed(self, picture: Picture) -> NDArray[np.float32]:
        """Return the network's input for an RGB picture at its size."""
        height, width, _ = picture.shape
        feed = np.empty((1, 3, height, width), np.float32)
        for channel in range(3):
            target = feed[0, 2 - channel if self.model.bgr else channel]
            np.multiply(picture[:, :, channel], self._gain[channel], out=target)
            target += self._bias[channel]
        return np.ascontiguousarray(feed.transpose(0, 2, 3, 1)) if self._channels_last else feed

    def _infer(self, feed: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            typed = feed.astype(_TYPES[self._input.type], copy=False)
            output = self.inner_session.run(None, {self._input.name: typed})[0]
        except Exception as error:  # ONNX Runtime's errors share no base of their own.
            raise ModelError(f"the model {self.model_name} failed: {first_words(error)}") from error
        return np.asarray(output, np.float32)

    def _maps(self, feed: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the network's output as [channels, h, w], whatever shape it has itself."""
        output = self._infer(feed)
        maps = output[0] if output.ndim == 4 else output
        if maps.ndim == 2:
            return maps[None]
        if maps.ndim != 3:
            raise ModelError(f"the model {self.model_name} gives {output.shape}, which is no map")
        last = maps.shape[2] < min(maps.shape[:2]) and maps.shape[0] > maps.shape[2]
        return maps.transpose(2, 0, 1) if last else maps

    def _run(self, feed: NDArray[np.float32]) -> Matte:
        """Return the subject's map, [h, w] in 0..1."""
        maps = _ACTIVATIONS[self.model.activation](self._maps(feed))
        channel = min(self.model.channel, len(maps) - 1)
        matte: Matte = np.clip(maps[channel], np.float32(0), np.float32(1))
        return matte


class MapStream:
    """A stream without memory: each picture's matte depends on that picture alone."""

    def __init__(self, matte: Callable[[Picture], Matte]) -> None:
        self._matte = matte

    def __call__(self, picture: Picture) -> Matte:
        """Return the matte of an RGB uint8 [h, w, 3] picture: float32 [h, w], 0..1."""
        return self._matte(picture)

    def reset(self) -> None:
        """Forget nothing: there is no past."""


def size_of_area(width: int, height: int, area: int, stride: int) -> tuple[int, int]:
    """Return multiples of ``stride`` nearest to ``area`` pixels at the aspect ratio given."""
    factor = (area / (width * height)) ** 0.5

    def side(pixels: int) -> int:
        return int(max(1, round(pixels * factor / stride)) * stride)

    return side(width), side(height)


def smaller_sizes_of(width: int, height: int, area: int, stride: int) -> list[tuple[int, int]]:
    """Return the sizes of about a half and a quarter of ``area`` that differ from it."""
    sizes = [size_of_area(width, height, round(area / part), stride) for part in (1, 2, 4)]
    return [size for before, size in pairwise(sizes) if size != before]


def _stretch(matte: Matte) -> Matte:
    """Stretch a mask to 0..1 by its own extremes, as rembg does with still pictures."""
    low, high = float(matte.min()), float(matte.max())
    if high <= low:
        return matte
    return (matte - np.float32(low)) / np.float32(high - low)


def _sigmoid(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-maps)), np.float32)


def _softmax(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(maps - maps.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0), np.float32)


_ACTIVATIONS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "none": lambda maps: maps,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "auto": lambda maps: maps,  # until settled
}
