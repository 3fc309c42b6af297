"""``streamcut bench``: what it prints, and when it fails."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from helpers.media import pictures, write
from helpers.reports import BENCH

from streamcut.cli import run
from streamcut.diagnostics.bench import clip as clips
from streamcut.diagnostics.bench import live, parts
from streamcut.diagnostics.bench.live import LiveReport

LIVE = LiveReport(
    clip="talk.mp4",
    size=(1280, 720),
    rate=30,
    model="portrait",
    background="blur",
    cores=2,
    offered=600,
    handed=598,
    dropped=2,
    mistaken=1,
    latency_p50=25,
    latency_p95=33,
    latency_worst=50,
    cpu=25,
    messages=[],
)


@pytest.fixture
def small(tmp_path: Path) -> str:
    return str(write(tmp_path / "in.mp4", pictures(12, 192, 108), codec="libx264", rate=30))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The clips that would have been measured; the answers are BENCH and LIVE."""
    seen: list[str] = []

    def answer(report: Any, clip: str, *_: Any, **__: Any) -> Any:
        seen.append(clip)
        return report

    monkeypatch.setattr(parts, "run", partial(answer, BENCH))
    monkeypatch.setattr(live, "run", partial(answer, LIVE))
    return seen


def test_it_prints_a_table_or_json(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["bench", small, "--frames", "4", "--rounds", "1", "--quality", "fast"]
    assert run(options) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("decode", "network", "encode", "job / parts"))
    assert run([*options, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["frames"] == 4
    assert captured.err == ""


def test_a_column_of_the_table_is_all_in_one_unit(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "talk.mp4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "the job runs at 50.0 fps, 0.60 of the 83.3 that its parts alone allow"
    assert [line.split() for line in lines[2:-2]] == [
        ["CPU", "ms", "wall", "ms", "fps"],
        ["decode", "2.0", "2.0", "500.0"],
        ["network", "4.0", "2.0", "500.0"],
        ["encode", "18.0", "11.0", "90.9"],
        ["parts", "24.0", "12.0", "83.3"],
        ["job", "36.0", "20.0", "50.0"],
        ["job", "/", "parts", "1.50", "1.67", "0.60"],
    ]


@pytest.mark.parametrize(("others", "told"), [(None, False), (0.1, False), (1.4, True)])
def test_a_disturbed_measurement_is_said_to_be_one(
    others: float | None,
    told: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(parts, "run", lambda *_, **__: replace(BENCH, others=others))
    assert run(["bench", "talk.mp4"]) == 0
    assert ("other programs kept 1.4 cores busy" in capsys.readouterr().out) == told


@pytest.mark.parametrize(
    ("options", "reached"),
    [
        ([], "the job runs at 50.0 fps, 0.60 of the 83.3 that its parts alone allow"),
        (["--live"], "597 of the camera's 600 frames came out, 0.995"),
    ],
)
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_less_than_asked_for_fails_in_one_line_after_the_report(
    options: list[str],
    reached: str,
    as_json: list[str],
    asked: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["bench", "talk.mp4", *options, *as_json]
    assert run([*command, "--at-least", "0.5"]) == 0
    passed = capsys.readouterr()
    assert run([*command, "--at-least", "0.999"]) == 1
    failed = capsys.readouterr()
    assert failed.out == passed.out
    [line] = failed.err.removeprefix(passed.err).splitlines()
    assert line == (f"streamcut: error: {reached}: less than the 0.999 that --at-least asks for")


@pytest.mark.parametrize("value", ["0", "1.5", "-1", "much"])
def test_what_is_no_share_is_refused(
    value: str, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "talk.mp4", "--at-least", value]) == 2
    assert "--at-least" in capsys.readouterr().err
    assert not asked


def test_no_number_is_never_reached(asked: list[str]) -> None:
    assert run(["bench", "talk.mp4", "--at-least", "nan"]) != 0


@pytest.mark.parametrize("options", [[], ["--live"]])
def test_without_a_clip_the_sample_is_measured(asked: list[str], options: list[str]) -> None:
    assert run(["bench", *options]) == 0
    assert asked[0] == str(clips.sample())


def test_a_size_is_made_before_anything_is_measured(
    small: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, int, int]] = []

    def scaled(clip: str, path: Path, height: int, frames: int) -> None:
        made.append((clip, height, frames))

    monkeypatch.setattr(clips, "scaled", scaled)
    assert run(["bench", small, "--size", "1080p", "--frames", "7"]) == 0
    assert run(["bench", small, "--size", "360p", "--live"]) == 0
    assert made == [(small, 1080, 7), (small, 360, 64)]
    assert [Path(clip).name for clip in asked] == ["in-1080p.mp4", "in-360p.mp4"]


def test_a_missing_clip_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "absent.mp4"]) == 1
    assert capsys.readouterr().err.strip().count("\n") == 0


def test_live(
    small: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_WARMING", 0.1)
    assert run(["bench", small, "--live", "--seconds", "1"]) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("30 taken", "over blur", "from capture to hand-over"))


@pytest.mark.parametrize(
    ("options", "flag"),
    [(["--live", "--frames", "5"], "--frames"), (["--seconds", "3"], "--seconds")],
)
def test_options_of_the_other_benchmark_are_refused(
    options: list[str], flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", *options]) == 2
    assert flag in capsys.readouterr().err
