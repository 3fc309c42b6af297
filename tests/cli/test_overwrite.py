"""An output that exists: replaced with -y, asked about in a terminal, else refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.jobs import Ran
from helpers.media import shown

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


@pytest.mark.parametrize("columns", [80, 40])
def test_a_terminal_shows_a_bar_and_then_the_summary(
    terminal: Callable[..., Ran], short_clip: Path, tmp_path: Path, columns: int
) -> None:
    ran = terminal("video", short_clip, tmp_path / "out.webm", columns=columns)
    assert ran.code == 0
    assert "━" in ran.out
    assert "1/5 frames" in ran.out
    assert "5 frames in " in ran.out.rpartition("\x1b[2K")[2]
