"""``streamcut image``: what rembg's users type, and what everybody expects of stills."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.jobs import PROGRAM, Ran
from PIL import Image


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photograph that lies on its side, as cameras write it."""
    y, x = np.mgrid[:48, :64]
    pixels = np.dstack([3 * x, 4 * y, 90 + x]).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "photo.jpg"
    Image.fromarray(pixels).save(path, exif=exif, dpi=(240, 240), quality=95)
    return path


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def test_without_a_command_and_without_an_output(
    program: Callable[..., Ran], photo: Path, tmp_path: Path
) -> None:
    ran = program("photo.jpg", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("photo.cutout.png: 48x64 in ")
    assert "fps" not in ran.err
    made = opened(tmp_path / "photo.cutout.png")
    assert (made.mode, made.size) == ("RGBA", (48, 64))  # Upright.
    assert made.info["dpi"] == pytest.approx((240, 240), abs=0.1)


@pytest.mark.parametrize(
    "typed",
    ["i photo.jpg b.png", "image photo.jpg -o b.png", "video photo.jpg b.png", "photo.jpg b.png"],
)
def test_every_way_to_say_it(
    command: Callable[..., Ran],
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(*typed.split(), "-q") == Ran(0, "", "")
    assert opened(tmp_path / "b.png").mode == "RGBA"


def test_rembgs_flags(command: Callable[..., Ran], photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.png"
    flags = [
        "-m",
        "portrait",
        "-a",
        "-af",
        "230",
        "-ab",
        "20",
        "-ae",
        "5",
        "-ppm",
        "-bgc",
        "255",
        "0",
        "0",
        "255",
        "-x",
        "{}",
    ]
    assert command("i", *flags, photo, out).code == 0
    assert opened(out).mode == "RGB"
    assert command("i", "-om", photo, out, "-y").code == 0
    assert opened(out).mode == "L"


def test_between_other_programs(photo: Path) -> None:
    for typed in (["image"], ["i", "-", "-"], ["-"]):
        ran = subprocess.run(
            [*PROGRAM, *typed, "-q"], input=photo.read_bytes(), capture_output=True
        )
        assert (ran.returncode, ran.stderr) == (0, b"")
        with Image.open(io.BytesIO(ran.stdout)) as image:
            assert (image.format, image.mode) == ("PNG", "RGBA")


@pytest.mark.parametrize("ending", ["webp", "avif", "tiff", "jpg"])
def test_formats(command: Callable[..., Ran], photo: Path, tmp_path: Path, ending: str) -> None:
    background = ["-b", "white"] if ending == "jpg" else []
    ran = command("image", photo, "--format", ending, "--size", "24x", "--json", *background)
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["output"] == str(tmp_path / f"photo.cutout.{ending}")
    assert opened(Path(told["output"])).size == (told["width"], told["height"]) == (24, 32)


def test_several_go_to_a_folder_and_a_broken_one_stops_none(
    command: Callable[..., Ran], photo: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.png"
    Image.open(photo).save(other)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    ran = command("image", photo, broken, other, "--out-dir", tmp_path / "cut", "--trim")
    assert ran.code == 1
    assert sorted(p.name for p in (tmp_path / "cut").iterdir()) == ["other.png", "photo.png"]
    assert ran.err.splitlines()[-2:] == [
        f"streamcut: failed: {broken} is not an image, or of no known format",
        "streamcut: error: 1 of 3 failed",
    ]


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        (
            "image photo.jpg other.jpg",
            2,
            "is other.jpg an input or the output? give --output other.jpg|--out-dir",
        ),
        ("image photo.jpg -o b.jpg", 2, "cannot hold alpha: give a background"),
        ("image photo.jpg -o b.gif", 2, "unknown ending|.png .webp"),
        ("image photo.jpg -o none/b.png", 1, "its folder|does not exist"),
        ("image none.jpg", 1, "no such file: none.jpg"),
        ("image photo.jpg -o photo.jpg -om", 2, "is the input"),
        ("image photo.jpg -o old.png", 1, "old.png exists; give -y"),
        ("image photo.jpg -o - --json", 2, "--json needs a file"),
        ("image photo.jpg -x [1]", 2, "--extras is a JSON object"),
        ("image photo.jpg -bgc 1 2 3", 2, "-bgc|4"),
    ],
)
def test_faults(
    command: Callable[..., Ran],
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("other.jpg", "old.png"):
        Path(name).write_bytes(photo.read_bytes())
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    ran = command(*typed.split())
    assert (ran.code, ran.out) == (code, "")
    assert all(word in ran.err for word in words.split("|")), ran.err
    assert ran.err.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_dry_run_does_nothing(command: Callable[..., Ran], photo: Path, tmp_path: Path) -> None:
    ran = command("image", photo, "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    plan, cost = ran.out.splitlines()
    assert plan == f"{photo} -> {tmp_path / 'photo.cutout.png'}"
    assert re.fullmatch(r"about \d+\.\d s and [\d.]+ (bytes|kB)", cost)
    assert list(tmp_path.iterdir()) == [photo]
