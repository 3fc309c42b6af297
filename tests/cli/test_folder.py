"""``streamcut folder`` in the real shell, and what else is done to several files at once."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.jobs import Ran
from helpers.media import pictures, shown, write
from PIL import Image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "photos"
    (home / "sub").mkdir(parents=True)
    for name in ("a.jpg", "sub/b.png"):
        Image.fromarray(np.full((32, 48, 3), 200, np.uint8)).save(home / name)
    write(home / "sub/c.mkv", pictures(3))
    return home


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_folder_is_done_and_not_done_again(
    program: Callable[..., Ran], folder: Path, tmp_path: Path
) -> None:
    (folder / "broken.jpg").write_bytes(b"no image")
    ran = program("video", "photos", "out", cwd=tmp_path)  # What new users type.
    assert ran.code == 1
    lines = ran.err.splitlines()
    assert lines[0].startswith("out: 3 done, 0 done before, 1 failed in 0:")
    assert lines[-2].startswith("streamcut: failed: photos/broken.jpg is not an image")
    assert lines[-1] == "streamcut: error: 1 of 4 failed"
    assert names(tmp_path / "out") == ["a.png", "sub/b.png", "sub/c.webm"]
    (folder / "broken.jpg").unlink()
    again = program("p", "photos", "out", "--json", "-d", cwd=tmp_path)
    assert (again.code, again.err) == (0, "")
    told = json.loads(again.out)
    assert (told["done"], told["skipped"], told["failed"]) == (0, 3, {})
    assert names(folder) == ["a.jpg", "sub/b.png", "sub/c.mkv"]  # Only what is done now is deleted.


def test_a_dry_run_does_nothing(command: Callable[..., Ran], folder: Path) -> None:
    ran = command(folder, "--dry-run")
    assert ran.code == 0
    assert f"{folder}/a.jpg -> {folder}.cutout/a.png" in ran.out
    assert ran.err == ""
    assert re.search(
        r"\nto do: images 2, videos 1, about 0:\d\d and .+B?(?:ytes)?; done: 0\n$", ran.out
    )
    assert not Path(f"{folder}.cutout").exists()


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        ("folder none out", 2, "none is not a folder"),
        ("folder photos photos", 2, "is the input"),
        ("folder photos out --format jpg", 2, "hold no alpha: give --background"),
        ("folder photos out -bgc 1 2 3 77", 2, "--bgcolor of a folder is opaque"),
        ("folder photos out --ray 127.0.0.1:1", 1, "no Ray cluster at '127.0.0.1:1'"),
    ],
)
def test_faults(
    command: Callable[..., Ran],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    code: int,
    words: str,
) -> None:
    if "--ray" in typed:
        pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    ran = command(*typed.split())
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert os.listdir(tmp_path) == ["photos"]


def test_several_outputs_of_one_pass(
    command: Callable[..., Ran], short_clip: Path, tmp_path: Path
) -> None:
    out, mask = tmp_path / "out.webm", tmp_path / "matte.mp4"
    ran = command("video", short_clip, out, "--also", f"{mask}=mask")
    assert ran.code == 0, ran.err
    assert f"also {mask}" in ran.err
    assert len(shown(out).pictures) == len(shown(mask).pictures) == 5
    again = command("video", short_clip, tmp_path / "new.webm", "--also", f"{mask}=mask")
    assert (again.code, "matte.mp4 exists; give -y" in again.err) == (1, True)
    mixed = command("video", short_clip, tmp_path / "n.webm", "--also", "m.mkv", "--resume")
    assert (mixed.code, "--also is for one video in one piece" in mixed.err) == (2, True)


def test_a_dry_run_of_a_video_tells_time_and_size(
    command: Callable[..., Ran], short_clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.webm"
    ran = command("video", short_clip, out, "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"{short_clip} -> {out}: 96x64, 5 frames, about 0:0")
    told = json.loads(command("video", short_clip, out, "--dry-run", "--json").out)
    assert told["bytes"] > 0
    assert told["seconds"] > 0
    assert not list(tmp_path.iterdir())
