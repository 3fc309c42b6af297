"""HDR10's metadata reach the output where it holds them; what no output keeps is told."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.sidedata.sidedata import Type
from helpers.media import Sound, pictures, run, write

from streamcut.media import side_data
from streamcut.media.hdr_metadata import HdrMetadata, MasteringDisplay
from streamcut.sources import open_source

PQ = (9, 16, 9, 1)
P3_D65 = tuple(
    Fraction(value, 50_000)
    for value in (34_000, 16_000, 13_250, 34_500, 7_500, 3_000, 15_635, 16_450)
)
TOLD = HdrMetadata(MasteringDisplay(P3_D65, (Fraction(1, 200), Fraction(1000))), (1000, 400))
X265 = (
    "log-level=none:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)"
    "L(10000000,50):max-cll=1000,400"
)


def hdr10(path: Path, **options: Any) -> Path:
    frames = pictures(4, pixel_format="yuv420p10le")
    return write(path, frames, codec="libx265", options={"x265-params": X265}, colour=PQ, **options)


def of(path: Path) -> HdrMetadata:
    with av.open(str(path)) as container:
        return HdrMetadata.of(next(container.decode(video=0)))


def near(made: HdrMetadata) -> None:
    """Check that it says the same, to the steps of a bitstream."""
    assert made.light == (1000, 400)
    assert made.display is not None
    told = TOLD.display
    assert told is not None
    have = [float(value) for value in (*made.display.primaries, *made.display.luminance)]
    assert have == pytest.approx([*map(float, (*told.primaries, *told.luminance))], abs=1e-5)


def test_it_is_read(tmp_path: Path) -> None:
    with open_source(str(hdr10(tmp_path / "in.mp4"))) as source:
        assert source.info.hdr == TOLD
        assert source.notes == []


@pytest.mark.parametrize(
    ("output", "options"),
    [
        ("out.mp4", {"background": "white"}),
        ("out.mov", {"background": "white", "codec": "hevc"}),
        ("out.mkv", {"background": "white", "codec": "hevc"}),
        ("h264.mp4", {"background": "white", "codec": "h264"}),
        ("out.mkv", {}),
        ("background.mkv", {"background": "white"}),
        ("out.webm", {}),
        ("background.webm", {"background": "white"}),
    ],
)
def test_it_is_kept(tmp_path: Path, output: str, options: dict[str, str]) -> None:
    """By the encoder (HEVC, H.264), or in the header of Matroska and WebM."""
    source = hdr10(tmp_path / "in.mp4", sounds=[Sound("aac")])
    made = run(source, tmp_path / output, **options)
    near(of(tmp_path / output))
    assert not [note for note in made.notes if "HDR" in note]
    plain = run(write(tmp_path / "sdr.mkv", pictures(4)), tmp_path / f"sdr_{output}", **options)
    assert plain.frames == made.frames
    with av.open(str(tmp_path / output)) as one, av.open(str(tmp_path / f"sdr_{output}")) as two:
        rates = [box.streams.video[0].average_rate for box in (one, two)]
        assert rates == [25, 25]
    assert not of(tmp_path / f"sdr_{output}").static


def test_it_is_told_where_it_is_not_kept(tmp_path: Path) -> None:
    source = hdr10(tmp_path / "in.mp4")
    note = "HDR10's mastering display and light level are not kept beside prores"
    assert note in run(source, tmp_path / "out.mov").notes


# --- dynamic metadata -------------------------------------------------------------------------


def bits(*fields: tuple[int, int]) -> bytes:
    """Fields of (value, bits), padded to whole bytes."""
    text = "".join(f"{value:0{count}b}" for value, count in fields)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


def escaped(nal: bytes) -> bytes:
    """A NAL unit's bytes with emulation prevention."""
    made = bytearray()
    for byte in nal:
        if made[-2:] == b"\0\0" and byte <= 3:
            made.append(3)
        made.append(byte)
    return bytes(made)


# SMPTE ST 2094-40 in ITU-T T.35: one window, nothing but its maxima.
HDR10_PLUS = bits(
    *((0xB5, 8), (0x3C, 16), (1, 16), (4, 8), (1, 8), (1, 2), (400, 27), (0, 1)),
    *((9000, 17), (9000, 17), (9000, 17), (1234, 17), (0, 4), (7, 10), (0, 1), (0, 1), (0, 1)),
)
SEI = b"\x4e\x01\x04" + bytes([len(HDR10_PLUS)]) + HDR10_PLUS + b"\x80"


def with_units(path: Path, units: Sequence[bytes] = ()) -> Path:
    """An HEVC bitstream with NAL units of ours in front of each frame."""
    context: Any = av.CodecContext.create("libx265", "w")
    context.width, context.height, context.pix_fmt = 96, 64, "yuv420p10le"
    context.time_base = Fraction(1, 25)
    context.options = {"x265-params": "log-level=none:bframes=0:repeat-headers=1:info=0"}
    context.color_primaries, context.color_trc, context.colorspace = PQ[:3]
    packets = []
    for index, frame in enumerate(pictures(3, pixel_format="yuv420p10le")):
        frame.pts, frame.time_base = index, Fraction(1, 25)
        packets += context.encode(frame)
    packets += context.encode(None)
    start = b"\0\0\0\1"
    with path.open("wb") as file:
        for packet in packets:
            file.writelines(start + escaped(unit) for unit in units)
            file.write(bytes(packet))
    return path


def test_dynamic_metadata_are_told(tmp_path: Path) -> None:
    source = with_units(tmp_path / "in.hevc", [SEI])
    note = "the input's HDR10+ metadata is not kept"
    assert run(source, tmp_path / "out.mkv").notes == [note]
    plain = with_units(tmp_path / "plain.hevc")
    assert run(plain, tmp_path / "plain.mkv").notes == []


class Side(bytes):
    """Side data as PyAV gives it."""

    type: Type


def test_dolby_vision_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As FFmpeg's decoder hands it over; no encoder at hand writes it."""
    sides = [Side(b"rpu"), Side(b"parsed")]
    sides[0].type, sides[1].type = Type.DOVI_RPU_BUFFER, Type.DOVI_METADATA
    monkeypatch.setattr(side_data, "side_data_of", lambda _: sides)
    notes = HdrMetadata.of(av.VideoFrame(16, 16)).notes
    assert notes == ["the input's Dolby Vision metadata is not kept"]
