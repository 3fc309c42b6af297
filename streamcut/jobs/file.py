"""The assembler: settings in, a finished file and a summary out. Nothing else wires stages."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice
from typing import Any, cast

from streamcut.compositing.background import Background
from streamcut.compositing.looks import ALPHA_LOOKS, made_by
from streamcut.core.config import Settings
from streamcut.core.errors import Named, UsageError
from streamcut.core.interrupts import Interrupts
from streamcut.core.pipeline import Channel, Pipeline, StageReport
from streamcut.jobs.outputs import check_output
from streamcut.jobs.request import (
    check_borders,
    check_times,
    device_of,
    keep_of,
    look_of,
    parse_background,
    session_of,
)
from streamcut.jobs.stages import matte
from streamcut.jobs.wiring import able, one_thread_per_picture, shown
from streamcut.matting.smoothing import steady
from streamcut.media.frame import CompositedFrame, OutputFrame, StreamInfo
from streamcut.media.names import local_path
from streamcut.media.pixel_formats import depth
from streamcut.media.urls import public
from streamcut.sessions import BaseSession, place_of
from streamcut.sinks import Codec, Output, Sink, encode_alpha, open_sink, output_of
from streamcut.sources import Input, Size, Source, input_of, open_source

Tick = Callable[["State"], None]

_PATIENCE = 1.0  # Seconds for a stalled open to end after Ctrl-C, before it is left behind.
# Frames between two stages: enough to even out their pace, little to remember. What is composited
# is three frames in one: source, output, matte.
_CAPACITY, _COMPOSITED = 3, 2


@dataclass(frozen=True, slots=True)
class Summary:
    """What a finished job did.

    Attributes:
        input: what was read.
        output: what was written.
        frames: how many pictures were written.
        seconds: how long it took.
        fps: pictures a second.
        speed: seconds of video for each second of work.
        bytes: size of the output, of all its files.
        dropped: pictures given up, because the format's clock could not tell them apart.
        undecodable: packets that could not be decoded.
        stages: where the time went.
        notes: what could not be kept as the input has it, in words.
        device: where the network ran: CPU, CUDA ...
    """

    input: str
    output: str
    frames: int
    seconds: float
    fps: float
    speed: float
    bytes: int
    dropped: int
    undecodable: int
    stages: list[StageReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    device: str = "CPU"


class State:
    """A running job's counters, for who shows its progress."""

    def __init__(
        self,
        info: StreamInfo,
        pipeline: Pipeline,
        last: Channel[OutputFrame],
    ) -> None:
        self.info = info
        self.frames = 0
        self.time = 0.0
        self._pipeline = pipeline
        self._last = last
        self._began = time.perf_counter()

    def count(self, frame: OutputFrame) -> None:
        """Note that a frame was written."""
        self.frames += 1
        self.time = frame.output.time or 0.0

    @property
    def seconds(self) -> float:
        """Return how long the job has been running."""
        return time.perf_counter() - self._began

    def stages(self) -> list[StageReport]:
        """Return where each stage's time went so far, the encoder's last."""
        busy = max(0.0, self.seconds - self._last.starved)
        return [*self._pipeline.reports(), StageReport("encode", busy, self._last.starved, 0.0)]

    def bottleneck(self) -> str:
        """Return the stage that has waited least."""
        return max(self.stages(), key=lambda stage: stage.busy).name

    def dropped(self) -> int:
        """Return how many pictures the channels gave up."""
        return self._pipeline.dropped()


