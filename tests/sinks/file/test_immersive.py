"""Stereo 3D and spherical video: its marks reach the output where it holds them, or are told."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import pytest
from helpers.media import Brightness, pictures, run, write

from streamcut.core.config import Settings
from streamcut.jobs.workpiece import Workpiece
from streamcut.media.frame import StreamInfo
from streamcut.media.immersive import Arrangement, Immersive, Projection, Spherical
from streamcut.sinks.file import described
from streamcut.sources import open_source

WHOLE = Spherical(Projection.EQUIRECTANGULAR, (90.0, -12.5, 5.0))
TILE = Spherical(Projection.EQUIRECTANGULAR_TILE, bounds=(1, 2, 3, 4))
CUBE = Spherical(Projection.CUBEMAP, padding=8)


def marked(path: Path, immersive: Immersive, count: int = 3) -> Path:
    """A Matroska clip whose header says so."""
    plain = write(path.with_name("plain.mkv"), pictures(count))
    info = StreamInfo(96, 64, "yuv420p", immersive=immersive)
    header = io.BytesIO(b"".join(described._matroska(b"V_FFV1", info)))
    with av.open(str(plain)) as source, av.open(str(path), "w") as output:
        video = source.streams.video[0]
        with av.open(header, format="matroska") as scratch:
            stream = output.add_stream_from_template(scratch.streams.video[0])
        context: Any = stream.codec_context
        context.width, context.height, context.pix_fmt = 96, 64, "yuv420p"
        context.extradata, stream.time_base = video.codec_context.extradata, video.time_base
        if immersive.arrangement:
            names = described._STEREO_MODES[Arrangement(immersive.arrangement)]
            stream.metadata["stereo_mode"] = names[immersive.inverted]
        for packet in source.demux(video):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    return path


def of(path: Path) -> Immersive:
    with av.open(str(path)) as container:
        return Immersive.of(next(container.decode(video=0)))


STEREO = Immersive(Arrangement.SIDE_BY_SIDE)
SEEN: Sequence[Immersive] = [
    STEREO,
    Immersive(Arrangement.TOP_AND_BOTTOM, inverted=True),
    Immersive(spherical=WHOLE),
    Immersive(spherical=TILE),
    Immersive(spherical=CUBE),
    Immersive(Arrangement.TOP_AND_BOTTOM, spherical=WHOLE),
]


@pytest.mark.parametrize("output", ["out.mkv", "out.webm", "red.webm", "vp9.mkv"])
@pytest.mark.parametrize("immersive", SEEN, ids=lambda each: f"{each.stereo} {each.sphere}")
def test_marks_are_kept(tmp_path: Path, output: str, immersive: Immersive) -> None:
    source = marked(tmp_path / "in.mkv", immersive)
    assert of(source) == immersive
    codec = {"codec": "vp9"} if output.startswith("vp9") else {}
    options = {"background": "red"} if output.startswith("red") else codec
    assert run(source, tmp_path / output, **options).notes == []
    assert of(tmp_path / output) == immersive


def test_marks_are_kept_in_parts(tmp_path: Path) -> None:
    both = Immersive(Arrangement.TOP_AND_BOTTOM, spherical=WHOLE)
    source = marked(tmp_path / "in.mkv", both, count=40)
    for name in ("out.webm", "out.mkv"):
        output = str(tmp_path / name)
        piece = Workpiece(str(source), output, Settings(), seconds=0.8)
        assert len(piece.parts) == 2
        assert piece.run(Brightness()).notes == []
        assert of(tmp_path / name) == both


@pytest.mark.parametrize(
    ("output", "options", "told"),
    [
        ("out.mov", {}, "none is written into .mov"),
        ("out.mp4", {"background": "red"}, "none is written into .mp4"),
        ("out.apng", {}, "none is written into .apng"),
        ("out.mkv", {"stacked": True}, "frames are stacked"),
    ],
)
def test_marks_that_are_not_held_are_told(
    tmp_path: Path, output: str, options: dict[str, Any], told: str
) -> None:
    both = Immersive(Arrangement.SIDE_BY_SIDE, spherical=WHOLE)
    summary = run(marked(tmp_path / "in.mkv", both), tmp_path / output, **options)
    notes = [
        f"the mark of stereo 3D (side by side) video is left out: {told}",
        f"the mark of spherical (equirectangular) video is left out: {told}",
    ]
    assert [note for note in summary.notes if "mark" in note] == notes
    assert set(notes) <= set(summary.warnings)


def test_what_webm_has_no_name_for(tmp_path: Path) -> None:
    lines = Immersive(Arrangement.LINES)
    source = marked(tmp_path / "in.mkv", lines)
    assert run(source, tmp_path / "out.mkv").notes == []
    assert of(tmp_path / "out.mkv") == lines
    (note,) = run(source, tmp_path / "out.webm").notes
    assert note.startswith("the mark of stereo 3D (lines) video is left out")


def test_flat_video_says_nothing(tmp_path: Path) -> None:
    with open_source(str(write(tmp_path / "in.mkv", pictures(1)))) as source:
        assert source.info.immersive == Immersive()
