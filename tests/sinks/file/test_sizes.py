"""Frames that an encoder or a container does not hold: one line that says what does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest
from helpers.media import run, views, write

from streamcut.core.errors import SinkError
from streamcut.sinks import FORMATS


def grey(folder: Path, width: int, height: int) -> Path:
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane in views(frame):
        plane[:] = 100
    return write(folder / "in.mkv", [frame], codec="rawvideo")


@pytest.mark.parametrize(
    ("output", "codec", "size", "told"),
    [
        ("out.webp", "", (16384, 8), "webp holds no frame of 16384x8: its sides have 16383"),
        ("out.webp", "", (8, 16384), "webp holds no frame of 8x16384: its sides have 16383"),
        ("out.gif", "", (65536, 8), "gif holds no frame of 65536x8: its sides have 65535"),
        ("out.mov", "", (65536, 8), "prores holds no frame of 65536x8: its sides have 65535"),
        ("out.mov", "png", (65536, 8), "png holds no frame of 65536x8: its sides have 65535"),
        ("out.mp4", "", (16386, 8), "h264 holds no frame of 16386x8: its sides have 16384"),
        ("out.mp4", "", (1, 40), "h264 holds no frame of 1x40: its sides have 2 pixels at least"),
        ("out.mp4", "hevc", (17, 15), "hevc holds no frame of 17x15: its sides have 16 pixels"),
        ("out.mp4", "hevc", (16384, 16), "hevc takes no frames of 16384x16 in yuv420p"),
        ("out.webm", "", (65538, 8), "vp9 holds no frame of 65538x8: its sides have 65536"),
    ],
)
def test_sides_that_are_not_held(
    tmp_path: Path, output: str, codec: str, size: tuple[int, int], told: str
) -> None:
    source, options = grey(tmp_path, *size), {"background": "red"} if "mp4" in output else {}
    (tmp_path / output).write_bytes(b"older")
    with pytest.raises(SinkError, match=told) as caught:
        run(source, tmp_path / output, codec=codec, overwrite=True, **options)
    assert "FFV1" in str(caught.value)
    assert (tmp_path / output).read_bytes() == b"older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv", output]


@pytest.mark.parametrize(
    ("output", "size"),
    [("out.webp", (16383, 8)), ("out.gif", (65535, 8)), ("out.mov", (65535, 8))],
)
def test_the_largest_sides(tmp_path: Path, output: str, size: tuple[int, int]) -> None:
    assert run(grey(tmp_path, *size), tmp_path / output).frames == 1


def smallest(codec: Any) -> int:
    least: int = codec.sides[0]
    return least


@pytest.mark.parametrize(
    ("ending", "codec"),
    [(form.ending, codec.name) for form in FORMATS for codec in form.codecs if not form.sequence],
)
def test_the_smallest_sides(tmp_path: Path, ending: str, codec: str) -> None:
    form = next(form for form in FORMATS if form.ending == ending)
    least = smallest(form.codec(codec))
    output, options = tmp_path / f"out{ending}", {"codec": codec, "background": "red"}
    assert run(grey(tmp_path, least, least), output, **options).frames == 1
