"""``streamcut webcam`` and ``streamcut devices`` as programs: what they write, show and survive."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import av
import pytest
from helpers.filming import free_port, http_camera
from helpers.jobs import PROGRAM, Ran
from helpers.media import pictures, shown, write

needs_signals = pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX has them")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second."""
    return write(tmp_path_factory.mktemp("clips") / "in.mkv", pictures(12, 192, 128))


class Running:
    """A live command that runs; ``reports`` are its JSON lines so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.reports: list[dict[str, Any]] = []

    def until(self, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read reports until one is as wanted."""
        deadline = time.monotonic() + 60
        assert self.process.stdout is not None
        while time.monotonic() < deadline:
            line = self.process.stdout.readline()
            if not line:
                break
            self.reports.append(json.loads(line))
            if done(self.reports[-1]):
                return self.reports[-1]
        raise AssertionError(self.process.communicate(timeout=5)[1])

    def ended(self, number: int) -> Ran:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return Ran(self.process.returncode, out, err)


@contextmanager
def running(*arguments: object, **options: Any) -> Iterator[Running]:
    process = subprocess.Popen(
        [*PROGRAM, "webcam", "--json-lines", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    try:
        yield Running(process)
    finally:
        process.kill()
        process.communicate()


# --- ends -----------------------------------------------------------------------------------


@needs_signals
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 0), ("SIGHUP", 0)])
def test_a_signal_ends_it_and_the_file_plays(
    clip: Path, tmp_path: Path, name: str, code: int
) -> None:
    output, number = tmp_path / "out.mp4", getattr(signal, name)
    with running("--camera", clip, "--loop", "--to", output) as live:
        live.until(lambda report: report["frames"] > 2)
        ran = live.ended(number)
    assert ran.code == code
    assert "Traceback" not in ran.err
    assert len(shown(output).pictures) > 2
    if code:
        assert ran.err.startswith("streamcut: stopped after ")


