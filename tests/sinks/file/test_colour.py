"""Colour tags travel with the pictures, and conversions to RGB use the right matrix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.media import animation, composited, copied, inside, pictures, run, shown, to_rgb, write

Clip = Callable[..., Path]

# Primaries, transfer, matrix, range, as ITU-T H.273 numbers them.
BT601_625, BT601_525, BT709 = (5, 6, 5, 1), (6, 6, 6, 1), (1, 1, 1, 1)
BT2020_PQ, BT2020_HLG, SRGB_FULL = (9, 16, 9, 1), (9, 18, 9, 1), (1, 13, 1, 2)
TAGS = {
    "601 (PAL)": BT601_625,
    "601 (NTSC)": BT601_525,
    "709": BT709,
    "2020 PQ": BT2020_PQ,
    "2020 HLG": BT2020_HLG,
    "full": SRGB_FULL,
}


def tags_of(path: Path) -> tuple[int, int, int, int]:
    first = shown(path).pictures[0]
    return (
        int(first.color_primaries),
        int(first.color_trc),
        int(first.colorspace),
        int(first.color_range),
    )


@pytest.mark.parametrize("colour", TAGS.values(), ids=TAGS)
@pytest.mark.parametrize("target", ["out.mkv", "out.mp4", "h264.mov", "hevc.mp4"])
def test_tags_are_kept(
    clip: Clip, tmp_path: Path, target: str, colour: tuple[int, int, int, int]
) -> None:
    source = clip(colour=colour, count=2)
    assert tags_of(source) == colour
    codec = "" if target.startswith("out") else target.partition(".")[0]
    background = "" if target.endswith("mkv") else "red"
    run(source, tmp_path / target, background=background, codec=codec)
    assert tags_of(tmp_path / target) == colour


@pytest.mark.parametrize("colour", [BT601_625, BT709, BT2020_PQ], ids=["601", "709", "2020"])
def test_tags_are_kept_in_prores(
    clip: Clip, tmp_path: Path, colour: tuple[int, int, int, int]
) -> None:
    """ProRes is limited range by definition; primaries, transfer and matrix are in its header."""
    source = clip(colour=colour, count=2, pixel_format="yuv422p10le")
    run(source, tmp_path / "out.mov")
    assert tags_of(tmp_path / "out.mov")[:3] == colour[:3]


@pytest.mark.parametrize("colour", TAGS.values(), ids=TAGS)
def test_tags_are_kept_in_webm(
    clip: Clip, tmp_path: Path, colour: tuple[int, int, int, int]
) -> None:
    """The container names all four; VP9 itself knows matrix and range, libvpx reads no more."""
    source = clip(colour=colour, count=2)
    run(source, tmp_path / "out.webm")
    with av.open(str(tmp_path / "out.webm")) as container:
        named = container.streams.video[0].codec_context
        assert (int(named.color_primaries), int(named.color_trc)) == colour[:2]
        assert (int(named.colorspace), int(named.color_range)) == colour[2:]
    assert tags_of(tmp_path / "out.webm")[3] == colour[3]


@pytest.mark.parametrize("matrix", ["601", "709", "2020"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("target", ["png.mov", "out.apng", "qtrle.mov", "out.gif"])
def test_rgb_formats_use_the_matrix(
    clip: Clip, tmp_path: Path, target: str, full: bool, matrix: str
) -> None:
    numbers = {"601": (6, 6, 6), "709": (1, 1, 1), "2020": (9, 14, 9)}
    colour = (*numbers[matrix], 2 if full else 1)
    source = clip(colour=colour, count=2, pixel_format="yuv444p")
    codec = target.partition(".")[0] if target.endswith("mov") else ""
    run(source, tmp_path / target, codec=codec)
    if target.endswith("mov"):
        made = shown(tmp_path / target).rgba()
    else:
        made, _ = animation(tmp_path / target)
    for pixels, frame in zip(made, composited(source), strict=True):
        *planes, matte = copied(frame)
        far = np.abs(pixels[..., :3] - to_rgb(planes, matrix=matrix, full=full))[matte > 128]
        assert far.mean() < 6 if target.endswith("gif") else far.max() <= 2


@pytest.mark.parametrize(("height", "matrix"), [(64, "601"), (720, "709")])
def test_untagged_pictures_are_taken_as_players_do(
    clip: Clip, tmp_path: Path, height: int, matrix: str
) -> None:
    source = clip(height=height, count=1, pixel_format="yuv444p")
    run(source, tmp_path / "out.mov", codec="png")
    *planes, matte = copied(composited(source)[0])
    far = np.abs(shown(tmp_path / "out.mov").rgba()[0][..., :3] - to_rgb(planes, matrix=matrix))
    assert far[matte > 0].max() <= 2


@pytest.mark.parametrize(
    ("pixel_format", "target", "made"),
    [
        ("yuv420p", "out.mp4", "yuv420p"),
        ("yuv420p10le", "out.mp4", "yuv420p10le"),
        ("yuv420p10le", "out.mkv", "yuv420p10le"),
        ("yuv422p10le", "out.mkv", "yuv422p10le"),
        ("yuv444p12le", "out.mkv", "yuv444p12le"),
        ("yuv422p10le", "out.mov", "yuv444p12le"),
    ],
)
def test_depth_is_kept(
    clip: Clip, tmp_path: Path, pixel_format: str, target: str, made: str
) -> None:
    """An opaque output holds the input's depth where its format can."""
    source = clip(pixel_format=pixel_format, count=2)
    run(source, tmp_path / target, background="#204060", quality="best")
    seen = shown(tmp_path / target)
    assert seen.pictures[0].format.name == made
    if made == pixel_format and seen.codec == "ffv1":
        for one, two in zip(
            seen.planes(), map(copied, composited(source, background="#204060")), strict=True
        ):
            assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_ten_bits_are_finer_than_eight(clip: Clip, tmp_path: Path) -> None:
    """The two low bits of a ten-bit input are still there in ProRes: they are no rounding."""
    source = clip(pixel_format="yuv444p10le", count=1)
    run(source, tmp_path / "out.mov", quality="best")
    made = copied(shown(tmp_path / "out.mov").pictures[0])[0] / 4
    want = copied(composited(source)[0])[0]
    assert np.abs(made - want).mean() < np.abs((want >> 2 << 2) - want.astype(float)).mean()


