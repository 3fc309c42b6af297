"""The machine that is measured."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from streamcut.diagnostics.bench import machine


def stat(path: Path, *ticks: int) -> None:
    path.write_text(f"cpu  {' '.join(map(str, ticks))}\ncpu0 1 2 3\n")


def test_other_programs_are_what_is_busy_but_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two seconds went by, cores were busy for three, of which half a second was ours."""
    monkeypatch.setattr(machine, "_STAT", tmp_path / "stat")
    monkeypatch.setattr(os, "sysconf", lambda _: 100)
    clocks = {"process_time": iter((1.0, 1.5)), "perf_counter": iter((10.0, 12.0))}
    for name, values in clocks.items():
        monkeypatch.setattr(time, name, values.__next__)
    stat(tmp_path / "stat", 100, 10, 50, 9000, 500, 0, 5, 0, 70, 0)
    with machine.Others() as others:
        stat(tmp_path / "stat", 300, 20, 100, 9100, 600, 10, 15, 20, 90, 0)
    assert others.cores == pytest.approx((3.0 - 0.5) / 2)


def test_where_nobody_tells_nothing_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_STAT", tmp_path / "absent")
    with machine.Others() as others:
        pass
    assert others.cores is None


def test_the_processor_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text("processor\t: 0\nmodel name\t: A Fast One\n")
    monkeypatch.setattr(machine, "_CPUINFO", told)
    assert machine.processor() == "A Fast One"
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "absent")
    assert machine.processor()
