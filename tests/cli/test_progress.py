"""What is shown while a job runs and when it is done, and what is not."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from helpers.jobs import Ran
from helpers.media import Brightness, Sound, pictures, write
from rich.console import Console

from streamcut.cli import progress
from streamcut.cli.options import size_text
from streamcut.core.pipeline import Channel, Pipeline, StageReport
from streamcut.jobs import report
from streamcut.jobs.file import Job
from streamcut.jobs.report import NOBODY, JobState, Summary
from streamcut.jobs.stages import Sighting
from streamcut.media.frame import StreamInfo

INFO = StreamInfo(64, 48, "yuv420p", rate=Fraction(25), duration=8.0)


class At(JobState):
    """A job at a moment of its run."""

    def __init__(self, frames: int, seconds: float, info: StreamInfo = INFO) -> None:
        super().__init__(info, Pipeline(), Channel(), Sighting())
        self.frames, self._seconds = frames, seconds

    @property
    def seconds(self) -> float:
        return self._seconds

    def stages(self) -> list[StageReport]:
        return [StageReport("decode", 0.5, 0, 3), StageReport("matte", 3.0, 0.1, 0.2)]


def drawn(width: int, states: list[JobState]) -> list[str]:
    """The lines that the bar shows, one after the other, in a terminal of that width."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, color_system=None)
    with progress.ProgressBar(console) as bar:
        for state in states:
            bar._due = 0.0
            bar(state)
    text = screen.getvalue()
    return [part for part in text.replace("\x1b[2K", "").split("\r") if "frame" in part]


# --- while it runs --------------------------------------------------------------------------


def test_all_is_said_about_a_running_job() -> None:
    assert report.facts(At(50, 4.0)) == [
        "50/200 frames",
        "0:12 left",
        "12.5 fps",
        "0.50x real time",
        "slowest: matte",
    ]


def test_without_a_known_length_nothing_is_promised() -> None:
    unknown = replace(INFO, duration=None)
    assert report.facts(At(50, 4.0, unknown))[:2] == ["50 frames", "12.5 fps"]
    assert report.facts(At(250, 4.0))[:2] == ["250 frames", "62.5 fps"]  # More than announced.


@pytest.mark.parametrize("frames", [0, 1])
@pytest.mark.parametrize("seconds", [0.0, 1e-12])
@pytest.mark.parametrize("duration", [None, 0.0, 1e-9, 3600.0])
def test_the_first_moment_divides_by_nothing(
    frames: int, seconds: float, duration: float | None
) -> None:
    state = At(frames, seconds, replace(INFO, duration=duration))
    assert "nan" not in " ".join(report.facts(state))
    assert drawn(80, [state])


def test_long_waits_are_told_in_hours() -> None:
    day = replace(INFO, duration=86_400.0)
    assert "24:00:00 left" in report.facts(At(25, 1.0, replace(day, duration=86_401.0)))


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (120, "50/200 frames, 0:12 left, 12.5 fps, 0.50x real time, slowest: matte"),
        (80, "50/200 frames, 0:12 left, 12.5 fps, 0.50x real time, slowest: matte"),
        (60, "50/200 frames, 0:12 left, 12.5 fps"),
        (40, "50/200 frames, 0:12 left"),
        (25, "50/200 frames"),
    ],
)
def test_the_bar_says_what_the_terminal_has_room_for(width: int, expected: str) -> None:
    line = drawn(width, [At(50, 4.0)])[-1].partition("\n")[0].rstrip()
    bar, text = line[: line.index("50/")], line[line.index("50/") :]
    assert text == expected
    assert len(bar) >= progress._NARROWEST_BAR
    assert bar.count("━") + bar.count("╸") in range(len(bar) // 5, len(bar) // 3 + 1)
    assert len(line) <= width


def test_the_bar_is_gone_at_the_end_and_never_was_for_a_job_that_did_not_start() -> None:
    assert drawn(80, []) == []
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, color_system=None)
    with progress.ProgressBar(console) as bar:
        bar(At(5, 1.0))
    assert screen.getvalue().endswith("\x1b[2K")  # The line is erased,
    assert "\x1b[?25h" in screen.getvalue()  # and the cursor back.


def test_the_bar_is_not_drawn_for_every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    with progress.ProgressBar(Console(file=screen, force_terminal=True, width=80)) as bar:
        for frame in range(1, 1000):
            bar(At(frame, frame / 1000))
    assert screen.getvalue().count("frames") < 10


def test_elsewhere_a_plain_line_every_few_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with progress.Lines() as lines:
        for second in range(1, 13):
            now[0] += 1
            lines(At(second * 10, float(second)))
    assert capsys.readouterr().err.splitlines() == [
        "50/200 frames, 0:15 left, 10.0 fps, 0.40x real time, slowest: matte",
        "100/200 frames, 0:10 left, 10.0 fps, 0.40x real time, slowest: matte",
    ]


# --- at the end -----------------------------------------------------------------------------


