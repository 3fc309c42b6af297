"""The keywords of calls are the settings, with their types: nonsense fails a type checker."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from streamcut.core.config import Settings
from streamcut.jobs.options import FrameOptions, MatteOptions, VideoOptions

ROOT = Path(__file__).parents[2]


def rows() -> dict[str, Any]:
    """The type of every setting that is for videos, by its name."""
    sections = get_type_hints(Settings)
    return {
        name: kind
        for section in fields(Settings)
        if section.name not in ("image", "live", "server")
        for name, kind in get_type_hints(sections[section.name]).items()
        if name in {row.name for row in fields(sections[section.name])}
    }


def test_a_video_takes_every_setting_of_its_type() -> None:
    assert get_type_hints(VideoOptions) == rows()


def test_frames_and_mattes_take_some_of_them() -> None:
    everything = get_type_hints(VideoOptions)
    files = {"background", "cutout", "only_mask", "stacked", "codec", "audio"} | {"fail_if_empty"}
    assert get_type_hints(FrameOptions) == {
        name: kind for name, kind in everything.items() if name not in files
    }
    assert get_type_hints(MatteOptions).items() < get_type_hints(FrameOptions).items()


GOOD = """
import streamcut
streamcut.remove_video("a.mp4", "b.webm", smooth=0.5, quality="best", background="blur")
for frame in streamcut.frames("a.mp4", (1, 2, 3), matting="every"):
    frame.over("red").shape
alpha = streamcut.Matter("portrait", (640, 480), order="bgr", smooth=0.0)
image = streamcut.remove("photo.jpg").size
"""
BAD = """
import streamcut
streamcut.remove_video("a.mp4", "b.webm", smoth=0.5)
streamcut.remove_video("a.mp4", "b.webm", quality="great")
streamcut.remove_video("a.mp4", "b.webm", smooth="much")
streamcut.remove_video("a.mp4", "b.webm", camera="0")
streamcut.frames("a.mp4", only_mask=True)
streamcut.Matter(order="gbr")
streamcut.Matter(matting=3)
"""


def test_nonsense_fails_mypy(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    for name, text in (("good.py", GOOD), ("bad.py", BAD)):
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--follow-imports"]
    ran = subprocess.run(
        [*command, "silent", str(tmp_path / "good.py"), str(tmp_path / "bad.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in ran.stdout.splitlines() if ": error:" in line]
    assert [line for line in lines if "good.py" in line] == []
    wrong = {int(line.partition("bad.py:")[2].partition(":")[0]) for line in lines}
    assert wrong == set(range(3, 10)), ran.stdout