def test_the_last_report_tells_what_became_of_all_pictures(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    with running("--camera", clip, "--to", output) as live:
        out, _ = live.process.communicate(timeout=60)
    last = json.loads(out.splitlines()[-1])
    assert last["frames"] == len(shown(output).pictures)
    assert last["captured"] == last["frames"] + last["dropped"]


@needs_signals
def test_what_is_killed_leaves_files_that_play_but_for_the_last_seconds(
    clip: Path, tmp_path: Path
) -> None:
    """Small pictures: FFmpeg's buffer would hold them all."""
    outputs = tmp_path / "out.mp4", tmp_path / "out.webm"
    where = ["--to", outputs[0], "--record", outputs[1], "--size", "96x64", "-b", "red"]
    with running("--camera", clip, "--loop", *where) as live:
        live.until(lambda report: report["frames"] > 90)
        live.process.kill()
        live.process.wait()
    for output in outputs:
        assert len(shown(output).pictures) > 20


@needs_signals
def test_nohup_keeps_it_going_when_the_terminal_is_gone(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with running("--camera", clip, "--loop", "--to", output, preexec_fn=ignore) as live:
        before = live.until(lambda report: report["frames"] > 2)
        live.process.send_signal(signal.SIGHUP)
        live.until(lambda report: report["frames"] > before["frames"] + 20)
        assert live.ended(signal.SIGTERM).code == 0


@contextmanager
def piped(clip: Path) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]]:
    """A live command that writes pictures to its standard output, and both its ends."""
    with subprocess.Popen(
        [*PROGRAM, "webcam", "-q", "--camera", str(clip), "--loop", "--to", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as live:
        assert live.stdout is not None
        assert live.stderr is not None
        yield live, live.stdout, live.stderr


@needs_signals
def test_a_reader_that_leaves_ends_it_quietly(clip: Path) -> None:
    with piped(clip) as (live, out, err):
        out.read(100_000)
        out.close()
        assert err.read() == b""
        assert live.wait(20) == 0


@needs_signals
def test_a_reader_of_the_reports_that_leaves_ends_it_quietly(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with running("--camera", clip, "--loop", "--to", output) as live:
        live.until(lambda report: report["frames"] > 2)
        assert live.process.stdout is not None
        assert live.process.stderr is not None
        live.process.stdout.close()
        assert live.process.stderr.read() == ""
        assert live.process.wait(20) == 0
        live.process.stdout = None
    assert len(shown(output).pictures) > 2


@needs_signals
def test_a_reader_that_sleeps_does_not_keep_it_from_ending(clip: Path) -> None:
    with piped(clip) as (live, out, _):
        out.read(1000)
        time.sleep(0.5)
        live.send_signal(signal.SIGTERM)
        assert live.wait(20) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_job_that_is_killed_leaves_no_sender_behind(clip: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with running("--camera", clip, "--loop", "-b", "red", "--to", address) as live:
            live.until(lambda report: report["frames"] > 2)
            job = live.process.pid
            (sender,) = Path(f"/proc/{job}/task/{job}/children").read_text().split()
            live.process.kill()
            began = time.monotonic()
            while alive(sender):
                assert time.monotonic() - began < 20
                time.sleep(0.05)


def alive(process: str) -> bool:
    """Whether a process runs; one that has ended may wait for its parent to look."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# --- what is written and shown --------------------------------------------------------------


def test_standard_output_holds_pictures_with_alpha(clip: Path, tmp_path: Path) -> None:
    piped = tmp_path / "out.nut"
    with piped.open("wb") as out:
        ran = subprocess.run(
            [*PROGRAM, "webcam", "--camera", str(clip), "--to", "-"],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert ran.returncode == 0
    with av.open(str(piped), format="nut") as container:
        made = [frame.format.name for frame in container.decode(video=0)]
    assert set(made) == {"rgba"}
    assert ran.stderr.startswith(f"{len(made)} frames in ")


@needs_signals
def test_the_next_background_by_signal_and_the_configuration_file_are_followed(
    clip: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")
    backgrounds = ["-b", "red", "-b", "blue"]
    where = ["--camera", clip, "--loop", "--to", tmp_path / "out.mp4", "--config", config]
    with running(*where, *backgrounds) as live:
        live.until(lambda report: report["frames"] > 0)
        live.process.send_signal(signal.SIGUSR1)
        live.until(lambda report: "background: blue" in report["messages"])
        config.write_text("[live]\nflip = 1\n")
        wrong = live.until(lambda report: bool(report["messages"]))
        config.write_text("[live]\nflip = true\n")
        live.until(lambda report: "the configuration file was read again" in report["messages"])
        assert live.ended(signal.SIGTERM).code == 0
    assert "flip is true or false, not 1" in wrong["messages"][0]
    assert "stays as it was" in wrong["messages"][0]


def test_reports_hold_what_was_promised(clip: Path, tmp_path: Path) -> None:
    with running("--camera", clip, "--loop", "--to", tmp_path / "out.mp4") as live:
        report = live.until(lambda report: report["frames"] > 2)
    assert report["captured"] >= report["frames"] + report["dropped"]
    assert 0 < report["latency_p50_ms"] <= report["latency_p95_ms"]
    assert re.match(r"\d+x\d+", report["network"])
    assert report["fps_in"] > 0
    assert report["consumer"].endswith("out.mp4")


def test_a_terminal_shows_a_panel_and_listens_to_keys(
    clip: Path, tmp_path: Path, terminal: Callable[..., Ran]
) -> None:
    where = ["--camera", clip, "--loop", "--to", tmp_path / "out.mp4", "-b", "red", "-b", "blue"]
    ran = terminal("webcam", *where, answers={"q quit": "\x1b[Bb", "background: blue": "xq"})
    assert ran.code == 0
    for word in ("camera", "output", "dropped", "latency", "network", "frames in"):
        assert word in ran.out


@pytest.mark.parametrize(("end", "code"), [("\x03", 130), (signal.SIGTERM, 0)])
def test_a_terminal_is_itself_again_however_it_ends(
    clip: Path, tmp_path: Path, terminal: Callable[..., Ran], end: str | signal.Signals, code: int
) -> None:
    where = ["--camera", clip, "--loop", "--to", tmp_path / "out.mp4"]
    assert terminal("webcam", *where, answers={"q quit": end}).code == code


@pytest.mark.parametrize(
    ("arguments", "sign"), [(["--json-lines", "--to", "{out}"], "fps_in"), (["--to", "-"], "p95")]
)
def test_no_keys_are_taken_where_somebody_else_may_want_them(
    clip: Path, tmp_path: Path, terminal: Callable[..., Ran], arguments: list[str], sign: str
) -> None:
    where = [argument.format(out=tmp_path / "out.mp4") for argument in arguments]
    ran = terminal(
        "webcam",
        *("--camera", clip, "--loop", *where),
        stdout=os.devnull if "-" in where else "",
        answers={sign: "quirk", "quirk": "\x03"},  # The terminal shows what is typed.
    )
    assert ran.code == 130
    assert "q quit" not in ran.out


def test_no_pictures_are_written_to_a_terminal(clip: Path, terminal: Callable[..., Ran]) -> None:
    ran = terminal("webcam", "--camera", clip, "--to", "-")
    assert ran.code == 2
    assert "standard output is a terminal" in ran.out


def test_what_is_recorded_plays_and_shows_the_same(clip: Path, tmp_path: Path) -> None:
    record = tmp_path / "recorded.mkv"
    ran = subprocess.run(
        [*PROGRAM, "webcam", "-q", "--camera", str(clip), "--to", "-", "--record", str(record)],
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
    assert ran.returncode == 0
    assert shown(record).pictures


# --- cameras of a network -------------------------------------------------------------------


@needs_signals
def test_a_camera_of_a_network_that_goes_and_comes_back_is_said_without_its_password(
    tmp_path: Path,
) -> None:
    port = free_port()
    with ExitStack() as there:
        camera = there.enter_context(http_camera(port, login="me:secret"))
        with running("--camera", camera.url, "--to", tmp_path / "out.mp4") as live:
            live.until(lambda report: report["frames"] > 2)
            there.close()
            gone = live.until(lambda report: bool(report["camera"]))
            with http_camera(port, login="me:secret"):
                live.until(lambda report: not report["camera"])
                ran = live.ended(signal.SIGTERM)
    assert gone["camera"].startswith(f"http://***@127.0.0.1:{port}/video ")
    assert gone["camera"].endswith("; waiting for it to come back")
    assert "secret" not in json.dumps(live.reports) + ran.out + ran.err
    assert (ran.code, ran.err) == (0, "")


@needs_signals
def test_a_camera_that_says_nothing_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    with (
        http_camera(mute=True) as camera,
        running("--camera", camera.url, "--to", tmp_path / "out.mp4") as live,
    ):
        began = time.monotonic()
        while not camera.asked:
            assert time.monotonic() - began < 20
            time.sleep(0.05)
        ran = live.ended(signal.SIGINT)
        assert time.monotonic() - began < 9  # It would wait for ten.
    assert (ran.code, ran.err) == (130, "streamcut: stopped\n")


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--camera", "no-such-camera"], "no camera"),
        (["--camera", "{clip}", "--to", "{clip}"], "is the camera"),
        (["--camera", "{clip}", "--to", "{there}"], "give -y to overwrite"),
        (["--camera", "{clip}", "--to", "out.xyz"], ".xyz"),
        (["--camera", "{clip}", "--to", "-", "--to-format", "rawvideo"], "needs --to-pix-fmt"),
        (["--camera", "{clip}", "--to", "{free}", "--to-format", "nut"], "is for --to -"),
        (["--camera", "{clip}", "--to", "obs:many"], "a port is a number"),
        (["--camera", "{clip}", "--to", "{free}", "--record", "{there}"], "give -y to overwrite"),
        (["--camera", "{clip}", "--to", "{free}", "--record", "{free}"], "into another file"),
        (["--camera", "{clip}", "--to", "{free}", "--record", "-"], "--record writes a file"),
        (["--camera", "{clip}", "--to", "{free}", "--setup"], "--setup is for --to obs"),
        (["--to", "obs", "--password", "x"], "--password is for --setup"),
        (["--to", "obs", "--obs-websocket", "a:1"], "--obs-websocket is for --setup"),
        (["--to", "obs", "--setup", "--obs-websocket", "a:b"], "give HOST:PORT"),
        (["--camera", "screen", "--loop", "--to", "obs"], "--loop is for a file"),
        (["--camera", "{clip}", "--to", "obs", "--cutout", "naive"], "give --cutout cleared"),
        (["--camera", "http://me:pw-1@127.0.0.1:1/", "--to", "{free}"], "***@127.0.0.1:1/ can"),
        (["--camera", "{clip}", "--to", "gopher://me:pw-1@x"], "gopher://***@x: nothing"),
        (["--camera", "{clip}", "--to", "{free}", "-b", "puce-ish"], "no such file"),
        (["--camera", "{clip}", "--to", "obs", "-b", "puce-ish"], "no such file"),
        (["--camera", "{clip}", "--to", "{there}", "-b", "red", "-b", "{there}"], "background"),
        (["--camera", "{clip}", "--to", "{free}", "--size", "huge"], "is not a size"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    command: Callable[..., Ran], clip: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    there = tmp_path / "there.mp4"
    there.write_bytes(b"x")
    places = {"clip": clip, "there": there, "free": tmp_path / "free.mp4"}
    ran = command("webcam", *[argument.format(**places) for argument in arguments])
    assert ran.code in (1, 2)
    assert ran.err.count("\n") == 1
    assert words in ran.err
    assert "pw-1" not in ran.err


def test_an_output_without_alpha_gets_the_blurred_room(
    command: Callable[..., Ran], clip: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.mp4"
    assert command("webcam", "-q", "--camera", clip, "--to", output).code == 0
    assert shown(output).pictures


def test_devices_are_listed(command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    from fractions import Fraction

    from streamcut import sources
    from streamcut.sources import Camera, Mode

    found = [
        Camera(
            0, "Front", "/dev/video0", modes=[Mode("YUYV", (640, 480), (640, 480), Fraction(30))]
        ),
        Camera(4, "streamcut", "/dev/video4", virtual=True, readable=False),
    ]
    monkeypatch.setattr(sources, "cameras", lambda: found)
    assert command("devices").out == (
        "0: Front, /dev/video0\n   YUYV  640x480@30\n"
        "4: streamcut (virtual camera) (nobody writes to it), /dev/video4\n"
    )
    listed = json.loads(command("devices", "--json").out)
    assert listed[0]["modes"] == [
        {"format": "YUYV", "smallest": [640, 480], "largest": [640, 480], "fps": 30.0}
    ]
    assert [camera["virtual"] for camera in listed] == [False, True]
    monkeypatch.setattr(sources, "cameras", lambda: [])
    assert "no " in command("devices").err
