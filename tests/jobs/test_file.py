"""A job as a whole: what it refuses, how it fails in the middle, and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.media import Brightness, pictures, shown, write

from streamcut.core.config import Settings
from streamcut.core.errors import (
    ConfigError,
    ModelError,
    OutputExistsError,
    SinkError,
    SourceError,
    UsageError,
)
from streamcut.jobs import file as module
from streamcut.jobs import request
from streamcut.jobs.file import Job, remove_video
from streamcut.jobs.report import JobState
from streamcut.media.frame import Frame
from streamcut.sources import open_source

Clip = Callable[..., Path]


pytestmark = pytest.mark.usefixtures("no_thread_left")


class FailingError(Exception):
    """The error that is looked for."""


class Failing(Brightness):
    """A session that fails at one picture."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def stream(self) -> Any:
        quick, numbers = super().stream(), iter(range(10_000))

        def some(picture: Any) -> Any:
            if next(numbers) == self.at:
                raise FailingError("the network fails")
            return quick(picture)

        return some


# --- failing in the middle ------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".webm", ".mkv", ".mov", ".gif", ".apng"])
def test_a_stage_that_fails_leaves_what_came_before_it(
    clip: Clip, tmp_path: Path, ending: str
) -> None:
    output = tmp_path / f"out{ending}"
    with pytest.raises(FailingError, match="the network fails") as raised:
        remove_video(clip(count=20), output, session=Failing(7))
    names = [entry.name for entry in raised.traceback]
    assert {"remove_video", "run", "predict", "some"} <= set(names)
    assert len(shown(output).pictures) == 7


