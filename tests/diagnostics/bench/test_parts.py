"""The figures hang together; how large they are is nobody's promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamcut.core.config import Settings
from streamcut.core.errors import UsageError
from streamcut.diagnostics.bench import parts
from streamcut.diagnostics.bench.parts import Cost, together
from streamcut.sessions.runtime.runner import Runner


@pytest.mark.parametrize("ending", [".webm", ".mkv"])
def test_every_part_is_measured_on_the_same_frames(small: Path, ending: str) -> None:
    told: list[str] = []
    settings = Settings().with_options({"quality": "fast"})
    report = parts.run(str(small), settings, ending=ending, frames=8, rounds=2, tell=told.append)
    assert (report.frames, report.size) == (8, (192, 108))
    alone = (report.decode, report.network, report.encode)
    assert all(cost.cpu > 0 and cost.wall > 0 for cost in (*alone, report.job))
    assert report.parts == together(alone, report.cores)
    assert report.ratio == pytest.approx(report.job.cpu / report.parts.cpu)
    assert report.fps == pytest.approx(1000 / report.job.wall)
    assert report.bound == pytest.approx(1000 / report.parts.wall)
    assert report.reached == pytest.approx(report.fps / report.bound)
    assert report.size_bytes > 300
    assert len(told) == 8


@pytest.mark.parametrize(
    ("alone", "cores", "wall"),
    [
        ([Cost(2, 2), Cost(4, 2), Cost(18, 10)], 2, 12),  # All cores are busy.
        ([Cost(2, 2), Cost(4, 2), Cost(18, 10)], 8, 10),  # The slowest is.
        ([Cost(2, 2), Cost(4, 4), Cost(18, 18)], 1, 24),
    ],
)
def test_parts_by_the_clock_need_what_the_slowest_or_all_cores_need(
    alone: list[Cost], cores: int, wall: float
) -> None:
    assert together(alone, cores) == Cost(24, wall)


@pytest.mark.parametrize(
    ("quality", "model", "looks"),
    [("fast", "portrait", 1), ("balanced", "portrait-hd", 1), ("best", "portrait-hd", 2)],
)
def test_the_network_does_what_it_does_in_a_job(
    small: Path, monkeypatch: pytest.MonkeyPatch, quality: str, model: str, looks: int
) -> None:
    """On two frames: alone, in the job, and before, where the encoder's frames are made."""
    runs = 0
    plain = Runner.__call__

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal runs
        runs += 1
        return plain(*args, **options)

    monkeypatch.setattr(Runner, "__call__", counted)
    settings = Settings().with_options({"quality": quality})
    assert parts.run(str(small), settings, frames=2, rounds=1).model == model
    assert runs == 3 * 2 * looks


def test_what_a_job_refuses_is_refused_before_anything_is_measured(small: Path) -> None:
    with pytest.raises(UsageError, match="cannot hold alpha"):
        parts.run(str(small), Settings(), ending=".mp4", frames=2, rounds=1)
