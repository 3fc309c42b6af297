"""Interlaced pictures: whole again, at their own times; others untouched, bit for bit."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from streamcut.media.planes import planes
from streamcut.sources import open_source
from streamcut.sources.deinterlace import Progressive

WIDTH, HEIGHT, STEP = 128, 64, 6


def bar(instant: int) -> Any:
    """A white bar on black that moves on by STEP pixels from one field to the next."""
    luma = np.full((HEIGHT, WIDTH), 16, np.uint8)
    luma[:, 10 + STEP * instant : 26 + STEP * instant] = 235
    return luma


def woven(index: int) -> Any:
    """Two instants in one picture: the lower field first, as x264 takes images of PyAV's."""
    luma = bar(2 * index)
    luma[::2] = bar(2 * index + 1)[::2]
    return luma


def write(path: Path, lumas: list[Any], interlaced: bool) -> Path:
    """Lossless; the pictures come at uneven times."""
    with av.open(str(path), "w") as output:
        options = {"qp": "0"} | ({"x264-params": "bff=1"} if interlaced else {})
        stream = output.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, luma in enumerate(lumas):
            picture = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            for plane, value in zip(planes(picture), (luma, 128, 128), strict=True):
                plane[:] = value
            picture.pts, picture.time_base = index * 40 + index % 3, Fraction(1, 1000)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path


def read(path: Path) -> tuple[list[Any], list[float], list[str]]:
    with open_source(str(path)) as source:
        frames = list(source)
        lumas = [planes(frame.source)[0].astype(int) for frame in frames]
        return lumas, [float(frame.source.time or 0) for frame in frames], source.notes


def combed(luma: Any) -> float:
    """How much the rows of one field differ from those of the other beside them."""
    return float(np.abs(luma[1:-1:2] - (luma[:-2:2] + luma[2::2]) / 2).mean())


def test_interlaced_pictures_become_whole_at_their_own_times(tmp_path: Path) -> None:
    lumas, times, notes = read(write(tmp_path / "in.mkv", [*map(woven, range(8))], True))
    assert notes == ["the input is interlaced: made progressive"]
    assert times == pytest.approx([index * 0.04 + index % 3 / 1000 for index in range(8)])
    for index, luma in enumerate(lumas):
        assert combed(woven(index).astype(int)) > 10
        assert combed(luma) < 3
        # The first field is kept as it is.
        assert np.array_equal(luma[1::2], bar(2 * index)[1::2])


def test_other_pictures_are_not_touched(tmp_path: Path) -> None:
    given = [*map(woven, range(4))]
    lumas, _, notes = read(write(tmp_path / "in.mkv", given, False))
    assert notes == []
    assert all(np.array_equal(luma, one) for luma, one in zip(lumas, given, strict=True))


def test_a_part_of_an_interlaced_video_keeps_its_times(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mkv", [*map(woven, range(8))], True)
    with open_source(str(path), start=Fraction(1, 10), duration=Fraction(1, 10)) as source:
        lumas = [planes(frame.source)[0].copy() for frame in source]
    assert len(lumas) == 2  # Those at .12 and .161; the next is at .202.
    assert np.array_equal(lumas[0][1::2], bar(2 * 3)[1::2])


@pytest.mark.parametrize("size", [(2, 2), (4, 64), (64, 8)])
def test_pictures_too_small_for_it_pass(size: tuple[int, int]) -> None:
    given: Any = [SimpleNamespace(interlaced_frame=True, width=size[0], height=size[1])]
    progressive = Progressive()
    assert list(progressive(given)) == given
    assert progressive.interlaced == 0
