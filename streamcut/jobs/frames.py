"""The frames of a video with their mattes, for a ``for`` loop in Python."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import cached_property, partial
from itertools import count, repeat
from typing import Self, TypeAlias, Unpack, cast

import av
import numpy as np
from numpy.typing import NDArray

from streamcut.compositing.background import Background, colour_background, matching, rgb_background
from streamcut.compositing.composite import composite
from streamcut.core.config import Settings
from streamcut.core.errors import Named, UsageError
from streamcut.core.interrupts import Interrupts
from streamcut.core.pipeline import Cancelled, Pipeline
from streamcut.jobs.file import opened, seconds
from streamcut.jobs.options import FrameOptions
from streamcut.jobs.request import (
    check_borders,
    check_times,
    keep_of,
    limits_of,
    parse_background,
    session_of,
    size_of,
)
from streamcut.jobs.stages import matted, one_thread_per_frame, spawn_predicted, waiting
from streamcut.matting.network import able
from streamcut.media.convert import RGB_TAGS, Converter, Matching
from streamcut.media.frame import MattedFrame, StreamInfo
from streamcut.media.pixel_formats import peak
from streamcut.sessions import BaseSession
from streamcut.sources import Source, input_of, open_source

_KEPT = 4  # Backgrounds of a video that are kept ready.

Behind: TypeAlias = "str | os.PathLike[str] | Sequence[int] | NDArray[np.uint8]"
"""What a subject is put over: what the setting ``background`` takes (a colour's name, the path of
an image or video, "blur"), RGB values 0..255, or an image, RGB uint8 [height, width, 3]."""


class CutoutFrame:
    """One frame of a video and its matte. What it shows is made when it is first asked for.

    Attributes:
        index: of the frame, from 0.
        time: presentation time, seconds.
    """

    def __init__(self, frame: MattedFrame, index: int, over: _Over) -> None:
        self.index = index
        self.time = frame.source.time or 0.0
        self._frame, self._over = frame, over

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._frame.source.width, self._frame.source.height

    @cached_property
    def alpha(self) -> NDArray[np.uint8]:
        """The matte: uint8 [height, width], 255 where the subject is."""
        matte, top = self._frame.matte, peak(self._frame.source.format.name)
        if top == 255:
            return cast(NDArray[np.uint8], matte)
        return np.rint(matte * np.float32(255 / top)).astype(np.uint8)

    @cached_property
    def rgb(self) -> NDArray[np.uint8]:
        """What is seen, RGB uint8 [height, width, 3].

        Over the background, where ``frames`` was given one; else the whole frame with the
        subject's own colours along its border.
        """
        if self._over.own is not None:
            return self._over(self._frame, self._over.own)
        return _rgb(self._frame.subject)

    @cached_property
    def rgba(self) -> NDArray[np.uint8]:
        """The cutout, straight alpha: uint8 [height, width, 4]."""
        colours = self.rgb if self._over.own is None else _rgb(self._frame.subject)
        return np.dstack([colours, self.alpha])

    def over(self, background: Behind) -> NDArray[np.uint8]:
        """Return the subject over a background, composited as the command does it.

        Args:
            background: a colour, an image, a video or "blur", see :data:`Behind`. Images and
                videos are scaled and cropped at their centre to cover the frame.

        Returns:
            RGB uint8 [height, width, 3].

        Raises:
            UsageError: if it is no background.
            SourceError: if its file cannot be read.
        """
        return self._over(self._frame, self._over.background(background))


class Frames(Iterator[CutoutFrame]):
    """Iterates over a video's frames; made by :func:`frames`.

    Decoding, network and mattes run ahead on threads of their own, by a few frames at most.
    Leaving its ``with`` block, or the last reference to it going away, ends them.

    Attributes:
        size: (width, height) of the frames.
        rate: average frames a second.
        count: about how many frames there will be, or None where nobody knows.
    """

    def __init__(
        self,
        source: Source,
        settings: Settings,
        session: BaseSession,
        background: Behind | None,
        owned: ExitStack,
    ) -> None:
        info = source.info
        self.size, self.rate, self.count = (info.width, info.height), info.rate, info.frames
        self._over = _Over(info, background, settings.picture.light_wrap)
        owned.callback(self._over.close)
        self._owned = owned
        self._pipeline = Pipeline()
        self._made = _made(source, settings, session, self._over, self._pipeline, owned)

    def __next__(self) -> CutoutFrame:
        return next(self._made)

    def __length_hint__(self) -> int:
        return self.count or 0

    def close(self) -> None:
        """End: close the video, stop the threads. Another thread's loop over it ends too."""
        self._pipeline.cancel()
        try:
            self._made.close()
        except ValueError:  # Another thread waits in it, and is woken.
            return
        self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def frames(
    input: str | os.PathLike[str],
    background: Behind | None = None,
    *,
    session: BaseSession | None = None,
    start: float | None = None,
    duration: float | None = None,
    **options: Unpack[FrameOptions],
) -> Frames:
    """Iterate over a video's frames, each with its matte, as ``streamcut video`` makes them.

    Args:
        input: path or address of the video.
        background: what ``rgb`` shows the subject over, see :data:`Behind`; None leaves the frame
            as it is.
        session: a session to use for several videos; None makes one.
        start: seconds to skip.
        duration: seconds to take at most.
        **options: settings by name, such as ``model="u2net"`` or ``matting="every"``.

    Raises:
        StreamcutError: in one line, whatever the reason; while iterating, too.

    Example::

        with streamcut.frames("in.mp4") as video:
            for frame in video:
                image = frame.over("blur")
    """
    settings = Settings().with_options(options)
    _check(settings)
    begin, length = seconds(start), seconds(duration)
    check_times(begin, length)
    size = size_of(settings)
    source_of, threads = input_of(input, settings.run.on_gap), settings.run.threads
    with ExitStack() as unless_made, Interrupts() as interrupts:
        opening = partial(open_source, source_of, start=begin, duration=length, size=size)
        opening = partial(opening, threads=threads, limits=limits_of(settings))
        source = unless_made.enter_context(opened(opening, interrupts))
        seen = source.info.width, source.info.height
        keep_of(settings, seen)  # Refuses a point outside, before a model is fetched.
        used = able(session or session_of(settings, seen, live=source.info.live))
        return Frames(source, settings, used, background, unless_made.pop_all())


