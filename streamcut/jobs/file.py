"""A job on a file: settings in, a finished file and a summary out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import chain, islice
from typing import Unpack

from streamcut.core.config import Settings
from streamcut.core.errors import StreamcutError, UsageError
from streamcut.core.interrupts import Interrupts
from streamcut.core.pipeline import Channel, Pipeline
from streamcut.core.status_line import StatusLine
from streamcut.jobs.also import Also, Branches, check_distinct
from streamcut.jobs.encoding import Encoding
from streamcut.jobs.options import VideoOptions
from streamcut.jobs.outputs import check_output
from streamcut.jobs.report import NOBODY, JobState, Summary, facts, summary_of
from streamcut.jobs.request import (
    check_borders,
    check_times,
    device_of,
    limits_of,
    session_of,
    size_of,
)
from streamcut.jobs.stages import Appearance, Sighting, one_thread_per_frame
from streamcut.matting.network import able
from streamcut.media.frame import CompositedFrame, OutputFrame, StreamInfo
from streamcut.media.names import local_path
from streamcut.sessions import BaseSession, place_of
from streamcut.sinks import Output, Sink, output_of
from streamcut.sources import Input, Source, input_of, open_source

Tick = Callable[[JobState], None]

_PATIENCE = 1.0  # Seconds for a stalled open to end after Ctrl-C, before it is left behind.


class Job:
    """One conversion of a video.

    Args:
        url: the input, as :func:`streamcut.sources.open_source` takes it.
        output: path of the file, a folder or pattern for an image sequence, or a pipe.
        settings: everything else.
        session: a model session to use; None makes one as the settings say.
        start: seconds to skip.
        duration: seconds to convert at most.
        overwrite: whether an existing output may be replaced.
        also: further outputs of the same pass, each ``PATH`` or ``PATH=LOOK``; see
            :data:`~streamcut.jobs.also.AlsoLook`.

    Raises:
        UsageError: if the settings contradict each other or the output's format.
        SinkError: if the output's folder does not exist, or a folder is in its place.
        OutputExistsError: if the output exists and ``overwrite`` is false.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | Input,
        output: str | os.PathLike[str] | Output,
        settings: Settings | None = None,
        *,
        session: BaseSession | None = None,
        start: Fraction | None = None,
        duration: Fraction | None = None,
        overwrite: bool = False,
        also: Sequence[str] = (),
    ) -> None:
        self.settings = settings or Settings()
        self.input = input_of(url, self.settings.run.on_gap)
        self.output = output_of(output)
        self.session = session
        self.start, self.duration = start, duration
        self.state: JobState | None = None
        check_times(start, duration)
        device_of(self.settings)  # Refuses what is not a device.
        check_borders(self.settings)
        self._size = size_of(self.settings)
        self._encoding = Encoding.of(self.output, self.settings)
        self._also = [Also.parse(text, self.settings) for text in also]
        if self.output.path is not None:
            behind = local_path(self.settings.picture.background)
            read = {"input": str(self.input), "background": behind}
            check_output(self.output.path, read, overwrite)
            for other in self._also:
                check_output(other.path, read, overwrite)
            check_distinct([self.output.path, *(other.path for other in self._also)])

    def run(self, tick: Tick | None = None) -> Summary:
        """Do it; ``tick`` is called after every frame with the job's counters.

        Raises:
            StreamcutError: whatever went wrong; what was written until then plays.
            KeyboardInterrupt: on Ctrl-C; likewise.
        """
        # Within, Ctrl-C is held back: first the file is finished, then the threads end.
        with (
            Interrupts() as interrupts,
            opened(self._opened, interrupts) as source,
            Appearance.of(self.settings, source.info) as shown,
        ):
            info = source.info
            seen = info.width, info.height
            session = able(self.session or session_of(self.settings, seen, live=info.live))
            with (
                one_thread_per_frame,
                Pipeline() as pipeline,
                Branches(self._also, info) as branches,
                _unblocked(self.input),
            ):
                apart, sighting = self._encoding.alpha_apart(info), Sighting()
                made = branches.spawn(
                    pipeline, source, session, shown, apart=apart, sighting=sighting
                )
                frames = self._encoding.spawn_alpha(pipeline, self._kept(pipeline, made), info)
                state = self.state = JobState(info, pipeline, frames, sighting)
                sink = self._write(interrupts.between(frames), info, state, tick)
                branches.finish()
                stages = state.stages()
            ends = self.input, self.output
            summary = summary_of(state, stages, source, sink, ends, place_of(session))
            return replace(summary, also=[each.path for each in self._also])

    def _kept(
        self, pipeline: Pipeline, frames: Channel[CompositedFrame]
    ) -> Channel[CompositedFrame]:
        """Return the frames that are to be written: all of them."""
        return frames

    def _opened(self) -> Source:
        return open_source(
            self.input,
            start=self.start,
            duration=self.duration,
            size=self._size,
            threads=self.settings.run.threads,
            limits=limits_of(self.settings),
        )

    def _write(
        self,
        frames: Iterator[OutputFrame],
        info: StreamInfo,
        state: JobState,
        tick: Tick | None,
    ) -> Sink:
        """Write the frames; what fails before the first one leaves an older output as it is."""
        first = list(islice(frames, 1))
        with self._encoding.open(info) as sink:
            for frame in chain(first, frames):
                sink.write(frame)
                state.count(frame)
                if tick is not None:
                    tick(state)
            if self.settings.output.fail_if_empty and not state.sighting.found:
                raise StreamcutError(NOBODY)  # Within: what is empty replaces nothing.
        return sink


