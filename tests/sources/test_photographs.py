"""Photographs as the input of a video: upright, whole, in the colours that are seen."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.image_files import avif_grid, saved
from helpers.media import run, shared
from helpers.photographs import PHOTOGRAPHS, scene
from helpers.servers import serving
from numpy.typing import NDArray
from PIL import Image

from streamcut.core.errors import SourceError
from streamcut.media.frame import Frame
from streamcut.sources import open_source


def rgba(frame: Frame) -> NDArray[Any]:
    pixels = frame.source.to_ndarray(format="rgb24")
    if frame.opacity is None:
        return pixels
    top = (
        255
        if frame.opacity.dtype == np.uint8
        else (1 << frame.source.format.components[0].bits) - 1
    )
    return np.dstack([pixels, np.rint(frame.opacity / top * 255)])


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs(tmp_path: Path, name: str) -> None:
    (tmp_path / "photo").write_bytes(PHOTOGRAPHS[name].make())
    with open_source(str(tmp_path / "photo")) as source:
        first, *more = source
    PHOTOGRAPHS[name].assert_is(rgba(first))
    assert all((frame.source.width, frame.source.height) == (96, 64) for frame in more)


def test_tiles_are_cut_off_at_the_image_s_size(tmp_path: Path) -> None:
    (tmp_path / "in.avif").write_bytes(avif_grid(scene(large=True)))
    with open_source(str(tmp_path / "in.avif")) as source:
        assert (source.info.width, source.info.height) == scene(large=True).size


def test_a_telephone_s_tiles() -> None:
    pytest.importorskip("pillow_heif")
    with open_source(str(shared("cases", "tiles.heic"))) as source:
        [frame] = source
    assert (frame.source.width, frame.source.height) == (1024, 1024)
    seen = frame.source.to_ndarray(format="rgb24")[[10, 10, -10, -10], [10, -10, 10, -10]]
    assert (seen > 128).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]


def test_tiles_without_pillow_heif_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in.heic").write_bytes(PHOTOGRAPHS["HEIC in tiles lying 1"].make())
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(SourceError, match=r"in.heic is made of tiles: HEIC needs pillow-heif"):
        open_source(str(tmp_path / "in.heic"))


@pytest.mark.parametrize("name", ["HEIF lying 6", "HEIC with a second image"])
def test_other_heic_is_read_without_pillow_heif(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "in.heic").write_bytes(PHOTOGRAPHS[name].make())
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with open_source(str(tmp_path / "in.heic")) as source:
        PHOTOGRAPHS[name].assert_is(rgba(next(iter(source))))


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "TIFF"])
def test_numbered_images_that_ffmpeg_cannot_read(tmp_path: Path, kind: str) -> None:
    """Of different sizes, as one turns a telephone; FFmpeg takes 25 a second."""
    for number in range(3):
        image = scene().transpose(Image.Transpose.ROTATE_90) if number == 1 else scene()
        options = {"compression": "jpeg"} if kind == "TIFF" else {"quality": 95}
        (tmp_path / f"{number}.img").write_bytes(saved(image, kind, **options))
    with open_source(str(tmp_path / "%d.img")) as source:
        frames = list(source)
        assert "the frames' shape changes (64x96): fitted into 96x64" in source.notes[-1]
    times = [Fraction(frame.source.pts or 0) * (frame.source.time_base or 0) for frame in frames]
    assert times == [0, Fraction(1, 25), Fraction(2, 25)]
    PHOTOGRAPHS["TIFF with a JPEG inside"].assert_is(rgba(frames[2]))
    assert rgba(frames[1])[32, 5, 3] == 0  # Beside it.


def test_a_gap_in_them_is_held(tmp_path: Path) -> None:
    for number in (1, 2, 4):
        (tmp_path / f"{number}.avif").write_bytes(saved(scene(), "AVIF"))
    summary = run(tmp_path / "%d.avif", tmp_path / "out.mkv", on_gap="hold")
    assert summary.frames == 4
    assert "1 image is missing: the one before is held" in summary.notes


def test_a_damaged_one_is_told(tmp_path: Path) -> None:
    for number in range(3):
        data = saved(scene(), "AVIF", quality=95)
        (tmp_path / f"{number}.avif").write_bytes(data[:-60] if number == 1 else data)
    with open_source(str(tmp_path / "%d.avif")) as source:
        assert len(list(source)) == 2
        assert source.undecodable == 1


def test_a_pipe_is_not_opened_twice(tmp_path: Path) -> None:
    """What looks at a file's head would take it away from a pipe."""
    import os
    import threading

    os.mkfifo(tmp_path / "pipe")
    data = saved(scene(), "PNG")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[data])
    writer.start()
    with open_source(str(tmp_path / "pipe")) as source:
        PHOTOGRAPHS["PNG palette"].assert_is(rgba(next(iter(source))))
    writer.join()


@pytest.mark.parametrize(
    ("name", "words"),
    [("HEIC in tiles lying 1", "as a file only"), ("WebP", "an animated WebP that is no file")],
)
def test_what_needs_a_file_says_so(tmp_path: Path, name: str, words: str) -> None:
    still = scene()
    moving = saved(still, "WEBP", save_all=True, append_images=[still.rotate(180)])
    data = moving if name == "WebP" else PHOTOGRAPHS[name].make()
    with serving(data) as site, pytest.raises(SourceError, match=words):
        open_source(site.url)


@pytest.mark.parametrize("name", ["TIFF Lab", "HEIC in tiles lying 1", "JPEG in Display P3"])
def test_a_cut_off_photograph_is_one_line(tmp_path: Path, name: str) -> None:
    data = PHOTOGRAPHS[name].make()
    (tmp_path / "in").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(SourceError) as caught:
        open_source(str(tmp_path / "in"))
    assert "\n" not in str(caught.value)
