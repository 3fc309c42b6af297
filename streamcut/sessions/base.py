"""What every model session is: loaded once, used for images and for video."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from streamcut.core.errors import ModelError
from streamcut.media.matte import RGB as RGB
from streamcut.media.matte import Matte as Matte
from streamcut.media.matte import Prediction as Prediction
from streamcut.media.rect import Rect
from streamcut.sessions.runtime.device import Device, session_options
from streamcut.sessions.runtime.loading import first_words as first_words
from streamcut.sessions.runtime.loading import load


class View(NamedTuple):
    """How a network looks at a still, or at the frames of a video.

    Attributes:
        size: (width, height) that it is scaled to.
        mirrored: whether left and right are exchanged.
        rounds: how often it is shown; more than once for a network that remembers.
    """

    size: tuple[int, int]
    mirrored: bool = False
    rounds: int = 1


class MatteStream(Protocol):
    """The mattes of one video: takes its frames in order, keeps what it must of the past."""

    def __call__(self, frame: RGB, /) -> Prediction:
        """Return what is predicted of a frame at the model's input size, at that same size."""
        ...

    def reset(self) -> None:
        """Forget the past, as at a scene cut."""
        ...


@runtime_checkable
class BatchStream(MatteStream, Protocol):
    """A stream that can take several frames at once.

    Attributes:
        batch: how many had best be given, 1 where nothing is gained.
    """

    batch: int

    def many(self, frames: Sequence[RGB]) -> list[Prediction]:
        """Return what is predicted of each of several successive frames of one size."""
        ...


@runtime_checkable
class MovingStream(MatteStream, Protocol):
    """A stream that may be shown a part of each frame, and another part from some frame on."""

    def move(self, part: Rect) -> None:
        """Bring what it remembers to what it is shown from the next frame on.

        Args:
            part: of what it was shown last; it may reach outside of that.
        """
        ...


def as_prediction(answer: Prediction | Matte, frame: RGB) -> Prediction:
    """Return a stream's answer; a bare matte is one without foreground and screen.

    Raises:
        ModelError: if it is neither, or no matte of the frame's size, or no number somewhere.
    """
    if isinstance(answer, np.ndarray) and answer.ndim == 2:
        answer = Prediction(answer)
    if not isinstance(answer, Prediction):
        raise ModelError(f"a session's stream gave a {type(answer).__name__}, not a Prediction")
    alpha, size = answer.alpha, frame.shape[:2]
    if alpha.shape != size:
        raise ModelError(f"a session's stream gave a matte of {alpha.shape}, not of {size}")
    if np.isnan(alpha.min()):  # A minimum passes NaN on.
        raise ModelError("a session's stream returned NaN")
    return answer


