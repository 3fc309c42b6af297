"""Damaged and cut-off inputs: what can be read is delivered, what cannot is counted."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from helpers.media import Sound, copied, picture, pictures, run, shown, write

from streamcut.core.errors import SourceError
from streamcut.sources import open_source

Clip = Callable[..., Path]


def video_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def damage(path: Path, number: int) -> None:
    """Overwrite the inside of one video packet."""
    packet = video_packets(path)[number]
    data = path.read_bytes()
    assert data.count(packet) == 1
    path.write_bytes(data.replace(packet, b"\xff" * len(packet)))


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("in.mkv", "ffv1", "yuv420p"),
        ("in.mov", "png", "rgb24"),
        ("in.avi", "mjpeg", "yuvj420p"),
        ("in.mp4", "libx264", "yuv420p"),
    ],
)
def test_a_damaged_packet_costs_itself_alone(
    tmp_path: Path, name: str, codec: str, pixel_format: str
) -> None:
    shots = [shot.reformat(format=pixel_format) for shot in pictures(20)]
    options = {"libx264": {"g": "1", "qp": "0"}, "ffv1": {"g": "1"}}.get(codec)
    path = write(tmp_path / name, shots, codec=codec, options=options, time_base=Fraction(1, 25))
    damage(path, 9)
    summary = run(path, tmp_path / "out.mkv")
    assert summary.undecodable >= 1
    times = shown(tmp_path / "out.mkv").times
    left = [Fraction(i, 25) for i in range(20) if i != 9]
    assert [time for time in times if time != Fraction(9, 25)] == left
    assert summary.frames == len(times)


def test_undecodable_packets_are_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mkv", pictures(20), options={"g": "1"})
    for number in (3, 7, 11):
        damage(path, number)
    with open_source(str(path)) as source:
        made = list(source)
        assert source.undecodable == 3
    assert len(made) == 17
    assert np.array_equal(copied(made[-1].source)[0], copied(picture(19))[0])


@pytest.mark.parametrize("share", [0.4, 0.8])
@pytest.mark.parametrize("name", ["in.mkv", "in.ts", "in.mov"])
def test_cut_off(tmp_path: Path, name: str, share: float) -> None:
    """The rest of a file is missing: its beginning is processed and the end said to be lost."""
    count = 100
    muxing = {"movflags": "frag_keyframe+empty_moov"} if name == "in.mov" else {}
    path = write(
        tmp_path / name,
        pictures(count),
        codec="mpeg4",
        options={"g": "5", "qscale": "2"},
        time_base=Fraction(1, 25),
        sounds=[Sound("aac", seconds=4.0)],
        muxing=muxing,
    )
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    left = shown(path, cut=True).pictures
    assert 10 < len(left) < count
    summary = run(path, tmp_path / "out.webm")
    assert summary.frames == len(left) == len(shown(tmp_path / "out.webm").pictures)
    if name == "in.mkv":  # Its header says how long it should be.
        assert any("cut off" in note for note in summary.notes)


def test_an_mp4_cut_before_its_index(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mp4", pictures(30), codec="mpeg4")
    path.write_bytes(path.read_bytes()[:-1500])
    with pytest.raises(SourceError, match="cut off before its index") as caught:
        open_source(str(path))
    assert "\n" not in str(caught.value)


def test_an_mp4_whose_data_is_cut(tmp_path: Path) -> None:
    """The index comes first (as for the web) and the pictures end midway."""
    path = write(
        tmp_path / "in.mp4",
        pictures(50),
        codec="mpeg4",
        options={"g": "5", "qscale": "2"},
        muxing={"movflags": "faststart"},
        time_base=Fraction(1, 25),
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    left = shown(path, cut=True).pictures
    summary = run(path, tmp_path / "out.webm")
    assert 5 < summary.frames == len(left) < 40
    assert any("cut off" in note for note in summary.notes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a video"),
        (b"Some words, a few lines\nof them.\n" * 20, "not a video|text file"),
        (bytes(5000), "not a video"),
        (bytes(range(256)) * 40, "not a video"),
    ],
    ids=["empty", "text", "zeros", "bytes"],
)
@pytest.mark.parametrize("ending", ["mp4", "mkv", "txt"])
def test_what_is_no_video(tmp_path: Path, ending: str, content: bytes, message: str) -> None:
    path = tmp_path / f"in.{ending}"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        open_source(str(path))
    assert "\n" not in str(caught.value)


def test_sound_alone(tmp_path: Path) -> None:
    path = tmp_path / "in.mka"
    with av.open(str(path), "w", format="matroska") as output:
        track = output.add_stream("flac", rate=48_000)
        for frame in Sound(seconds=0.3).frames():
            output.mux(track.encode(frame))
        output.mux(track.encode(None))
    with pytest.raises(SourceError, match="no video stream"):
        open_source(str(path))


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        open_source(str(tmp_path / "none.mp4"))
    with pytest.raises(SourceError, match="folder"):
        open_source(str(tmp_path))


def test_no_picture_can_be_decoded(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mkv", pictures(3))
    for number in range(3):
        damage(path, number)
    with pytest.raises(SourceError, match="no frame"):
        open_source(str(path))


def test_every_source_is_closed(clip: Clip) -> None:
    """Opening fails late or early: no file stays open (ResourceWarning would be an error)."""
    path = clip()
    for _ in range(3):
        with open_source(str(path)) as source:
            next(iter(source))


def unknown_codec(path: Path) -> Path:
    """Rename the codec of a Matroska file to one that nobody knows."""
    data = path.read_bytes()
    assert data.count(b"V_MPEG4/ISO/ASP") == 1
    path.write_bytes(data.replace(b"V_MPEG4/ISO/ASP", b"V_MPEG4/ISO/XXX"))
    return path


def test_no_decoder(tmp_path: Path) -> None:
    path = unknown_codec(write(tmp_path / "in.mkv", pictures(3), codec="mpeg4"))
    with pytest.raises(SourceError, match="no decoder for its video"):
        open_source(str(path))


def test_a_decoder_that_cannot_be_opened(clip: Clip) -> None:
    with pytest.raises(SourceError, match="cannot be opened with 2000000000 threads") as caught:
        open_source(str(clip("in.mkv", codec="libx264")), threads=2_000_000_000)
    assert "\n" not in str(caught.value)


def test_every_error_of_a_decoder_counts(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoders tell of broken data in many ways; only memory is another matter."""
    path = clip(count=4)
    with open_source(str(path)) as source:
        decoder = Failing(cast(Any, source)._decoder, av.error.ExternalError(1, "broken"))
        monkeypatch.setattr(source, "_decoder", decoder)
        left = list(source)
        assert (len(left), source.undecodable) == (3, 1)
    with open_source(str(path)) as source:
        decoder = Failing(cast(Any, source)._decoder, av.error.MemoryError(1, "full"))
        monkeypatch.setattr(source, "_decoder", decoder)
        with pytest.raises(MemoryError):
            list(source)


class Failing:
    """A decoder that fails once."""

    def __init__(self, decoder: Any, error: Exception) -> None:
        self.decoder, self.errors = decoder, [error]

    sample_aspect_ratio = None

    def decode(self, packet: Any) -> Any:
        if self.errors:
            raise self.errors.pop()
        return self.decoder.decode(packet)


@pytest.mark.parametrize(
    ("pixel_format", "note"),
    [
        ("gray16le", "the input's 16-bit colour becomes 10-bit"),
        ("yuv444p16le", "the input's yuv444p16le is worked on as RGB (gbrp16le)"),
        ("yuv422p10le", None),
        ("yuv444p", None),
    ],
)
def test_what_the_working_format_loses(clip: Clip, pixel_format: str, note: str | None) -> None:
    with open_source(str(clip(count=1, pixel_format=pixel_format))) as source:
        assert source.notes == ([note] if note else [])


def test_slow_pictures_are_not_cut_off(clip: Clip, tmp_path: Path) -> None:
    """The last picture lasts as long as the others."""
    path = clip(count=3, rate=Fraction(1, 3), times=[0, 3000, 6000])
    assert run(path, tmp_path / "out.mkv").notes == []
