"""Measures this machine: each part of a job alone, and the whole job beside their sum.

CPU time is counted over all threads of the process, so that a part's figure says what it
costs whatever runs beside it. The ratio of the job's CPU time to the sum of its parts says
what the pipeline itself adds; both come from one run, since machines differ and are noisy.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from streamcut.core.config import Settings
from streamcut.core.cpu import cpu_count
from streamcut.core.pipeline import Pipeline
from streamcut.imaging.resize import Shrink
from streamcut.jobs.encoding import Encoding
from streamcut.jobs.file import Job
from streamcut.jobs.request import session_of, size_of
from streamcut.jobs.stages import Appearance, composited
from streamcut.matting.network import predict
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
        model: name of the model.
        quality: of the encoder.
        cores: processors that the process may use.
        decode: reading and decoding alone.
        network: the model alone, its input ready.
        encode: encoding and writing alone, its frames ready.
        job: everything, from file to file.
        ratio: the job's CPU time over the sum of the three.
        fps: frames a second of the job.
        bound: frames a second if the three parts kept all cores busy and nothing else ran.
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
    job: Cost
    ratio: float
    fps: float
    bound: float


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
        subject = _Subject(clip, settings, str(Path(folder) / f"out{ending}"), frames)
        parts = {
            "decode": subject.decode,
            "network": subject.network,
            "encode": subject.encode,
            "job": subject.job,
        }
        measured: dict[str, list[Cost]] = {name: [] for name in parts}
        for turn, (name, part) in itertools.product(range(rounds), parts.items()):
            if tell is not None:
                tell(f"round {turn + 1} of {rounds}: {name}")
            measured[name].append(_measured(part))
        return subject.report({name: _median(costs) for name, costs in measured.items()})


class _Subject:
    """A clip and everything that its parts need, made before the clock starts."""

    def __init__(self, clip: str, settings: Settings, output: str, frames: int) -> None:
        self._clip, self._settings, self._output = clip, settings, output
        shrink = Shrink()
        with self._source() as source:
            self._info = source.info
            self._session = session_of(settings, (self._info.width, self._info.height))
            size = self._session.input_size(self._info.width, self._info.height)
            taken = list(itertools.islice(source, frames))
        self._inputs = [shrink(frame.source, size) for frame in taken]
        self._duration = Fraction(len(taken)) / self._info.rate
        self._encoding = Encoding.of(output_of(output), settings)
        apart = self._encoding.alpha_apart(self._info)
        with Appearance.of(settings, self._info) as shown:
            predicted = predict(taken, self._session)
            self._made = list(composited(predicted, self._info, shown, apart=apart))

    def decode(self) -> int:
        """Read and decode; return the number of frames."""
        with self._source() as source:
            return sum(1 for _ in itertools.islice(source, len(self._made)))

    def network(self) -> int:
        """Run the model on frames of its size."""
        stream = self._session.stream()
        for seen in self._inputs:
            stream(seen)
        return len(self._inputs)

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

    def report(self, costs: dict[str, Cost]) -> BenchReport:
        """Return the medians with what follows from them."""
        alone = sum(costs[name].cpu for name in ("decode", "network", "encode"))
        return BenchReport(
            clip=Path(self._clip).name,
            size=(self._info.width, self._info.height),
            frames=len(self._made),
            model=self._settings.matte.model,
            quality=self._settings.output.quality,
            cores=cpu_count(),
            ratio=costs["job"].cpu / alone,
            fps=1000 / costs["job"].wall,
            bound=1000 * cpu_count() / alone,
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