class BaseSession:
    """A model, loaded and ready; the same class, by name and use, as rembg's.

    A subclass says where the model file is (:meth:`download_models`), what it is called
    (:meth:`name`) and how masks are made (:meth:`predict`). For video it also gives
    :meth:`input_size` and :meth:`stream`.

    Args:
        model_name: what it is called in messages.
        sess_opts: ONNX Runtime's options; None chooses them for this machine.
        *args: passed on to :meth:`download_models`.
        providers: ONNX Runtime execution providers in order; None chooses them by ``device``.
        device: where it is to run, and what is said if it cannot; None takes the best there is.
        **kwargs: passed on to :meth:`download_models`.

    Raises:
        ModelError: if the file is absent or no ONNX model.
    """

    bound: ClassVar[bool] = False
    """Whether every run of the graph is a Runner's, which is what CUDA graphs ask for."""

    whole_frames: ClassVar[bool] = False
    """Whether it is shown constant bars around a frame too, since it knows places in the frame."""

    looks_closer: ClassVar[bool] = False
    """Whether it had best be shown the part of a frame around the people that it finds; its
    streams are then :class:`MovingStream`."""

    def __init__(
        self,
        model_name: str,
        sess_opts: ort.SessionOptions | None = None,
        *args: Any,
        providers: Sequence[Any] | None = None,
        device: Device | None = None,
        **kwargs: Any,
    ) -> None:
        self.model_name = model_name
        path = self.__class__.download_models(*args, **kwargs)
        on_cpu = self.__class__.file_for_cpus(*args, **kwargs)
        self.inner_session = load_model(
            path, sess_opts, providers, device, bound=self.bound, on_cpu=on_cpu
        )

    @classmethod
    def name(cls, *args: Any, **kwargs: Any) -> str:
        """Return the name under which the session is known."""
        raise NotImplementedError

    @classmethod
    def download_models(cls, *args: Any, **kwargs: Any) -> str | Path:
        """Return the path of the model file, fetching it first if need be."""
        raise NotImplementedError

    @classmethod
    def file_for_cpus(cls, *args: Any, **kwargs: Any) -> Path | None:
        """Return the file to take in its place where the CPU runs it, or None; same arguments."""
        return None

    def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
        """Return the masks of an image: mode "L", at its size, one for each subject class."""
        raise NotImplementedError

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the (width, height) at which the model wants frames of a given size."""
        raise NotImplementedError

    def glance_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size at which a glance at a frame tells where somebody is."""
        return self.input_size(width, height)

    def capped(self, size: tuple[int, int], most: int) -> tuple[int, int]:
        """Return a size of the network's scaled down to so many pixels, or about that."""
        return size

    def still_views(self, width: int, height: int) -> list[View]:
        """Return how a still of a given size is best looked at; the mattes are averaged.

        One view, as of a frame of a video, unless a network was measured to gain by more.
        """
        return [View(self.input_size(width, height))]

    def patient_views(self, width: int, height: int) -> list[View]:
        """Return how frames of a given size are best looked at where time does not press.

        Each view has a memory of its own, and the mattes are averaged. One view, as ever, unless
        a network was measured to gain by more; the first is not mirrored.
        """
        return [View(self.input_size(width, height))]

    def smaller_sizes(self, width: int, height: int) -> list[tuple[int, int]]:
        """Return sizes that are less and less work than :meth:`input_size`; maybe none."""
        return []

    def stream(self) -> MatteStream:
        """Start the mattes of one video; several streams may share the session."""
        raise NotImplementedError

    def normalize(
        self,
        img: Image.Image,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        size: tuple[int, int],
        *args: Any,
        **kwargs: Any,
    ) -> dict[str, NDArray[np.float32]]:
        """Return the input feed for an image, number for number as rembg makes it.

        The image is stretched to ``size`` (width, height) and divided by its own maximum;
        the result is float32 [1, 3, height, width].
        """
        pixels = np.array(img.convert("RGB").resize(size, Image.Resampling.LANCZOS))
        scaled = pixels / max(np.max(pixels), 1e-6)
        normal = (scaled - np.array(mean)) / np.array(std)
        feed = np.expand_dims(normal.transpose(2, 0, 1), 0).astype(np.float32)
        return {self.inner_session.get_inputs()[0].name: feed}


def load_model(
    path: str | Path,
    options: ort.SessionOptions | None = None,
    providers: Sequence[Any] | None = None,
    device: Device | None = None,
    *,
    bound: bool = False,
    on_cpu: Path | None = None,
) -> ort.InferenceSession:
    """Load an ONNX file; the arguments are those of :func:`.runtime.loading.load`.

    Raises:
        ModelError: if it is absent or broken, or cannot run where it is to run; in one line.
    """
    if not os.path.isfile(path):
        raise ModelError(f"no such model file: {path}")
    try:
        return load(
            Path(path),
            options or session_options(),
            providers,
            device,
            bound=bound,
            on_cpu=on_cpu,
        )
    except ModelError:
        raise
    except Exception as error:  # ONNX Runtime's errors share no base of their own.
        raise ModelError(f"{path} is not a usable ONNX model: {first_words(error)}") from error
