"""A video that is done in parts: what is left to do, its work folder, and the joining."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from streamcut.core.config import Settings
from streamcut.core.errors import SinkError, SourceError, StreamcutError, UsageError
from streamcut.core.pipeline import StageReport
from streamcut.jobs.file import Tick
from streamcut.jobs.parts import SECONDS, PartJob, VideoPart, plan, times_of
from streamcut.jobs.report import NOBODY, JobState, Summary
from streamcut.jobs.request import limits_of, session_of, size_of
from streamcut.media.frame import StreamInfo
from streamcut.sessions import BaseSession
from streamcut.sinks import Format, format_of
from streamcut.sinks.file.joined import join
from streamcut.sources import open_source

JOINABLE = (".webm", ".mkv", ".mov", ".mp4")
"""Endings of formats whose parts can be joined by copying packets."""

_MANIFEST = "manifest.json"
_VERSION = 1


class Workpiece:
    """A video that is done in parts, which lie in a folder beside the output until all are there.

    Args:
        url: path of the input: a file, since it is opened for every part.
        output: path of the file.
        settings: everything else.
        start: seconds to skip.
        duration: seconds to convert at most.
        seconds: how long a part is to be.

    Attributes:
        parts: all of them, in order.
        notes: what there is to say about parts that lay there already.

    Raises:
        UsageError: if the output's format cannot be joined, or the settings make no sense.
        SourceError: if the input cannot be read or cut.
    """

    def __init__(
        self,
        url: str,
        output: str,
        settings: Settings,
        *,
        start: Fraction | None = None,
        duration: Fraction | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self.url, self.output, self.settings = url, output, settings
        self.form: Format = format_of(output)
        if self.form.ending not in JOINABLE:
            known = " ".join(JOINABLE)
            raise UsageError(f"{output}: only {known} can be written in parts")
        if not os.path.isfile(url):
            raise SourceError(f"{url} is not a file, so it cannot be done in parts")
        self.folder = Path(output).absolute().parent / f".{Path(output).name}.parts"
        self.notes: list[str] = []
        self._start, self._duration = start, duration
        self._times = times_of(url, limits_of(settings))
        self.parts = plan(self._times, start=start, duration=duration, seconds=seconds)
        self.info = self._described()

    def _described(self) -> StreamInfo:
        with open_source(
            self.url,
            start=self._start,
            duration=self._duration,
            size=size_of(self.settings),
            threads=self.settings.run.threads,
            limits=limits_of(self.settings),
        ) as source:
            return source.info

    def prepare(self) -> list[VideoPart]:
        """Make the work folder, keep what in it is of this job, and return the parts to do.

        Raises:
            SinkError: if the folder cannot be made.
        """
        wanted = self._manifest()
        path = self.folder / _MANIFEST
        try:
            if self.folder.exists() and _read(path) != wanted:
                self.notes.append("the unfinished parts were of another job: begun anew")
                shutil.rmtree(self.folder)
            self.folder.mkdir(exist_ok=True)
            path.write_text(json.dumps(wanted, indent=1))
        except OSError as error:
            raise SinkError(f"{self.folder} cannot be made: {error.strerror}") from error
        todo = [part for part in self.parts if not self.path(part).is_file()]
        if done := len(self.parts) - len(todo):
            self.notes.append(f"{done} of {len(self.parts)} parts were there already")
        return todo

    def path(self, part: VideoPart) -> Path:
        """Return where a finished part lies."""
        return self.folder / f"{part.number:05}{self.form.ending}"

    def do(
        self, part: VideoPart, session: BaseSession | None = None, tick: Tick | None = None
    ) -> Summary:
        """Do one part; it is there whole or not at all.

        Raises:
            StreamcutError: whatever went wrong.
        """
        return do_part(self.task(part), session, tick)

    @property
    def progress(self) -> str:
        """Return in words how much there is of it."""
        done = sum(self.path(part).is_file() for part in self.parts)
        return f"{done} of {len(self.parts)} parts are done"

    def run(self, session: BaseSession | None = None, tick: Tick | None = None) -> Summary:
        """Do what is left to do, one part after the other, and join them.

        Args:
            session: a session to use; None makes one.
            tick: called after every frame with the counters of the part at hand, which count
                on from the parts before it.

        Raises:
            StreamcutError: whatever went wrong; the parts that are done stay.
        """
        began = time.perf_counter()
        summaries: list[Summary] = []
        todo = self.prepare()
        size = self.info.width, self.info.height
        session = session or (session_of(self.settings, size, live=False) if todo else None)
        for part in todo:
            done = sum(summary.frames for summary in summaries)
            summaries.append(self.do(part, session, self._counted(part, done, began, tick)))
        notes = dict.fromkeys(note for summary in summaries for note in summary.notes)
        if self.settings.output.fail_if_empty and NOBODY in self._warnings(summaries):
            raise StreamcutError(NOBODY)
        return self._summary(
            summaries, [*self.notes, *notes, *self.finish()], time.perf_counter() - began
        )

    def _counted(self, part: VideoPart, done: int, began: float, tick: Tick | None) -> Tick | None:
        """Return a tick whose counters are those of the whole.

        Args:
            part: the part at hand.
            done: frames that were written in this run before it.
            began: when the run began.
            tick: what is told.
        """
        if tick is None:
            return None
        first = self.parts[0].first
        before = sum(first <= shown < part.first for shown in self._times.frames)

        def counted(state: JobState) -> None:
            tick(cast(JobState, _PartCounters(state, self.info, before, done, began)))

        return counted

    def _summary(self, summaries: Sequence[Summary], notes: list[str], seconds: float) -> Summary:
        """Return what was done now; the parts that were there already are not counted."""
        frames = sum(summary.frames for summary in summaries)
        rate, seconds = float(self.info.rate), max(seconds, 1e-9)
        return Summary(
            input=self.url,
            output=self.output,
            frames=frames,
            seconds=seconds,
            fps=frames / seconds,
            speed=frames / rate / seconds,
            bytes=os.stat(self.output).st_size,
            dropped=sum(summary.dropped for summary in summaries),
            undecodable=sum(summary.undecodable for summary in summaries),
            stages=_added([stage for summary in summaries for stage in summary.stages]),
            notes=notes,
            device=summaries[0].device if summaries else "CPU",
            warnings=self._warnings(summaries),
        )

    def _warnings(self, summaries: Sequence[Summary]) -> list[str]:
        """Return what is likely wrong with the result: a part alone may well be empty."""
        told = dict.fromkeys(text for summary in summaries for text in summary.warnings)
        complete = len(summaries) == len(self.parts)
        empty = complete and all(NOBODY in summary.warnings for summary in summaries)
        return [text for text in told if text != NOBODY or empty]

    def task(self, part: VideoPart) -> dict[str, Any]:
        """Return what :func:`do_part` needs to know, as JSON takes it."""
        return {
            "kind": "part",
            "input": os.path.abspath(self.url),
            "output": str(self.path(part)),
            "settings": asdict(self.settings),
            "part": part.facts(),
            "began": str(self._times.began),
            "zero": str(self.info.start),
        }

    def finish(self) -> list[str]:
        """Join the parts into the output, remove them, and return what was not kept, in words.

        Raises:
            SinkError: if that fails; the parts stay.
        """
        joined = self.folder / f"joined{self.form.ending}"
        paths = [self.path(part) for part in self.parts]
        audio = self.settings.output.audio
        notes = join(paths, str(joined), self.form, self.info, audio=audio)
        try:
            os.replace(joined, self.output)
            shutil.rmtree(self.folder)
        except OSError as error:
            raise SinkError(f"{self.output} cannot be written: {error.strerror}") from error
        return notes

    def _manifest(self) -> dict[str, Any]:
        """Return what makes parts fit each other: this input, these settings, this plan."""
        stat = os.stat(self.url)
        settings = {name: part for name, part in asdict(self.settings).items() if name != "run"}
        made: dict[str, Any] = json.loads(
            json.dumps(
                {
                    "version": _VERSION,
                    "input": [os.path.abspath(self.url), stat.st_size, stat.st_mtime_ns],
                    "settings": settings,
                    "parts": [part.facts() for part in self.parts],
                }
            )
        )
        return made


class _PartCounters:
    """A part's counters, as if they were those of the whole.

    Args:
        state: the part's.
        info: of the whole.
        before: frames of the parts before it.
        done: those of them that were written in this run.
        began: when the run began.
    """

    def __init__(
        self, state: JobState, info: StreamInfo, before: int, done: int, began: float
    ) -> None:
        self._state, self.info, self.frames = state, info, before + state.frames
        self._done, self._began = done + state.frames, began

    @property
    def seconds(self) -> float:
        """Return how long all frames so far would have taken at this run's speed."""
        return (time.perf_counter() - self._began) * self.frames / max(1, self._done)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)