def test_the_summary_says_what_was_done_lost_and_where_the_time_went() -> None:
    stages = [StageReport("decode", 1.25, 0, 3), StageReport("encode", 9.0, 0, 0)]
    summary = Summary("in", "out.webm", 200, 75.4, 12.5, 0.5, 1_234_567, 2, 1, stages, ["a note"])
    assert progress.summary_text(summary).splitlines() == [
        "out.webm: 200 frames in 1:15, 12.5 fps, 0.50x real time, 1.2 MB",
        "2 frames dropped",
        "1 packet undecodable",
        "where the time went (stages run side by side, the network on CPU): "
        "decode 1.2 s, encode 9.0 s",
        "note: a note",
    ]
    short = replace(summary, frames=1, seconds=0.04, bytes=999, dropped=0, undecodable=0, notes=[])
    assert progress.summary_text(short).splitlines()[0].startswith("out.webm: 1 frame in 0.0 s, ")
    assert len(progress.summary_text(short).splitlines()) == 2


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (1500, "1.5 kB"), (2.5e6, "2.5 MB"), (3.21e9, "3.21 GB")]
)
def test_sizes_are_readable(count: float, text: str) -> None:
    assert size_text(count) == text


# A model that finds nobody: the clip is shorter than what it learns the empty room from.
BLIND = ("-m", "difference")


def test_a_run_ends_with_its_summary_and_standard_output_stays_empty(
    command: Callable[..., Ran], short_clip: Path, tmp_path: Path
) -> None:
    ran = command("video", short_clip, tmp_path / "out.webm", *BLIND)
    assert (ran.code, ran.out) == (0, "")
    first, second, *rest = ran.err.splitlines()
    assert rest == [f"warning: {NOBODY}"]
    assert first.startswith(f"{tmp_path}/out.webm: 5 frames in ")
    assert "fps" in first
    assert "x real time" in first
    assert all(name in second for name in ("decode", "matte", "composite", "encode"))


def test_quiet_prints_what_is_wrong_with_the_result_alone(
    command: Callable[..., Ran], short_clip: Path, tmp_path: Path
) -> None:
    ran = command("video", short_clip, tmp_path / "out.webm", "-q", *BLIND)
    assert ran == Ran(0, "", f"streamcut: warning: {NOBODY}\n")
    assert (tmp_path / "out.webm").stat().st_size > 100
    assert command("video", short_clip, tmp_path / "out.webm", "-q").err.startswith("streamcut: ")


@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_json_is_all_that_standard_output_holds(
    command: Callable[..., Ran], short_clip: Path, tmp_path: Path, quiet: list[str]
) -> None:
    output = tmp_path / "out.webm"
    ran = command("video", short_clip, output, "--json", *BLIND, *quiet)
    summary = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, f"streamcut: warning: {NOBODY}\n" if quiet else "")
    assert summary["warnings"] == [NOBODY]
    assert summary["input"] == str(short_clip)
    assert summary["output"] == str(output)
    assert summary["frames"] == 5
    assert summary["bytes"] == output.stat().st_size
    assert summary["fps"] == pytest.approx(5 / summary["seconds"])
    assert summary["speed"] == pytest.approx(summary["fps"] / 25)
    assert (summary["dropped"], summary["undecodable"], summary["notes"]) == (0, 0, [])
    names = [stage["name"] for stage in summary["stages"]]
    assert names[:3] == ["decode", "matte", "composite"]
    assert names[-1] == "encode"
    assert set(summary) == set(Summary.__dataclass_fields__)


def test_what_is_left_out_is_in_the_json(command: Callable[..., Ran], tmp_path: Path) -> None:
    chapters = [(0, 100, "one"), (100, 200, "two")]
    source = write(tmp_path / "in.mkv", pictures(5), sounds=[Sound()], chapters=chapters)
    ran = command("video", source, tmp_path / "out.gif", "--json")
    summary = json.loads(ran.out)
    told = ["the chapters are left out: .gif holds none", ".gif holds no sound"]
    assert (ran.code, summary["notes"]) == (0, told)
    assert told[0] in summary["warnings"]


def test_the_slowest_stage_is_the_one_that_never_waits(tmp_path: Path) -> None:
    class Slow(Brightness):
        def stream(self):  # type: ignore[no-untyped-def]
            import time

            quick = super().stream()

            def slow(picture):  # type: ignore[no-untyped-def]
                time.sleep(0.02)
                return quick(picture)

            return slow

    named: list[str] = []
    source = write(tmp_path / "in.mkv", pictures(25))
    job = Job(str(source), str(tmp_path / "out.mkv"), session=Slow())
    summary = job.run(lambda state: named.append(state.bottleneck()))
    assert set(named[8:]) == {"matte"}
    stages = {stage.name: stage for stage in summary.stages}
    assert stages["matte"].busy > 0.4
    assert stages["decode"].blocked > 0.3
    assert stages["encode"].starved > 0.3
