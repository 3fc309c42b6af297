"""An output that exists: replaced with -y, asked about in a terminal, else refused."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.jobs import PROGRAM, Ran
from helpers.media import shown
from helpers.waiting import until

from streamcut.core.errors import StreamcutError
from streamcut.jobs.file import remove_video
from streamcut.jobs.report import JobState

OLD = b"what was there before"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    path = tmp_path / "out.webm"
    path.write_bytes(OLD)
    return path


def test_it_is_refused_where_nobody_can_answer(
    program: Callable[..., Ran], short_clip: Path, output: Path
) -> None:
    ran = program("video", short_clip, output)
    assert ran == Ran(1, "", f"streamcut: error: {output} exists; give -y to overwrite it\n")
    assert output.read_bytes() == OLD


def test_it_is_replaced_when_told_so(
    command: Callable[..., Ran], short_clip: Path, output: Path
) -> None:
    assert command("video", short_clip, output, "-y").code == 0
    assert len(shown(output).pictures) == 5


def test_pictures_are_replaced_when_told_so(
    command: Callable[..., Ran], short_clip: Path, tmp_path: Path
) -> None:
    assert command("video", short_clip, tmp_path / "p%02d.png").code == 0
    assert len(list(tmp_path.glob("p0?.png"))) == 5
    assert command("video", short_clip, tmp_path / "p%02d.png").code == 1
    assert command("video", short_clip, tmp_path / "p%02d.png", "-y").code == 0


def test_a_folder_with_other_files_is_no_output_that_exists(
    command: Callable[..., Ran], short_clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder.with.dots"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    ran = command("video", short_clip, folder)
    assert ran.code == 0
    assert sorted(path.name for path in folder.iterdir())[0] == "000001.png"
    assert len(list(folder.iterdir())) == 6
    assert command("video", short_clip, folder / "out.webm").code == 0


def test_a_name_without_ending_is_refused(
    command: Callable[..., Ran], short_clip: Path, tmp_path: Path
) -> None:
    ran = command("video", short_clip, tmp_path / "new")
    new = tmp_path / "new"
    told = f"{new} has no ending: write {new}.webm, or {new}/ for PNG images"
    assert ran == Ran(2, "", f"streamcut: error: {told}\n")
    assert not new.exists()
    assert command("video", short_clip, f"{new}/").code == 0
    assert len(list(new.glob("*.png"))) == 5


@pytest.mark.parametrize("answer", ["y", "yes"])
def test_yes_replaces_it(
    terminal: Callable[..., Ran], short_clip: Path, output: Path, answer: str
) -> None:
    ran = terminal("video", short_clip, output, answers={"Overwrite it? [y/N]": f"{answer}\n"})
    assert ran.code == 0
    assert len(shown(output).pictures) == 5


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ("n\n", 1, "exists; give -y to overwrite it"),
        ("\n", 1, "exists; give -y to overwrite it"),
        ("\x03", 130, "streamcut: stopped"),
        ("\x04", 130, "streamcut: stopped"),
    ],
)
def test_anything_else_leaves_it(
    terminal: Callable[..., Ran],
    short_clip: Path,
    output: Path,
    answer: str,
    code: int,
    words: str,
) -> None:
    ran = terminal("video", short_clip, output, answers={"Overwrite it? [y/N]": answer})
    assert ran.code == code
    assert words in ran.out
    assert "Traceback" not in ran.out
    assert output.read_bytes() == OLD


def test_a_question_comes_after_all_that_needs_no_answer(
    terminal: Callable[..., Ran], short_clip: Path, output: Path
) -> None:
    ran = terminal("video", short_clip, output, "--size", "big")
    assert ran.code == 2
    assert "Overwrite" not in ran.out


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals and pipes")
@pytest.mark.parametrize("name", ["out.webm", "out.gif", "out/"])
def test_the_old_output_survives_a_job_that_is_killed(
    short_clip: Path, tmp_path: Path, name: str
) -> None:
    """What was written until then lies beside it under its own name, and plays."""
    old = tmp_path / (f"{name}000001.png" if name == "out/" else name)
    old.parent.mkdir(exist_ok=True)
    old.write_bytes(OLD)
    feed, partial = (
        tmp_path / "feed.mkv",
        tmp_path / f"{Path(name).stem}.partial{Path(name).suffix}",
    )
    os.mkfifo(feed)
    command = [*PROGRAM, "video", str(feed), str(tmp_path / name) + "/" * (name[-1] == "/"), "-y"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    with feed.open("wb") as pipe:
        pipe.write(short_clip.read_bytes())
        pipe.flush()
        written = (lambda: any(partial.iterdir())) if name == "out/" else partial.stat
        until(lambda: partial.exists() and bool(written()))
        process.kill()
        process.wait()
    assert old.read_bytes() == OLD


@pytest.mark.parametrize("name", ["out.webm", "out/"])
def test_the_old_output_survives_a_job_that_fails(
    short_clip: Path, tmp_path: Path, name: str
) -> None:
    old = tmp_path / (f"{name}000001.png" if name == "out/" else name)
    old.parent.mkdir(exist_ok=True)
    old.write_bytes(OLD)

    def fail(state: JobState) -> None:
        if state.frames == 3:
            raise StreamcutError("it broke")

    output = str(tmp_path / name) + "/" * (name[-1] == "/")
    with pytest.raises(
        StreamcutError, match=r"it broke; what was written is .*out\.partial"
    ) as told:
        remove_video(short_clip, output, overwrite=True, tick=fail)
    assert old.read_bytes() == OLD
    assert str(told.value).endswith(f"and {output} is as it was")
    partial = tmp_path / f"out.partial{Path(name).suffix}"
    left = sorted(partial.iterdir()) if name == "out/" else shown(partial).pictures
    assert len(left) == 3
    remove_video(short_clip, output, overwrite=True)
    assert old.read_bytes() != OLD
    assert partial.exists()  # It is the user's now.


def test_what_is_replaced_keeps_its_mode_and_its_link(short_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.webm", tmp_path / "out.webm"
    real.write_bytes(OLD)
    real.chmod(0o640)
    link.symlink_to(real)
    remove_video(short_clip, link, overwrite=True)
    assert link.is_symlink()
    assert len(shown(real).pictures) == 5
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in real.parent.iterdir()) == ["real.webm"]


def test_an_output_that_cannot_be_begun_leaves_nothing(short_clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    output.write_bytes(OLD)
    with pytest.raises(StreamcutError):
        remove_video(short_clip, output, overwrite=True, size="1x1", background="red")
    assert output.read_bytes() == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("columns", [80, 40])
def test_a_terminal_shows_a_bar_and_then_the_summary(
    terminal: Callable[..., Ran], short_clip: Path, tmp_path: Path, columns: int
) -> None:
    ran = terminal("video", short_clip, tmp_path / "out.webm", columns=columns)
    assert ran.code == 0
    assert "━" in ran.out
    assert "1/5 frames" in ran.out
    assert "5 frames in " in ran.out.rpartition("\x1b[2K")[2]
