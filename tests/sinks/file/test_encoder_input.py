"""Pictures made what an encoder takes."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.media import copied, picture

from streamcut.media.frame import StreamInfo
from streamcut.sinks.file.encoder_input import Fit
from streamcut.sinks.file.formats import format_of


@pytest.mark.parametrize("width", [84, 854, 1366])
@pytest.mark.parametrize(
    ("pixel_format", "path", "codec"),
    [
        ("yuva420p", "out.mov", "prores"),
        ("yuv422p10le", "out.mp4", "hevc"),
        ("yuva444p", "out.mov", "png"),
    ],
)
def test_conversions_are_the_same_each_time(
    pixel_format: str, path: str, codec: str, width: int
) -> None:
    """Scaling on several threads spoils pixels where rows meet, now and then."""
    shot = picture(0, width, 96, pixel_format)
    info = StreamInfo(width, 96, pixel_format.replace("yuva", "yuv"))
    fit = Fit(pixel_format, format_of(path).codec(codec), info)

    def pixels() -> list[np.ndarray]:
        made = fit(shot, width, 96)
        return [made.to_ndarray()] if made.format.name == "rgba" else copied(made)

    first = pixels()
    for _ in range(60):
        assert all(np.array_equal(a, b) for a, b in zip(pixels(), first, strict=True))


def test_untouched_where_nothing_is_to_do() -> None:
    shot = picture(0, 96, 64, "yuva420p")
    fit = Fit("yuva420p", format_of("out.webm").codec(""), StreamInfo(96, 64, "yuv420p"))
    assert fit(shot, 96, 64) is shot


def test_cropping_scales_nothing() -> None:
    shot = picture(0, 85, 49)
    fit = Fit("yuv420p", format_of("out.mp4").codec(""), StreamInfo(85, 49, "yuv420p"))
    for made, before in zip(copied(fit(shot, 84, 48)), copied(shot), strict=True):
        assert np.array_equal(made, before[: made.shape[0], : made.shape[1]])
