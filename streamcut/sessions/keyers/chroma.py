"""A subject in front of a green screen, or one of any other colour: keyed, without a model."""

from __future__ import annotations

import warnings
from numbers import Real
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from streamcut.core.errors import ModelError, Named, UsageError
from streamcut.imaging.chroma import Screen, differences
from streamcut.imaging.scene_cuts import is_cut
from streamcut.media.matte import Grid
from streamcut.sessions.base import RGB, Matte, MatteStream, Prediction
from streamcut.sessions.files.model import Model
from streamcut.sessions.keyers.base import KeyerSession
from streamcut.sessions.runtime.device import Device

Colour = tuple[float, float, float]
"""RGB, 0..255."""

# What is taken for the bare screen, and for the whole subject: noise and small folds lie below,
# the screen's reflections above.
_CLEAR, _SOLID = 0.12, 0.86
# Which pixels tell how bright the screen is around them: it is not too dark there, and the pixel
# is as saturated as the screen.
_LIT, _PURE = 0.2, 0.8
_SURE = 0.05  # Share of a window below which too little of it is screen to tell.
_BORDER = 0.06  # Of the shorter side: where the screen is looked for.
_LEARNT = 12  # Frames whose borders are looked at.
_PATIENCE = 150  # Frames that may pass without a screen, for a fade from black.
_BINS, _LEAST_STRENGTH, _LEAST_SHARE = 32, 0.08, 0.15


