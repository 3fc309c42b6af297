"""A name is a name, whatever FFmpeg would make of it."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest
from helpers.media import pictures, write

from streamcut import remove_video
from streamcut.media.names import is_address, local_path, pattern_name
from streamcut.media.opening import open_input

NAMES = [
    "take:1.mkv",
    "2026-11-25T12:30:00+01:00.mkv",
    "md5:x.mkv",
    "tee:x.mkv",
    "concat:a|b.mkv",
    "pipe:1.mkv",
    "data:,x.mkv",
    "file:x.mkv",
    "a#b?c=d&e.mkv",
    "50%.mkv",
    "x%02d.mkv",
    "new\nline.mkv",
    " spaces .mkv",
    "-x.mkv",
    "100%d/in.mkv",
    "'quoted'.mkv",
    "caf\udce9.mkv",
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def room(here: Path) -> Path:
    return write(here / "clip.mkv", pictures(3))


def frames(path: str) -> int:
    with open_input(path) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.skipif(os.name == "nt", reason="Windows allows none of these names")
@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_and_written_under_any_name(room: Path, name: str) -> None:
    if sys.platform == "darwin" and "\udce9" in name:
        pytest.skip("macOS allows only names in UTF-8")
    Path(name).parent.mkdir(exist_ok=True)
    room.rename(name)
    assert frames(name) == 3
    made = name.replace(".mkv", ".webm")
    summary = remove_video(name, made, model="chroma", screen="green", background=name)
    assert summary.frames == 3
    assert Path(made).stat().st_size > 0
    with open_input(made) as container:
        assert container.streams.video[0].codec_context.width == 96


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("rtsp://h/x", True),
        ("async:http://h/x", True),
        ("http://h:80/a%20b", True),
        ("take:1.mp4", False),
        ("C:\\x.mp4", False),
        ("c://x.mp4", False),
        ("file:///x.mp4", False),
        ("pipe:0", False),
        ("//server/x.mp4", False),
    ],
)
def test_only_a_scheme_and_two_slashes_is_an_address(here: Path, text: str, address: bool) -> None:
    assert is_address(text) is address


def test_a_file_called_like_an_address_is_a_file(here: Path) -> None:
    Path("http:").mkdir()
    Path("http:/x.mp4").touch()
    assert not is_address("http://x.mp4")


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no quotes in names")
def test_what_was_pasted_around_a_path(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("'kept'").touch()
    monkeypatch.setenv("HOME", str(here))
    assert local_path("'kept'") == "'kept'"
    assert (
        local_path("'a b.mp4'") == local_path('"a b.mp4"') == local_path(" 'a b.mp4' ") == "a b.mp4"
    )
    assert local_path("file:///a%20b/%C3%A4.mp4") == "/a b/ä.mp4"
    assert local_path("file://localhost/a.mp4") == "/a.mp4"
    assert local_path("~/a.mp4") == str(here / "a.mp4")
    assert local_path("'it.mp4") == "'it.mp4"
    assert local_path("") == ""
    assert local_path("a\0b") == "a\0b"


def test_a_number_counts_in_the_last_part_alone(here: Path) -> None:
    assert pattern_name("a/x_%04d.png") == (os.path.join("a", "x_"), ".png", 4)
    assert pattern_name("100%d/x.png") is None
    assert pattern_name("x%d_%d.png") is None
    assert pattern_name("x_100%_%d.png") is None
    Path("y_%d.png").touch()
    assert pattern_name("y_%d.png") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("name", ["out.webm", "out.mkv", "out.mov", "out"])
def test_a_fifo_is_an_output(room: Path, name: str) -> None:
    os.mkfifo(name)
    got = []
    reader = threading.Thread(target=lambda: got.append(Path(name).read_bytes()))
    reader.start()
    remove_video(room, name, model="chroma", screen="green", overwrite=True)
    reader.join()
    Path("got").write_bytes(got[0])
    assert frames("got") == 3


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no /dev/null here")
def test_dev_null_is_an_output(room: Path) -> None:
    assert remove_video(room, "/dev/null", model="chroma", screen="green").frames == 3