def remove_video(
    input: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    session: BaseSession | None = None,
    start: float | None = None,
    duration: float | None = None,
    overwrite: bool = False,
    tick: Tick | None = None,
    progress: bool | None = None,
    **options: Unpack[VideoOptions],
) -> Summary:
    """Remove the background of a video: what ``streamcut video`` does, for programs.

    Args:
        input: path or address of the video.
        output: path of the file, whose ending chooses the format, or a folder for frames.
        session: a session to use for several videos; None makes one.
        start: seconds to skip.
        duration: seconds to convert at most.
        overwrite: whether an existing output may be replaced.
        tick: called after every frame with the job's counters.
        progress: whether to show how far it is, in a notebook's cell or on a terminal; None shows
            it in notebooks alone.
        **options: settings by name, such as ``background="blur"`` or ``quality="fast"``.

    Raises:
        StreamcutError: in one line, whatever the reason.
    """
    job = Job(
        input,
        output,
        Settings().with_options(options),
        session=session,
        start=seconds(start),
        duration=seconds(duration),
        overwrite=overwrite,
    )
    if progress is False:
        return job.run(tick)
    with StatusLine(terminal=bool(progress)) as line:
        return job.run(partial(_told, line, tick))


def _told(line: StatusLine, tick: Tick | None, state: JobState) -> None:
    """Show a running job's counters, and hand them on."""
    if line.due:
        line.show(", ".join(facts(state)))
    if tick is not None:
        tick(state)


def opened(open_it: Callable[[], Source], interrupts: Interrupts) -> Source:
    """Open an input on a thread of its own: Ctrl-C is heard also while it stalls."""
    with Pipeline(patience=_PATIENCE) as pipeline:
        return next(interrupts.between(pipeline.spawn("open", _once(open_it))))


def _once(open_it: Callable[[], Source]) -> Iterator[Source]:
    yield open_it()


@contextmanager
def _unblocked(source: Input) -> Iterator[None]:
    """Let a pipe that is being read, and may be silent for ever, end with the block."""
    try:
        yield
    finally:
        source.stop()


def seconds(value: float | None) -> Fraction | None:
    """Return a time as it is written, not as it is rounded to binary: 0.1 is a tenth."""
    try:
        return None if value is None else Fraction(str(value))
    except ValueError as error:
        raise UsageError(f"{value} is not a time in seconds") from error
