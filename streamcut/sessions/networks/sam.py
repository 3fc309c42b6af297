"""Segment Anything (Kirillov et al., 2023): whatever a point or a box shows.

Two graphs: an encoder, run once a frame, and a decoder, run on its embedding and a prompt. In a
video the next prompt is made from the last mask, so that it follows the subject.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from streamcut.core.errors import ModelError, UsageError
from streamcut.core.interrupts import Interrupts
from streamcut.imaging.scene_cuts import is_cut
from streamcut.sessions.base import RGB, BaseSession, Matte, Prediction, first_words, load_model
from streamcut.sessions.files.catalog import SAM_MODELS, sam_weights
from streamcut.sessions.files.locks import locked
from streamcut.sessions.files.model import Model
from streamcut.sessions.networks.saliency import sigmoid
from streamcut.sessions.networks.sam_prompt import (
    BOTTOM_RIGHT,
    TOP_LEFT,
    Points,
    TrackedSubject,
    motion,
    part_at,
)
from streamcut.sessions.runtime.device import Device
from streamcut.sessions.runtime.runner import check_numbers

_CANVAS = (684, 1024)  # Height and width that rembg feeds; frames lie at its top left corner.
_PADDING = -1  # The label of no point.
_CENTRE = (0.5, 0.5)
_POLL = 0.2  # Seconds between two looks at a lock.

# A mask below this share of the frame, or so much smaller or larger than the one before, has
# lost the subject.
_LEAST, _LEAST_OF_LAST, _MOST_OF_LAST = 5e-4, 0.15, 5


class SamSession(BaseSession):
    """Segment Anything, for images as rembg runs it, and for videos.

    Args:
        model: the catalogue's row.
        path: the encoder's file, whose decoder lies beside it under the same name; None fetches.
        sess_opts: as for :class:`BaseSession`.
        *args: not used.
        prompt: what to follow in a video: (x, y) or (left, top, right, bottom), as fractions of
            the frame's width and height; None is the centre.
        sam_model: which checkpoint is fetched, as in rembg.
        sam_quant: whether it is the quantised one.
        mirror: an address to fetch from in place of the files' own.
        providers: as for :class:`BaseSession`.
        device: likewise.
        **kwargs: not used.

    Raises:
        ModelError: if a file is absent or no such model.
        UsageError: if the prompt is not a point or box within the frame.
    """

    whole_frames = True
    """Its prompt is a place in the frame."""

    def __init__(
        self,
        model: Model,
        path: Path | None,
        sess_opts: ort.SessionOptions | None = None,
        *args: Any,
        prompt: Sequence[float] | None = None,
        sam_model: str = "sam_vit_b_01ec64",
        sam_quant: bool = False,
        mirror: str = "",
        providers: Sequence[Any] | None = None,
        device: Device | None = None,
        **kwargs: Any,
    ) -> None:
        self.model, self.model_name = model, model.name
        self._prompt = None if prompt is None else _checked(prompt)
        encoder, decoder = self.download_models(
            model_path=path, sam_model=sam_model, sam_quant=sam_quant, mirror=mirror
        )
        self.encoder = self.inner_session = load_model(encoder, sess_opts, providers, device)
        self.decoder = load_model(decoder, sess_opts, providers, device)

    @classmethod
    def name(cls, *args: Any, **kwargs: Any) -> str:
        """Return the name of the architecture."""
        return "sam"

    @classmethod
    def download_models(  # type: ignore[override]  # Two files, as in rembg.
        cls,
        *args: Any,
        model_path: Path | None = None,
        sam_model: str = "sam_vit_b_01ec64",
        sam_quant: bool = False,
        mirror: str = "",
        **kwargs: Any,
    ) -> tuple[Path, Path]:
        """Return the paths of encoder and decoder, fetching them first if need be.

        Raises:
            ModelError: if there is no such checkpoint, or a file is absent.
        """
        if model_path is not None:
            return model_path, _decoder_beside(model_path)
        if sam_model not in SAM_MODELS:
            raise ModelError(f"no sam_model is called {sam_model!r}: {', '.join(SAM_MODELS)}")
        from streamcut.sessions.files.store import fetch

        encoder, decoder, *parts = sam_weights(sam_model, sam_quant)
        paths = fetch(encoder, mirror=mirror), fetch(decoder, mirror=mirror)
        data = paths[0].with_name(paths[0].stem + "_data.bin")
        if parts:
            with _alone(data):
                if not data.is_file():
                    _join([fetch(part, mirror=mirror) for part in parts], data)
        return paths

    def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
        """Return the mask of an image: mode "L", at its size, 0 or 255; rembg's arithmetic.

        Args:
            img: the image.
            *args: not used.
            **kwargs: ``sam_prompt``, a list of ``{"type": "point", "label": 1 or 0, "data":
                [x, y]}`` and ``{"type": "rectangle", "data": [left, top, right, bottom]}`` in
                pixels; without it the session's prompt, else the centre.

        Raises:
            UsageError: if the prompt is none.
            ModelError: if a network fails.
        """
        pixels = np.array(img.convert("RGB"))
        height, width = pixels.shape[:2]
        scale = min(_CANVAS[1] / width, _CANVAS[0] / height)
        matrix = np.diag([scale, scale, 1.0])
        embedding = self.embed(_warped(pixels, matrix, _CANVAS).astype(np.float32))
        marks = kwargs.get("sam_prompt")
        if marks is None:
            marks = self._marks(width, height)
        points, labels = _points_of(marks)
        masks, _ = self.decode(embedding, (points * scale).astype(np.float32), labels)
        back = np.linalg.inv(matrix)
        shown = np.zeros((height, width), bool)
        for mask in masks:
            shown |= _warped(mask, back, (height, width)) > 0
        return [Image.fromarray(shown.astype(np.uint8) * 255)]

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the largest size at a frame's aspect ratio that fits the encoder's canvas."""
        factor = min(_CANVAS[1] / width, _CANVAS[0] / height)
        return max(1, round(width * factor)), max(1, round(height * factor))

    def stream(self) -> SamStream:
        """Start with the session's prompt; several streams may share the session."""
        return SamStream(self, self._prompt or _CENTRE)

    def embed(self, canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the embedding of a frame, RGB float32 [684, 1024, 3] in 0..255."""
        name = self.encoder.get_inputs()[0].name
        return np.asarray(self._run(self.encoder, {name: canvas})[0])

    def decode(
        self, embedding: NDArray[np.float32], points: Points, labels: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the masks that a prompt means, and how good the network thinks they are.

        Args:
            embedding: of the frame.
            points: float32 [count, 2], pixels of the canvas.
            labels: 1 inside the subject, 0 outside, 2 and 3 a box's corners.

        Returns:
            Logits, [masks, 684, 1024], and the expected IoU of each, [masks].
        """
        end = np.zeros((1, 2), np.float32)
        masks, quality, *_ = self._run(
            self.decoder,
            {
                "image_embeddings": embedding,
                "point_coords": np.concatenate([points, end])[None],
                "point_labels": np.array([[*labels, _PADDING]], np.float32),
                "mask_input": np.zeros((1, 1, 256, 256), np.float32),
                "has_mask_input": np.zeros(1, np.float32),
                "orig_im_size": np.array(_CANVAS, np.float32),
            },
        )
        return masks[0], np.ravel(quality)

    def _marks(self, width: int, height: int) -> list[dict[str, Any]]:
        if self._prompt is None:
            return [{"type": "point", "label": 1, "data": [int(width / 2), int(height / 2)]}]
        data = [
            share * side for share, side in zip(self._prompt, (width, height) * 2, strict=False)
        ]
        return [{"type": "point" if len(data) == 2 else "rectangle", "label": 1, "data": data}]

    def _run(self, graph: ort.InferenceSession, feed: Mapping[str, Any]) -> list[NDArray[Any]]:
        try:
            made: list[NDArray[Any]] = graph.run(None, feed)
        except Exception as error:  # ONNX Runtime's errors share no base of their own.
            raise ModelError(f"the model {self.model_name} failed: {first_words(error)}") from error
        for output in made:
            check_numbers(output)
        return made


class SamStream:
    """The mattes of one video; the prompt follows the subject from frame to frame.

    The next prompt is the box around the last mask and the point deepest inside it, moved on by
    the subject's motion. Where the subject is lost the last prompt stays, to find it again.
    """

    def __init__(self, session: SamSession, prompt: Sequence[float]) -> None:
        self._session = session
        self._prompt = prompt
        self.reset()

    def reset(self) -> None:
        """Go back to the prompt given."""
        self._target: TrackedSubject | None = None
        self._last: RGB | None = None
        self._mask: NDArray[np.uint8] | None = None

    def __call__(self, frame: RGB) -> Prediction:
        """Return the prediction for an RGB uint8 [h, w, 3] frame.

        A scene cut, or a change of size, goes back to the prompt given.
        """
        if self._last is not None and is_cut(self._last, frame):
            self.reset()
        target = self._aimed(frame)
        matte = self._found(frame, target)
        self._follow(matte, target)
        self._last = frame
        return Prediction(matte)

    def _aimed(self, frame: RGB) -> TrackedSubject:
        """Return where to look: as given, or where the last mask has moved to."""
        if self._target is None:
            return TrackedSubject.at(self._prompt, frame.shape[1], frame.shape[0])
        if self._last is None or self._mask is None:
            return self._target
        return self._target.moved(*motion(self._last, frame, self._mask))

    def _found(self, frame: RGB, target: TrackedSubject) -> Matte:
        height, width = frame.shape[:2]
        canvas = np.zeros((*_CANVAS, 3), np.float32)
        canvas[:height, :width] = frame
        masks, quality = self._session.decode(self._session.embed(canvas), *target.points())
        return sigmoid(masks[int(np.argmax(quality))][:height, :width])

    def _follow(self, matte: Matte, aimed: TrackedSubject) -> None:
        """Make the next prompt from the mask found, unless it has lost the subject."""
        mask = part_at(matte > 0.5, aimed)
        area = int(np.count_nonzero(mask))
        before = 0 if self._mask is None else int(np.count_nonzero(self._mask))
        too_large = before and area > _MOST_OF_LAST * before
        if too_large or area < max(1, _LEAST * mask.size, _LEAST_OF_LAST * before):
            self._target = self._target or aimed
            return
        self._target, self._mask = TrackedSubject.around(mask), mask


def _points_of(marks: Sequence[Mapping[str, Any]]) -> tuple[NDArray[np.float64], list[int]]:
    """Return the points and labels of rembg's ``sam_prompt``."""
    points: list[Sequence[float]] = []
    labels: list[int] = []
    try:
        for mark in marks:
            data = [float(value) for value in mark["data"]]
            if mark["type"] == "point":
                points.append((data[0], data[1]))
                labels.append(int(mark["label"]))
            elif mark["type"] == "rectangle":
                points += [(data[0], data[1]), (data[2], data[3])]
                labels += [TOP_LEFT, BOTTOM_RIGHT]
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise UsageError(f"{marks!r} is not a sam_prompt: see rembg's documentation") from error
    if not points:
        raise UsageError("the sam_prompt holds no point and no rectangle")
    return np.array(points, np.float64).astype(np.float32).astype(np.float64), labels


def _warped(
    image: NDArray[Any], matrix: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[Any]:
    """Return an image, [h, w] or [h, w, channels], scaled about its first pixel, bilinearly.

    Number for number what rembg does with SciPy; outside the image is 0.
    """
    from scipy.ndimage import map_coordinates

    inverse = np.linalg.inv(matrix)
    columns, rows = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    at = [inverse[1, 1] * rows, inverse[0, 0] * columns]
    layers = [
        map_coordinates(layer.astype(np.float64), at, order=1, mode="constant", cval=0)
        for layer in (np.moveaxis(image, -1, 0) if image.ndim == 3 else image[None])
    ]
    made = np.stack(layers, axis=-1) if image.ndim == 3 else layers[0]
    return made.astype(image.dtype)


def _checked(prompt: Sequence[float]) -> tuple[float, ...]:
    shares = tuple(float(value) for value in prompt)
    if len(shares) not in (2, 4) or not all(0 <= share <= 1 for share in shares):
        raise UsageError(f"{prompt!r} is neither a point nor a box in fractions of the frame")
    if len(shares) == 4 and not (shares[0] < shares[2] and shares[1] < shares[3]):
        raise UsageError(f"{prompt!r} is not a box: give left, top, right, bottom")
    return shares


def _decoder_beside(encoder: Path) -> Path:
    if ".encoder" not in encoder.name:
        raise ModelError(f"{encoder} is not an encoder of Segment Anything: name NAME.encoder.onnx")
    return encoder.with_name(encoder.name.replace(".encoder", ".decoder"))


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Keep other processes from making the same file meanwhile; Ctrl-C is heard."""
    lock = target.with_name(f"{target.name}.lock")
    with (
        Interrupts() as interrupts,
        interrupts.released(),
        locked(lock, lambda: time.sleep(_POLL)),
    ):
        yield


def _join(parts: Sequence[Path], target: Path) -> None:
    """Write what was published in parts as one file, and remove the parts."""
    from shutil import copyfileobj

    made = target.with_name(target.name + ".part")
    with made.open("wb") as file:
        for part in parts:
            with part.open("rb") as source:
                copyfileobj(source, file)
    made.replace(target)
    for part in parts:
        part.unlink()
