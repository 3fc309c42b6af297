"""Mattes are read as they were written, whatever they were written as."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.media import Brightness, write
from helpers.truth import Levels, as_frames, grey_video

from streamcut import remove_video
from streamcut.core.errors import SourceError
from streamcut.diagnostics.evaluation.mattes import Reader, fitted


def read(path: Path | str) -> list[np.ndarray]:
    return [shown.matte for shown in Reader(str(path)).read()]


def apart(path: Path | str, mattes: list[Levels]) -> float:
    """The largest difference between what is read and what is true, of 255."""
    found = read(path)
    assert len(found) == len(mattes)
    assert all(matte.dtype == np.float32 for matte in found)
    return max(float(np.abs(255 * f - m).max()) for f, m in zip(found, mattes, strict=True))


def test_alpha_beside_colours(with_alpha: Path, mattes: list[Levels]) -> None:
    assert Reader(str(with_alpha)).kind == "alpha"
    assert apart(with_alpha, mattes) < 0.01


def test_grey_video(truth: Path, mattes: list[Levels]) -> None:
    assert Reader(str(truth)).kind == "grey"
    assert apart(truth, mattes) < 0.01


def test_vp9_alpha(tmp_path: Path, images: list[Levels]) -> None:
    film = write(tmp_path / "in.mkv", as_frames(images, "rgb24"), pixel_format="bgr0")
    remove_video(str(film), str(tmp_path / "out.webm"), session=Brightness())
    remove_video(str(film), str(tmp_path / "out.mkv"), session=Brightness(), only_mask=True)
    assert Reader(str(tmp_path / "out.webm")).kind == "alpha"
    pairs = zip(read(tmp_path / "out.webm"), read(tmp_path / "out.mkv"), strict=True)
    differences = [float(np.abs(lossy - exact).mean()) for lossy, exact in pairs]
    assert max(differences) < 0.02


def test_lossy_grey_in_limited_range(tmp_path: Path, mattes: list[Levels]) -> None:
    frames = [f.reformat(format="yuv420p") for f in as_frames(mattes, "gray")]
    path = write(tmp_path / "m.mp4", frames, codec="libx264", options={"crf": "1"})
    assert Reader(str(path)).kind == "grey"
    assert apart(path, mattes) < 12


def test_numbered_images(tmp_path: Path, mattes: list[Levels]) -> None:
    for number, matte in enumerate(mattes):
        cv2.imwrite(str(tmp_path / f"{number:03}.png"), matte)
    assert apart(tmp_path / "%03d.png", mattes) < 0.01
    assert [shown.time for shown in Reader(str(tmp_path / "%03d.png")).read()] == [None] * 8


def test_a_folder_is_read_in_the_order_of_its_numbers(
    tmp_path: Path, mattes: list[Levels], images: list[Levels]
) -> None:
    for number, (matte, image) in enumerate(zip(mattes, images, strict=True)):
        cutout = np.dstack([image[..., ::-1], matte])
        cv2.imwrite(str(tmp_path / f"frame{number + 6}.png"), cutout)  # 6 ... 13
    (tmp_path / "notes.txt").write_text("not an image")
    reader = Reader(str(tmp_path))
    assert (reader.kind, reader.frames) == ("alpha", 8)
    assert apart(tmp_path, mattes) < 0.01
    colours = next(reader.read(side=160)).colours
    assert colours is not None
    assert np.abs(colours.astype(int) - images[0]).max() <= 1


def test_sixteen_bits_are_kept_to_ten(tmp_path: Path, mattes: list[Levels]) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), mattes[0].astype(np.uint16) * 257)
    assert apart(tmp_path, mattes[:1]) < 0.3


def test_alpha_that_begins_opaque_is_alpha_all_the_same(
    tmp_path: Path, mattes: list[Levels], images: list[Levels]
) -> None:
    alphas = [np.full_like(mattes[0], 255), *mattes[1:]]
    cutouts = [np.dstack([p[..., ::-1], a]) for p, a in zip(images, alphas, strict=True)]
    frames = as_frames([np.ascontiguousarray(cutout) for cutout in cutouts], "bgra")
    path = write(tmp_path / "opaque.mkv", frames, rate=30, time_base=Fraction(1, 30))
    assert Reader(str(path)).kind == "alpha"
    assert apart(path, alphas) < 0.01


def test_colours_come_at_the_size_that_is_asked_for(with_alpha: Path) -> None:
    sizes = [shown.colours.shape for shown in Reader(str(with_alpha)).read(side=80)]  # type: ignore[union-attr]
    assert sizes == [(48, 80, 3)] * 8
    assert all(shown.colours is None for shown in Reader(str(with_alpha)).read())


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        Reader(str(tmp_path / "absent.mkv"))
    with pytest.raises(SourceError, match="folder without images"):
        Reader(str(tmp_path))


def test_a_matte_of_another_size_is_scaled(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (36, 1))
    assert fitted(ramp, (36, 64)) is ramp
    assert np.abs(fitted(fitted(ramp, (72, 128)), (36, 64)) - ramp).max() < 0.02


def test_a_grey_video_shows_its_times(tmp_path: Path, mattes: list[Levels]) -> None:
    path = grey_video(tmp_path / "m.mkv", mattes, rate=25)
    times = [shown.time for shown in Reader(str(path)).read()]
    assert times == pytest.approx([number / 25 for number in range(8)], abs=0.001)
