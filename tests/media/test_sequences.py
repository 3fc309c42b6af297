"""Numbered images: where they begin, and what is missing."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from streamcut import SourceError, remove_video
from streamcut.media.sequences import ImageSequence
from streamcut.sources import open_source
from streamcut.sources.address import Address

# The seven passes of Adam7: first column and row, and the steps.
PASSES = [
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)),
    (0, 1, 1, 2),
]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def save(number: int, name: str) -> None:
    Image.new("RGB", (32, 24), (number % 256, 0, 0)).save(name % number)


def reds(path: str, on_gap: str = "stop") -> list[int]:
    source = open_source(Address(path, on_gap))
    with source:
        return [
            int(frame.source.reformat(format="rgb24").to_ndarray()[0, 0, 0]) for frame in source
        ]


@pytest.mark.parametrize("first", [0, 1, 5, 1001, 86400])
@pytest.mark.parametrize("name", ["a_%04d.png", "a%d.bmp", "%06d.tiff", "deep/100%d/x.%03d.png"])
def test_a_sequence_begins_at_its_first_number(first: int, name: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    folder, last = Path(name).parent, Path(name).name
    for number in range(first, first + 3):
        Image.new("RGB", (32, 24), (number % 256, 0, 0)).save(folder / (last % number))
    assert reds(name) == [number % 256 for number in range(first, first + 3)]


def test_other_files_do_not_count() -> None:
    for number in (8, 9, 10, 11):
        save(number, "a_%d.png")
    for other in ("a_7.jpg", "b_1.png", "a_007.png", "a_.png", "a_1x.png"):
        Image.new("RGB", (32, 24)).save(other)
    assert reds("a_%d.png") == [8, 9, 10, 11]


def test_a_gap_is_named() -> None:
    for number in (1, 2, 4, 7):
        save(number, "shot_%04d.png")
    with pytest.raises(
        SourceError, match=r"^shot_0003\.png is missing \(3 of 7 are\).*on_gap=hold"
    ):
        reds("shot_%04d.png")


def test_a_gap_is_held_and_told() -> None:
    for number in (1001, 1002, 1004, 1007):
        save(number, "shot_%04d.png")
    source = open_source(Address("shot_%04d.png", "hold"))
    with source:
        assert source.notes == ["3 images are missing: the one before is held"]
    shown = [1001, 1002, 1002, 1004, 1004, 1004, 1007]
    assert reds("shot_%04d.png", "hold") == [number % 256 for number in shown]


def test_the_setting_holds(tmp_path: Path) -> None:
    for number in (1, 3):
        save(number, "s%d.png")
    summary = remove_video("s%d.png", "out.mkv", model="chroma", screen="green", on_gap="hold")
    assert summary.frames == 3
    assert summary.notes == ["1 image is missing: the one before is held"]


def test_nothing_there() -> None:
    with pytest.raises(SourceError, match=r"^no such files: none_%d\.png$"):
        ImageSequence("none_%d.png")
    with pytest.raises(SourceError, match="no such folder: nowhere"):
        ImageSequence("nowhere/a_%d.png")


@pytest.mark.parametrize("ending", ["png", "apng", "gif", "tiff"])
def test_images_are_never_deinterlaced(ending: str) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 2, (48, 64, 1), np.uint8).repeat(3, 2) * 255 for _ in range(3)]
    if ending == "png":
        for number, image in enumerate(images):
            Path(f"i_{number}.png").write_bytes(adam7(image))
        path = "i_%d.png"
    else:
        path = f"i.{ending}"
        first, *rest = [Image.fromarray(image) for image in images]
        if ending == "tiff":
            first.save(path)
        else:
            kind = "PNG" if ending == "apng" else "GIF"
            first.save(path, kind, save_all=True, append_images=rest, interlace=1, duration=40)
    with open_source(path) as source:
        for frame, image in zip(source, images, strict=False):
            got = frame.source.reformat(format="rgb24").to_ndarray()
            assert np.array_equal(got, image)
        assert source.notes == []


def adam7(image: NDArray[np.uint8]) -> bytes:
    """Return a PNG whose pixels come in seven passes."""
    height, width = image.shape[:2]
    parts = [image[y::down, x::across] for x, y, across, down in PASSES]
    rows = b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def test_interlaced_video_still_is_made_progressive() -> None:
    with av.open("in.mkv", "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"x264-params": "tff=1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(5):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with open_source("in.mkv") as source:
        list(source)
        assert "the input is interlaced: made progressive" in source.notes
