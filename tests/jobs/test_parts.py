"""Videos in parts: where they are cut, what survives a kill, and that nobody sees the seams."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.jobs import PROGRAM
from helpers.media import Brightness, Sound, audio_packets, pictures, shown, write

from streamcut.core.config import Settings
from streamcut.core.errors import SinkError, SourceError, UsageError
from streamcut.jobs.file import Job
from streamcut.jobs.parts import Times, VideoPart, plan
from streamcut.jobs.report import JobState
from streamcut.jobs.workpiece import Workpiece, settings_from
from streamcut.sinks.file.joined import join


def seconds(*values: float) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, values))


def cuts(keyframes: tuple[Fraction, ...], length: int, **options: Any) -> list[float]:
    times = Times(Fraction(0), keyframes, tuple(Fraction(n, 10) for n in range(length * 10)))
    parts = plan(times, **{"start": None, "duration": None} | options)
    assert [part.number for part in parts] == list(range(len(parts)))
    assert all(a.last == b.first for a, b in pairwise(parts))
    return [float(part.first) for part in parts]


def test_parts_begin_at_keyframes() -> None:
    every_eight = seconds(*range(0, 100, 8))
    assert cuts(every_eight, 100) == [0, 16, 32, 48, 64, 80]
    assert cuts(every_eight, 30) == [0]


def test_a_keyframe_out_of_turn_is_where_a_scene_begins() -> None:
    assert cuts(seconds(0, 10, 20, 23, 33, 43, 53), 60) == [0, 23, 43]


def test_without_keyframes_parts_are_cut_all_the_same() -> None:
    assert cuts(seconds(0), 70) == [0, 20, 40]
    assert cuts((), 0) == [0]


def test_what_is_wanted_is_what_is_cut() -> None:
    every_five = seconds(*range(0, 100, 5))
    assert cuts(every_five, 100, start=Fraction(7), duration=Fraction(50)) == [7, 25]
    parts = plan(
        Times(Fraction(2), every_five, every_five), start=Fraction(1), duration=Fraction(80)
    )
    assert [parts[0].first, parts[0].early, parts[-1].last] == [3, 0, 83]
    assert {part.early for part in parts[1:]} == {1}


def test_parts_and_settings_travel_as_json() -> None:
    part = VideoPart(3, Fraction(1, 3), None, Fraction(1))
    assert VideoPart.of(json.loads(json.dumps(part.facts()))) == part
    settings = Settings().with_options({"smooth": 0.2, "background": "red"})
    from dataclasses import asdict

    assert settings_from(json.loads(json.dumps(asdict(settings)))) == settings


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds with a keyframe in each and a click in the last."""
    return write(
        tmp_path_factory.mktemp("parts") / "in.mp4",
        pictures(60),
        codec="libx264",
        options={"g": "20", "preset": "ultrafast"},
        times=list(range(0, 60)),
        time_base=Fraction(1, 20),
        rate=20,
        sounds=[Sound("aac", seconds=3.0, click=2.5)],
        metadata={"title": "T"},
    )


@pytest.mark.parametrize(
    ("ending", "options"),
    [(".webm", {}), (".mov", {}), (".mkv", {}), (".mp4", {"background": "red"})],
)
def test_joined_parts_are_the_whole(
    clip: Path, tmp_path: Path, ending: str, options: dict[str, Any]
) -> None:
    settings = Settings().with_options({"decontaminate": False, "smooth": 0.0} | options)
    piece = Workpiece(str(clip), str(tmp_path / f"a{ending}"), settings, seconds=0.8)
    assert [float(part.first) for part in piece.parts] == [0, 1, 2]
    for part in piece.prepare():
        piece.do(part, Brightness())
    piece.finish()
    Job(str(clip), str(tmp_path / f"b{ending}"), settings, session=Brightness()).run()
    joined, whole = shown(tmp_path / f"a{ending}"), shown(tmp_path / f"b{ending}")
    assert joined.times == whole.times
    assert len(joined.pictures) == 60
    assert joined.metadata["title"] == "T"
    for one, other in zip(joined.rgba(), whole.rgba(), strict=True):
        assert np.abs(one.astype(int) - other).mean() < 3
    assert audio_packets(tmp_path / f"a{ending}") == audio_packets(tmp_path / f"b{ending}")
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a{ending}", f"b{ending}"]


def test_what_is_there_is_not_done_again(clip: Path, tmp_path: Path) -> None:
    def piece(**options: Any) -> Workpiece:
        settings = Settings().with_options(options)
        return Workpiece(str(clip), str(tmp_path / "a.webm"), settings, seconds=0.8)

    first = piece()
    first.do(first.prepare()[1], Brightness())
    again = piece(threads=1)  # How it is computed may change.
    assert [part.number for part in again.prepare()] == [0, 2]
    assert again.notes == ["1 of 3 parts were there already"]
    other = piece(smooth=0.1)
    assert len(other.prepare()) == 3
    assert "another job" in other.notes[0]


def test_what_cannot_be_done_in_parts(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"only .webm .mkv .mov .mp4"):
        Workpiece(str(clip), str(tmp_path / "a.gif"), Settings())
    with pytest.raises(SourceError, match="not a file"):
        Workpiece("rtsp://camera/1", str(tmp_path / "a.webm"), Settings())


def test_parts_that_do_not_fit_are_refused(clip: Path, tmp_path: Path) -> None:
    from streamcut.sinks import format_of
    from streamcut.sources import open_source

    large, small = (
        write(tmp_path / f"{width}.mkv", pictures(2, width=width)) for width in (96, 64)
    )
    with open_source(str(clip)) as source, pytest.raises(SinkError, match="encoded differently"):
        join([large, small], str(tmp_path / "a.mkv"), format_of("a.mkv"), source.info)


def finished(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("[0-9]" * 5 + ".webm")}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_job_goes_on(clip: Path, tmp_path: Path, seed: int) -> None:
    """Killed at a random moment: what was done stays as it is, and the result is whole."""
    out, work = tmp_path / "out.webm", tmp_path / ".out.webm.parts"
    line = [*PROGRAM, "video", str(clip), str(out), "--resume", "-q", "--part-seconds", "0.8"]
    process = subprocess.Popen(line)
    while not finished(work) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(random.Random(seed).random() * 0.4)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {name: (work / name).stat().st_mtime_ns for name in finished(work)}
    assert before or out.exists()
    if not out.exists():
        done = subprocess.run(line, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    with av.open(str(out)) as container:
        assert len(list(container.decode(video=0))) == 60
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    sound = audio_packets(out)
    assert float(sound[-1][1]) == pytest.approx(3.0, abs=0.1)


def test_progress_counts_on_from_part_to_part(clip: Path, tmp_path: Path) -> None:
    piece = Workpiece(str(clip), str(tmp_path / "a.webm"), Settings(), seconds=0.8)
    piece.do(piece.prepare()[0], Brightness())
    told: list[tuple[int, float, float]] = []

    def tick(state: JobState) -> None:
        told.append((state.frames, state.seconds, time.perf_counter() - began))

    began = time.perf_counter()
    summary = piece.run(Brightness(), tick)
    assert [frames for frames, *_ in told] == list(range(21, 61))
    assert summary.frames == 40
    # What all of it takes follows from what was done now: more than the run itself took.
    assert all(seconds <= elapsed * of / (of - 20) for of, seconds, elapsed in told)
    assert told[-1][1] >= 0.9 * (told[-1][2] - told[0][2]) * 60 / 40
    assert summary.notes[0] == "1 of 3 parts were there already"