def test_full_range_to_limited_only_formats(tmp_path: Path) -> None:
    """ProRes is always limited range, so full-range codes are scaled, not relabelled."""
    source = write(tmp_path / "in.mkv", pictures(1, 96, 64, "yuv444p"), colour=(1, 1, 1, 2))
    run(source, tmp_path / "out.mov", quality="best")
    *planes, matte = copied(composited(source)[0])
    want = to_rgb(planes, matrix="709", full=True)
    made = shown(tmp_path / "out.mov").pictures[0]
    shift = 1 << 4
    codes = [plane / shift for plane in copied(made)[:3]]
    full = int(made.color_range) == 2
    far = np.abs(to_rgb(codes, matrix="709", full=full) - want)[matte == 255]
    assert far.mean() < 3


@pytest.mark.parametrize("matrix", ["601", "709", "2020"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
def test_webp_is_bt601_by_definition(clip: Clip, tmp_path: Path, full: bool, matrix: str) -> None:
    numbers = {"601": (6, 6, 6), "709": (1, 1, 1), "2020": (9, 14, 9)}
    source = clip(colour=(*numbers[matrix], 2 if full else 1), count=1, pixel_format="yuv444p")
    run(source, tmp_path / "out.webp", quality="best")
    made, _ = animation(tmp_path / "out.webp")
    *planes, matte = copied(composited(source)[0])
    within = inside(96, 64, 0, 0.75)
    assert (matte[within] == 255).all()
    far = np.abs(made[0][..., :3] - to_rgb(planes, matrix=matrix, full=full))[within]
    assert far.mean() < 4


def test_primaries_of_rgb_files(clip: Clip, tmp_path: Path) -> None:
    """Primaries and transfer survive in files of RGB pictures too."""
    source = clip(colour=BT709, count=2)
    run(source, tmp_path / "out.mov", codec="png")
    assert tags_of(tmp_path / "out.mov")[:2] == (1, 1)
