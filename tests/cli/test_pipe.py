"""``streamcut pipe`` between other programs: frames alone, exactly, and a quiet end."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.jobs import PROGRAM, Ran
from helpers.media import pictures, write

from streamcut.cli import standard_input
from streamcut.cli.pipe import like_input
from streamcut.core.config import Settings

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes and signals as POSIX has them")

COUNT, WIDTH, HEIGHT = 5, 96, 64
AS_DECODED = ["--no-decontaminate", "--cutout", "putalpha"]
RAW = ["--from", "rawvideo", "--size", f"{WIDTH}x{HEIGHT}", "--pix-fmt", "rgb24"]


def bare() -> bytes:
    """Five frames in rgb24."""
    return b"".join(p.to_ndarray(format="rgb24").tobytes() for p in pictures(COUNT))


def colours(data: bytes, channels: int) -> Any:
    return np.frombuffer(data, np.uint8).reshape(-1, HEIGHT, WIDTH, channels)[..., :3]


def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    given = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*PROGRAM, "pipe", *arguments], **{**given, **options})


def ended(process: subprocess.Popen[bytes], data: bytes = b"") -> tuple[int, bytes, str]:
    out, err = process.communicate(data, timeout=60)
    return process.returncode, out, err.decode()


def write_for_ever(fd: int) -> None:
    while True:
        os.write(fd, bare())


def test_ffmpeg_on_both_ends_gets_the_colours_it_gave(tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg program here")
    source = ["-v", "error", "-f", "lavfi", "-i", f"testsrc2=s={WIDTH}x{HEIGHT}:r=25:d=0.4"]
    before, after = tmp_path / "before.rgb", tmp_path / "after.rgba"
    subprocess.run(["ffmpeg", *source, "-pix_fmt", "rgb24", "-f", "rawvideo", before], check=True)
    feed = ["ffmpeg", *source, "-pix_fmt", "rgb24", "-c:v", "rawvideo", "-f", "nut", "-"]
    take = ["ffmpeg", "-v", "error", "-f", "nut", "-i", "-", "-f", "rawvideo", str(after)]
    with (
        subprocess.Popen(feed, stdout=subprocess.PIPE) as feeder,
        start("--from", "nut", *AS_DECODED, stdin=feeder.stdout) as process,
        subprocess.Popen(take, stdin=process.stdout) as taker,
    ):
        # Each end belongs to the program that reads it alone, so that its going is noticed.
        for end in (feeder.stdout, process.stdout):
            assert end is not None
            end.close()
    assert (feeder.returncode, process.returncode, taker.returncode) == (0, 0, 0)
    assert (colours(after.read_bytes(), 4) == colours(before.read_bytes(), 3)).all()


def test_bare_pictures_come_out_as_bare_pictures_and_nothing_else() -> None:
    code, out, err = ended(start(*RAW, *AS_DECODED, "--fps", "30000/1001"), bare())
    assert code == 0
    assert len(out) == COUNT * WIDTH * HEIGHT * 4
    assert (colours(out, 4) == colours(bare(), 3)).all()
    assert err.startswith(f"standard output: {COUNT} frames in ")


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    with start(*RAW) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        os.write(process.stdin.fileno(), bare())
        process.stdout.read(1000)
        process.stdout.close()
        with pytest.raises(BrokenPipeError):  # It has gone, also for who writes to it.
            write_for_ever(process.stdin.fileno())
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == b""


def test_a_reader_that_has_seen_enough_of_a_file_ends_it_quietly(tmp_path: Path) -> None:
    clip = write(tmp_path / "in.mkv", pictures(40))
    whole = [*PROGRAM, "video", str(clip), "-", "-q"]
    with subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(3) == b"nut"
        process.stdout.close()
        assert (process.wait(timeout=30), process.stderr.read()) == (0, b"")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_while_its_input_is_silent(number: int, code: int) -> None:
    with start(*RAW) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(bare())
        process.stdin.flush()
        process.stdout.read(1)
        process.send_signal(number)
        assert process.wait(timeout=30) == code
        process.stdout.read()  # Its reader sees an end, not a wait.


def test_a_signal_ends_it_while_its_reader_does_not_read() -> None:
    with start(*RAW) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(2 * bare())  # More than the pipe to its reader holds.
        process.stdin.flush()
        process.stdout.read(1)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130


def test_closed_standard_streams_are_empty_ones() -> None:
    closed = ["sh", "-c", 'exec "$@" <&- >&-', "sh", *PROGRAM, "pipe"]
    ran = subprocess.run(closed, stderr=subprocess.PIPE, text=True, timeout=60)
    assert ran.returncode == 1
    assert ran.stderr.startswith("streamcut: error: standard input is not a video")
    assert ran.stderr.count("\n") == 1


def test_two_of_them_make_one_pipe() -> None:
    first = start(*RAW, "-q", "--to", "nut")
    second = start("--from", "nut", "-q", "--to", "y4m", "-b", "red", stdin=first.stdout)
    assert first.stdin is not None
    assert first.stdout is not None
    first.stdout.close()
    first.stdin.write(bare())
    first.stdin.close()
    code, out, err = ended(second)
    assert (code, err) == (0, "")
    assert out.startswith(b"YUV4MPEG2 ")
    assert out.count(b"FRAME\n") == COUNT
    assert first.stderr is not None
    assert (first.stderr.read(), first.wait()) == (b"", 0)
    first.stderr.close()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--from rawvideo --size 96x64", "--from rawvideo needs --size and --pix-fmt"),
        (
            "--from rawvideo --size big --pix-fmt rgb24",
            "--size 'big' is not a size: write 1280x720",
        ),
        (
            "--from rawvideo --size 40000x40000 --pix-fmt rgb24",
            "40000x40000 is more than 8K: --allow-large makes such frames",
        ),
        ("--fps 1e999999999", "'1e999999999' is not a rate"),
        ("--from nut --size 96x64", "--size is for --from rawvideo"),
        ("--from nut --fps 5", "--fps is for --from rawvideo"),
        ("--fps 0", "'0' is not a rate"),
        ("--to rawvideo", "--to rawvideo needs --to-pix-fmt"),
        ("--from y4m", "y4m cannot hold alpha: write nut"),
        ("--from rawvideo --size 96x64 --pix-fmt cuda", "cuda is for frames in a graphics card"),
        ("--to nut --to-pix-fmt pal8", "frames cannot be made pal8"),
        ("--to rawvideo --to-pix-fmt rgbaf16le", "frames cannot be made rgbaf16le"),
        ("--to y4m --to-pix-fmt pal8", "frames cannot be made pal8"),
        ("--from mpeg7", "FFmpeg has no input format called 'mpeg7'"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(
    command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, arguments: str, told: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ran = command("pipe", *arguments.split())
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("read_as", "begins", "options", "written"),
    [
        ("auto", b"YUV4MPEG2 W96 H64", {"background": "red"}, "y4m"),
        ("auto", b"YUV4MPEG2 W96 H64", {"only_mask": True}, "y4m"),
        ("auto", b"YUV4MPEG2 W96 H64", {"stacked": True}, "y4m"),
        ("auto", b"YUV4MPEG2 W96 H64", {}, "nut"),
        ("auto", b"\x1aE\xdf\xa3", {"background": "red"}, "nut"),
        ("auto", b"", {"background": "red"}, "nut"),
        ("y4m", b"", {}, "y4m"),
        ("mp4", b"", {}, "nut"),
    ],
)
def test_what_comes_in_goes_out_where_it_can_hold_it(
    monkeypatch: pytest.MonkeyPatch, read_as: str, begins: bytes, options: Any, written: str
) -> None:
    monkeypatch.setattr(standard_input, "head", lambda count: begins[:count])
    settings = Settings().with_options(options)
    assert like_input(read_as, "", settings) == written
    monkeypatch.setattr(standard_input, "head", lambda _: b"YUV4MPEG2")
    other = like_input(read_as, "rgb24", settings)  # Which y4m does not hold.
    assert other == ("nut" if read_as == "auto" else written)


def test_y4m_in_is_y4m_out(tmp_path: Path) -> None:
    clip = write(tmp_path / "in.y4m", pictures(COUNT), codec="wrapped_avframe")
    code, out, err = ended(start("-b", "red", "-q"), clip.read_bytes())
    assert (code, out[:10], out.count(b"FRAME\n"), err) == (0, b"YUV4MPEG2 ", COUNT, "")


@pytest.mark.parametrize(
    "data", [b"YUV4MPEG2 W96 H6", b"YUV4MPEG2 W0 H0 F25:1\nFRAME\n", b"YUV4MPEG2 W96 H64 F25:1 C"]
)
def test_a_damaged_header_is_one_line(data: bytes) -> None:
    code, out, err = ended(start("--from", "y4m", "-om"), data)
    assert (code, out, err.count("\n")) == (1, b"", 1)
    assert "its header makes no sense" in err or "not a video" in err


def test_a_terminal_is_no_video(terminal: Callable[..., Ran]) -> None:
    ran = terminal("pipe")
    assert ran.code == 2
    assert "standard input is a terminal" in ran.out


def test_what_is_set_for_files_alone_does_not_reach_a_pipe(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(
        '[picture]\nsize = "50%"\nbackground = "blue"\n[output]\ncodec = "prores"\n'
    )
    asked = ["--config", str(settings), "--to-pix-fmt", "gray", "-q"]
    code, out, err = ended(start(*RAW, *asked), bare())
    assert (code, len(out), err) == (0, COUNT * WIDTH * HEIGHT, "")


def test_what_ffmpeg_finds_out_needs_no_name(tmp_path: Path) -> None:
    clip = write(tmp_path / "in.mkv", pictures(COUNT))
    code, out, _ = ended(start("-om", "--to", "y4m"), clip.read_bytes())
    assert (code, out.count(b"FRAME\n")) == (0, COUNT)
    assert ended(start("-q"), b"")[::2] == (
        1,
        "streamcut: error: standard input is not a video, or is cut off before its index\n",
    )