class Job:
    """One conversion of a video.

    Args:
        url: the input, as :func:`streamcut.sources.open_source` takes it.
        output: path of the file, a folder or pattern for a picture sequence, or a pipe.
        settings: everything else.
        session: a model session to use; None makes one as the settings say.
        start: seconds to skip.
        duration: seconds to convert at most.
        overwrite: whether an existing output may be replaced.

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
    ) -> None:
        self.settings = settings or Settings()
        self.input = input_of(url, self.settings.run.on_gap)
        self.output = output_of(output)
        self.session = session
        self.start, self.duration = start, duration
        self.state: State | None = None
        check_times(start, duration)
        device_of(self.settings)  # Refuses what is no device.
        check_borders(self.settings)
        self.look = look_of(self.settings)
        self.size = Size.parse(self.settings.picture.size) if self.settings.picture.size else None
        self._check_alpha(self.output.form.codec(self.settings.output.codec))
        if self.output.path is not None:
            read = {
                "input": str(self.input),
                "background": local_path(self.settings.picture.background),
            }
            check_output(self.output.path, read, overwrite)

    def run(self, tick: Tick | None = None) -> Summary:
        """Do it; ``tick`` is called after every frame with the job's counters.

        Raises:
            StreamcutError: whatever went wrong; what was written until then plays.
            KeyboardInterrupt: on Ctrl-C; likewise.
        """
        # Within, Ctrl-C is held back: first the file is finished, then the threads end.
        with (
            Interrupts() as interrupts,
            self._source(interrupts) as source,
            _closing(self.background(source.info)) as background,
        ):
            made_by(self.look, source.info)  # Refuses what cannot be made.
            size = source.info.width, source.info.height
            keep_of(self.settings, size)  # Likewise, before a model is fetched.
            session = able(self.session or session_of(self.settings, size))
            with one_thread_per_picture, Pipeline() as pipeline, _unblocked(self.input):
                frames = self._spawn(pipeline, source, session, background)
                self.state = State(source.info, pipeline, frames)
                sink = self._write(interrupts.between(frames), source.info, self.state, tick)
                stages = self.state.stages()
            return self._summary(source, sink, self.state, stages, place_of(session))

    def _write(
        self, frames: Iterator[OutputFrame], info: StreamInfo, state: State, tick: Tick | None
    ) -> Sink:
        """Write the frames; what fails before the first one leaves an older output as it is."""
        first = list(islice(frames, 1))
        with self.sink(info) as sink:
            for frame in chain(first, frames):
                sink.write(frame)
                state.count(frame)
                if tick is not None:
                    tick(state)
        return sink

    def _source(self, interrupts: Interrupts) -> Source:
        """Open the input on a thread of its own: Ctrl-C is heard also while it stalls."""
        with Pipeline(patience=_PATIENCE) as pipeline:
            return next(interrupts.between(pipeline.spawn("open", self._opened())))

    def _opened(self) -> Iterator[Source]:
        yield open_source(
            self.input,
            start=self.start,
            duration=self.duration,
            size=self.size,
            threads=self.settings.run.threads,
        )

    def _spawn(
        self,
        pipeline: Pipeline,
        source: Source,
        session: BaseSession,
        background: Background | None,
    ) -> Channel[OutputFrame]:
        """Wire the stages: each runs on a thread of its own and fills the next channel."""
        info = source.info
        decoded = pipeline.spawn("decode", source, capacity=_CAPACITY, drop_oldest=info.live)
        coarse = matte(decoded, session, together=not info.live)
        how, keep = self.settings.matte, keep_of(self.settings, (info.width, info.height))
        steadied = steady(coarse, how.smooth, how.min_area, keep)
        matted = pipeline.spawn("matte", steadied, after=decoded, capacity=_CAPACITY)
        apart = self.alpha_apart(info)
        made = shown(matted, info, self.settings, self.look, background, apart=apart)
        composited = pipeline.spawn("composite", made, after=matted, capacity=_COMPOSITED)
        return self.with_alpha(pipeline, composited, info)

    def with_alpha(
        self, pipeline: Pipeline, frames: Channel[CompositedFrame], info: StreamInfo
    ) -> Channel[OutputFrame]:
        """Return the frames as the sink wants them: with alpha encoded, where it is apart."""
        if not self.alpha_apart(info):
            return cast(Channel[OutputFrame], frames)  # From here on it is only read.
        quality, threads = self.settings.output.quality, self.settings.run.threads
        encoded = encode_alpha(frames, self._codec(info), info, quality, threads)
        return pipeline.spawn("alpha", encoded, after=frames, capacity=_COMPOSITED)

    def alpha_apart(self, info: StreamInfo) -> bool:
        """Whether the output's alpha is encoded beside its colour."""
        return self.look in ALPHA_LOOKS and self._codec(info).alpha_apart

    def sink(self, info: StreamInfo) -> Sink:
        """Open the output for pictures of a stream."""
        apart = self.alpha_apart(info)
        pixel_format, size = made_by(self.look, info)
        output = self.settings.output
        return open_sink(
            self.output,
            info,
            size=size,
            pixel_format=info.pixel_format if apart else pixel_format,
            codec=self._codec(info),
            quality=output.quality,
            threads=self.settings.run.threads,
            audio=output.audio,
            alpha_apart=apart,
        )

    def _codec(self, info: StreamInfo) -> Codec:
        """Return the codec asked for, else the format's usual one that holds the input's depth."""
        name = self.settings.output.codec
        if not name and self.output.form.ending == ".mp4" and depth(info.pixel_format) > 8:
            name = "hevc"
        return self.output.form.codec(name)

    def _check_alpha(self, codec: Codec) -> None:
        if codec.alpha or self.look not in ALPHA_LOOKS:
            return
        able = " or ".join(other.name for other in self.output.form.codecs if other.alpha)
        holder = f"{codec.name if able else self.output.form.ending} holds no alpha: "
        instead = ["give ", Named("codec", able)] if able else [self.output.form.for_alpha]
        raise UsageError(
            holder,
            *instead,
            ", or give ",
            Named("background"),
            ", ",
            Named("only_mask"),
            " or ",
            Named("stacked"),
        )

    def background(self, info: StreamInfo) -> Background | None:
        """Return what lies behind the subject, or None for alpha."""
        text = self.settings.picture.background
        return parse_background(text, info) if text else None

    def _summary(
        self, source: Source, sink: Sink, state: State, stages: list[StageReport], device: str
    ) -> Summary:
        seconds = max(state.seconds, 1e-9)
        covered = state.frames / float(source.info.rate)
        return Summary(
            input=public(str(self.input)),
            output=str(self.output),
            frames=sink.written,
            seconds=seconds,
            fps=state.frames / seconds,
            speed=covered / seconds,
            bytes=self.output.bytes,
            dropped=sink.skipped + state.dropped(),
            undecodable=source.undecodable + sink.undecodable,
            stages=stages,
            notes=[*source.notes, *sink.notes, *_cut_off(source, state)],
            device=device,
        )


