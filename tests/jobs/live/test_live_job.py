"""Live jobs: fresh pictures with their own mattes, whoever is slow, and changes without a gap."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
import pytest
from helpers import waiting
from helpers.filming import http_camera
from helpers.media import Brightness, copied, inside, picture, pictures, views, write

from streamcut.cli.panel import summary_text
from streamcut.core.config import Settings
from streamcut.core.config_file import load
from streamcut.core.errors import ModelError, OutputClosedError, SinkError, SourceError, UsageError
from streamcut.jobs.live import job as live_job
from streamcut.jobs.live.controls import Watched
from streamcut.jobs.live.job import LiveJob
from streamcut.jobs.live.state import LiveState
from streamcut.media.frame import CompositedFrame, OutputFrame, StreamInfo
from streamcut.sessions import Prediction
from streamcut.sources import open_live

WIDTH, HEIGHT = 96, 64


class Recording:
    """A live sink that keeps what it is handed; ``delay`` seconds pass in each write."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.watched = True
        self.state = "recording"
        self.times: list[float] = []
        self.planes: list[list[Any]] = []
        self.opened: tuple[StreamInfo, str, tuple[int, int]] | None = None
        self.ended: list[type[BaseException] | None] = []
        self.failing: BaseException | None = None
        self.written = self.skipped = self.undecodable = self.stopped = 0
        self.notes: list[str] = []

    def open(self, info: StreamInfo, pixel_format: str, size: tuple[int, int]) -> Recording:
        self.opened = info, pixel_format, size
        return self

    def write(self, frame: OutputFrame) -> None:
        if self.failing is not None:
            raise self.failing
        time.sleep(self.delay)
        self.times.append(float(frame.output.time))
        self.planes.append(copied(frame.output))

    def stop(self) -> None:
        self.stopped += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.ended.append(kind)


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    yield
    waiting.until(lambda: not any(t.name.startswith("streamcut-") for t in threading.enumerate()))


@pytest.fixture
def moving(tmp_path: Path) -> Path:
    """Half a second in which the subject moves."""
    return write(tmp_path / "in.mkv", pictures(12, WIDTH, HEIGHT), rate=25)


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """Half a second in which nothing moves."""
    shown = [picture(0, WIDTH, HEIGHT) for _ in range(25)]
    return write(tmp_path / "still.mkv", shown, rate=50)


def job(camera: Path | str, sink: Recording, *, session: Any = None, **options: Any) -> LiveJob:
    watched, backgrounds = options.pop("watched", None), options.pop("backgrounds", ())
    settings = Settings().with_options({"camera": str(camera), "smooth": 0.0, **options})
    return LiveJob(
        settings,
        sink.open,
        session=session or Brightness(1),
        watched=watched,
        backgrounds=backgrounds,
    )


def until(
    live: LiveJob, done: Callable[[], bool]
) -> Callable[[LiveState, CompositedFrame | None], None]:
    """A tick that stops the job as soon as something is done, and fails if it never is."""
    deadline = time.monotonic() + 20

    def tick(_: LiveState, __: CompositedFrame | None) -> None:
        if done():
            live.stop()
        assert time.monotonic() < deadline

    return tick


def test_what_is_loaded_is_kept_from_collections_while_pictures_are_live(moving: Path) -> None:
    gc.unfreeze()  # The tests themselves are kept from them too.
    try:
        kept: list[int] = []
        job(moving, Recording()).run(lambda *_: kept.append(gc.get_freeze_count()))
        assert min(kept) > 1000
        assert not gc.get_freeze_count()
    finally:
        gc.freeze()


def luma(planes: list[Any]) -> float:
    return float(planes[0].mean())


# --- pictures and mattes --------------------------------------------------------------------


def test_a_file_plays_to_its_end_and_the_sink_is_finished(moving: Path) -> None:
    sink = Recording()
    summary = job(moving, sink, background="red").run()
    assert summary.frames == len(sink.times) == summary.captured - summary.dropped
    assert sink.times == sorted(set(sink.times))
    assert sink.ended == [None]
    assert not sink.stopped
    assert sink.opened is not None
    assert sink.opened[1:] == ("yuv420p", (WIDTH, HEIGHT))
    assert sink.opened[0].live


