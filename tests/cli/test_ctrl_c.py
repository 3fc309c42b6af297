"""Ctrl-C at any moment: one line, the exit code 130, and a file that plays."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.jobs import Ran
from helpers.media import animation, pictures, shared, shown, write
from helpers.waiting import until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX has them")

# Says when the command has Ctrl-C in hand: before that, it is the interpreter's own affair.
BEGUN = """
from streamcut import cli

def begun(prepare=cli._prepare_streams):
    print("begun", flush=True)
    prepare()

cli._prepare_streams = begun
cli.main()
"""
MOMENTS = int(os.environ.get("STREAMCUT_TEST_MOMENTS", "1"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that takes about a second."""
    return write(tmp_path_factory.mktemp("clips") / "in.mkv", pictures(150, 192, 128))


class Stopped(Ran):
    """A run that was sent signals."""

    seconds: float
    """How long it took to end after the first of them."""


def stopped(
    arguments: list[str],
    after: float,
    presses: int = 1,
    gap: float = 0.0,
    begun: Callable[[], bool] = lambda: True,
    number: signal.Signals = signal.SIGINT,
) -> Stopped:
    """Run the command, press Ctrl-C so many seconds after it has begun, and wait for its end."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGUN, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    while not begun() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(after)
    pressed = time.monotonic()
    for _ in range(presses):
        process.send_signal(number)
        time.sleep(gap)
    out, err = process.communicate(timeout=30)
    ran = Stopped(process.returncode, out, err)
    ran.seconds = time.monotonic() - pressed
    with pytest.raises(ProcessLookupError):  # Nothing of it is left.
        os.killpg(process.pid, 0)
    return ran


def frames_in(output: Path) -> int:
    """How many pictures can be decoded; WebP makes one of those that are alike, so by time."""
    if output.suffix == ".webp":
        return max(1, sum(animation(output)[1]) // 40)  # One alone is a still, without a time.
    if output.is_dir():
        return len([shown(path) for path in sorted(output.glob("*.png"))])
    if output.suffix in (".gif", ".apng"):
        return len(animation(output)[0])
    return len(shown(output).pictures)


def check(ran: Stopped, output: Path) -> None:
    """See that a run ended as it should: finished before the signal, or stopped by it."""
    assert "Traceback" not in ran.err
    if ran.code == 0:
        assert frames_in(output) == 150
        return
    assert (ran.code, ran.out) == (130, "")
    said = re.fullmatch(r"streamcut: stopped(?: after (\d+) frames; (.*) holds them)?\n", ran.err)
    assert said, ran.err
    assert ran.seconds < 3
    if said[1] is None:
        assert not output.exists()
    else:
        assert said[2].rstrip("/") == str(output)
        assert frames_in(output) == int(said[1])


FORMATS = {
    "out.webm": ["--quality", "fast"],
    "out.mp4": ["-b", "red"],
    "out.mov": [],
    "out.mkv": [],
    "pictures": [],
    "out.webp": [],
    "out.gif": [],
    "out.apng": [],
}


@pytest.mark.parametrize("name", FORMATS)
def test_while_it_writes(clip: Path, tmp_path: Path, name: str) -> None:
    chance = random.Random(name)
    for moment in range(MOMENTS):
        output = tmp_path / str(moment) / name
        output.parent.mkdir()
        arguments = ["video", str(clip), f"{output}/" if name == "pictures" else str(output)]
        arguments += FORMATS[name]
        after = chance.uniform(0, 0.4)
        if name == "out.webp":  # Is there only when it is complete.
            ran = stopped(arguments, 1 + after)
        else:
            ran = stopped(arguments, after, begun=output.exists)
        check(ran, output)


@pytest.mark.parametrize("gap", [0.0, 0.1])
@pytest.mark.parametrize("after", [0.1, 0.9])
def test_twice_in_a_row(clip: Path, tmp_path: Path, after: float, gap: float) -> None:
    output = tmp_path / "out.webm"
    check(stopped(["video", str(clip), str(output)], after, presses=2, gap=gap), output)


def test_while_importing(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.webm"
    for moment in range(5):
        check(stopped(["video", str(clip), str(output)], moment * 0.08), output)
        output.unlink(missing_ok=True)


def test_before_the_first_picture_an_older_output_stays(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.webm"
    output.write_bytes(b"old")
    ran = stopped(["video", str(clip), str(output), "-y"], 0.1)
    assert (ran.code, ran.err) == (130, "streamcut: stopped\n")
    assert output.read_bytes() == b"old"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_other_ends_finish_the_file_too(
    clip: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    output = tmp_path / "out.mkv"
    ran = stopped(["video", str(clip), str(output)], 0.2, begun=output.exists, number=number)
    assert ran.code == code
    found = re.fullmatch(r"streamcut: stopped after (\d+) frames; .* holds them\n", ran.err)
    assert found, ran.err
    assert frames_in(output) == int(found[1])


def test_what_nohup_ignores_is_ignored(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    command = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", sys.executable, "-m", "streamcut"]
    with subprocess.Popen([*command, "video", str(clip), str(output), "-q"]) as process:
        until(output.exists)
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 0
    assert frames_in(output) == 150


def test_while_a_pipe_waits_for_its_reader(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.webm"
    os.mkfifo(output)
    ran = stopped(["video", str(clip), str(output), "-q"], 1.5)
    assert (ran.code, ran.err) == (130, "streamcut: stopped\n")


def test_a_pipe_is_written_once_somebody_reads_it(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    os.mkfifo(output)
    command = [sys.executable, "-m", "streamcut", "video", str(clip), str(output), "-q"]
    with subprocess.Popen([*command, "--duration", "0.4"]) as process:
        (tmp_path / "copy.mkv").write_bytes(output.read_bytes())
        assert process.wait(60) == 0
    assert frames_in(tmp_path / "copy.mkv") == 10


def test_twice_while_the_network_never_ends(clip: Path, tmp_path: Path) -> None:
    """Nothing can stop a library; the process is left at once, not aborted."""
    forever = shared("cases", "trust", "files", "forever.onnx")
    output = tmp_path / "out.webm"
    ran = stopped(["video", str(clip), str(output), "-m", str(forever)], 2, presses=2, gap=2.2)
    assert (ran.code, ran.err) == (130, "streamcut: stopped\n")


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_a_job_whose_input_stalls_is_left_by_pressing_again(
    clip: Path, tmp_path: Path, share: float
) -> None:
    """A pipe that falls silent, at once or after a while: nothing can wake FFmpeg's read."""
    pipe, output = tmp_path / "pipe.mkv", tmp_path / "out.mkv"
    os.mkfifo(pipe)
    arguments = [sys.executable, "-m", "streamcut", "video", str(pipe), str(output), "-q"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        with pipe.open("wb") as feed:
            data = clip.read_bytes()
            feed.write(data[: int(len(data) * share)])
            feed.flush()
            if share:
                until(output.exists)
            time.sleep(0.3 + share)
            process.send_signal(signal.SIGINT)
            time.sleep(2.2)
            process.send_signal(signal.SIGINT)
            pressed = time.monotonic()
            process.wait(10)
        err = process.stderr.read() if process.stderr else ""
    assert time.monotonic() - pressed < 1
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.count("\n") == 1
    if share:
        assert len(shown(output).pictures) == int(err.split()[3])


def test_bench(tmp_path: Path) -> None:
    ran = stopped(["bench", "--frames", "20", "--rounds", "50"], 1.2)
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.endswith("streamcut: stopped\n")
    assert "Traceback" not in ran.err
    assert ran.seconds < 3


def test_a_stopped_job_s_terminal_shows_one_line(
    clip: Path, tmp_path: Path, terminal: Callable[..., Ran]
) -> None:
    ran = terminal("video", clip, tmp_path / "out.webm", at={1.2: "\x03"})
    assert ran.code == 130
    assert "Traceback" not in ran.out
    last = ran.out.rstrip("\r\n").rpartition("\n")[2]
    assert last.rpartition("\r")[2].startswith("streamcut: stopped")
