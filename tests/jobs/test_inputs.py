"""What an input is, told by what it holds; and what its result is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.media import pictures, write
from helpers.photographs import PHOTOGRAPHS
from PIL import Image

from streamcut.core.errors import SourceError
from streamcut.jobs.inputs import cutout_name, is_still, kind_of


def still(path: Path, count: int = 1, **options: Any) -> Path:
    frames = [Image.fromarray(np.full((8, 8, 3), 40 * index, np.uint8)) for index in range(count)]
    more: dict[str, Any] = (
        {"save_all": True, "append_images": frames[1:], "duration": 40} if count > 1 else {}
    )
    frames[0].save(path, **more, **options)
    return path


@pytest.mark.parametrize(
    "ending", [".jpg", ".png", ".webp", ".tif", ".bmp", ".gif", ".ppm", ".avif"]
)
def test_one_picture_is_an_image(tmp_path: Path, ending: str) -> None:
    path = still(tmp_path / f"a{ending}")
    assert kind_of(str(path)) == "image"
    assert is_still(path.read_bytes()[:4096])


@pytest.mark.parametrize("ending", [".gif", ".webp", ".png", ".avif"])
def test_an_animation_is_a_video(tmp_path: Path, ending: str) -> None:
    assert kind_of(str(still(tmp_path / f"a{ending}", 3))) == "video"


def test_what_is_in_a_file_counts_more_than_its_name(tmp_path: Path) -> None:
    photo = still(tmp_path / "a.jpg").rename(tmp_path / "a.dat")
    video = write(tmp_path / "b.mkv", pictures(2)).rename(tmp_path / "b")
    assert (kind_of(str(photo)), kind_of(str(video))) == ("image", "video")


def test_folders_addresses_and_patterns(tmp_path: Path) -> None:
    assert kind_of(str(tmp_path)) == "folder"
    assert kind_of("rtsp://camera/1") == "address"
    assert kind_of(str(tmp_path / "in_%04d.png")) == "video"
    with pytest.raises(SourceError, match="no such file"):
        kind_of(str(tmp_path / "none.mp4"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("in.mp4", "in.cutout.webm"),
        ("a/b.c.mov", "a/b.c.cutout.webm"),
        ("a/in_%04d.png", "a/in.cutout.webm"),
        ("https://example.org/v/My%20clip.mp4?key=secret", "My_clip.cutout.webm"),
        ("rtsp://me:secret@camera:554", "camera.cutout.webm"),
    ],
)
def test_a_result_is_called_as_its_input(source: str, expected: str) -> None:
    assert cutout_name(source, ".webm") == expected


def test_a_pattern_of_numbers_alone_is_called_as_its_folder(tmp_path: Path) -> None:
    name = cutout_name(str(tmp_path / "shots" / "%04d.png"), ".webm")
    assert name == str(tmp_path / "shots" / "shots.cutout.webm")


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photograph_is_an_image_whatever_its_name(tmp_path: Path, name: str) -> None:
    """With pages, previews and further images in it, too."""
    (tmp_path / "photo.webp").write_bytes(PHOTOGRAPHS[name].make())
    assert kind_of(str(tmp_path / "photo.webp")) == "image"


def test_an_animation_is_a_video_whatever_its_name(tmp_path: Path) -> None:
    assert kind_of(str(still(tmp_path / "a.webp", 3).rename(tmp_path / "a.jpg"))) == "video"


def test_heic_whose_library_is_absent_is_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.heic").write_bytes(PHOTOGRAPHS["HEIC in tiles lying 1"].make())
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    assert kind_of(str(tmp_path / "a.heic")) == "image"
