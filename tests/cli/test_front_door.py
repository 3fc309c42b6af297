"""``streamcut INPUT [OUTPUT]``: what new users type first, in the real shell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.jobs import PROGRAM, Ran
from helpers.media import pictures, shown, write
from PIL import Image

from streamcut.cli import standard_input
from streamcut.cli.front_door import routed
from streamcut.core.errors import SourceError
from streamcut.jobs.report import NOBODY

COMMANDS = {"video", "image", "i", "pipe"}


def test_a_video_without_a_command(
    program: Callable[..., Ran], short_clip: Path, tmp_path: Path
) -> None:
    ran = program(short_clip, "out.webm", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert len(shown(tmp_path / "out.webm").pictures) == 5


def test_without_an_output_the_result_lies_beside_the_input(
    command: Callable[..., Ran], tmp_path: Path
) -> None:
    clip = write(tmp_path / "in.mkv", pictures(3))
    told = f"streamcut: warning: {NOBODY}\n"  # It is shorter than what difference learns from.
    assert command("-q", "-m", "difference", clip) == Ran(0, "", told)  # Options may come first.
    assert len(shown(tmp_path / "in.cutout.webm").pictures) == 3
    assert command("video", clip, "-b", "red", "-q").code == 0
    assert len(shown(tmp_path / "in.cutout.mp4").pictures) == 3
    again = command(clip)
    assert again.code == 1
    assert "in.cutout.webm exists; give -y" in again.err


def test_standard_input_into_a_file(short_clip: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [*PROGRAM, "-", "out.webm"],
        input=short_clip.read_bytes(),
        cwd=tmp_path,
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert len(shown(tmp_path / "out.webm").pictures) == 5


def test_standard_input_to_standard_output(short_clip: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [*PROGRAM, "-", "-q"], input=short_clip.read_bytes(), cwd=tmp_path, capture_output=True
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    (tmp_path / "out.nut").write_bytes(ran.stdout)
    assert len(shown(tmp_path / "out.nut").pictures) == 5


def test_a_file_to_standard_output(short_clip: Path, tmp_path: Path) -> None:
    ran = subprocess.run([*PROGRAM, short_clip, "-", "-q"], cwd=tmp_path, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "out.nut").write_bytes(ran.stdout)
    assert len(shown(tmp_path / "out.nut").pictures) == 5


def test_several_videos_go_to_a_folder_and_a_broken_one_stops_none(
    command: Callable[..., Ran], tmp_path: Path
) -> None:
    clips = [write(tmp_path / f"{name}.mkv", pictures(2)) for name in "ab"]
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(b"no video")
    ran = command("video", clips[0], broken, clips[1], "--out-dir", tmp_path / "cut")
    assert ran.code == 1
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["a.webm", "b.webm"]
    last = ran.err.splitlines()[-2:]
    assert last[0].startswith(f"streamcut: failed: {broken} is not a video")
    assert last[1] == "streamcut: error: 1 of 3 failed"


def test_two_results_of_one_name_are_refused(
    command: Callable[..., Ran], short_clip: Path, tmp_path: Path
) -> None:
    ran = command("video", short_clip, short_clip, "--out-dir", tmp_path / "cut")
    assert (ran.code, "two videos would become" in ran.err) == (2, True)
    assert not (tmp_path / "cut").exists()


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        ("vido", 2, "no command and no file is called 'vido'; did you mean video?"),
        ("im.mp4", 1, "no such file: im.mp4"),
        ("holiday/beach", 1, "no such file: holiday/beach"),
        ("zzz", 2, "no command and no file is called 'zzz' (see streamcut --help)"),
        ("video a b c", 2, "several videos go to --out-dir"),
        (
            "video - --out-dir d",
            2,
            "--out-dir takes names from the inputs: standard input has none",
        ),
        ("video in.mkv - --resume", 2, "--resume needs files"),
        ("video - out.webm --resume", 2, "--resume needs files"),
        ("video in.mkv - --dry-run", 2, "--dry-run needs the name of a file"),
        ("video -", 2, "name an OUTPUT: standard input has no name of its own"),
        ("folder in -", 2, "standard output holds no folder; one called - is ./-"),
    ],
)
def test_what_is_neither_command_nor_file(
    command: Callable[..., Ran], typed: str, code: int, words: str
) -> None:
    ran = command(*typed.split())
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_commands_win_over_files_of_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("video").touch()
    assert routed(["video", "a.mp4"], COMMANDS) == ["video", "a.mp4"]
    assert routed([], COMMANDS) == []
    assert routed(["--help"], COMMANDS) == ["--help"]
    assert routed(["rtsp://camera/1", "-q"], COMMANDS) == ["video", "rtsp://camera/1", "-q"]
    with pytest.raises(SourceError):
        routed(["none.mp4"], COMMANDS)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("-b beach.png in.mkv", "video"),
        ("--background in.mkv beach.png", "image"),
        ("-q -bgc 1 2 3 255 beach.png", "image"),
        ("--also beach.png=mask in.mkv out.webm", "video"),
        ("-y folder", "folder"),
    ],
)
def test_an_options_value_is_no_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("in.mkv"), pictures(1))
    Image.new("RGB", (8, 8)).save("beach.png")
    Path("folder").mkdir()
    assert routed(typed.split(), COMMANDS) == [command, *typed.split()]


def test_what_was_looked_at_of_standard_input_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * 64
    (tmp_path / "in").write_bytes(data)
    with (tmp_path / "in").open("rb") as file:
        monkeypatch.setattr(sys, "stdin", file)
        monkeypatch.setattr(os, "read", lambda _, count: file.read(count))
        assert standard_input.head() == data[:4096]
        assert standard_input.everything() == data
        assert standard_input.begun() == b""


def test_a_terminal_shows_at_once_what_is_waited_for(
    terminal: Callable[..., Ran], short_clip: Path, tmp_path: Path
) -> None:
    ran = terminal("video", short_clip, tmp_path / "out.webm")
    assert ran.code == 0
    reading, loading = f"reading {short_clip} ...", "loading portrait ..."
    assert ran.out.index(reading) < ran.out.index(loading) < ran.out.index("5 frames in")
    assert "left" not in ran.out  # Five frames are too few to promise anything.
