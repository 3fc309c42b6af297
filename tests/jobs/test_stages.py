"""The chain, once: whoever calls it gets the same pixels, and gives back what it holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import pytest
from helpers.media import Brightness, composited, copied, picture, shown, write

from streamcut import frames, remove_video
from streamcut.core.config import Settings
from streamcut.core.errors import UsageError
from streamcut.jobs import stages
from streamcut.jobs.live.job import LiveJob
from streamcut.jobs.stages import Appearance, waiting
from streamcut.media.frame import OutputFrame, StreamInfo
from streamcut.sinks.base import LiveBase

Clip = Callable[..., Path]
OPTIONS: list[dict[str, Any]] = [
    {"background": "red"},
    {"background": "blur", "smooth": 0.6, "feather": 2},
    {"background": "#204060", "light_wrap": 0.5, "expand": 2, "min_area": 1.0},
    {"only_mask": True, "invert": True},
    {"stacked": True, "threshold": 0.5},
]


class First(LiveBase):
    """A live sink that keeps the first frame it is handed."""

    state = "keeping"

    def __init__(self) -> None:
        super().__init__()
        self.planes: list[Any] = []

    def open(self, info: StreamInfo, pixel_format: str, size: tuple[int, int]) -> Self:
        return self

    def write(self, frame: OutputFrame) -> None:
        self.planes = self.planes or copied(frame.output)

    def close(self) -> None:
        """Hold nothing."""


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options))
def test_a_file_and_a_live_job_make_the_same_of_a_frame(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    # All alike, for a live job on a busy machine drops the first ones.
    source, output = write(tmp_path / "in.mkv", [*map(picture, [0] * 3)]), tmp_path / "out.mkv"
    remove_video(source, output, session=Brightness(), **options)
    in_file = copied(shown(output).pictures[0])
    stage_by_stage = composited(source, **{"decontaminate": True, **options})[0]
    settings = Settings().with_options({"camera": str(source), **options})
    sink = First()
    LiveJob(settings, sink.open, session=Brightness()).run()
    for live, filed, staged in zip(sink.planes, in_file, copied(stage_by_stage), strict=True):
        assert np.array_equal(live, filed)
        assert np.array_equal(staged, filed)


def test_python_s_frames_have_the_matte_of_a_file(clip: Clip, tmp_path: Path) -> None:
    source, output = clip(count=4), tmp_path / "out.mkv"
    how: dict[str, Any] = {"smooth": 0.8, "feather": 1, "matting": "keyframes"}
    remove_video(source, output, session=Brightness(), only_mask=True, **how)
    filed = [copied(image)[0] for image in shown(output).pictures]
    made = [frame.alpha for frame in frames(source, session=Brightness(), **how)]
    assert all(np.array_equal(one, other) for one, other in zip(made, filed, strict=True))


def test_an_appearance_refuses_what_cannot_be_made() -> None:
    info = StreamInfo(1, 1, "yuv420p")
    with pytest.raises(UsageError, match="too small"):
        Appearance.of(Settings().with_options({"stacked": True}), info)
    with pytest.raises(UsageError, match="outside"):
        Appearance.of(Settings().with_options({"keep": "9,9"}), StreamInfo(8, 8, "yuv420p"))


def test_leaving_an_appearance_closes_its_background(clip: Clip) -> None:
    settings = Settings().with_options({"background": str(clip(count=2))})
    with Appearance.of(settings, StreamInfo(96, 64, "yuv420p")) as appearance:
        looped = appearance.background
    assert looped is not None
    with pytest.raises(StopIteration):
        next(looped._frames)  # type: ignore[attr-defined]


def test_jobs_side_by_side_leave_opencv_as_it_was() -> None:
    one = stages.one_thread_per_frame
    before = cv2.getNumThreads()
    with one:
        with one:
            assert cv2.getNumThreads() == 1
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before


@pytest.mark.parametrize(
    ("pixel_format", "width", "height", "frames", "made"),
    [
        ("yuv420p", 1920, 1080, 3, 1),
        ("yuv420p", 640, 360, 3, 2),
        ("yuv444p10le", 1920, 1080, 1, 1),
        ("yuv420p", 3840, 2160, 1, 1),
        ("yuv420p", 7680, 4320, 1, 1),
    ],
)
def test_the_larger_frames_are_the_fewer_wait(
    pixel_format: str, width: int, height: int, frames: int, made: int
) -> None:
    info = StreamInfo(width, height, pixel_format)
    assert waiting(info) == frames
    assert waiting(info, composited=True) == made
