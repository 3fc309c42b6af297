"""Mattes of one or several tools beside the truth, or beside each other, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamcut.core.errors import Named, UsageError
from streamcut.diagnostics.evaluation import metrics
from streamcut.diagnostics.evaluation.mattes import EvaluatedFrame, Reader, fitted
from streamcut.media.matte import RGB, Matte

Tick = Callable[[int, int | None], None]
"""Told the number of frames done, and of all frames or None where nobody knows."""


@dataclass(frozen=True)
class Figure:
    """How one figure is called and shown.

    Attributes:
        name: in JSON.
        title: in tables and plots.
        better: which way is better; +1 up, -1 down, 0 neither.
        digits: after the point.
    """

    name: str
    title: str
    better: int
    digits: int


FIGURES: Sequence[Figure] = (
    Figure("mad", "MAD", -1, 2),
    Figure("mse", "MSE", -1, 2),
    Figure("grad", "Grad", -1, 2),
    Figure("conn", "Conn", -1, 2),
    Figure("dtssd", "dtSSD", -1, 2),
    Figure("iou", "IoU", 1, 4),
    Figure("boundary_f", "boundary F", 1, 4),
    Figure("faint", "faint %", -1, 2),
    Figure("veil", "veil %", -1, 2),
    Figure("warp_error", "warping", -1, 4),
    Figure("change", "change", 0, 2),
    Figure("lag", "lag", 0, 2),
)
"""All figures, in the order in which they are shown."""

_SINGLE = {
    "mad": metrics.mad,
    "mse": metrics.mse,
    "grad": metrics.grad,
    "conn": metrics.conn,
    "iou": metrics.iou,
    "boundary_f": metrics.boundary_f,
}
# Every second frame is compared for the warping error, as published.
_STRIDE = 2
_MOST_STRETCHED = 0.02


@dataclass
class Scores:
    """The figures of one result.

    Attributes:
        result: what was read.
        series: per figure one value a frame; nan where a frame has none.
        lag: frames by which the matte's motion trails that of the reference, or None.
    """

    result: str
    series: dict[str, list[float]] = field(default_factory=dict)
    lag: float | None = None

    def add(self, name: str, value: float) -> None:
        """Append a frame's value."""
        self.series.setdefault(name, []).append(value)

    def mean(self, name: str) -> float | None:
        """The figure of the whole clip, or None where it could not be had."""
        if name == "lag":
            return self.lag
        values = np.array(self.series.get(name, ()))
        known = values[~np.isnan(values)]
        return float(known.mean()) if known.size else None


@dataclass(frozen=True)
class EvaluationReport:
    """What came out.

    Attributes:
        reference: what the results are compared with: the truth, or without one the first
            result, which is then not compared itself; None if there is only one result.
        is_truth: whether that is the truth.
        size: (width, height) at which the mattes were compared.
        times: of the frames, seconds.
        scores: one for every result.
        notes: what a reader of the figures should know.
    """

    reference: str | None
    is_truth: bool
    size: tuple[int, int]
    times: Sequence[float]
    scores: Sequence[Scores]
    notes: Sequence[str]

    def better(self, figure: Figure) -> int:
        """Which way a figure is better here: differences between results are neither."""
        return figure.better if self.is_truth or figure.name == "warp_error" else 0

    def badness(self) -> NDArray[Any]:
        """How bad each frame is, by what is known: its difference, or its flicker."""
        for name in ("mad", "warp_error", "change"):
            known = [s.series[name] for s in self.scores if name in s.series]
            if known:
                return np.asarray(np.nan_to_num(np.array(known)).max(axis=0))
        return np.zeros(len(self.times))


