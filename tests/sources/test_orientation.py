"""Phone videos come out upright: the eight ways a picture can lie, on the planes themselves."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.media import copied, pictures, run, set_display_matrix, shown, write
from PIL import Image, ImageOps

from streamcut.sources import Size, open_source

# (a, b, c, d): a pixel at (x, y) is shown at (a x + c y, b x + d y), y downwards.
MATRICES = {
    "upright": (1, 0, 0, 1),
    "quarter right": (0, 1, -1, 0),
    "half": (-1, 0, 0, -1),
    "quarter left": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside down": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "transverse": (0, -1, -1, 0),
}


def turned(plane: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Move every pixel to where the matrix says, as its definition reads."""
    a, b, c, d = matrix
    y, x = np.indices(plane.shape)
    across, down = a * x + c * y, b * x + d * y
    across, down = across - across.min(), down - down.min()
    made = np.zeros((down.max() + 1, across.max() + 1), plane.dtype)
    made[down, across] = plane
    return made


def rotated(
    path: Path,
    matrix: tuple[int, int, int, int],
    width: int = 96,
    height: int = 64,
    pixel_format: str = "yuv420p",
    **options: Any,
) -> Path:
    codec = {"codec": "libx264", "options": {"qp": "0"}}
    if width % 2 or height % 2:
        codec = {"codec": "mpeg4", "options": {"qscale": "2"}}
    write(path, pictures(3, width, height, pixel_format), **{**codec, **options})
    return set_display_matrix(path, *matrix)


def planes_of(path: Path, **options: Any) -> list[list[np.ndarray]]:
    with open_source(str(path), **options) as source:
        return [copied(frame.source) for frame in source]


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_all_orientations(
    tmp_path: Path, pixel_format: str, matrix: tuple[int, int, int, int]
) -> None:
    path = rotated(tmp_path / "in.mp4", matrix, pixel_format=pixel_format)
    made = planes_of(path)
    assert len(made) == 3
    for planes, lying in zip(made, shown(path).planes(), strict=True):
        for plane, before in zip(planes, lying, strict=True):
            assert np.array_equal(plane, turned(before, matrix))


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_odd_sizes(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Luma exactly; chroma may shift by the half sample that an odd side hangs over."""
    path = rotated(tmp_path / "in.mp4", matrix, width=85, height=49)
    for planes, lying in zip(planes_of(path), shown(path).planes(), strict=True):
        assert np.array_equal(planes[0], turned(lying[0], matrix))
        for plane, before in zip(planes[1:], lying[1:], strict=True):
            want = turned(before, matrix)
            assert plane.shape == want.shape
            assert np.abs(plane.astype(int) - want).mean() < 2


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_422(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    """4:2:2 on its side becomes 4:4:4, so that no chroma is lost."""
    path = rotated(tmp_path / "in.mp4", matrix, pixel_format="yuv422p")
    on_its_side = matrix[0] == 0
    with open_source(str(path)) as source:
        assert source.info.pixel_format == ("yuv444p" if on_its_side else "yuv422p")
    for planes, lying in zip(planes_of(path), shown(path).planes(), strict=True):
        assert np.array_equal(planes[0], turned(lying[0], matrix))
        for plane, before in zip(planes[1:], lying[1:], strict=True):
            if not on_its_side:
                assert np.array_equal(plane, turned(before, matrix))
                continue
            want = turned(np.repeat(before, 2, axis=1), matrix)
            assert np.abs(plane.astype(int) - want).mean() < 2


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("number", range(1, 9))
def test_photos(tmp_path: Path, number: int, ending: str) -> None:
    """Exif numbers the same eight ways."""
    image = Image.fromarray(pictures(1, 96, 64, "gbrp")[0].to_ndarray(format="rgb24"))
    exif = Image.Exif()
    exif[0x0112] = number
    image.save(tmp_path / f"in.{ending}", exif=exif)
    with open_source(str(tmp_path / f"in.{ending}")) as source:
        made = next(iter(source)).source.to_ndarray(format="rgb24").astype(int)
    want = np.array(ImageOps.exif_transpose(Image.open(tmp_path / f"in.{ending}")).convert("RGB"))
    assert made.shape == want.shape
    assert np.abs(made - want).mean() < 3


@pytest.mark.parametrize("name", ["out.webm", "out.mkv", "out.mov", "out.mp4"])
def test_the_output_is_upright_everywhere(tmp_path: Path, name: str) -> None:
    """The pixels themselves are turned and the output carries no matrix that would turn again."""
    matrix = MATRICES["quarter right"]
    path = rotated(tmp_path / "in.mp4", matrix)
    run(path, tmp_path / name, background="#000000" if name == "out.mp4" else "")
    for made, lying in zip(shown(tmp_path / name).pictures, shown(path).planes(), strict=True):
        assert (made.width, made.height) == (64, 96)
        assert made.rotation == 0
        sides: Any = made.side_data
        assert "DISPLAYMATRIX" not in {side.type.name for side in sides}
        bright = copied(made)[0].astype(float)
        want = turned(lying[0], matrix)
        bright /= 16 if bright.max() > 255 else 1
        subject = want > 160
        assert np.abs(bright[subject] - want[subject]).mean() < 4


def test_pixel_aspect_turns_too(tmp_path: Path) -> None:
    path = rotated(tmp_path / "in.mp4", MATRICES["quarter right"], aspect=Fraction(4, 3))
    with open_source(str(path)) as source:
        assert source.info.sample_aspect_ratio == Fraction(3, 4)
        assert (source.info.width, source.info.height) == (64, 96)


def test_size_is_meant_upright(tmp_path: Path) -> None:
    path = rotated(tmp_path / "in.mp4", MATRICES["quarter left"])
    with open_source(str(path), size=Size.parse("32x")) as source:
        assert (source.info.width, source.info.height) == (32, 48)
        for frame in source:
            assert (frame.source.width, frame.source.height) == (32, 48)