def remove_video(
    input: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    session: BaseSession | None = None,
    start: float | None = None,
    duration: float | None = None,
    overwrite: bool = False,
    tick: Tick | None = None,
    **options: Any,
) -> Summary:
    """Remove the background of a video: what ``streamcut video`` does, for programs.

    Args:
        input: path or address of the video.
        output: path of the file, whose ending chooses the format, or a folder for pictures.
        session: a session to use for several videos; None makes one.
        start: seconds to skip.
        duration: seconds to convert at most.
        overwrite: whether an existing output may be replaced.
        tick: called after every frame with the job's counters.
        **options: settings by name, such as ``background="blur"`` or ``quality="fast"``.

    Raises:
        StreamcutError: in one line, whatever the reason.
    """
    job = Job(
        input,
        output,
        Settings().with_options(options),
        session=session,
        start=_seconds(start),
        duration=_seconds(duration),
        overwrite=overwrite,
    )
    return job.run(tick)


@contextmanager
def _closing(background: Background | None) -> Iterator[Background | None]:
    try:
        yield background
    finally:
        if background is not None:
            background.close()


@contextmanager
def _unblocked(source: Input) -> Iterator[None]:
    """Let a pipe that is being read, and may be silent for ever, end with the block."""
    try:
        yield
    finally:
        source.stop()


def _cut_off(source: Source, state: State) -> list[str]:
    """Say so when the pictures ended well before the input said they would."""
    info = source.info
    shown = state.time + 1 / float(info.rate)
    # Where the clock jumped, how long the input says it is means nothing.
    if info.duration is None or source.jumps:
        return []
    if info.duration - shown < max(1.0, info.duration / 20):
        return []
    return [
        f"the pictures end after {shown:.1f} of {info.duration:.1f} seconds: "
        "the input may be cut off"
    ]


def _seconds(value: float | None) -> Fraction | None:
    """Return a time as it is written, not as it is rounded to binary: 0.1 is a tenth."""
    try:
        return None if value is None else Fraction(str(value))
    except ValueError as error:
        raise UsageError(f"{value} is no time in seconds") from error
