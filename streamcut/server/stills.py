"""One frame of a video, cut out with these settings or those: what the page shows at once."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from streamcut.core.config import Settings
from streamcut.core.errors import SourceError
from streamcut.jobs.still import StillJob
from streamcut.media.convert import RGB_TAGS, Converter
from streamcut.media.limits import Limits
from streamcut.media.still import Still
from streamcut.media.stills import image_in_srgb, is_animated, read_still
from streamcut.server.errors import TooMuch
from streamcut.server.pictures import NoImage, size_of
from streamcut.server.sessions import Sessions
from streamcut.sources import open_source

View = Literal["source", "cutout", "matte"]

_KEPT = 8  # Decoded frames: the one that somebody looks at, and those before.
_ANY = Limits(large=True)  # How large it may be is looked at where it comes in.
_FINE = 960  # Pixels of a preview's longer side.


class Previews:
    """Shows frames of uploads.

    Args:
        sessions: who know the models.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[str, float], NDArray[np.uint8]] = OrderedDict()

    def show(self, path: Path, time: float, view: View, settings: Settings) -> bytes:
        """Return a frame as PNG.

        Args:
            path: of the upload.
            time: seconds from its beginning.
            view: as decoded, cut out, or the matte alone.
            settings: how it is cut out.

        Raises:
            SourceError: if there is no frame.
            StreamcutError: whatever else goes wrong.
        """
        frame = self._frame(path, time)
        if view == "source":
            return _png(frame)
        options: dict[str, Any] = {"background": "", "stacked": False, "size": ""}
        options |= {"only_mask": view == "matte"}
        session = self._sessions.get(settings.matte.model)
        made = StillJob(settings.with_options(options), session=session).cut(Still(frame))
        return _png(made.pixels)

    def _frame(self, path: Path, time: float) -> NDArray[np.uint8]:
        key = str(path), round(time, 3)
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
                return self._frames[key]
        frame = _small(_decoded(path, time))
        with self._lock:
            self._frames[key] = frame
            while len(self._frames) > _KEPT:
                self._frames.popitem(last=False)
        return frame


def described(path: Path, name: str, megapixels: int, seconds: int) -> dict[str, Any]:
    """Return what an upload is: kind, width, height, duration and frames.

    Args:
        path: of the upload.
        name: what it is called; unused but in messages.
        megapixels: of a frame, at most.
        seconds: that it may last.

    Raises:
        TooMuch: if it is too large or too long.
        SourceError: if it is neither a video nor an image.
    """
    if _is_still(path):
        try:
            width, height = size_of(path.read_bytes(), megapixels)
        except NoImage as error:
            raise SourceError(f"{name}: a damaged image") from error
        return {"kind": "image", "width": width, "height": height, "expected": 1}
    with open_source(path) as source:
        info = source.info
    if info.width * info.height > megapixels * 1_000_000:
        raise TooMuch(f"its frames have more than {megapixels} megapixels")
    if (info.duration or 0) > seconds:
        raise TooMuch(f"it is longer than {seconds} seconds")
    return {
        "kind": "video",
        "width": info.width,
        "height": info.height,
        "duration": info.duration or 0.0,
        "expected": info.frames or 0,
    }


def _is_still(path: Path) -> bool:
    """Whether a file is an image that Pillow can read, and does not move."""
    try:
        with _ANY.image(path) as image:
            return not is_animated(image)
    except Exception:  # Not an image of Pillow's, for whatever reason.
        return False


def _decoded(path: Path, time: float) -> Image.Image:
    """Return the frame of a time, or the nearest there is."""
    if _is_still(path):
        return image_in_srgb(read_still(path, limits=_ANY)).convert("RGB")
    start, convert = Fraction(str(round(max(0.0, time), 3))), Converter("rgb24", RGB_TAGS)
    for begin in (start, Fraction(0)):
        with suppress(SourceError), open_source(path, start=begin) as source:
            for frame in source:
                return Image.fromarray(convert(frame.source).to_ndarray())
    raise SourceError("no frame can be decoded")


def _small(image: Image.Image) -> NDArray[np.uint8]:
    image.thumbnail((_FINE, _FINE), Image.Resampling.LANCZOS)
    return np.array(image.convert("RGB"))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()