class ChromaSession(KeyerSession):
    """Keys a coloured screen.

    Args:
        model: the catalogue's row.
        path: not used: there is no file.
        *args: not used.
        screen: the screen's colour (a CSS name or hex number, or RGB values 0..255); None finds it
            along the top and the sides of the first frames.
        device: the CPU, or None.
        **kwargs: not used.

    Raises:
        UsageError: if it is not a colour, or a grey, which is not a screen; or the device is a GPU.
    """

    def __init__(
        self,
        model: Model,
        path: Path | None = None,
        *args: Any,
        screen: str | Colour | None = None,
        device: Device | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(model, device)
        self._screen = None if not screen else _parsed(screen)

    @classmethod
    def name(cls, *args: Any, **kwargs: Any) -> str:
        """Return the name of the architecture."""
        return "chroma"

    def stream(self) -> MatteStream:
        """Start; several streams may share the session."""
        return ChromaStream(self._screen)

    def still(self, frame: RGB) -> Matte:
        """Return the matte of a single frame."""
        screen = self._screen or border_colour([_border(frame)])
        if screen is None:
            raise ModelError("chroma: no coloured screen along the frame's border; name its colour")
        return key(frame, screen)


class ChromaStream:
    """The mattes of one video in front of a screen.

    Predictions tell the screen's colour as soon as it is known.
    """

    def __init__(self, screen: Colour | None) -> None:
        self._given = screen
        self.reset()

    def reset(self) -> None:
        """Look for the screen anew, unless its colour was given."""
        self._screen = self._given
        self._borders: list[Grid] = []
        self._waited = 0
        self._last: RGB | None = None

    def __call__(self, frame: RGB) -> Prediction:
        """Return the prediction for an RGB uint8 [h, w, 3] frame.

        Where a new scene has another screen, that is keyed.

        Raises:
            ModelError: if no screen appears.
        """
        if self._given is None:
            self._look(frame)
        if self._screen is None:
            return Prediction(np.ones(frame.shape[:2], np.float32))
        return Prediction(key(frame, self._screen), screen=self._screen, keyed=True)

    def _look(self, frame: RGB) -> None:
        if self._last is not None and is_cut(self._last, frame):
            self._borders = []
        self._last = frame
        if len(self._borders) < _LEARNT:
            self._learn(frame)

    def _learn(self, frame: RGB) -> None:
        border = _border(frame)
        if border_colour([border]) is not None:
            self._borders.append(border)
            self._screen = border_colour(self._borders)
        self._waited += 1
        if self._screen is None and self._waited == 1:
            told = "chroma: no coloured screen yet: frames stay whole until one appears"
            told += "; the setting screen can name its colour"
            warnings.warn(told, RuntimeWarning, stacklevel=4)
        if self._screen is None and self._waited >= _PATIENCE:
            raise ModelError(
                f"chroma: no coloured screen along the border of the first {_PATIENCE} frames; "
                "give its colour as ",
                Named("screen"),
            )


def key(frame: RGB, screen: Colour) -> Matte:
    """Return the matte of an RGB uint8 [h, w, 3] frame in front of a screen of a colour.

    The screen's brightness is measured around each pixel (an image-based key: uneven light and
    the subject's shadow on the screen stay outside).
    """
    wanted = Screen.of(screen)
    luma, *colour = _differences(frame)
    share = wanted.share(*colour)
    bare = (share > _LIT) & (share * np.float32(wanted.luma) > np.float32(_PURE) * luma)
    matte = (1 - share * _screen_light(share, bare) - np.float32(_CLEAR)) * np.float32(
        1 / (_SOLID - _CLEAR)
    )
    return np.asarray(np.clip(matte, 0, 1), np.float32)


def _screen_light(share: Grid, bare: NDArray[np.bool_]) -> Grid:
    """Return what the shares around each pixel have to be multiplied by to be 1 on the screen."""
    height, width = share.shape
    size = (max(3, width // 12) | 1, max(3, height // 12) | 1)
    amount = cv2.boxFilter(bare.astype(np.float32), -1, size)
    light = cv2.boxFilter(bare * share, -1, size)
    return np.asarray((amount + _SURE) / (light + _SURE), np.float32)


def border_colour(borders: list[Grid]) -> Colour | None:
    """Return the commonest strong colour of pixels, RGB 0..255, or None where all is grey.

    Args:
        borders: RGB [pixels, 3] in 0..1.
    """
    pixels = np.concatenate(borders)
    _, cb, cr = differences(*pixels.T)
    strong = np.hypot(cb, cr) > _LEAST_STRENGTH
    if np.count_nonzero(strong) < _LEAST_SHARE * len(pixels):
        return None
    angles = np.arctan2(cr[strong], cb[strong])
    counts, edges = np.histogram(angles, _BINS, (-np.pi, np.pi))
    centre = (
        edges[int(np.argmax(counts + np.roll(counts, 1) + np.roll(counts, -1)))] + np.pi / _BINS
    )
    near = np.cos(angles - centre) > np.cos(2 * np.pi / _BINS * 1.5)
    if np.count_nonzero(near) < _LEAST_SHARE * len(pixels):
        return None
    red, green, blue = np.median(pixels[strong][near], axis=0) * 255
    return float(red), float(green), float(blue)


def _border(frame: RGB) -> Grid:
    """Return the pixels along the top and the upper sides, RGB [pixels, 3] in 0..1."""
    height, width = frame.shape[:2]
    depth = max(1, round(_BORDER * min(height, width)))
    sides = frame[: max(1, height * 2 // 3)]
    parts = [frame[:depth], sides[:, :depth], sides[:, -depth:]]
    found = np.concatenate([part.reshape(-1, 3) for part in parts])
    return np.asarray(found * np.float32(1 / 255), np.float32)


def _differences(frame: RGB) -> tuple[Grid, Grid, Grid]:
    red, green, blue = (np.float32(1 / 255) * frame[:, :, channel] for channel in range(3))
    return differences(red, green, blue)


def _parsed(screen: str | Colour) -> Colour:
    if isinstance(screen, str):
        text = "#00ff00" if screen == "green" else screen
        try:
            red, green, blue = ImageColor.getrgb(text)[:3]
        except ValueError as error:
            raise UsageError(f"screen: {screen!r} is not a colour") from error
        screen = (float(red), float(green), float(blue))
    if len(screen) != 3 or not all(
        isinstance(value, Real) and 0 <= value <= 255 for value in screen
    ):
        raise UsageError(f"screen: {screen!r} is not a colour: give three numbers from 0 to 255")
    if Screen.of(screen).strength < _LEAST_STRENGTH:
        raise UsageError("screen: a grey is not a screen; see the model difference")
    return screen
