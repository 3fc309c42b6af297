"""What may be written to: never what is being read, nothing that exists unless it is said."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.media import run

from streamcut.core.errors import OutputExistsError, SinkError, UsageError
from streamcut.jobs.file import Job
from streamcut.jobs.outputs import check_output, check_place

Clip = Callable[..., Path]


@pytest.mark.parametrize("name", ["50%.mkv", "a%d.webm", "%03d.mov", "100%.mp4"])
def test_a_percent_sign_in_a_name_is_just_that(clip: Clip, tmp_path: Path, name: str) -> None:
    source, output = clip(count=2), tmp_path / name
    options = {"background": "red"} if name.endswith("mp4") else {}
    assert run(source, output, **options).bytes == output.stat().st_size > 0
    with pytest.raises(OutputExistsError):
        run(source, output, **options)
    copy = tmp_path / "100%in.mkv"
    shutil.copy(source, copy)
    with pytest.raises(UsageError, match="is the input"):
        run(copy, copy, overwrite=True)
    with pytest.raises(UsageError, match="is the background"):
        run(source, copy, background=str(copy), overwrite=True)


@pytest.mark.parametrize("name", ["100%.png", "a%s.png", "a%d_%d.png", "one.png"])
def test_a_picture_name_without_one_number_is_refused(
    clip: Clip, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UsageError, match="pattern"):
        run(clip(count=1), tmp_path / name)
    assert not (tmp_path / name).exists()


def test_standard_output_is_refused(clip: Clip) -> None:
    with pytest.raises(UsageError, match="standard output"):
        Job(clip(count=1), "-")


def test_what_is_read_is_known_under_any_name(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    source.write_bytes(b"a video")
    (tmp_path / "link.mkv").symlink_to(source)
    os.link(source, tmp_path / "twin.mkv")
    for name in ("in.mkv", "./in.mkv", "link.mkv", "twin.mkv"):
        with pytest.raises(UsageError, match="is the input: choose another output"):
            check_output(os.path.join(tmp_path, name), {"input": str(source)}, overwrite=True)
    check_output(str(tmp_path / "out.mkv"), {"input": str(source)}, overwrite=False)


def test_a_place_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.webm").mkdir()
    for path, words in (
        (f"{tmp_path}/file/", "is a file, so it cannot become a folder"),
        (f"{tmp_path}/folder.webm", "is a folder; end it with a slash"),
        (f"{tmp_path}/none/out.webm", "does not exist"),
    ):
        with pytest.raises(SinkError, match=words):
            check_place(path)
    with pytest.raises(UsageError, match="no name"):
        check_place("")
    check_place(f"{tmp_path}/new/")


def test_a_sequence_exists_where_one_of_its_files_does(tmp_path: Path) -> None:
    (tmp_path / "a_0007.png").write_bytes(b"")
    with pytest.raises(OutputExistsError):
        check_output(f"{tmp_path}/a_%04d.png", {}, overwrite=False)
    check_output(f"{tmp_path}/a_%04d.png", {}, overwrite=True)
    check_output(f"{tmp_path}/b_%04d.png", {}, overwrite=False)
