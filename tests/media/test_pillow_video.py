"""Animations that Pillow reads for FFmpeg: WebP, AVIF with alpha."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.media import pictures as shots
from helpers.media import run, shown, write
from PIL import Image

from streamcut.core.errors import SourceError
from streamcut.media.frame import Frame
from streamcut.sources import open_source


def colour(index: int) -> tuple[int, int, int]:
    return 200 - 40 * index, 40 * index, 90


def animated(path: Path, durations: list[int], alpha: int = 255) -> Path:
    images = [Image.new("RGBA", (48, 32), (*colour(index), alpha)) for index in range(4)]
    options = {"quality": 95} if path.suffix == ".avif" else {"lossless": True, "exact": True}
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, **options)
    return path


def times(frames: list[Frame]) -> list[Fraction]:
    return [Fraction(frame.source.pts or 0) * (frame.source.time_base or 0) for frame in frames]


@pytest.mark.parametrize("ending", ["webp", "avif"])
def test_an_animation_has_its_times_and_alpha(tmp_path: Path, ending: str) -> None:
    """A delay of none is 100 ms, as browsers play it."""
    delays = [40, 0, 250, 40] if ending == "webp" else [40, 100, 250, 40]
    path = animated(tmp_path / f"in.{ending}", delays, 120)
    with open_source(str(path)) as source:
        frames = list(source)
    assert times(frames) == [0, Fraction(40, 1000), Fraction(140, 1000), Fraction(390, 1000)]
    for index, frame in enumerate(frames):
        assert frame.opacity is not None
        assert np.abs(frame.opacity.astype(int) - 120).max() <= 1
        found = frame.source.to_ndarray(format="rgb24")[9, 9].astype(int)
        assert np.abs(found - colour(index)).max() <= (0 if ending == "webp" else 6)
    run(path, tmp_path / "out.webm")
    made = shown(tmp_path / "out.webm")
    assert made.times == [0, Fraction(40, 1000), Fraction(140, 1000), Fraction(390, 1000)]


def test_delays_that_browsers_keep_are_kept(tmp_path: Path) -> None:
    with open_source(str(animated(tmp_path / "in.webp", [11, 10, 20, 30]))) as source:
        found = times(list(source))
    assert found == [0, Fraction(11, 1000), Fraction(111, 1000), Fraction(131, 1000)]


def test_it_can_be_cut(tmp_path: Path) -> None:
    path = animated(tmp_path / "in.webp", [100] * 4)
    with open_source(str(path), start=Fraction(2, 10)) as source:
        frames = list(source)
    assert times(frames) == [0, Fraction(1, 10)]
    assert frames[0].source.to_ndarray(format="rgb24")[9, 9].tolist() == [*colour(2)]


def test_it_runs_behind(tmp_path: Path) -> None:
    path = animated(tmp_path / "behind.webp", [40] * 4)
    source = write(tmp_path / "in.mkv", shots(6))
    run(source, tmp_path / "out.mkv", background=str(path), codec="ffv1")
    corners = [p.to_ndarray(format="rgb24")[-2, -2] for p in shown(tmp_path / "out.mkv").pictures]
    for index, corner in enumerate(corners):
        assert np.abs(corner.astype(int) - colour(index % 4)).max() <= 4


def test_what_was_written_here_is_read_here(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mkv", shots(4))
    run(source, tmp_path / "out.webp")
    assert run(tmp_path / "out.webp", tmp_path / "again.webm").frames == 4


def test_a_damaged_animation_is_one_line(tmp_path: Path) -> None:
    path = animated(tmp_path / "in.webp", [40] * 4)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(SourceError) as caught:
        open_source(str(path))
    assert "\n" not in str(caught.value)


def test_a_damaged_end_is_told(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (4, 32, 48, 3), np.uint8)
    first, *more = map(Image.fromarray, noise)
    first.save(tmp_path / "in.webp", save_all=True, append_images=more, lossless=True)
    data = bytearray((tmp_path / "in.webp").read_bytes())
    third = [at for at in range(len(data)) if data[at : at + 4] == b"VP8L"][2]
    data[third + 13 : third + 40] = b"\xff" * 27
    (tmp_path / "in.webp").write_bytes(data)
    with open_source(str(tmp_path / "in.webp")) as source:
        assert len(list(source)) == 2
        assert source.undecodable == 1
