"""A camera's 4:2:2 and full range made 4:2:0 and limited, beside what FFmpeg makes of it."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation

from streamcut.media.colour import Colour, Matrix, Range
from streamcut.media.convert import BILINEAR, Converter
from streamcut.media.planes import planes

LIMITED = Colour(matrix=Matrix.BT601, range=Range.LIMITED)


def gradient(pixel_format: str, full: bool, height: int = 36) -> av.VideoFrame:
    """Draw smooth planes that reach every code value their range has."""
    frame = av.VideoFrame(66, height, pixel_format)
    low, high = (0, 255) if full else (16, 235)
    for plane in planes(frame):
        rows, columns = plane.shape
        ramp = np.add.outer(np.arange(rows), np.arange(columns)) / (rows + columns - 2)
        plane[:] = np.rint(low + ramp * (high - low))
    frame.colorspace, frame.pts = Matrix.BT601, 7
    frame.color_range = Range.FULL if full else Range.LIMITED
    return frame


def converted(frame: av.VideoFrame, target: Colour = LIMITED) -> av.VideoFrame:
    return Converter("yuv420p", target, how=BILINEAR)(frame)


@pytest.mark.parametrize("pixel_format", ["yuvj422p", "yuvj420p", "yuv422p", "yuv420p"])
@pytest.mark.parametrize("full", [True, False])
def test_levels_are_those_of_the_standard(pixel_format: str, full: bool) -> None:
    full = full or pixel_format.startswith("yuvj")
    frame = gradient(pixel_format, full)
    made = converted(frame)
    assert (made.format.name, made.color_range, made.pts) == ("yuv420p", Range.LIMITED, 7)
    for number, (plane, source) in enumerate(zip(planes(made), planes(frame), strict=True)):
        values = source.astype(float)
        if source.shape != plane.shape:
            values = (values[::2] + values[1::2]) / 2
        if full:
            values = 16 + values * 219 / 255 if not number else 128 + (values - 128) * 224 / 255
        assert np.abs(plane - values).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("height", [36, 35])
def test_it_is_what_ffmpeg_makes_within_a_code_value(height: int) -> None:
    frame = gradient("yuvj422p", full=True, height=height)
    theirs = frame.reformat(
        format="yuv420p",
        src_colorspace=Matrix.BT601,
        dst_colorspace=Matrix.BT601,
        src_color_range=Range.FULL,
        dst_color_range=Range.LIMITED,
        interpolation=Interpolation.BILINEAR,
    )
    for plane, other in zip(planes(converted(frame)), planes(theirs), strict=True):
        assert np.abs(plane.astype(int) - other).max() <= 1


@pytest.mark.parametrize(
    "target",
    [Colour(matrix=Matrix.BT709, range=Range.LIMITED), Colour(matrix=Matrix.BT601, range=2)],
)
def test_another_matrix_and_full_range_are_left_to_ffmpeg(target: Colour) -> None:
    frame = gradient("yuv422p", full=False)
    made = converted(frame, target)
    whole = Converter("rgb24", Colour(matrix=Matrix.RGB, range=Range.FULL))
    before, after = (whole(each).to_ndarray().astype(int) for each in (frame, made))
    assert np.abs(before - after)[2:-2, 2:-2].mean() < 3
