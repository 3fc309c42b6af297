"""Models with one frame in and one map out, without memory of the last frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from streamcut.core.errors import ModelError
from streamcut.sessions.base import RGB, BaseSession, Matte, MatteStream, Prediction
from streamcut.sessions.files.model import PACKAGED, Model
from streamcut.sessions.runtime.runner import Runner

_FALLBACK_SIZE = (320, 320)
_TYPES = ("tensor(float)", "tensor(float16)", "tensor(double)")
MOST_PIXELS = 2**24
"""Of what a network is given; so much is 4096x4096."""

_CUDA, _BATCH = "CUDAExecutionProvider", 4


class MapSession(BaseSession):
    """Runs one row of the catalogue whose graph has one input and gives one map.

    Args:
        model: how it is fed and read.
        path: the model file; None takes the package's own, or fetches it.
        sess_opts: as for :class:`BaseSession`.
        *args: as for :class:`BaseSession`.
        **kwargs: as for :class:`BaseSession`.
    """

    bound = True

    def __init__(
        self,
        model: Model,
        path: Path | None,
        sess_opts: ort.SessionOptions | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(model.name, sess_opts, *args, model=model, model_path=path, **kwargs)
        self.model = model
        inputs = self.inner_session.get_inputs()
        if not inputs or not self.inner_session.get_outputs():
            raise ModelError(f"{path or model.name} takes no image, or gives nothing")
        self._input = inputs[0]
        self._prepare(str(path or model.name))
        self._channels_last = self._input.shape[3] == 3 and self._input.shape[1] != 3
        # (value / scale - mean) / std, as one multiplication and one addition.
        self._gain = np.array([1 / (model.scale * std) for std in model.std], np.float32)
        self._bias = np.divide(model.mean, model.std).astype(np.float32) * np.float32(-1)

    def _prepare(self, path: str) -> None:
        """Refuse a graph that this class cannot run."""
        if len(self.inner_session.get_inputs()) != 1:
            raise ModelError(f"{path} takes more than one image: no session knows how to feed it")
        if len(self._input.shape) != 4:
            raise ModelError(f"{path} takes no image: its input is not [1, 3, H, W]")
        if self._input.type not in _TYPES:
            raise ModelError(f"{path} takes {self._input.type}, not floating point")
        sides = [side for side in self._input.shape[1:] if isinstance(side, int)]
        if math.prod(sides) > 3 * MOST_PIXELS or not all(side > 0 for side in sides):
            raise ModelError(f"{path} takes images of {sides}: their size makes no sense")

    @classmethod
    def name(cls, *args: Any, **kwargs: Any) -> str:
        """Return the name of the architecture."""
        return "map"

    @classmethod
    def download_models(
        cls,
        *args: Any,
        model: Model,
        model_path: Path | None = None,
        mirror: str = "",
        **kwargs: Any,
    ) -> Path:
        """Return the path of the model file: as given, inside the package, or fetched.

        Raises:
            ModelError: if the file is published nowhere, or cannot be fetched.
        """
        if model_path is not None:
            return model_path
        if model.file is not None:
            return PACKAGED / model.file
        if not model.weights:
            raise ModelError(
                f"{model.name} is published nowhere as an .onnx file of its own: "
                "give the path of yours"
            )
        from streamcut.sessions.files.store import fetch_model

        return fetch_model(model, mirror=mirror)[0]

    @classmethod
    def file_for_cpus(
        cls, *args: Any, model: Model, model_path: Path | None = None, **kwargs: Any
    ) -> Path | None:
        """Return the package's own file for processors, unless a path is given."""
        if model_path is not None or model.cpu_file is None:
            return None
        return PACKAGED / model.cpu_file

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the one size of the graph or the model, or that nearest to its area."""
        if self.model.area is not None:
            return size_of_area(width, height, self.model.area, self.model.stride)
        return self._graph_size() or self.model.size or _FALLBACK_SIZE

    def smaller_sizes(self, width: int, height: int) -> list[tuple[int, int]]:
        """Return sizes of less area; none where the graph takes one size alone."""
        area, stride = self.model.area, self.model.stride
        return [] if area is None else smaller_sizes_of(width, height, area, stride)

    def stream(self) -> MatteStream:
        """Return a callable for the frames of one video; it keeps no state."""
        return MapStream(self)

    @property
    def batch(self) -> int:
        """How many frames of a file go through the network together, where so many wait.

        Several only on a CUDA GPU, and where the graph takes any number: on the CPU, batches of 2
        to 8 were measured to gain nothing.
        """
        fixed = isinstance(self._input.shape[0], int)
        return 1 if fixed or self.inner_session.get_providers()[0] != _CUDA else _BATCH

    def runner(self) -> Runner:
        """Return what runs the network for one stream."""
        return Runner(self.inner_session, [self.inner_session.get_outputs()[0].name])

    def mattes(self, frames: Sequence[RGB], runner: Runner | None = None) -> list[Matte]:
        """Return the subject's maps of frames of one size: float32 [h, w] in 0..1.

        Args:
            frames: RGB, uint8 [h, w, 3], at the network's size; they are fed together.
            runner: of :meth:`runner`, for the frames of a stream.

        Raises:
            ModelError: if the network fails.
        """
        feeds = [self._feed(frame) for frame in frames]
        output = self._infer(np.concatenate(feeds) if len(feeds) > 1 else feeds[0], runner)
        parts = np.split(output, len(frames)) if len(frames) > 1 else [output]
        return [
            self._fitted(self._read(self._planes(part)), frame)
            for part, frame in zip(parts, frames, strict=True)
        ]

    def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
        """Return the one mask of an image: mode "L", at its size."""
        size = self.input_size(*img.size)
        if self.model.stretch:
            matte = self._stretched(img, size)
        else:
            pixels = np.asarray(img.convert("RGB").resize(size, Image.Resampling.LANCZOS))
            matte = self._matte(pixels)
        mask = Image.fromarray((matte * 255).astype(np.uint8))
        return [mask.resize(img.size, Image.Resampling.LANCZOS)]

    @cached_property
    def activation(self) -> str:
        """What turns the output into 0..1 in a video.

        Where the row leaves it open the network's answer to noise settles it, once: deciding anew
        for each frame would flicker.
        """
        if self.model.activation != "auto":
            return self.model.activation
        width, height = self.input_size(*_FALLBACK_SIZE)
        noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        maps = self._maps(self._feed(noise))
        if maps.min() >= -1e-3 and maps.max() <= 1 + 1e-3:
            return "none"
        return "sigmoid" if len(maps) == 1 else "softmax"

    def _graph_size(self) -> tuple[int, int] | None:
        """Return the (width, height) that the graph is fixed to, if it is."""
        shape = self._input.shape
        height, width = shape[1:3] if self._channels_last else shape[2:4]
        if isinstance(width, int) and isinstance(height, int):
            return width, height
        return None

    def _stretched(self, img: Image.Image, size: tuple[int, int]) -> Matte:
        """Return the mask of an image by rembg's arithmetic: never an activation guessed."""
        feed = self.normalize(img, self.model.mean, self.model.std, size)[self._input.name]
        maps = self._maps(feed.transpose(0, 2, 3, 1) if self._channels_last else feed)
        return _stretch(self._subject(_ACTIVATIONS[self.model.activation](maps)))

    def _matte(self, frame: RGB) -> Matte:
        return self.mattes([frame])[0]

    def _read(self, maps: NDArray[np.float32]) -> Matte:
        """Return the matte that the network's maps, [channels, h, w], amount to."""
        subject = self._subject(_ACTIVATIONS[self.activation](maps))
        matte: Matte = np.clip(subject, np.float32(0), np.float32(1))
        return matte

    def _fitted(self, matte: Matte, frame: RGB) -> Matte:
        """Return a matte at its frame's size: some networks give one of their own.

        Raises:
            ModelError: if it has another shape altogether.
        """
        (high, wide), (height, width) = matte.shape, frame.shape[:2]
        if (high, wide) == (height, width):
            return matte
        if not 0.8 < (wide * height) / (high * width) < 1.25:
            told = f"gives a map of {wide}x{high} for a frame of {width}x{height}"
            raise ModelError(f"the model {self.model_name} {told}")
        resized = cv2.resize(matte, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, np.float32)

    def _feed(self, frame: RGB) -> NDArray[np.float32]:
        """Return the network's input for an RGB frame at its size."""
        height, width, _ = frame.shape
        feed = np.empty((1, 3, height, width), np.float32)
        for channel in range(3):
            target = feed[0, 2 - channel if self.model.bgr else channel]
            np.multiply(frame[:, :, channel], self._gain[channel], out=target)
            target += self._bias[channel]
        return np.ascontiguousarray(feed.transpose(0, 2, 3, 1)) if self._channels_last else feed

    def _infer(
        self, feed: NDArray[np.float32], runner: Runner | None = None
    ) -> NDArray[np.float32]:
        """Return the network's output for a feed, through a stream's runner or one of its own."""
        try:
            [output] = (runner or self.runner())({self._input.name: feed})
        except ModelError as error:
            raise ModelError(f"the model {self.model_name} failed: {error}") from error
        return np.asarray(output, np.float32)

    def _maps(self, feed: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._planes(self._infer(feed))

    def _planes(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one frame's output as [channels, h, w], whatever shape it has itself."""
        maps = output[0] if output.ndim == 4 else output
        if maps.ndim == 2:
            return maps[None]
        if maps.ndim != 3:
            raise ModelError(
                f"the model {self.model_name} gives {output.shape}, which is not a map"
            )
        last = maps.shape[2] < min(maps.shape[:2]) and maps.shape[0] > maps.shape[2]
        return maps.transpose(2, 0, 1) if last else maps

    def _subject(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(maps[min(self.model.channel, len(maps) - 1)])


class MapStream:
    """A stream without memory: each frame's matte depends on that frame alone.

    Attributes:
        batch: how many frames :meth:`many` had best be given.
    """

    def __init__(self, session: MapSession) -> None:
        self.batch = session.batch
        self._session = session
        self._one, self._several = session.runner(), session.runner()

    def __call__(self, frame: RGB) -> Prediction:
        """Return the prediction for an RGB uint8 [h, w, 3] frame."""
        return Prediction(self._session.mattes([frame], self._one)[0])

    def many(self, frames: Sequence[RGB]) -> list[Prediction]:
        """Return those for frames of one size, which go through the network together."""
        return list(map(Prediction, self._session.mattes(frames, self._several)))

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
    """Stretch a mask to 0..1 by its own extremes, as rembg does with images.

    A mask that is the same everywhere, of which rembg makes what 0/0 happens to give, stays.
    """
    low, high = np.min(matte), np.max(matte)
    if high <= low:
        return np.clip(matte, np.float32(0), np.float32(1))
    return np.asarray((matte - low) / (high - low))


def sigmoid(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return logits as probabilities."""
    with np.errstate(over="ignore"):  # Of plainly negative logits: 1 / inf is right.
        return np.asarray(1 / (1 + np.exp(-maps)), np.float32)


def softmax(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return logits, [classes, h, w], as each pixel's probabilities of the classes."""
    powers = np.exp(maps - maps.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0), np.float32)


_ACTIVATIONS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "none": lambda maps: maps,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "auto": lambda maps: maps,  # as rembg leaves the output of images
}