class Evaluation:
    """One or more results, with the truth or without.

    Frames are matched by number. Every matte is brought to the size of the reference: the
    truth, or without one the first result.

    Args:
        results: what is judged, at least one.
        truth: the true mattes.
        original: the video before, for the warping error; by default the colours of the
            first result that has any.
        shortest: stop where the shortest ends, instead of refusing.

    Raises:
        SourceError: if one cannot be read.
        UsageError: if one holds no matte, or their shapes differ.
    """

    def __init__(
        self,
        results: Sequence[str],
        truth: str | None = None,
        original: str | None = None,
        *,
        shortest: bool = False,
    ) -> None:
        self.results = [Reader(url) for url in results]
        self.truth = None if truth is None else Reader(truth)
        coloured = (reader for reader in self.results if reader.kind == "alpha")
        self.original = next(coloured, None) if original is None else Reader(original)
        self.shortest = shortest
        self.notes: list[str] = []
        self.size = (self.truth or self.results[0]).size
        for reader in filter(None, [*self.results, self.truth]):
            self._check(reader)

    def _check(self, reader: Reader) -> None:
        if reader.kind == "colour":
            raise UsageError(f"{reader.url} holds no matte: it has no alpha, and is not greyscale")
        (rows, columns), (height, width) = reader.size, self.size
        if reader.size == self.size:
            return
        if abs(columns * height / (rows * width) - 1) > _MOST_STRETCHED:
            raise UsageError(f"{reader.url} is {columns}x{rows}, not of the shape {width}x{height}")
        self.notes.append(f"{reader.url} is {columns}x{rows}: scaled to {width}x{height}")

    def frames(self, side: int = metrics.SIDE) -> Iterator[Together]:
        """Yield what is shown at the same time, from the first frame on.

        Args:
            side: how long the longer side of the colours may be, pixels.

        Raises:
            UsageError: where one ends before another, unless the shortest counts.
        """
        readers = [*self.results, *filter(None, [self.truth])]
        if self.original is not None and self.original not in readers:
            readers.append(self.original)
        streams = [reader.read(side if reader is self.original else 0) for reader in readers]
        for number, shown in enumerate(zip_longest(*streams)):
            ended = [r.url for r, s in zip(readers, shown, strict=True) if s is None]
            if ended and not self.shortest:
                raise UsageError(
                    f"{ended[0]} ends after {number} frames, others go on: ",
                    Named("shortest"),
                    " stops there",
                )
            if ended:
                return
            yield self._together(shown)

    def _together(self, shown: Sequence[EvaluatedFrame]) -> Together:
        count = len(self.results)
        mattes = [fitted(item.matte, self.size) for item in shown[:count]]
        truth = fitted(shown[count].matte, self.size) if self.truth else None
        colours = next((item.colours for item in shown if item.colours is not None), None)
        return Together([item.time for item in shown], mattes, truth, colours)

    def run(self, tick: Tick | None = None) -> EvaluationReport:
        """Compute all figures.

        Args:
            tick: told of every frame.
        """
        known = [reader.frames for reader in self.results if reader.frames]
        judges = [_Judge(reader.url) for reader in self.results]
        times: list[float] = []
        off: list[int] = []
        for number, together in enumerate(self.frames()):
            times.append(next((t for t in together.times if t is not None), float(number)))
            off += [number] if together.spread > self._half_a_frame(times) else []
            self._judge(judges, together)
            if tick is not None:
                tick(number + 1, min(known, default=None))
        return self._report(judges, times, off)

    def _judge(self, judges: Sequence[_Judge], together: Together) -> None:
        reference = together.mattes[0] if together.truth is None else together.truth
        for number, (judge, matte) in enumerate(zip(judges, together.mattes, strict=True)):
            itself = together.truth is None and number == 0
            judge.see(matte, None if itself else reference, together.colours)

    @staticmethod
    def _half_a_frame(times: Sequence[float]) -> float:
        return 0.6 * (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.02

    def _report(
        self, judges: Sequence[_Judge], times: list[float], off: list[int]
    ) -> EvaluationReport:
        if off:
            self.notes.append(
                f"{len(off)} frames (first: {off[0]}) are shown at different times; "
                "they were matched by number"
            )
        if self.original is None:
            self.notes.append("no colours to see motion by, so no warping error: give the original")
        first = self.results[0].url if len(self.results) > 1 else None
        return EvaluationReport(
            reference=self.truth.url if self.truth else first,
            is_truth=self.truth is not None,
            size=self.size[::-1],
            times=times,
            scores=[judge.scores() for judge in judges],
            notes=self.notes,
        )


@dataclass(frozen=True, slots=True)
class Together:
    """What is shown at one moment.

    Attributes:
        times: of everything that was read; None where it has no times.
        mattes: of the results, float32 [h, w] of one size.
        truth: the true matte, likewise, or None.
        colours: RGB uint8, smaller; or None.
    """

    times: Sequence[float | None]
    mattes: Sequence[Matte]
    truth: Matte | None
    colours: RGB | None

    @property
    def spread(self) -> float:
        """How far apart the times are, seconds."""
        known = [time for time in self.times if time is not None]
        return max(known) - min(known) if known else 0.0


class _Judge:
    """Scores one result frame by frame."""

    def __init__(self, result: str) -> None:
        self._scores = Scores(result)
        self._lag = metrics.Lag()
        self._before: tuple[Matte, Matte | None] | None = None
        self._seen: list[tuple[Matte, RGB]] = []
        self._number = 0

    def see(self, matte: Matte, reference: Matte | None, colours: RGB | None) -> None:
        """Take the next frame."""
        before_matte, before_reference = self._before or (matte, reference)
        still = np.zeros((1, 1), np.float32)
        self._scores.add("change", metrics.dtssd_step(before_matte, still, matte, still))
        if reference is not None and before_reference is not None:
            for name, measure in _SINGLE.items():
                self._scores.add(name, measure(matte, reference))
            faint, veil = metrics.undecided(matte, reference)
            self._scores.add("faint", faint)
            self._scores.add("veil", veil)
            step = metrics.dtssd_step(before_matte, before_reference, matte, reference)
            self._scores.add("dtssd", step)
            self._lag.add(matte, reference)
        if colours is not None:
            self._scores.add("warp_error", self._warp(matte, colours))
        self._before = (matte, reference)
        self._number += 1

    def _warp(self, matte: Matte, colours: RGB) -> float:
        """The warping error against two frames before; nan in between and at the beginning."""
        if self._number % _STRIDE:
            return float("nan")
        seen, self._seen = self._seen, [(matte, colours)]
        if not seen:
            return float("nan")
        return metrics.warp_error(seen[0][0], matte, seen[0][1], colours)

    def scores(self) -> Scores:
        """What was found."""
        self._scores.lag = self._lag.frames
        return self._scores