def test_slow_pictures_are_not_taken_for_one_that_stands_still(
    moving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_job, "_STILL", 0.02)  # Half of what is between two pictures.
    sink = Recording()
    assert job(moving, sink).run().frames == len(sink.times)


def test_a_picture_and_its_matte_are_of_the_same_instant(moving: Path) -> None:
    """A slow sink makes pictures drop; each one left still has its own matte."""
    sink = Recording(delay=0.1)
    summary = job(moving, sink).run()
    assert summary.dropped
    shapes = [inside(WIDTH, HEIGHT, index) for index in range(8)]
    for y, _, _, alpha in sink.planes:
        of_picture = [np.mean((y > 160) == shape) for shape in shapes]
        of_matte = [np.mean((alpha > 127) == shape) for shape in shapes]
        assert np.argmax(of_picture) == np.argmax(of_matte)


def test_pictures_are_given_up_before_the_network_and_never_after(moving: Path) -> None:
    sink = Recording(delay=0.12)
    live = job(moving, sink, unchanged=0)
    summary = live.run()
    assert summary.dropped
    assert live.state.mattes.runs == summary.frames == summary.captured - summary.dropped


def test_latency_is_counted_from_capture_and_does_not_grow(tmp_path: Path) -> None:
    """With room for three pictures at a time, none is older than the work on four."""
    source = write(tmp_path / "in.mkv", pictures(40, WIDTH, HEIGHT), rate=50)
    sink = Recording(delay=0.05)
    summary = job(source, sink).run()
    assert summary.latency_p50 is not None
    assert summary.latency_p95 is not None
    assert 50 <= summary.latency_p50 <= summary.latency_p95


def test_a_mirrored_picture_lies_over_a_background_that_is_not(still: Path, tmp_path: Path) -> None:
    ramp = np.repeat(np.arange(WIDTH, dtype=np.uint8)[None, :, None], HEIGHT, 0).repeat(3, 2)
    behind = tmp_path / "ramp.png"
    av.VideoFrame.from_ndarray(ramp, format="rgb24").to_image().save(behind)
    shown = {}
    for mirrored in (False, True):
        sink = Recording()
        job(still, sink, background=str(behind), flip=mirrored).run()
        shown[mirrored] = sink.planes[0][0].astype(int)
    subject = inside(WIDTH, HEIGHT, 0, 0.8)
    assert np.abs(shown[True][:, ::-1][subject] - shown[False][subject]).max() <= 4
    corner = np.s_[-8:, -8:]
    assert np.abs(shown[True][corner] - shown[False][corner]).max() <= 1


