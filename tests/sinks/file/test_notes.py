"""What an output cannot hold is said in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.media import run


@pytest.mark.parametrize(
    ("output", "options", "note"),
    [
        ("out.webm", {}, "10-bit colour becomes 8-bit: vp9 holds no more"),
        ("out.mp4", {"background": "red", "codec": "h264"}, "10-bit colour becomes 8-bit: h264"),
        ("out.mp4", {"background": "red"}, None),
        ("out.mov", {}, None),
        ("out.mkv", {}, None),
    ],
)
def test_lost_depth(
    clip: Callable[..., Path], tmp_path: Path, output: str, options: Any, note: str | None
) -> None:
    source = clip(pixel_format="yuv420p10le", width=64, height=48)
    notes = run(source, tmp_path / output, **options).notes
    assert [text for text in notes if "bit colour" in text] == ([] if note is None else notes)
    assert note is None or notes[0].startswith(note)


def test_cropped_sides(clip: Callable[..., Path], tmp_path: Path) -> None:
    source = clip(width=65, height=49)
    assert run(source, tmp_path / "out.mp4", background="red").notes == [
        "cropped to 64x48: h264 wants even sides"
    ]
    assert run(source, tmp_path / "out.webm").notes == []
