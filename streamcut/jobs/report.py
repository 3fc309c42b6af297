"""What a job on files knows of itself: counters while it runs, a summary when it has ended."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from streamcut.core.pipeline import Channel, Pipeline, StageReport
from streamcut.jobs.stages import Sighting
from streamcut.media.frame import OutputFrame, StreamInfo
from streamcut.media.urls import public
from streamcut.sinks import Output, Sink
from streamcut.sources import Input, Source

# From when on a guess at the end means something: frames, or seconds.
_TELLING_FRAMES, _TELLING_SECONDS = 10, 10.0
NOBODY = "nobody and nothing was found in any frame"

# Of the notes, those that tell of damage; the others tell how something was converted.
_SERIOUS = re.compile(r"\b(lost|left out|damaged|ends early|missing|cut off|jumps)\b")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a finished job did.

    Attributes:
        input: what was read.
        output: what was written.
        frames: how many frames were written.
        seconds: how long it took.
        fps: frames per second.
        speed: seconds of video for each second of work.
        bytes: size of the output, of all its files.
        dropped: frames given up, because the format's clock could not tell them apart.
        undecodable: packets that could not be decoded.
        stages: where the time went.
        notes: what could not be kept as the input has it, in words.
        warnings: what is likely wrong with the result, in words.
        device: where the network ran: CPU, CUDA ...
        also: further outputs of the same pass.
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
    warnings: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)


class JobState:
    """A running job's counters, for who shows its progress."""

    def __init__(
        self,
        info: StreamInfo,
        pipeline: Pipeline,
        last: Channel[OutputFrame],
        sighting: Sighting,
    ) -> None:
        self.info = info
        self.sighting = sighting
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
        """Return how many frames the channels gave up."""
        return self._pipeline.dropped()


def facts(state: JobState) -> list[str]:
    """Return what there is to say about a running job, the most wanted first."""
    fps = max(state.frames, 1) / max(state.seconds, 1e-9)
    to_come = (state.info.frames or 0) - state.frames
    # The first frames carry all the warming up: what they promise is far off.
    soon = state.frames < _TELLING_FRAMES and state.seconds < _TELLING_SECONDS
    left = [] if soon else [f"{clock(to_come / fps)} left"]
    known = [f"{state.frames}/{state.info.frames} frames", *left]
    return [
        *(known if to_come >= 0 else [f"{state.frames} frames"]),
        f"{fps:.1f} fps",
        f"{fps / float(state.info.rate):.2f}x real time",
        f"slowest: {state.bottleneck()}",
    ]


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def summary_of(
    state: JobState,
    stages: Sequence[StageReport],
    source: Source,
    sink: Sink,
    ends: tuple[Input, Output],
    device: str,
) -> Summary:
    """Return what a job did.

    Args:
        state: its counters.
        stages: where the time went.
        source: what was read, opened.
        sink: what was written, finished.
        ends: where from and where to.
        device: where the network ran.
    """
    seconds = max(state.seconds, 1e-9)
    covered = state.frames / float(source.info.rate)
    notes = [*source.notes, *sink.notes, *_cut_off(source, state)]
    undecodable = source.undecodable + sink.undecodable
    lost = [f"{undecodable} packets could not be decoded"] if undecodable else []
    return Summary(
        input=public(str(ends[0])),
        output=str(ends[1]),
        frames=sink.written,
        seconds=seconds,
        fps=state.frames / seconds,
        speed=covered / seconds,
        bytes=ends[1].bytes,
        dropped=sink.skipped + state.dropped(),
        undecodable=undecodable,
        stages=list(stages),
        notes=notes,
        device=device,
        warnings=[*_not_found(state), *lost, *filter(_SERIOUS.search, notes)],
    )


def _not_found(state: JobState) -> list[str]:
    return [] if state.sighting.found else [NOBODY]


def _cut_off(source: Source, state: JobState) -> list[str]:
    """Say so when the frames ended well before the input said they would."""
    info = source.info
    shown = state.time + 1 / float(info.rate)
    # Where the clock jumped, how long the input says it is means nothing.
    if info.duration is None or source.jumps:
        return []
    if info.duration - shown < max(1.0, info.duration / 20):
        return []
    return [
        f"the frames end after {shown:.1f} of {info.duration:.1f} seconds: the input may be cut off"
    ]