def test_size_and_rate_are_kept_to(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mkv", pictures(30, WIDTH, HEIGHT), rate=60)
    sink = Recording()
    began = time.monotonic()
    summary = job(source, sink, size="48x48", fps=15, background="red").run()
    assert sink.opened is not None
    assert sink.opened[2] == (48, 48)
    assert summary.captured <= 15 * (time.monotonic() - began) + 1  # Half a second, if idle.


# --- what saves work ------------------------------------------------------------------------


def test_the_matte_of_an_unchanged_picture_is_kept(still: Path) -> None:
    kept = job(still, Recording(), background="red")
    kept.run()
    assert kept.state.mattes.kept
    assert kept.state.mattes.runs + kept.state.mattes.kept == kept.state.frames
    never = job(still, Recording(), background="red", unchanged=0)
    never.run()
    assert not never.state.mattes.kept


def test_while_nobody_watches_one_still_picture_is_shown_and_the_network_rests(
    still: Path,
) -> None:
    sink = Recording()
    sink.watched = False
    live = job(still, sink, background="red", loop=True)
    live.run(until(live, lambda: len(sink.times) >= 3))
    assert live.state.mattes.runs == live.state.frames == 1
    assert live.state.paused
    first, *others = sink.planes
    assert all((a == b).all() for other in others for a, b in zip(first, other, strict=True))
    assert sink.times == sorted(set(sink.times))


def test_the_network_wakes_when_somebody_watches(still: Path) -> None:
    sink = Recording()
    sink.watched = False
    live = job(still, sink, background="red", loop=True)

    def seen() -> bool:
        sink.watched = sink.watched or live.state.paused > 2
        return live.state.frames > 5

    live.run(until(live, seen))


def test_always_works_unwatched(still: Path) -> None:
    sink = Recording()
    sink.watched = False
    live = job(still, sink, background="red", always=True)
    assert live.run().frames > 1
    assert not live.state.paused


# --- what is said ---------------------------------------------------------------------------


def test_a_camera_that_sends_nothing_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamcut.jobs.live.state._SILENT", 0.3)
    with http_camera() as camera:
        live = job(camera.url, sink := Recording(), background="red")

        def done() -> bool:
            if sink.times:
                camera.hold.set()
            return live.state.source.startswith("no frame for ")

        live.run(until(live, done))


def test_an_output_that_stalls_is_not_taken_for_a_silent_camera(
    still: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamcut.jobs.live.state._SILENT", 0.3)
    live = job(still, sink := Recording(delay=0.8), background="red", loop=True)
    said = set()

    def done() -> bool:
        said.add(live.state.source)
        return len(sink.times) > 1

    live.run(until(live, done))
    assert said == {""}


# --- control --------------------------------------------------------------------------------


def test_backgrounds_take_turns(still: Path) -> None:
    sink = Recording()
    live = job(still, sink, backgrounds=["black", "white"], background="black", loop=True)
    seen: list[float] = []

    def done() -> bool:
        if sink.planes and len(seen) < 3:
            corner = float(sink.planes[-1][0][:4, :4].mean())
            if not seen or abs(corner - seen[-1]) > 100:
                seen.append(corner)
                live.next_background()
        return len(seen) == 3

    live.run(until(live, done))
    assert seen == [16, 235, 16]


def test_keyframes_go_on_while_backgrounds_change(moving: Path) -> None:
    live = job(
        moving,
        sink := Recording(),
        matting="keyframes",
        keyframe_interval=2,
        background="black",
        backgrounds=["black", "white"],
        loop=True,
    )
    asked: list[int] = []

    def done() -> bool:
        if sink.planes and len(asked) == len(live.state.messages):
            asked.append(len(sink.planes))
            live.next_background()
        return len(asked) > 3

    live.run(until(live, done))
    expected = [f"background: {name}" for name in ("white", "black", "white")]
    assert list(live.state.messages)[:3] == expected
    assert asked[-1] > asked[0]


def test_a_folder_stands_for_the_pictures_in_it(still: Path, tmp_path: Path) -> None:
    folder = tmp_path / "behind"
    folder.mkdir()
    for name, level in (("a.png", 0), ("b.png", 255)):
        grey = np.full((8, 8, 3), level, np.uint8)
        av.VideoFrame.from_ndarray(grey, format="rgb24").to_image().save(folder / name)
    sink = Recording()
    live = job(still, sink, background=str(folder), loop=True)
    wished: list[bool] = []
    live.run(until(live, lambda: _turned(live, sink, wished)))
    assert [round(float(sink.planes[i][0][:4, :4].mean())) for i in (0, -1)] == [16, 235]


class White(Brightness):
    """Says that the subject is half there and white, as RobustVideoMatting tells colours."""

    def stream(self) -> Any:
        def made(small: Any) -> Prediction:
            return Prediction(np.full(small.shape[:2], 0.5, np.float32), np.ones_like(small, "f4"))

        return made


def test_a_live_job_takes_the_border_s_colours_from_the_network(tmp_path: Path) -> None:
    grey = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    filmed = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="yuv420p")
    source = write(tmp_path / "in.mkv", [filmed] * 4, rate=25)
    brightness = {}
    for decontaminate in (True, False):
        sink = Recording()
        options = {"background": "black", "decontaminate": decontaminate}
        job(source, sink, session=White(1), **options).run()
        brightness[decontaminate] = luma(sink.planes[-1])
    black = 16
    ratio = (brightness[True] - black) / (brightness[False] - black)
    assert ratio == pytest.approx(255 / 150, rel=0.05)


def _turned(live: LiveJob, sink: Recording, wished: list[bool]) -> bool:
    """Whether the next background is shown, which is wished for once."""
    if len(sink.planes) >= 3 and not wished:
        wished.append(True)
        live.next_background()
    return bool(sink.planes) and float(sink.planes[-1][0][:4, :4].mean()) > 200


class Counted(Brightness):
    """Notes the first picture of each of its streams."""

    def __init__(self) -> None:
        super().__init__(1)
        self.began: list[Any] = []

    def stream(self) -> Any:
        seen, began = super().stream(), self.began

        first = [True]

        def noting(picture: Any) -> Any:
            if first.pop() if first else False:
                began.append(picture)
            return seen(picture)

        return noting


def test_what_remembers_pictures_begins_anew_when_left_and_right_are_exchanged(
    tmp_path: Path,
) -> None:
    side = picture(0, WIDTH, HEIGHT)
    views(side)[0][:, WIDTH // 2 :] = 16
    source = write(tmp_path / "in.mkv", [side] * 10, rate=50)
    file = tmp_path / "config.toml"
    file.write_text("")
    session = Counted()
    options = {"camera": str(source), "loop": True, "unchanged": 0}
    watched = Watched(file, lambda: load(file).with_options(options))
    live = job(source, Recording(), session=session, loop=True, unchanged=0, watched=watched)

    def done() -> bool:
        if live.state.frames and not file.read_text():
            file.write_text("[live]\nflip = true\n")
        return len(session.began) == 2

    live.run(until(live, done))
    before, after = session.began
    assert np.abs(before[:, ::-1].astype(int) - after).mean() < 3
    assert np.abs(before.astype(int) - after).mean() > 20


def test_a_changed_configuration_file_is_followed_without_a_gap(
    still: Path, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[picture]\nbackground = 'black'\n")
    sink = Recording()
    options = {"camera": str(still), "loop": True, "smooth": 0.0}
    live = job(
        still,
        sink,
        background="black",
        loop=True,
        watched=Watched(file, lambda: load(file).with_options(options)),
    )
    steps = iter(
        [
            ("[picture]\nbackground = 'white'\n", lambda: sink.planes[-1][0][0, 0] == 235),
            ("[picture\n", lambda: "not valid TOML" in live.state.messages[-1]),
            ("[matte]\nthreshold = 5.0\n", lambda: "0 to 1" in live.state.messages[-1]),
            ("[picture]\nonly_mask = true\n", lambda: "settled" in live.state.messages[-1]),
            (
                "[picture]\nbackground = 'black'\n[live]\nfps = 5\n",
                lambda: sink.planes[-1][0][0, 0] == 16,
            ),
        ]
    )
    now: list[Any] = [None]

    def done() -> bool:
        if not sink.planes or (now[0] is not None and not now[0]()):
            return False
        text, now[0] = next(steps, (None, None))
        if text is not None:
            file.write_text(text)
        return text is None

    live.run(until(live, done))
    assert "fps: from the next start on" in live.state.messages
    # Nothing was left out on the way: all that was captured and not given up was handed over.
    state = live.state
    assert state.captured - state.dropped - state.frames <= 5


def test_no_transparency_can_be_chosen_among_colours(still: Path) -> None:
    with pytest.raises(UsageError, match="leave the empty background out"):
        job(still, Recording(), backgrounds=["red", ""], background="red").run()


def test_wishes_that_cannot_be_met_are_said_and_change_nothing(still: Path) -> None:
    sink = Recording()
    live = job(still, sink, backgrounds=["black", "no-such-colour"], background="black", loop=True)
    wished: list[bool] = []

    def done() -> bool:
        if len(sink.planes) >= 3 and not wished:
            wished.append(True)
            live.next_background()
        return live.state.said > 0

    live.run(until(live, done))
    assert "no-such-colour" in live.state.messages[0]
    assert "stays as it was" in live.state.messages[0]
    assert sink.planes[-1][0][0, 0] == 16


# --- ends -----------------------------------------------------------------------------------


def test_stopping_finishes_the_sink(still: Path) -> None:
    sink = Recording()
    live = job(still, sink, loop=True)
    live.run(until(live, lambda: len(sink.times) > 2))
    assert len(sink.ended) == 1


def test_what_an_output_could_not_keep_is_told_at_the_end(moving: Path) -> None:
    sink = Recording()
    sink.notes = ["the recording lost 3 frames"]
    assert summary_text(job(moving, sink).run()).endswith("\nthe recording lost 3 frames")


def test_an_output_that_takes_its_time_to_finish_is_waited_for(
    still: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_job, "_PATIENCE", 0.05)

    class Slow(Recording):
        def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
            time.sleep(0.6)
            super().__exit__(kind)

    sink = Slow()
    live = job(still, sink, loop=True)
    live.run(until(live, lambda: len(sink.times) > 2))
    assert len(sink.ended) == 1


@pytest.mark.parametrize("error", [SinkError("full"), ZeroDivisionError("odd")])
def test_an_error_of_the_sink_arrives(still: Path, error: BaseException) -> None:
    sink = Recording()
    sink.failing = error
    with pytest.raises(type(error), match=str(error)):
        job(still, sink, loop=True).run()
    assert sink.ended == [type(error)]


def test_a_reader_that_has_gone_ends_the_job_quietly(still: Path) -> None:
    sink = Recording()
    sink.failing = OutputClosedError("gone")
    assert job(still, sink, loop=True).run().frames == 0


def test_an_error_of_the_network_arrives(still: Path) -> None:
    class Broken(Brightness):
        def stream(self) -> Any:
            def fail(_: Any) -> Any:
                raise ModelError("broken")

            return fail

    sink = Recording()
    with pytest.raises(ModelError, match="broken"):
        job(still, sink, session=Broken(), loop=True).run()
    assert sink.ended


def test_a_sink_that_waits_for_its_reader_is_let_go(still: Path) -> None:
    stuck = threading.Event()

    class Stuck(Recording):
        def write(self, frame: OutputFrame) -> None:
            super().write(frame)
            stuck.wait(20)

        def stop(self) -> None:
            stuck.set()

    sink = Stuck()
    live = job(still, sink, loop=True)
    began = time.monotonic()
    live.run(until(live, lambda: bool(sink.times)))
    assert time.monotonic() - began < 15


def test_the_network_is_loaded_while_the_camera_opens(
    monkeypatch: pytest.MonkeyPatch, moving: Path
) -> None:
    """Each waits for the other to have begun, in vain where they take turns."""
    opening, loading = threading.Event(), threading.Event()

    def opened(*args: Any, **options: Any) -> Any:
        opening.set()
        assert loading.wait(20)
        return open_live(*args, **options)

    def loaded(_: Settings) -> Brightness:
        loading.set()
        assert opening.wait(20)
        return Brightness()

    monkeypatch.setattr(live_job, "open_live", opened)
    monkeypatch.setattr(live_job, "session_of", loaded)
    sink = Recording()
    LiveJob(Settings().with_options({"camera": str(moving)}), sink.open).run()
    assert sink.times


@pytest.mark.parametrize("fails", [False, True])
def test_a_camera_is_closed_where_the_network_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, moving: Path, fails: bool
) -> None:
    """And what is told is the network's fault, also where the camera has one of its own."""
    closed: list[str] = []

    class Camera:
        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            closed.append("camera")

    def opened(*_: Any, **__: Any) -> Camera:
        if fails:
            raise SourceError("no camera")
        return Camera()

    def loaded(_: Settings) -> Brightness:
        raise ModelError("no model")

    monkeypatch.setattr(live_job, "open_live", opened)
    monkeypatch.setattr(live_job, "session_of", loaded)
    sink = Recording()
    with pytest.raises(ModelError, match="no model"):
        LiveJob(Settings().with_options({"camera": str(moving)}), sink.open).run()
    assert closed == ([] if fails else ["camera"])
    assert sink.opened is None


def test_a_stop_while_the_camera_is_silent_is_an_ordinary_end(
    monkeypatch: pytest.MonkeyPatch, still: Path
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(live_job, "open_live", lambda *_, **__: answers.wait(20))
    monkeypatch.setattr(live_job, "_PATIENCE", 0.05)
    live = job(still, Recording())
    live.stop()
    summary = live.run()
    answers.set()
    for thread in threading.enumerate():
        if thread.name.startswith("streamcut-"):
            thread.join()
    assert (summary.frames, summary.camera) == (0, str(still))


def test_a_summary_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: Any, **__: Any) -> Any:
        time.sleep(0.2)  # The job is stopped before anything comes.

    monkeypatch.setattr(live_job, "open_live", answer)
    live = job("http://me:secret@localhost/", Recording(), to="rtmp://localhost/live/secret")
    live.stop()
    assert "secret" not in str(live.run())


def test_contradictions_are_refused_at_once(still: Path) -> None:
    with pytest.raises(UsageError, match="cannot be used together"):
        LiveJob(Settings().with_options({"only_mask": True, "stacked": True}), Recording().open)
