"""What is beside frames and sound is carried over, or told."""

from __future__ import annotations

import os
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from helpers.media import Sound, pictures, run, write

from streamcut.sinks.file.carried import moved_timecode
from streamcut.sources.once import lost_of

TIMECODE = {"timecode": "01:00:00:00"}
SRT = b"1\n00:00:00,200 --> 00:00:01,000\nHello\n"


def with_subtitles(folder: Path, path: Path, attached: bool = False) -> Path:
    """A clip of two seconds with a line from .2 to 1 s, in SubRip or WebVTT."""
    webvtt = path.suffix == ".webm"
    text = folder / ("in.vtt" if webvtt else "in.srt")
    text.write_bytes(b"WEBVTT\n\n00:00.200 --> 00:01.000\nHello\n" if webvtt else SRT)
    bare = write(folder / "bare.mkv", pictures(50), codec="libvpx" if webvtt else "libx264")
    with av.open(str(bare)) as video, av.open(str(text)) as words, av.open(str(path), "w") as out:
        tracks: list[Any] = [
            out.add_stream_from_template(video.streams.video[0]),
            out.add_stream_from_template(words.streams.subtitles[0]),
        ]
        if attached:
            out.add_attachment("font.ttf", "font/ttf", b"letters")
        for source, track in zip((video, words), tracks, strict=True):
            for packet in source.demux():
                if packet.size:
                    packet.stream = track
                    out.mux(packet)
    return path


def lines(path: Path) -> list[tuple[bytes, float, float]]:
    with av.open(str(path)) as container:
        track: Any = container.streams.subtitles[0]
        return [
            (bytes(p), float(p.pts * p.time_base), float(p.duration * p.time_base))
            for p in container.demux(track)
            if p.size
        ]


@pytest.mark.parametrize(("source", "output"), [("in.mkv", "out.mkv"), ("in.webm", "out.webm")])
def test_subtitles_are_copied(tmp_path: Path, source: str, output: str) -> None:
    path = with_subtitles(tmp_path, tmp_path / source)
    assert run(path, tmp_path / output).notes == []
    assert lines(tmp_path / output) == lines(path)
    run(path, tmp_path / output, start=0.4, overwrite=True)
    ((text, begins, lasts),) = lines(tmp_path / output)
    assert (text, begins) == (b"Hello", 0)
    assert lasts == pytest.approx(0.6, abs=0.002)


def test_subtitles_that_are_not_held_are_told(tmp_path: Path) -> None:
    path = with_subtitles(tmp_path, tmp_path / "in.mkv", attached=True)
    assert run(path, tmp_path / "out.mov").notes == [
        "the subtitles (srt) are left out: .mov does not hold them",
        "1 attached file is left out",
    ]


def test_attached_files_are_copied(tmp_path: Path) -> None:
    path = with_subtitles(tmp_path, tmp_path / "in.mkv", attached=True)
    assert run(path, tmp_path / "out.mkv").notes == []
    with av.open(str(tmp_path / "out.mkv")) as container:
        files: list[Any] = [s for s in container.streams if s.type == "attachment"]
        (file,) = files
        assert (file.name, file.mimetype, bytes(file.data)) == ("font.ttf", "font/ttf", b"letters")


@pytest.mark.parametrize(
    ("name", "start", "kept"),
    [
        ("out.mov", None, "01:00:00:00"),
        ("out.mov", 1.2, "01:00:01:05"),
        ("out.mkv", None, "01:00:00:00"),
        ("out.mp4", 1.2, "01:00:01:05"),
        ("out.webm", None, None),
    ],
)
def test_timecode(tmp_path: Path, name: str, start: float | None, kept: str | None) -> None:
    path = write(
        tmp_path / "in.mov", pictures(50), codec="libx264", tags={"timecode": "01:00:00:00"}
    )
    background = {"background": "red"} if name == "out.mp4" else {}
    summary = run(path, tmp_path / name, start=start, **background)
    with av.open(str(tmp_path / name)) as container:
        tags = {k.lower(): v for k, v in container.streams.video[0].metadata.items()}
    assert tags.get("timecode") == kept
    told = ["the timecode 01:00:00:00 is left out: .webm holds none"] if kept is None else []
    assert summary.notes == told


@pytest.mark.parametrize(
    ("text", "frames", "rate", "expected"),
    [
        ("01:00:00:00", 25, Fraction(25), "01:00:01:00"),
        ("23:59:59:24", 1, Fraction(25), "00:00:00:00"),
        ("00:00:59;29", 1, Fraction(30_000, 1001), "00:01:00;02"),
        ("00:09:59;29", 1, Fraction(30_000, 1001), "00:10:00;00"),
        ("01:00:00;00", 107_892, Fraction(30_000, 1001), "02:00:00;00"),
        ("00:00:59:29", 1, Fraction(30_000, 1001), "00:01:00:00"),
        ("00:00:59;59", 1, Fraction(60_000, 1001), "00:01:00;04"),
        ("now", 0, Fraction(25), None),
    ],
)
def test_moved_timecode(text: str, frames: int, rate: Fraction, expected: str | None) -> None:
    assert moved_timecode(text, frames, rate) == expected


