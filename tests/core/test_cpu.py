"""The processors that there are for this process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamcut.core import cpu


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "1600000 100000\n"}, 8),
        ({"quota": "-1\n", "period": "100000\n"}, 8),
        ({"quota": "300000\n", "period": "100000\n"}, 3),
        ({"cpu.max": "nonsense"}, 8),
    ],
)
def test_a_containers_share_is_all_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], count: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    places = (tmp_path / "cpu.max",), (tmp_path / "quota", tmp_path / "period")
    monkeypatch.setattr(cpu, "_QUOTAS", places)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert cpu.cpu_count() == count


def test_without_affinity_all_processors_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "_QUOTAS", ())
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cpu.cpu_count() == 6
