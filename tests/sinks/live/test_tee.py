"""Shown live and recorded: neither waits for the other, and what is lost is told."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from helpers.media import picture, shown, views
from helpers.waiting import until

from streamcut.core.errors import OutputClosedError, SinkError, UsageError
from streamcut.media.frame import OutputFrame, StreamInfo
from streamcut.sinks import Target, open_live_sink
from streamcut.sinks.base import LiveBase
from streamcut.sinks.live.tee import TeeSink

pytestmark = pytest.mark.skipif(os.name == "nt", reason="only on POSIX is a full pipe left at once")

SIZE = 96, 64
INFO = StreamInfo(*SIZE, "yuv420p", time_base=Fraction(1, 1000), rate=Fraction(30))


def frame(index: int, pixel_format: str = "yuv420p") -> OutputFrame:
    made = picture(index, *SIZE, pixel_format)
    made.pts, made.time_base = index * 33, Fraction(1, 1000)
    return OutputFrame(output=made)


def opened(fd: int, record: Path, pixel_format: str = "yuv420p") -> Any:
    target = Target.parse("-", pixel_format=pixel_format)
    return open_live_sink(
        target,
        INFO,
        size=SIZE,
        pixel_format=pixel_format,
        fps=Fraction(30),
        fd=fd,
        record=str(record),
    )


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


class Side(LiveBase):
    """An output that does as it is told, and keeps what it got."""

    state = "somebody"

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error, self.ready, self.ended = error, threading.Event(), False
        self.ready.set()

    def write(self, frame: OutputFrame) -> None:
        assert self.ready.wait(20)
        if self.error is not None:
            raise self.error
        self.written += 1

    def close(self) -> None:
        self.ended = True


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuva420p"])
def test_a_reader_that_stalls_costs_the_recording_nothing(
    tmp_path: Path, pipe: tuple[int, int], pixel_format: str
) -> None:
    path = tmp_path / "out.mkv"
    with opened(pipe[1], path, pixel_format) as sink:  # Nobody reads: soon the pipe is full.
        for index in range(20):
            sink.write(frame(index, pixel_format))
            until(lambda wanted=index: sink._recording.written > wanted)  # type: ignore[misc]
    assert sink.skipped > 10
    assert sink.notes == []
    seen = shown(path)
    assert seen.times == [Fraction(index * 33, 1000) for index in range(20)]
    for index, made in enumerate(seen.planes()):
        given = views(frame(index, pixel_format).output)
        assert all((a == b).all() for a, b in zip(given, made, strict=True))


def test_a_reader_that_goes_away_ends_it_and_the_recording_plays(
    tmp_path: Path, pipe: tuple[int, int]
) -> None:
    path = tmp_path / "out.mkv"
    given: list[Any] = []
    os.close(pipe[0])

    def record() -> None:
        with opened(pipe[1], path) as sink:
            while len(given) < 1000:
                sink.write(frame(len(given)))
                given.append(1)
                time.sleep(0.005)

    with pytest.raises(OutputClosedError):
        record()
    assert len(shown(path).pictures) == len(given)


def test_a_recording_that_cannot_keep_up_loses_pictures_and_says_so() -> None:
    live, recording = Side(), Side()
    recording.ready.clear()
    with TeeSink(live, recording) as sink:
        for index in range(100):
            sink.write(frame(index))
            until(lambda: not sink._shown)
        assert sink.state.endswith("recorded 0 frames, 69 lost")
        recording.ready.set()
    assert (live.written, recording.written, sink.lost) == (100, 31, 69)
    assert sink.notes == ["the recording lost 69 frames: it could not keep up"]
    assert live.ended
    assert recording.ended


def test_a_recording_that_fails_is_told_at_the_end_and_the_live_output_goes_on() -> None:
    live, recording = Side(), Side(SinkError("out.mkv: the disk is full"))

    def go_on() -> None:
        with TeeSink(live, recording) as sink:
            for index in range(10):
                sink.write(frame(index))
                until(lambda: not sink._shown and sink._keeping.wait(0))
            assert sink.state.endswith("then it failed: out.mkv: the disk is full")

    with pytest.raises(SinkError, match="the disk is full"):
        go_on()
    assert live.written == 10
    assert live.ended
    assert recording.ended


def test_a_live_output_that_fails_ends_it_at_once() -> None:
    live, recording = Side(SinkError("the camera is gone")), Side()

    def go_on() -> None:
        with TeeSink(live, recording) as sink:
            sink.write(frame(0))
            until(lambda: sink._showing.wait(0))
            sink.write(frame(1))

    with pytest.raises(SinkError, match="the camera is gone"):
        go_on()
    assert recording.written == 1
    assert recording.ended


@pytest.mark.parametrize(
    ("target", "record", "told"),
    [
        ("camera", "", "a camera cannot hold alpha: give background"),
        ("obs", "out.mp4", ".mp4 cannot hold alpha: give background"),
        ("udp://127.0.0.1:9", "", "udp cannot hold alpha: give background"),
    ],
)
def test_alpha_that_cannot_be_held_is_refused(
    tmp_path: Path, target: str, record: str, told: str
) -> None:
    kept = str(tmp_path / record) if record else ""
    with pytest.raises(UsageError, match=told):
        open_live_sink(
            target, INFO, size=SIZE, pixel_format="yuva420p", fps=Fraction(30), record=kept
        )


def test_a_folder_gets_a_numbered_picture_for_each_frame(tmp_path: Path) -> None:
    with open_live_sink(
        f"{tmp_path}/out/", INFO, size=SIZE, pixel_format="yuva420p", fps=Fraction(30)
    ) as sink:
        sink.write(frame(0, "yuva420p"))
        sink.write(frame(1, "yuva420p"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "000001.png",
        "000002.png",
    ]
