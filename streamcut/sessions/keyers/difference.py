"""A camera that stands still: whatever differs from the empty room, without a model.

After Horprasert, Harwood and Davis, "A Statistical Approach for Real-time Robust Background
Subtraction and Shadow Detection" (1999): a pixel's distance from the empty room's colour is split
into brightness and colour, each measured in units of its noise. A pixel that is only darker is a
shadow and stays outside.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from streamcut.core.errors import ModelError, SourceError
from streamcut.media.names import local_path
from streamcut.media.stills import image_in_srgb, read_still
from streamcut.sessions.base import RGB, Matte, MatteStream, Prediction
from streamcut.sessions.files.model import Model
from streamcut.sessions.keyers.base import KeyerSession
from streamcut.sessions.runtime.device import Device

Values = NDArray[np.float32]

_LEARNT = 15  # Frames of the empty room that a video begins with, where there is no plate.
_BLUR = 1.2  # Pixels: frames are blurred before they are compared, which quietens noise.
_QUIETEST = 0.8  # Code values of noise that are always reckoned with: rounding, compression.
_FROM, _TO = 2.5, 6.0  # Distances, in deviations of the noise, from which a pixel is and surely is.
_SHADOW = 0.55  # How dark a shadow may make the room.
_SPECK = 6e-4  # Of the frame's pixels: smaller spots and holes are noise.
_GAIN = (0.8, 1.25)


class DifferenceSession(KeyerSession):
    """Compares frames with the empty room.

    Args:
        model: the catalogue's row.
        path: not used: there is no file.
        *args: not used.
        plate: an image of the empty room (a file, or an image), from the same camera; None takes
            the first frames of a video for it, in which nobody may be seen.
        device: the CPU, or None.
        **kwargs: not used.

    Raises:
        SourceError: if the image cannot be read.
        UsageError: if the device is a GPU.
    """

    whole_frames = True
    """The plate shows all of the frame."""

    def __init__(
        self,
        model: Model,
        path: Path | None = None,
        *args: Any,
        plate: str | os.PathLike[str] | Image.Image | None = None,
        device: Device | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(model, device)
        self._plate = _loaded(plate) if plate else None

    @classmethod
    def name(cls, *args: Any, **kwargs: Any) -> str:
        """Return the name of the architecture."""
        return "difference"

    def stream(self) -> MatteStream:
        """Start; several streams may share the session."""
        return DifferenceStream(self._plate)

    def still(self, frame: RGB) -> Matte:
        """Return the matte of a single frame."""
        if self._plate is None:
            raise ModelError("difference: a single image needs a plate, an image of the empty room")
        return DifferenceStream(self._plate)(frame).alpha


class DifferenceStream:
    """The mattes of one video from a camera that stands still."""

    def __init__(self, plate: Image.Image | None) -> None:
        self._given = plate
        self.reset()

    def reset(self) -> None:
        """Learn the empty room anew, unless its image was given."""
        self._learning: list[RGB] = []
        self._room: _Room | None = None

    def __call__(self, frame: RGB) -> Prediction:
        """Return the prediction for an RGB uint8 [h, w, 3] frame.

        While the empty room is learnt, nobody is there.
        """
        if self._room is not None and self._room.mean.shape != frame.shape:
            self.reset()
        if self._room is None and self._given is not None:
            self._room = _Room.of_plate(self._given, frame)
        if self._room is None:
            self._learn(frame)
            return Prediction(np.zeros(frame.shape[:2], np.float32))
        return Prediction(cleaned(self._room.distance(frame)), keyed=True)

    def _learn(self, frame: RGB) -> None:
        if self._learning and self._learning[0].shape != frame.shape:
            self._learning = []
        self._learning.append(frame)
        if len(self._learning) == _LEARNT:
            self._room = _Room.of_frames(self._learning)
            self._learning = []


class _Room:
    """What the empty room looks like, and how much its pixels waver."""

    def __init__(self, mean: Values, noise: Values) -> None:
        self.mean = mean
        self._noise = noise
        self._square = np.asarray(np.maximum(_summed(mean * mean), 1), np.float32)

    @classmethod
    def of_frames(cls, frames: list[RGB]) -> _Room:
        """Return the room of several frames of it."""
        stack = np.stack([_smoothed(frame) for frame in frames])
        spread = cv2.blur(stack.std(axis=0).mean(axis=2), (9, 9))
        return cls(np.median(stack, axis=0), np.maximum(spread, np.float32(_QUIETEST)))

    @classmethod
    def of_plate(cls, plate: Image.Image, frame: RGB) -> _Room:
        """Return the room of one frame; how much pixels waver is taken from another.

        Most of the other frame shows the room too, or at least its quieter half does.
        """
        height, width = frame.shape[:2]
        mean = _smoothed(np.asarray(plate.resize((width, height), Image.Resampling.BOX)))
        room = cls(mean, np.ones((height, width), np.float32))
        off = room.distance(frame)
        noise = max(_QUIETEST, 1.4 * float(np.percentile(off, 30)))
        return cls(mean, np.full((height, width), noise, np.float32))

    def distance(self, frame: RGB) -> Values:
        """Return how far each pixel is from the room, in deviations of the noise."""
        seen = _smoothed(frame)
        bright = _summed(seen * self.mean) / self._square
        # The square of what lies across the room's own colour: Pythagoras.
        colour = np.maximum(_summed(seen * seen) - bright * bright * self._square, 0)
        bright /= _exposure(bright)
        change = np.maximum(bright - 1, np.maximum(np.float32(_SHADOW) - bright, 0))
        light = change * change * self._square
        return np.asarray(cv2.sqrt(colour + light) / (self._noise * np.float32(1.7)), np.float32)


def _summed(values: Values) -> Values:
    """Return the sum of three channels, [h, w]."""
    return np.asarray(cv2.transform(values, np.ones((1, 3), np.float32)), np.float32)


def _smoothed(frame: RGB) -> Values:
    """Return a frame as float32, blurred."""
    return np.asarray(cv2.GaussianBlur(frame.astype(np.float32), (0, 0), _BLUR))


def _exposure(bright: Values) -> np.float32:
    """Return how much brighter the camera has made everything: the commonest of the ratios."""
    counts, edges = np.histogram(bright, 91, _GAIN)
    if not counts.any():
        return np.float32(1)
    peak = int(np.argmax(counts))
    return np.float32((edges[peak] + edges[peak + 1]) / 2)


def cleaned(distance: Values) -> Matte:
    """Return a matte of distances, without specks and holes; its border is as soft as they are."""
    matte = np.clip(
        (cv2.medianBlur(distance, 5) - np.float32(_FROM)) * np.float32(1 / (_TO - _FROM)), 0, 1
    )
    least = _SPECK * matte.size
    matte[_small_parts(matte > 0.25, least)] = 0
    matte[_small_parts(matte < 1, 4 * least)] = 1
    return np.asarray(matte, np.float32)


def _small_parts(mask: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    """Return the connected parts of a mask that have fewer pixels than ``least``."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    small = stats[:, cv2.CC_STAT_AREA] < least
    small[0] = False
    return np.asarray(small[labels])


def _loaded(plate: str | os.PathLike[str] | Image.Image) -> Image.Image:
    if isinstance(plate, Image.Image):
        return ImageOps.exif_transpose(plate).convert("RGB")
    try:
        still = read_still(local_path(os.fspath(plate)), f"the plate {plate}")
    except SourceError as error:  # What could be allowed for an input cannot be for a plate.
        raise SourceError(error.parts[0]) from error
    return image_in_srgb(still).convert("RGB")
