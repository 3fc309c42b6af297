"""A window that shows what a live job makes, on the main thread, where windows must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.core.errors import MissingDependencyError, UsageError
from streamcut.media.convert import BILINEAR, RGB_TAGS, Converter
from streamcut.media.frame import CompositedFrame
from streamcut.media.pixel_formats import has_alpha

if TYPE_CHECKING:
    from streamcut.jobs.live.state import LiveState

_WIDEST = 960
_SQUARE = 12
_LIGHT, _DARK = 170, 110
_KEYS = "q quit   b next background   m matte   s before and after   space freeze"


class Viewer:
    """Makes what the window shows of a frame.

    Attributes:
        matte: show the matte instead of the frame.
        split: show the left half as it was filmed.
        frozen: show no newer frame.
    """

    def __init__(self) -> None:
        self.matte = self.split = self.frozen = False
        self._made, self._before = _Pixels(), _Pixels()

    def __call__(self, frame: CompositedFrame) -> NDArray[np.uint8] | None:
        """Return RGB uint8 [height, width, 3], at most 960 pixels wide; None while frozen."""
        if self.frozen:
            return None
        shown = self._matte_of(frame) if self.matte else self._made(frame.output)
        if self.split:
            before = self._before(frame.source)
            if before.shape == shown.shape:
                half = shown.shape[1] // 2
                shown[:, :half] = before[:, :half]
                shown[:, half : half + 1] = 255
        return shown

    def _matte_of(self, frame: CompositedFrame) -> NDArray[np.uint8]:
        height, width = frame.matte.shape
        small = cv2.resize(frame.matte, _fitted(width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2RGB), np.uint8)


class Window:
    """The window; call it with every frame and often in between.

    Args:
        stop: ends the job.
        next_background: shows the next one.

    Raises:
        UsageError: if there is no display.
        MissingDependencyError: if Python came without tkinter.
    """

    def __init__(self, stop: Callable[[], None], next_background: Callable[[], None]) -> None:
        self.viewer = Viewer()
        self._root = _root()
        self._root.title("streamcut")
        self._label = _label(self._root)
        self._stop = stop
        self._open = True
        actions = {
            "q": stop,
            "b": next_background,
            "m": lambda: self._turn("matte"),
            "s": lambda: self._turn("split"),
            "space": lambda: self._turn("frozen"),
        }
        for key, action in actions.items():
            self._root.bind(f"<{key}>", lambda _, act=action: act())
        self._root.protocol("WM_DELETE_WINDOW", stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._root.destroy()

    def __call__(self, state: LiveState, frame: CompositedFrame | None) -> None:
        """Show a frame, if there is a new one, and answer to keys."""
        from PIL import Image, ImageTk

        shown = None if frame is None else self.viewer(frame)
        if shown is not None:
            # Kept, since tkinter itself does not hold what a label shows.
            self._photo = ImageTk.PhotoImage(Image.fromarray(shown), master=self._root)
            self._label.configure(image=self._photo)
        self._root.update()

    def _turn(self, name: str) -> None:
        setattr(self.viewer, name, not getattr(self.viewer, name))


def _root() -> Any:
    try:
        import tkinter
    except ImportError as error:
        raise MissingDependencyError(
            "the preview needs tkinter: on Debian and Ubuntu sudo apt install python3-tk"
        ) from error
    try:
        return tkinter.Tk()
    except tkinter.TclError as error:
        raise UsageError("there is no display to show a preview on: leave --preview out") from error


def _label(root: Any) -> Any:
    from tkinter import Label

    Label(root, text=_KEYS, anchor="w").pack(side="bottom", fill="x")
    label = Label(root, borderwidth=0)
    label.pack()
    return label


def _fitted(width: int, height: int) -> tuple[int, int]:
    """Return the size at which a frame is shown."""
    shown = min(width, _WIDEST)
    return shown, max(1, round(height * shown / width))


class _Pixels:
    """Frames as RGB at the window's size; what is transparent lies over squares."""

    def __init__(self) -> None:
        self._opaque = Converter("rgb24", RGB_TAGS, how=BILINEAR)
        self._clear = Converter("rgba", RGB_TAGS, how=BILINEAR)

    def __call__(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        clear = has_alpha(frame.format.name)
        convert = self._clear if clear else self._opaque
        made = convert(frame, _fitted(frame.width, frame.height))
        pixels = cast(NDArray[np.uint8], made.to_ndarray())
        return _over_squares(pixels) if clear else pixels


def _over_squares(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width, _ = rgba.shape
    y, x = np.ogrid[:height, :width]
    squares = np.where((x // _SQUARE + y // _SQUARE) % 2, _LIGHT, _DARK).astype(np.float32)
    alpha = rgba[:, :, 3:].astype(np.float32) / 255
    below = squares[:, :, None]
    return np.rint(below + (rgba[:, :, :3] - below) * alpha).astype(np.uint8)
