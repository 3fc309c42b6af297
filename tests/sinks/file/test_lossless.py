"""Colour never makes a round trip through RGB: with FFV1 the planes arrive bit for bit."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.media import composited, copied, depth, inside, pictures, run, shown, write

Clip = Callable[..., Path]

FORMATS = {
    "yuv420p": "yuva420p",
    "yuv422p": "yuva422p",
    "yuv444p": "yuva444p",
    "yuv420p10le": "yuva420p10le",
    "yuv422p10le": "yuva422p10le",
    "yuv444p10le": "yuva444p10le",
    "yuv422p12le": "yuva422p16le",  # FFmpeg 5.1 decodes no 12 bits with alpha.
    "yuv444p12le": "yuva444p16le",
    "gbrp": "bgra",
    "gbrp10le": "gbrap10le",
    "gbrp12le": "gbrap12le",
}


def colour_of(picture: av.VideoFrame) -> list[np.ndarray]:
    """The colour planes, in the order of a planar format."""
    if picture.format.name == "bgra":
        pixels = picture.to_ndarray(format="rgba")
        return [pixels[..., 1], pixels[..., 2], pixels[..., 0], pixels[..., 3]]
    return copied(picture)


@pytest.mark.parametrize(("width", "height"), [(96, 64), (85, 49)])
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_planes_and_matte(
    clip: Clip, tmp_path: Path, pixel_format: str, width: int, height: int
) -> None:
    name, codec = ("in.nut", "utvideo") if pixel_format == "gbrp" else ("in.mkv", "ffv1")
    source = clip(name, pixel_format=pixel_format, width=width, height=height, count=3, codec=codec)
    run(source, tmp_path / "out.mkv")
    seen = shown(tmp_path / "out.mkv")
    given = pictures(3, width, height, pixel_format)
    assert [made.format.name for made in seen.pictures] == [FORMATS[pixel_format]] * 3
    for made, plain, full in zip(seen.pictures, given, composited(source), strict=True):
        *colour, alpha = colour_of(made)
        more = depth(made.format.name) - depth(pixel_format)
        for plane, want in zip(colour, copied(plain), strict=True):
            assert np.array_equal(plane, want << more)
        assert np.array_equal(alpha >> more, copied(full)[3])
        assert alpha.max() == (1 << depth(made.format.name)) - 1


FFMPEG = shutil.which("ffmpeg", path="/usr/bin:/bin")


@pytest.mark.skipif(FFMPEG is None, reason="no ffmpeg of the system")
@pytest.mark.parametrize("pixel_format", [name for name in FORMATS if name != "gbrp"])
def test_the_systems_ffmpeg_decodes_it(clip: Clip, tmp_path: Path, pixel_format: str) -> None:
    """Such as Debian stable's 5.1, which decodes no 12-bit FFV1 with alpha."""
    source = clip(pixel_format=pixel_format, count=2)
    summary = run(source, tmp_path / "out.mkv")
    command = [str(FFMPEG), "-v", "error", "-i", str(tmp_path / "out.mkv")]
    into = ["-f", "rawvideo", "-pix_fmt", FORMATS[pixel_format], "-"]
    done = subprocess.run([*command, *into], capture_output=True, check=True)
    planes = [plane for made in shown(tmp_path / "out.mkv").planes() for plane in made]
    assert done.stdout == b"".join(plane.tobytes() for plane in planes)
    noted = "12-bit colour is written as 16-bit, which older players can decode"
    assert summary.notes == ([noted] if "yuv" in pixel_format and "12" in pixel_format else [])


@pytest.mark.parametrize(("width", "height"), [(1000, 8), (8, 1000), (400, 20), (20, 30)])
def test_strips_and_stamps(clip: Clip, tmp_path: Path, width: int, height: int) -> None:
    source = clip(width=width, height=height, count=2)
    run(source, tmp_path / "out.mkv")
    seen = shown(tmp_path / "out.mkv").pictures
    for made, given in zip(seen, pictures(2, width, height), strict=True):
        for plane, want in zip(copied(made)[:3], copied(given), strict=True):
            assert np.array_equal(plane, want)


@pytest.mark.parametrize("depth", [8, 10])
def test_matte_covers_the_subject(clip: Clip, tmp_path: Path, depth: int) -> None:
    """Full opacity well within the subject, none well outside: in each picture its own."""
    source = clip(pixel_format="yuv420p" if depth == 8 else "yuv420p10le", count=8)
    run(source, tmp_path / "out.mkv")
    for index, made in enumerate(shown(tmp_path / "out.mkv").planes()):
        assert (made[3][inside(96, 64, index, 0.8)] == (1 << depth) - 1).all()
        assert (made[3][~inside(96, 64, index, 1.4)] == 0).all()


def test_full_range_jpeg_pictures(tmp_path: Path) -> None:
    """Motion JPEG is full range in a format of its own (yuvj420p); its codes are kept."""
    source = write(tmp_path / "in.mkv", pictures(3, 96, 64, "yuvj420p"), codec="mjpeg")
    given = shown(source)
    assert given.pictures[0].format.name == "yuvj420p"
    run(source, tmp_path / "out.mkv")
    seen = shown(tmp_path / "out.mkv")
    assert int(seen.pictures[0].color_range) == 2
    for made, want in zip(seen.planes(), given.planes(), strict=True):
        for plane in range(3):
            assert np.array_equal(made[plane], want[plane])


@pytest.mark.parametrize("pixel_format", ["gray", "rgb24", "nv12", "yuv411p"])
def test_other_formats_find_a_near_one(tmp_path: Path, pixel_format: str) -> None:
    """Formats without an alpha twin lose as little as possible."""
    codec = {"gray": "ffv1", "rgb24": "png"}.get(pixel_format, "rawvideo")
    shots = [p.reformat(format=pixel_format) for p in pictures(2, 96, 64, "yuv444p")]
    source = write(tmp_path / "in.nut", shots, codec=codec, pixel_format=pixel_format)
    given = shown(source)
    assert given.pictures[0].format.name == pixel_format
    run(source, tmp_path / "out.mkv")
    seen = shown(tmp_path / "out.mkv")
    assert len(seen.pictures) == 2
    for made, want in zip(seen.pictures, given.pictures, strict=True):
        far = made.to_ndarray(format="rgb24").astype(int) - want.to_ndarray(format="rgb24")
        assert np.abs(far).mean() < 1.5


def test_the_matte_alone(clip: Clip, tmp_path: Path) -> None:
    source = clip()
    run(source, tmp_path / "out.mkv", only_mask=True)
    seen = shown(tmp_path / "out.mkv")
    for made, want in zip(seen.pictures, composited(source), strict=True):
        assert made.format.name == "gray"
        assert np.array_equal(copied(made)[0], copied(want)[3])


def test_nothing_of_the_input_is_held(clip: Clip, tmp_path: Path) -> None:
    """The same job twice gives the same file: no clock, no random state in the pictures."""
    source = clip()
    for name in ("one.mkv", "two.mkv"):
        run(source, tmp_path / name)
    one, two = (shown(tmp_path / name).planes() for name in ("one.mkv", "two.mkv"))
    assert len(one) == len(two) == 5
    for left, right in zip(one, two, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))
