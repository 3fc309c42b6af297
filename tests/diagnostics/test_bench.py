"""``streamcut bench``: the figures hang together; how large they are is nobody's promise."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from streamcut.cli import run
from streamcut.core.config import Settings
from streamcut.core.errors import UsageError
from streamcut.diagnostics.bench import live, parts
from streamcut.diagnostics.bench.clip import generate
from streamcut.media.frame import OutputFrame


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "clip.mp4"
    generate(path, 192, 108, 12)
    return path


def test_the_generated_clip_moves(clip: Path) -> None:
    with av.open(str(clip)) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(pictures) == 12
    assert pictures[0].shape == (108, 192)
    assert np.abs(pictures[0].astype(int) - pictures[-1]).mean() > 1


@pytest.mark.parametrize("ending", [".webm", ".mkv"])
def test_every_part_is_measured_on_the_same_frames(clip: Path, ending: str) -> None:
    told: list[str] = []
    settings = Settings().with_options({"quality": "fast"})
    report = parts.run(str(clip), settings, ending=ending, frames=8, rounds=2, tell=told.append)
    assert (report.frames, report.size) == (8, (192, 108))
    alone = (report.decode, report.network, report.encode)
    assert all(cost.cpu > 0 and cost.wall > 0 for cost in (*alone, report.job))
    assert report.ratio == pytest.approx(report.job.cpu / sum(cost.cpu for cost in alone))
    assert report.fps == pytest.approx(1000 / report.job.wall)
    assert report.bound == pytest.approx(1000 * report.cores / sum(cost.cpu for cost in alone))
    assert len(told) == 8


def test_the_command_prints_a_table_or_json(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["bench", str(clip), "--frames", "4", "--rounds", "1", "--quality", "fast"]
    assert run(options) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("decode", "network", "encode", "job", "times that"))
    assert run([*options, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["frames"] == 4
    assert captured.err == ""


def test_a_missing_clip_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "absent.mp4"]) == 1
    assert capsys.readouterr().err.strip().count("\n") == 0


# --- live -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 42, 63])
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (192, 108)])
def test_bars_tell_a_pictures_number_also_out_of_focus(
    number: int, width: int, height: int
) -> None:
    rgb = np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)
    live.mark(rgb, number)
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    assert live.number_in(luma) == number
    assert live.number_in(cv2.GaussianBlur(luma, (0, 0), height * 0.02)) == number


def test_a_picture_without_bars_has_no_number() -> None:
    assert live.number_in(np.full((108, 192), 128, np.uint8)) is None


def test_live_pictures_are_told_by_what_they_show(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_WARMING", 0.5)
    settings = Settings().with_options({"background": "blur"})
    report = live.run(str(clip), settings, seconds=1)
    assert (report.offered, report.size) == (30, (192, 108))
    assert 0 < report.handed == report.offered - report.dropped
    assert report.mistaken == 0
    assert 0 < report.latency_p50 <= report.latency_p95 <= report.latency_worst
    assert report.cpu > 0


def test_a_picture_shown_again_or_at_another_ones_time_is_found_out(clip: Path) -> None:
    camera = live._MjpegFeed([], 30)
    camera.taken = {0: (0, 5.0), 1: (1, 5.03)}
    reader = live._BarReader(camera, 0, 1)
    for number, captured in ((0, 5.0), (0, 5.0), (1, 5.0)):
        rgb = np.zeros((108, 192, 3), np.uint8)
        live.mark(rgb, number)
        shown = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
        reader.write(OutputFrame(output=shown, captured=captured))
    assert (len(reader.latencies), reader.mistaken) == (2, 2)


def test_live_over_a_picture_cannot_be_read(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_WARMING", 0.0)
    settings = Settings().with_options({"background": "red"})
    with pytest.raises(UsageError, match="use the background blur"):
        live.run(str(clip), settings, seconds=0.3)


def test_the_live_command(
    clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_WARMING", 0.1)
    assert run(["bench", str(clip), "--live", "--seconds", "1"]) == 0
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
