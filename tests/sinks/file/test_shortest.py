"""Animations have no delays that browsers take for a tenth of a second."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.media import animation, pictures, run, write


@pytest.mark.parametrize(
    ("ending", "rate", "shortest", "kept"),
    [(".gif", 60, 20, 40), (".gif", 50, 20, 50), (".webp", 120, 11, 60), (".apng", 120, 11, 60)],
)
def test_what_is_too_short_is_left_out_evenly(
    tmp_path: Path, ending: str, rate: int, shortest: int, kept: int
) -> None:
    source = write(tmp_path / "in.mkv", pictures(rate, 48, 32), rate=rate)
    summary = run(source, tmp_path / f"out{ending}", background="red")
    frames, delays = animation(tmp_path / f"out{ending}")
    assert kept <= len(frames) == summary.frames <= kept + 2  # Times in mkv are whole milliseconds.
    assert min(delays) >= shortest
    assert sum(delays) == pytest.approx(1000, abs=40)
    assert max(delays) - min(delays) <= 10
    told = [note for note in summary.notes if "left out" in note]
    lost = rate - len(frames)
    words = f"{lost} frames left out: {ending[1:]} shows none for less than {shortest} ms"
    assert told == ([words] if lost else [])
    assert summary.dropped == lost


def test_the_frame_that_stays_is_the_one_that_is_shown(tmp_path: Path) -> None:
    """A recording that stands still after a quick change shows what it changed to."""
    source = write(tmp_path / "in.mkv", pictures(3, 48, 32), times=[0, 8, 1000])
    assert run(source, tmp_path / "out.gif", background="red").frames == 3
    assert animation(tmp_path / "out.gif")[1][:2] == [20, 980]