def _check(settings: Settings) -> None:
    """Refuse what has no meaning for frames whose colours and matte are told apart."""
    check_borders(settings)
    for name in ("background", "only_mask", "stacked"):
        if getattr(settings.picture, name):
            raise UsageError(Named(name), " is for files: frames tell rgb and alpha apart")


class _Over:
    """Puts the frames of one video over backgrounds, which are made once and kept ready.

    Args:
        info: of the video.
        given: what ``frames`` was given.
        light_wrap: how much of a background's light spills over the subject's edge, 0..1.

    Attributes:
        own: what was given as a background, or None.
    """

    def __init__(self, info: StreamInfo, given: Behind | None, light_wrap: float) -> None:
        self._info, self._light_wrap = info, light_wrap
        self._kept: list[tuple[object, Background]] = []
        self._match = matching(info)
        # What cannot be read is told before the first frame.
        self.own = None if given is None else self._made(given)

    def __call__(self, frame: MattedFrame, background: Background) -> NDArray[np.uint8]:
        """Return a frame's subject over a background, RGB."""
        [made] = composite([frame], "background", background, light_wrap=self._light_wrap)
        return _rgb(made.output)

    def background(self, behind: Behind) -> Background:
        """Return a background, the one made before where it is the same.

        Raises:
            UsageError: if it is none.
            SourceError: if its file cannot be read.
        """
        if isinstance(behind, np.ndarray):  # It may show something else next time.
            return self._made(behind)
        for known, background in self._kept:
            if known == behind:
                return background
        made = self._made(behind)
        self._kept.append((behind, made))
        if len(self._kept) > _KEPT:
            self._kept.pop(0)[1].close()
        return made

    def _made(self, behind: Behind) -> Background:
        return _background_of(behind, self._info, self._match)

    def close(self) -> None:
        """Close what is open: videos."""
        if self.own is not None:
            self.own.close()
        while self._kept:
            self._kept.pop()[1].close()


def _background_of(behind: Behind, info: StreamInfo, match: Matching) -> Background:
    if isinstance(behind, np.ndarray):
        if behind.dtype != np.uint8 or behind.shape[2:] != (3,) or 0 in behind.shape:
            raise UsageError(
                f"a background is uint8 [height, width, 3], not {behind.dtype} {list(behind.shape)}"
            )
        return rgb_background(behind, info, match)
    if isinstance(behind, str | os.PathLike):
        return parse_background(os.fspath(behind), info)
    try:
        red, green, blue = bytes(behind)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{behind!r} is not a background: three values are 0 to 255") from error
    return colour_background(f"#{red:02x}{green:02x}{blue:02x}", info)


def _made(
    source: Source,
    settings: Settings,
    session: BaseSession,
    over: _Over,
    pipeline: Pipeline,
    owned: ExitStack,
) -> Generator[CutoutFrame]:
    """Run the chain up to the mattes; what it holds is closed when it ends, however it ends."""
    info = source.info
    with owned, one_thread_per_frame, pipeline:
        predicted = spawn_predicted(pipeline, source, info, session, settings)
        mattes = pipeline.spawn(
            "composite",
            matted(predicted, info, settings),
            after=predicted,
            capacity=waiting(info, composited=True),
        )
        with suppress(Cancelled):
            yield from map(CutoutFrame, mattes, count(), repeat(over))


def _rgb(image: av.VideoFrame) -> NDArray[np.uint8]:
    return cast(NDArray[np.uint8], Converter("rgb24", RGB_TAGS)(image).to_ndarray())
