"""``streamcut bench``: the figures hang together; how large they are is nobody's promise."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from streamcut.parts.clip import generate

from streamcut.bench import parts
from streamcut.cli import run
from streamcut.config import Settings


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
