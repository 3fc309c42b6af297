"""Measures this machine: each part of a job alone, and the whole job beside them.

CPU time is counted over all threads of the process, so that a part's figure says what it
costs whatever runs beside it. What the parts together would take by the clock is the least that
they need on these cores, so that it compares with what the job takes by the clock. All of it
comes from one run, since machines differ and are noisy.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from streamcut.core.config import Settings
from streamcut.core.cpu import cpu_count
from streamcut.core.pipeline import Pipeline
from streamcut.diagnostics.bench.machine import Others
from streamcut.jobs.encoding import Encoding
from streamcut.jobs.file import Job
from streamcut.jobs.request import session_of, size_of
from streamcut.jobs.stages import (
    Appearance,
    answered,
    composited,
    is_looked_at_twice,
    steadied,
    steadying_of,
)
from streamcut.matting.network import predictor_of, size_for, view_of
from streamcut.sinks import output_of
from streamcut.sources import Source, open_source


@dataclass(frozen=True, slots=True)
class Cost:
    """What one frame costs, in milliseconds."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class BenchReport:
    """One benchmark.

    Attributes:
        clip: what was converted.
        size: (width, height) of its frames.
        frames: how many of them.
        model: name of the model that did it: files may get a finer one than was asked for.
        quality: of the job.
        cores: processors that the process may use.
        decode: reading and decoding alone.
        network: the model alone, its input ready.
        encode: encoding and writing alone, its frames ready.
        parts: the three together, if nothing else had to be done: their CPU time, and by the
            clock whichever is longer, that shared among all cores or the slowest of the three.
        job: everything, from file to file.
        ratio: the job's CPU time over that of its parts.
        fps: frames a second of the job.
        bound: frames a second that its parts would allow.
        reached: how much of that the job reaches: ``fps`` over ``bound``.
        size_bytes: of the job's output.
        others: cores that other programs kept busy meanwhile, or None where nobody tells: then
            times by the clock are longer than they need be.
    """

    clip: str
    size: tuple[int, int]
    frames: int
    model: str
    quality: str
    cores: int
    decode: Cost
    network: Cost
    encode: Cost
    parts: Cost
    job: Cost
    ratio: float
    fps: float
    bound: float
    reached: float
    size_bytes: int
    others: float | None


def run(
    clip: str,
    settings: Settings,
    *,
    ending: str = ".webm",
    frames: int = 100,
    rounds: int = 3,
    tell: Callable[[str], None] | None = None,
) -> BenchReport:
    """Measure a clip.

    Args:
        clip: a video.
        settings: of the job; sound is left out.
        ending: of the output, which chooses the format.
        frames: how many to take from the clip.
        rounds: how often each part is measured, in turn; medians are reported.
        tell: told what is being measured.

    Raises:
        StreamcutError: if the clip cannot be converted.
    """
    settings = replace(settings, output=replace(settings.output, audio=False))
    with tempfile.TemporaryDirectory(prefix="streamcut-bench-") as folder:
        subject = _Subject(clip, settings, Path(folder), ending, frames)
        parts = {
            "decode": subject.decode,
            "network": subject.network,
            "encode": subject.encode,
            "job": subject.job,
        }
        measured: dict[str, list[Cost]] = {name: [] for name in parts}
        with Others() as others:
            for turn, (name, part) in itertools.product(range(rounds), parts.items()):
                if tell is not None:
                    tell(f"round {turn + 1} of {rounds}: {name}")
                measured[name].append(_measured(part))
        medians = {name: _median(costs) for name, costs in measured.items()}
        return subject.report(medians, others.cores)


class _Subject:
    """A clip and everything that its parts need, made before the clock starts."""

    def __init__(
        self, clip: str, settings: Settings, folder: Path, ending: str, frames: int
    ) -> None:
        self._clip, self._settings, self._folder = clip, settings, folder
        self._output = str(folder / f"out{ending}")
        self._encoding = Encoding.of(output_of(self._output), settings)
        with self._source() as source:
            info = self._info = source.info
            self._session = session_of(settings, (info.width, info.height), live=False)
            taken = list(itertools.islice(source, frames))
        self._patient = is_looked_at_twice(info, self._session, settings)
        view, size_of = view_of(self._session), size_for(self._session, patient=self._patient)
        self._sights = [view(frame, size_of) for frame in taken]
        self._duration = Fraction(len(taken)) / info.rate
        apart = self._encoding.alpha_apart(info)
        with Appearance.of(settings, info) as shown:
            predicted = steadied(
                answered(taken, info, self._session, settings), steadying_of(settings, info)
            )
            self._made = list(composited(predicted, info, shown, apart=apart))

    def decode(self) -> int:
        """Read and decode; return the number of frames."""
        with self._source() as source:
            return sum(1 for _ in itertools.islice(source, len(self._made)))

    def network(self) -> int:
        """Run the model on scaled frames, as many together as in a job that waits for it."""
        look, count = predictor_of(self._session, patient=self._patient), len(self._sights)
        size_of = size_for(self._session, patient=self._patient)
        for start in range(0, count, look.batch):
            look.many(self._sights[start : start + look.batch], size_of)
        return count

    def encode(self) -> int:
        """Encode and write composited frames."""
        with self._encoding.open(self._info) as sink, Pipeline() as pipeline:
            ready = pipeline.spawn("ready", self._made)
            for frame in self._encoding.spawn_alpha(pipeline, ready, self._info):
                sink.write(frame)
        return len(self._made)

    def job(self) -> int:
        """Do the whole job."""
        return self._new_job().run().frames

    def report(self, costs: dict[str, Cost], others: float | None) -> BenchReport:
        """Return the medians with what follows from them."""
        job = costs["job"]
        parts = together([costs[name] for name in ("decode", "network", "encode")], cpu_count())
        return BenchReport(
            clip=Path(self._clip).name,
            size=(self._info.width, self._info.height),
            frames=len(self._made),
            model=self._session.model_name,
            quality=self._settings.output.quality,
            cores=cpu_count(),
            parts=parts,
            ratio=job.cpu / parts.cpu,
            fps=1000 / job.wall,
            bound=1000 / parts.wall,
            reached=parts.wall / job.wall,
            size_bytes=sum(file.stat().st_size for file in self._folder.rglob("out*")),
            others=others,
            **costs,
        )

    def _source(self) -> Source:
        return open_source(
            self._clip,
            size=size_of(self._settings),
            threads=self._settings.run.threads,
        )

    def _new_job(self) -> Job:
        return Job(
            self._clip,
            self._output,
            self._settings,
            session=self._session,
            duration=self._duration,
            overwrite=True,
        )


def together(parts: Sequence[Cost], cores: int) -> Cost:
    """Return the least that parts need which run side by side, each on as many cores as it takes.

    No more than all cores can be busy, and none of the parts is faster than alone.
    """
    cpu = sum(part.cpu for part in parts)
    return Cost(cpu, max(cpu / cores, *(part.wall for part in parts)))


def _measured(part: Callable[[], int]) -> Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    frames = part()
    spent = time.process_time() - cpu, time.perf_counter() - wall
    return Cost(1000 * spent[0] / frames, 1000 * spent[1] / frames)


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.wall for cost in costs),
    )