@pytest.mark.parametrize(
    ("codec", "holder"),
    [
        *(("pcm_alaw", "mov"), ("pcm_mulaw", "mov"), ("pcm_s8", "mov"), ("adpcm_ms", "avi")),
        *(("adpcm_ima_qt", "mov"), ("pcm_f64be", "mov"), ("pcm_bluray", "m2ts")),
    ],
)
def test_sound_that_matroska_does_not_hold_is_transcoded(
    tmp_path: Path, codec: str, holder: str
) -> None:
    video = "libx264" if holder == "m2ts" else "mpeg4"
    sounds = [Sound(codec=codec)]
    path = write(tmp_path / f"in.{holder}", pictures(25), codec=video, sounds=sounds)
    summary = run(path, tmp_path / "out.mkv")
    assert summary.notes == [f"sound transcoded from {codec}: .mkv does not hold it"]
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.audio[0].codec_context.name == "opus"
        samples = sum(f.samples for f in container.decode(audio=0))
    assert samples == pytest.approx(48_000, abs=4_000)


def test_a_downmix_is_told(tmp_path: Path) -> None:
    sounds = [Sound(layout="quad")]
    path = write(tmp_path / "in.mov", pictures(25), codec="mpeg4", sounds=sounds)
    assert "the sound's 4 channels become stereo" in run(path, tmp_path / "out.webm").notes


def with_more(path: Path) -> Path:
    """A transport stream with data and a second camera beside its frames."""
    with av.open(str(path), "w") as out:
        data = out.add_data_stream("klv")
        for _ in range(2):
            video: Any = out.add_stream("mpeg2video", rate=25)
            video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        for stream in out.streams.video:
            for packet in [*map(stream.encode, pictures(5)), stream.encode(None)]:
                out.mux(packet)
        klv: Any = av.Packet(b"\x06\x0e\x2b\x34" + bytes(30))
        klv.stream, klv.pts, klv.dts = data, 0, 0
        klv.time_base = Fraction(1, 90_000)
        out.mux(klv)
    return path


def test_data_and_further_cameras_are_told(tmp_path: Path) -> None:
    summary = run(with_more(tmp_path / "in.ts"), tmp_path / "out.mkv")
    told = ["1 data stream is left out", "1 further video stream is left out"]
    assert (summary.notes, summary.warnings) == (told, told)


@pytest.mark.parametrize("name", ["out.webm", "out.mov", "out_%04d.png"])
def test_a_cover_that_is_not_held_is_told(tmp_path: Path, name: str) -> None:
    source = write(tmp_path / "in.mp4", pictures(5), codec="libx264", cover="png")
    ending = Path(name).suffix
    told = [f"the cover image is left out: {ending} holds none"]
    assert run(source, tmp_path / name).notes == told


def test_what_a_sequence_of_images_does_not_hold_is_told(tmp_path: Path) -> None:
    sounds, chapters = [Sound()], [(0, 100, "one"), (100, 200, "two")]
    source = write(tmp_path / "in.mkv", pictures(5), sounds=sounds, chapters=chapters)
    told = ["the chapters are left out: .png holds none", ".png holds no sound"]
    assert run(source, tmp_path / "out_%04d.png").notes == told


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_a_named_pipe_loses_is_told(tmp_path: Path) -> None:
    path = with_subtitles(tmp_path, tmp_path / "in.mkv", attached=True)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    feeder = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()), daemon=True)
    feeder.start()
    told = "its subtitles and attached files are left out: a pipe is read only once"
    summary = run(pipe, tmp_path / "out.mkv")
    feeder.join()
    assert (summary.notes, summary.warnings) == ([told], [told])


@pytest.mark.parametrize(
    ("name", "options", "lost"),
    [
        ("in.ts", {}, "data and further video are"),
        (
            "in.mov",
            {"sounds": [Sound()], "tags": {"timecode": "01:00:00:00"}},
            "sound and timecode",
        ),
        ("cover.mkv", {"sounds": [Sound()], "cover": "png"}, "sound and cover image are"),
        ("only.mov", {"tags": TIMECODE}, "timecode is"),
        ("bare.mov", {}, ""),
    ],
)
def test_what_is_read_only_once_loses(
    tmp_path: Path, name: str, options: dict[str, Any], lost: str
) -> None:
    path = tmp_path / name
    if path.suffix == ".ts":
        with_more(path)
    else:
        write(path, pictures(3), codec="libx264", **options)
    with av.open(str(path)) as container:
        notes = lost_of(container)
    assert [note.startswith(f"its {lost}") for note in notes] == [True] * bool(lost)
    assert all(note.endswith("left out: a pipe is read only once") for note in notes)
