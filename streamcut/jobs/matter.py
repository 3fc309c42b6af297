"""Mattes of frames that come one by one, from wherever: a camera, a decoder, a game."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Unpack

import av
import numpy as np
from numpy.typing import NDArray

from streamcut.core.config import Settings
from streamcut.core.errors import Named, UsageError
from streamcut.jobs.options import MatteOptions
from streamcut.jobs.request import check_borders, limits_of, session_of
from streamcut.jobs.stages import answered, matted, steadied, steadying_of
from streamcut.matting.network import able
from streamcut.media.colour import Colour, Matrix, Range
from streamcut.media.frame import Frame, MattedFrame, StreamInfo
from streamcut.media.planes import planes
from streamcut.sessions import BaseSession

Order = Literal["rgb", "bgr"]
"""Which channel comes first; OpenCV's frames are BGR."""

_RGB = Colour(matrix=Matrix.RGB, range=Range.FULL)
_UNIT = Fraction(1, 30)


class Matter:
    """Gives each frame of one video its matte: the network, smoothing and guided upsampling.

    Frames are taken in order, since each matte is steadied by those before; a scene cut starts
    anew by itself. For several videos at a time make several, with one session. Not for use by
    several threads at once.

    Args:
        model: a model's name, or the path of an .onnx file.
        size: (width, height) of the frames; None takes the first one's.
        order: which channel of a frame comes first.
        session: a session to use instead of the model.
        **options: settings by name, such as ``smooth=0`` or ``device="cpu"``.

    Raises:
        UsageError: if an option makes no sense.
        ModelError: if the model is unknown, not to be had, or cannot run.

    Example::

        matter = streamcut.Matter(order="bgr")
        while True:
            got, frame = capture.read()
            if not got:
                break
            alpha = matter(frame)
    """

    def __init__(
        self,
        model: str = "portrait",
        size: tuple[int, int] | None = None,
        *,
        order: Order = "rgb",
        session: BaseSession | None = None,
        **options: Unpack[MatteOptions],
    ) -> None:
        # What the subject looks like is nobody's affair here: its matte alone is.
        self._settings = Settings().with_options({"model": model, "only_mask": True, **options})
        check_borders(self._settings)
        if self._settings.matte.matting == "keyframes":
            raise UsageError(Named("matting"), " is off or every, where frames come one by one")
        if order not in ("rgb", "bgr"):
            raise UsageError(f"order is 'rgb' or 'bgr', not {order!r}")
        self._given = size
        self._order: Order = order
        self._session = able(session or session_of(self._settings, size))
        self._run: _Run | None = None

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the matte of the next frame.

        Args:
            frame: uint8 [height, width, 3], RGB or BGR as ``order`` says. It is not modified.

        Returns:
            uint8 [height, width], 0 where the background is, 255 where the subject is.

        Raises:
            UsageError: if the frame has another type, shape or dtype, another size than those
                before it, or more pixels than 8K has.
            ModelError: if the network fails.
        """
        width, height = _checked(frame)
        size = self._given or (self._run.size if self._run else (width, height))
        if (width, height) != size:
            raise UsageError(
                f"a frame of {width}x{height} after frames of {size[0]}x{size[1]}: "
                "make another Matter, or reset() this one where no size was given"
            )
        if self._run is None:
            limits_of(self._settings).check_size(width, height)
            self._run = _Run.of(size, self._settings, self._session)
        try:
            return self._run.matte(_framed(frame, self._order, self._run.count))
        except BaseException:
            self._run = None  # A generator that has raised is over: the next frame begins anew.
            raise

    def reset(self) -> None:
        """Forget the frames before, as for another video; it may have another size."""
        self._run = None


@dataclass(slots=True)
class _Run:
    """The chain for frames of one size, pulled frame by frame."""

    size: tuple[int, int]
    mattes: Iterator[MattedFrame]
    waiting: list[Frame]
    count: int = 0

    @classmethod
    def of(cls, size: tuple[int, int], settings: Settings, session: BaseSession) -> _Run:
        waiting: list[Frame] = []
        info = StreamInfo(*size, "gbrp", _RGB, _UNIT, 1 / _UNIT)
        predicted = answered(iter(waiting.pop, None), info, session, settings)
        frames = matted(steadied(predicted, steadying_of(settings, info)), info, settings)
        return cls(size, frames, waiting)

    def matte(self, frame: Frame) -> NDArray[np.uint8]:
        self.waiting.append(frame)
        self.count += 1
        made: NDArray[np.uint8] = next(self.mattes).matte
        return made


def _checked(frame: object) -> tuple[int, int]:
    """Return a frame's (width, height).

    Raises:
        UsageError: if it is none.
    """
    if not isinstance(frame, np.ndarray):
        raise UsageError(f"a frame is a NumPy array, not {type(frame).__name__}")
    if frame.dtype != np.uint8:
        raise UsageError(f"a frame is uint8, 0 to 255, not {frame.dtype}")
    if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise UsageError(f"a frame is [height, width, 3], not {list(frame.shape)}")
    return frame.shape[1], frame.shape[0]


def _framed(pixels: NDArray[np.uint8], order: Order, count: int) -> Frame:
    """Return a copy of the pixels as the chain takes them."""
    source = _RGB.apply(av.VideoFrame(pixels.shape[1], pixels.shape[0], "gbrp"))
    source.pts, source.time_base = count, _UNIT
    red, blue = (0, 2) if order == "rgb" else (2, 0)
    for plane, channel in zip(planes(source), (1, blue, red), strict=True):
        plane[:] = pixels[:, :, channel]
    return Frame(source=source)
