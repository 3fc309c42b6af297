"""``streamcut bench --live``: frames are told by what they show."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.media import copied, picture, to_rgb, views, write

from streamcut.core.config import Settings
from streamcut.core.errors import UsageError
from streamcut.diagnostics.bench import live
from streamcut.media.frame import OutputFrame
from streamcut.sources import open_source


@pytest.mark.parametrize("number", [0, 1, 42, 63])
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (192, 108)])
def test_bars_tell_a_pictures_number_also_out_of_focus(
    number: int, width: int, height: int
) -> None:
    rgb = np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)
    live.mark(rgb, number)
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    assert live.number_in(luma) == number
    assert live.number_in(cv2.GaussianBlur(luma, (0, 0), height * 0.02)) == number


def test_a_picture_without_bars_has_no_number() -> None:
    assert live.number_in(np.full((108, 192), 128, np.uint8)) is None


def test_live_pictures_are_told_by_what_they_show(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_WARMING", 0.5)
    settings = Settings().with_options({"background": "blur"})
    report = live.run(str(small), settings, seconds=1)
    assert (report.offered, report.size) == (30, (192, 108))
    assert 0 < report.handed == report.offered - report.dropped
    assert report.mistaken == 0
    assert 0 < report.latency_p50 <= report.latency_p95 <= report.latency_worst
    assert report.cpu > 0


def test_a_picture_shown_again_or_at_another_ones_time_is_found_out() -> None:
    camera = live._MjpegFeed([], 30)
    camera.taken = {0: (0, 5.0), 1: (1, 5.03)}
    reader = live._BarReader(camera, 0, 1)
    for number, captured in ((0, 5.0), (0, 5.0), (1, 5.0)):
        rgb = np.zeros((108, 192, 3), np.uint8)
        live.mark(rgb, number)
        shown = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
        reader.write(OutputFrame(output=shown, captured=captured))
    assert (len(reader.latencies), reader.mistaken) == (2, 2)


@pytest.mark.parametrize(("height", "matrix"), [(720, "709"), (108, "601")])
def test_a_webcam_shows_the_clips_colours(tmp_path: Path, height: int, matrix: str) -> None:
    """JPEG is BT.601 at full range, whatever the clip is; an untagged one goes by its height."""
    planes = [np.full((height, 192), 120), np.full((height // 2, 96), 90)]
    planes.append(np.full((height // 2, 96), 190))
    frame = picture(0, 192, height)
    for plane, code in zip(views(frame), planes, strict=True):
        plane[:] = code
    with open_source(str(write(tmp_path / "in.mkv", [frame]))) as source:
        packets = live._filmed(source, (192, height))
    [filmed] = av.CodecContext.create("mjpeg", "r").decode(packets[0])
    corner = [plane[-1:, -1:] for plane in copied(filmed)]  # Below the bars.
    seen, expected = to_rgb(corner, full=True), to_rgb([p[:1, :1] for p in planes], matrix=matrix)
    assert np.abs(seen - expected).max() < 3


def test_live_over_a_picture_cannot_be_read(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_WARMING", 0.0)
    settings = Settings().with_options({"background": "red"})
    with pytest.raises(UsageError, match="use the background blur"):
        live.run(str(small), settings, seconds=0.3)