def test_a_stage_that_fails_at_once_leaves_no_output(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(FailingError):
        remove_video(clip(), tmp_path / "out.mkv", session=Failing(0))
    assert not (tmp_path / "out.mkv").exists()


def test_a_source_that_fails_leaves_what_came_before_it(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_source

    class Cut:
        """A source whose connection is lost."""

        def __init__(self, url: str, **options: Any) -> None:
            self._source = opened(url, **options)
            self.info, self.undecodable = self._source.info, 0

        def __iter__(self) -> Iterator[Frame]:
            for number, frame in enumerate(self._source):
                if number == 6:
                    raise SourceError("connection lost")
                yield frame

        def __enter__(self) -> Cut:
            return self

        def __exit__(self, *_: object) -> None:
            self._source.__exit__(None, None, None)

    monkeypatch.setattr(module, "open_source", Cut)
    with pytest.raises(SourceError, match="connection lost"):
        remove_video(clip(count=20), tmp_path / "out.mkv", session=Brightness())
    assert len(shown(tmp_path / "out.mkv").pictures) == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_sink_that_fails_stops_everything(clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "out.mkv").symlink_to("/dev/full")
    with pytest.raises(SinkError, match="the disk is full"):
        remove_video(clip(count=60), tmp_path / "out.mkv", session=Brightness(), overwrite=True)


def test_a_caller_s_tick_that_fails_stops_everything(clip: Clip, tmp_path: Path) -> None:
    def tick(state: JobState) -> None:
        if state.frames == 3:
            raise FailingError("enough")

    with pytest.raises(FailingError, match="enough"):
        remove_video(clip(count=20), tmp_path / "out.mkv", session=Brightness(), tick=tick)
    assert len(shown(tmp_path / "out.mkv").pictures) == 3


def test_a_broken_model_leaves_an_older_output_alone(clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    (tmp_path / "out.mkv").write_bytes(b"old")
    with pytest.raises(ModelError):
        remove_video(
            clip(), tmp_path / "out.mkv", model=str(tmp_path / "broken.onnx"), overwrite=True
        )
    assert (tmp_path / "out.mkv").read_bytes() == b"old"


def test_a_background_video_is_closed_however_the_job_ends(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    closed: list[str] = []

    def counting(url: str, **options: Any) -> Any:
        source = open_source(url, **options)
        leave = source.close  # type: ignore[attr-defined]

        def closing() -> None:
            closed.append(str(url))
            leave()

        monkeypatch.setattr(source, "close", closing)
        opened.append(str(url))
        return source

    for user in (module, request):
        monkeypatch.setattr(user, "open_source", counting)
    behind = write(tmp_path / "behind.mkv", pictures(4))
    for at in (3, 1000):
        try:
            remove_video(
                clip(count=12),
                tmp_path / f"out{at}.mkv",
                session=Failing(at),
                background=str(behind),
            )
        except FailingError:
            assert at == 3
    assert opened.count(str(behind)) > 2
    assert sorted(opened) == sorted(closed)


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"qualty": "fast"}, ConfigError, "unknown setting 'qualty'; the nearest is 'quality'"),
        ({"quality": "good"}, ConfigError, "quality is one of"),
        ({"threads": -1}, ConfigError, "0 to 256"),
        ({"start": -1.0}, UsageError, "^start is 0 or more"),
        ({"duration": 0.0}, UsageError, "^duration is more than 0"),
        ({"only_mask": True, "stacked": True}, UsageError, "cannot be used together"),
        ({"size": "x"}, UsageError, "'x' is not a size"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_opened(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        remove_video(tmp_path / "none.mp4", tmp_path / "out.mkv", **options)


@pytest.mark.parametrize(
    ("output", "taken"),
    [
        ("p%d.png", True),
        ("p%03d.png", True),
        ("p%03d.PNG", False),
        ("q%03d.png", False),
        (".", True),
        ("empty", False),
        ("p001.gif", True),
        ("p002.gif", False),
    ],
)
def test_what_an_output_consists_of_is_what_counts_as_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, taken: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for name in ("p001.png", "pmask.png", "q.png", "xp001.png", "p001.gif"):
        (tmp_path / name).write_bytes(b"old")
    if not taken:
        Job("in.mkv", output)
        return
    with pytest.raises(OutputExistsError, match="exists"):
        Job("in.mkv", output)
    Job("in.mkv", output, overwrite=True)


@pytest.mark.parametrize("url", ["x\0y", "a" * 5000, "http://h/%20/x%d.mp4", "%d", "none/%03d.png"])
def test_odd_inputs_are_no_trouble_before_they_are_opened(tmp_path: Path, url: str) -> None:
    job = Job(url, str(tmp_path / "out.mkv"), session=Brightness())
    if not url.startswith("http"):
        with pytest.raises(SourceError):
            job.run()
    assert not (tmp_path / "out.mkv").exists()


def test_an_odd_output_is_one_error(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be written: File name too long"):
        remove_video(clip(), tmp_path / ("a" * 300 + ".mkv"), session=Brightness())


# --- what is reported -----------------------------------------------------------------------


def test_a_summary_counts_what_was_written(clip: Clip, tmp_path: Path) -> None:
    source = clip(count=10)
    seen: list[tuple[int, float]] = []
    summary = remove_video(
        source,
        f"{tmp_path}/pictures/",
        session=Brightness(),
        tick=lambda state: seen.append((state.frames, state.time)),
    )
    files = list((tmp_path / "pictures").iterdir())
    assert len(files) == summary.frames == 10
    assert summary.bytes == sum(file.stat().st_size for file in files)
    assert (summary.input, summary.output) == (str(source), f"{tmp_path}/pictures/")
    assert [number for number, _ in seen] == list(range(1, 11))
    assert [time for _, time in seen] == pytest.approx([number / 25 for number in range(10)])
    assert summary.fps == pytest.approx(10 / summary.seconds)
    assert summary.speed == pytest.approx(10 / 25 / summary.seconds)
    assert [stage.name for stage in summary.stages] == ["decode", "matte", "composite", "encode"]
    for stage in summary.stages:
        assert 0 <= stage.busy <= summary.seconds + 0.01
        assert stage.starved + stage.blocked <= summary.seconds + 0.01


def test_one_picture_is_a_job_too(clip: Clip, tmp_path: Path) -> None:
    summary = remove_video(clip(count=1), tmp_path / "out.webm", session=Brightness())
    assert summary.frames == 1
    assert np.isfinite([summary.fps, summary.speed, summary.seconds]).all()


def test_a_clip_of_the_input_is_no_cut_off_input(clip: Clip, tmp_path: Path) -> None:
    job = Job(
        str(clip(count=100)),
        str(tmp_path / "out.mkv"),
        Settings(),
        session=Brightness(),
        start=Fraction(1),
        duration=Fraction(2),
    )
    summary = job.run()
    assert summary.frames == 50
    assert summary.notes == []
    assert job.state is not None
    assert job.state.info.frames == 50
