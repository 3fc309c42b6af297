"""Further outputs of one job: decoded and matted once, composited and encoded each for itself.

::

    network --> matted --+--> composite --> alpha --> sink     the output
                         +--> composite --> alpha --> sink     another one, on threads of its own
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

import numpy as np

from streamcut.compositing.composite import composite
from streamcut.core.config import Settings
from streamcut.core.errors import Named, UsageError
from streamcut.core.pipeline import Cancelled, Channel, Pipeline
from streamcut.jobs.encoding import Encoding
from streamcut.jobs.stages import Appearance, Sighting, matted, spawn, spawn_predicted
from streamcut.media.frame import CompositedFrame, Frame, MattedFrame, StreamInfo
from streamcut.media.pixel_formats import peak
from streamcut.sessions import BaseSession
from streamcut.sinks import output_of

AlsoLook = Literal["cutout", "mask", "inverse", "stacked", "background"]
"""What a further output shows; "inverse" is the cutout of all but the subject."""

_CAPACITY = 2


@dataclass(frozen=True, slots=True)
class Also:
    """A further output.

    Attributes:
        encoding: how it is written.
        settings: the job's, with this output's look.
        inverse: whether the subject is cut out instead of kept.
    """

    encoding: Encoding
    settings: Settings
    inverse: bool = False

    @classmethod
    def parse(cls, text: str, settings: Settings) -> Self:
        """Return what ``PATH`` or ``PATH=LOOK`` asks for.

        Args:
            text: the path of a file, and one of :data:`AlsoLook`; without one it is a cutout.
            settings: the job's.

        Raises:
            UsageError: if the format is unknown or holds no alpha and should, or the job has no
                background to show.
        """
        path, _, look = text.rpartition("=")
        if look not in get_args(AlsoLook):
            path, look = text, "cutout"
        if look == "background" and not settings.picture.background:
            raise UsageError(f"{text}: give ", Named("background"))
        behind = settings.picture.background if look == "background" else ""
        shown = {"background": behind, "only_mask": look == "mask", "stacked": look == "stacked"}
        mine = settings.with_options({**shown, "codec": ""})
        output = output_of(path)
        codecs = output.form.codecs
        if look in ("cutout", "inverse") and not any(codec.alpha for codec in codecs):
            raise UsageError(
                f"{path} holds no alpha: write {path}=mask, =stacked or =background, "
                "or another ending"
            )
        return cls(Encoding.of(output, mine), mine, look == "inverse")

    @property
    def path(self) -> str:
        """Where it is written."""
        return str(self.encoding.output)


def check_distinct(paths: Iterable[str]) -> None:
    """Refuse outputs of which two are one.

    Raises:
        UsageError: so.
    """
    seen: set[str] = set()
    for path in paths:
        real = os.path.realpath(path)
        if real in seen:
            raise UsageError(f"{path} is written twice")
        seen.add(real)


class Branches:
    """The further outputs of one run; leaving the ``with`` block ends them.

    Args:
        also: what they are.
        info: of the stream.

    Raises:
        UsageError: if one cannot be made of such frames.
    """

    def __init__(self, also: Sequence[Also], info: StreamInfo) -> None:
        self._info = info
        self._stack = ExitStack()
        self._shown = [
            self._stack.enter_context(Appearance.of(each.settings, info)) for each in also
        ]
        self._also = also
        self._channels: list[Channel[MattedFrame]] = [Channel(_CAPACITY) for _ in also]
        self._writers: list[Channel[int]] = []

    def spawn(
        self,
        pipeline: Pipeline,
        source: Iterable[Frame],
        session: BaseSession,
        shown: Appearance,
        *,
        apart: bool,
        sighting: Sighting,
    ) -> Channel[CompositedFrame]:
        """Run the whole chain, and return the frames of the job's own output.

        Args:
            pipeline: whose threads do it.
            source: the frames.
            session: the network's.
            shown: what the job's own output shows.
            apart: whether its alpha is encoded beside its colour.
            sighting: notes whether anything was found.
        """
        info, settings = self._info, shown.settings
        if not self._also:
            return spawn(pipeline, source, info, session, shown, apart=apart, sighting=sighting)
        predicted = spawn_predicted(pipeline, source, info, session, settings, sighting)
        if not all(each.settings.picture.only_mask for each in self._also):
            settings = settings.with_options({"only_mask": False})  # Somebody sees the colours.
        mattes = self._shared(matted(predicted, info, settings))
        once = pipeline.spawn("cut", mattes, after=predicted, capacity=_CAPACITY)
        for number, each in enumerate(self._also):
            self._branch(pipeline, each, number)
        made = composite(
            once,
            shown.look,
            shown.background,
            light_wrap=shown.settings.picture.light_wrap,
            apart=apart,
        )
        return pipeline.spawn("composite", made, after=once, capacity=_CAPACITY)

    def finish(self) -> None:
        """Wait until every further output is finished.

        Raises:
            StreamcutError: whatever went wrong with one; the others are whole.
        """
        errors = []
        for writer in self._writers:
            try:
                list(writer)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for channel in self._channels:
            channel.cancel()  # Of those that are finished nobody notices.
        self._stack.close()

    def _shared(self, frames: Iterable[MattedFrame]) -> Iterator[MattedFrame]:
        """Hand each frame to every branch on the way; one that has failed gets no more."""
        for frame in frames:
            for channel in self._channels:
                with suppress(Cancelled):
                    channel.put(frame)
            yield frame
        for channel in self._channels:
            with suppress(Cancelled):
                channel.close()

    def _branch(self, pipeline: Pipeline, also: Also, number: int) -> None:
        info, shown, channel = self._info, self._shown[number], self._channels[number]
        apart = also.encoding.alpha_apart(info)
        frames = map(self._inverted, channel) if also.inverse else iter(channel)
        made = composite(
            frames,
            shown.look,
            shown.background,
            light_wrap=also.settings.picture.light_wrap,
            apart=apart,
        )
        composited = pipeline.spawn(f"composite {number + 2}", made, capacity=_CAPACITY)
        encoded = also.encoding.spawn_alpha(pipeline, composited, info)

        def written() -> Iterator[int]:
            try:
                with also.encoding.open(info) as sink:
                    for frame in encoded:
                        sink.write(frame)
            except BaseException:
                channel.cancel()
                raise
            yield sink.written

        self._writers.append(pipeline.spawn(f"write {number + 2}", written()))

    def _inverted(self, frame: MattedFrame) -> MattedFrame:
        """Return a frame whose subject is cut out; colours stay as decoded."""
        top = peak(self._info.pixel_format)
        matte = np.subtract(top, frame.matte, dtype=frame.matte.dtype)
        if frame.opacity is not None:
            matte = np.minimum(matte, frame.opacity)
        return replace(frame, matte=matte, colours=frame.source)