def _added(stages: Sequence[StageReport]) -> list[StageReport]:
    """Return where the time of several jobs went, by stage."""
    names = dict.fromkeys(stage.name for stage in stages)
    return [
        StageReport(
            name,
            *(
                sum(getattr(stage, time) for stage in stages if stage.name == name)
                for time in ("busy", "starved", "blocked")
            ),
        )
        for name in names
    ]


def do_part(
    task: dict[str, Any], session: BaseSession | None = None, tick: Tick | None = None
) -> Summary:
    """Do a part that :meth:`Workpiece.task` describes, in this process or on another machine.

    Raises:
        StreamcutError: whatever went wrong.
    """
    output = Path(task["output"])
    unfinished = output.with_name(f"{output.stem}.{os.getpid()}.unfinished{output.suffix}")
    job = PartJob(
        task["input"],
        str(unfinished),
        settings_from(task["settings"]),
        VideoPart.of(task["part"]),
        began=Fraction(task["began"]),
        zero=Fraction(task["zero"]),
        session=session,
    )
    try:
        summary = job.run(tick)
        os.replace(unfinished, output)
    finally:
        unfinished.unlink(missing_ok=True)
    return summary


def settings_from(table: dict[str, dict[str, Any]]) -> Settings:
    """Return the settings that a table of sections, such as JSON holds, describes."""
    usual = Settings()
    sections = {name: replace(getattr(usual, name), **values) for name, values in table.items()}
    return replace(usual, **sections)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None
