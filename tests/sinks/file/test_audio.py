"""Sound, covers, chapters and tags beside the pictures: kept, copied, in time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from helpers.media import (
    MS,
    Sound,
    audio_packets,
    composited,
    cover_bytes,
    heard,
    pictures,
    run,
    shown,
    write,
)

from streamcut.core.errors import SinkError
from streamcut.sinks.file import audio

Clip = Callable[..., Path]

WITH_SOUND = ["out.webm", "out.mkv", "out.mov", "out.mp4"]
H264: dict[str, Any] = {"codec": "libx264", "options": {"qp": "0"}}


def background(name: str) -> str:
    return "red" if name.endswith(".mp4") else ""


def convert(source: Path, target: Path, **options: Any) -> Any:
    return run(source, target, background=background(target.name), **options)


@pytest.mark.parametrize(
    ("codec", "source", "target", "kept"),
    [
        ("aac", "in.mp4", "out.mp4", True),
        ("aac", "in.mp4", "out.mov", True),
        ("aac", "in.mp4", "out.mkv", True),
        ("aac", "in.mp4", "out.webm", False),
        ("libopus", "in.mkv", "out.webm", True),
        ("libopus", "in.mkv", "out.mp4", True),
        ("libopus", "in.mkv", "out.mkv", True),
        ("libopus", "in.mkv", "out.mov", False),
        ("libmp3lame", "in.mkv", "out.mov", True),
        ("libmp3lame", "in.mkv", "out.webm", False),
        ("ac3", "in.mkv", "out.mp4", True),
        ("pcm_s16le", "in.mkv", "out.mov", True),
        ("pcm_s16le", "in.mkv", "out.mp4", False),
        ("flac", "in.mkv", "out.mkv", True),
        ("flac", "in.mkv", "out.mov", False),
        ("flac", "in.mkv", "out.webm", False),
    ],
)
def test_copied_or_transcoded(
    clip: Clip, tmp_path: Path, codec: str, source: str, target: str, kept: bool
) -> None:
    """Bit for bit where the container takes it; else the click stays at its time."""
    path = clip(source, count=30, sounds=[Sound(codec, seconds=1.2, click=0.7)], **H264)
    summary = convert(path, tmp_path / target)
    before, after = heard(path), heard(tmp_path / target)
    assert after.click == pytest.approx(before.click, abs=0.003)
    if kept:
        given, made = audio_packets(path), audio_packets(tmp_path / target)
        if (source, target) == ("in.mp4", "out.mkv"):
            # Matroska cannot hide the lead-in that an MP4's edit list hides, and has no need to.
            given = given[1:]
        if codec.startswith("pcm"):  # Cut into packets as the muxer likes.
            assert b"".join(data for data, _ in made) == b"".join(data for data, _ in given)
        else:
            assert [data for data, _ in made] == [data for data, _ in given]
            for (_, one), (_, two) in zip(given, made, strict=True):
                assert abs(one - two) <= MS
        assert summary.notes == []
        assert shown(tmp_path / target).times == [Fraction(i, 25) for i in range(30)]
        return
    assert after.codec == ("aac" if target.endswith(("mov", "mp4")) else "opus")
    assert after.peak == pytest.approx(before.peak, rel=0.25)
    assert after.end == pytest.approx(before.end, abs=0.03)
    assert any("transcoded" in note for note in summary.notes)


@pytest.mark.parametrize("name", WITH_SOUND)
@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_several_tracks_with_their_languages(
    clip: Clip, tmp_path: Path, codec: str, name: str
) -> None:
    languages, clicks = ["eng", "fra", "deu"], [0.2, 0.4, 0.6]
    sounds = [
        Sound(codec, click=click, language=language)
        for click, language in zip(clicks, languages, strict=True)
    ]
    path = clip("in.mkv", count=25, sounds=sounds)
    convert(path, tmp_path / name)
    made = [heard(tmp_path / name, track) for track in range(3)]
    if name == "out.mov":
        languages[2] = "ger"  # QuickTime knows German by its other code.
    assert [sound.language for sound in made] == languages
    assert [sound.click for sound in made] == pytest.approx(clicks, abs=0.025)
    assert shown(tmp_path / name).streams.count("audio") == 3


@pytest.mark.parametrize("name", WITH_SOUND)
@pytest.mark.parametrize("codec", ["ac3", "flac"])
@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("5.1", 6)])
def test_channels(
    clip: Clip, tmp_path: Path, layout: str, channels: int, codec: str, name: str
) -> None:
    path = clip("in.mkv", count=10, sounds=[Sound(codec, seconds=0.5, click=0.3, layout=layout)])
    convert(path, tmp_path / name)
    made = heard(tmp_path / name)
    assert made.channels == channels
    assert made.click == pytest.approx(heard(path).click, abs=0.003)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
def test_sampling_rates_for_opus(clip: Clip, tmp_path: Path, rate: int) -> None:
    """Opus knows 48 kHz: other rates are resampled, not played faster or slower."""
    path = clip("in.mkv", count=50, sounds=[Sound("flac", seconds=2.0, click=1.7, rate=rate)])
    run(path, tmp_path / "out.webm")
    made = heard(tmp_path / "out.webm")
    assert made.click == pytest.approx(1.7, abs=0.003)
    assert made.end == pytest.approx(2.0, abs=0.03)


@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "flac"])
def test_no_drift(clip: Clip, tmp_path: Path, codec: str) -> None:
    """Times rounded to the millisecond, as Matroska's are, must not add up."""
    sound = Sound(codec, seconds=30, click=29.5, rate=44_100)
    path = clip("in.mkv", count=30, rate=1, sounds=[sound])
    run(path, tmp_path / "out.webm")
    assert heard(tmp_path / "out.webm").click == pytest.approx(heard(path).click, abs=0.003)
    assert heard(tmp_path / "out.webm").end == pytest.approx(30, abs=0.05)


@pytest.mark.parametrize("name", WITH_SOUND)
@pytest.mark.parametrize("codec", ["aac", "flac"])
@pytest.mark.parametrize(("frames", "seconds"), [(10, 2.0), (50, 0.6)])
def test_longer_and_shorter_than_the_pictures(
    clip: Clip, tmp_path: Path, codec: str, name: str, frames: int, seconds: float
) -> None:
    sound = Sound(codec, seconds=seconds, click=seconds - 0.2)
    path = clip("in.mkv", count=frames, sounds=[sound])
    convert(path, tmp_path / name)
    assert len(shown(tmp_path / name).pictures) == frames
    made = heard(tmp_path / name)
    assert made.end == pytest.approx(seconds, abs=0.05)
    assert made.click == pytest.approx(heard(path).click, abs=0.003)


@pytest.mark.parametrize("name", WITH_SOUND)
@pytest.mark.parametrize("codec", ["aac", "flac", "pcm_s16le"])
def test_sound_that_begins_late(clip: Clip, tmp_path: Path, codec: str, name: str) -> None:
    sound = Sound(codec, seconds=1.0, start=0.5, click=1.0)
    path = clip("in.mkv", count=40, sounds=[sound])
    convert(path, tmp_path / name)
    before, made = heard(path), heard(tmp_path / name)
    assert shown(tmp_path / name).times[0] == 0
    assert made.click == pytest.approx(before.click, abs=0.003)
    assert made.start == pytest.approx(before.start, abs=0.03)


@pytest.mark.parametrize("name", WITH_SOUND)
@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_pictures_that_begin_late(tmp_path: Path, codec: str, name: str) -> None:
    """Sound from zero, pictures from half a second on: both stay where they are."""
    times = [500 + 40 * i for i in range(20)]
    sounds = [Sound(codec, seconds=1.5, click=0.3)]
    path = write(tmp_path / "in.mkv", pictures(20), times=times, sounds=sounds)
    convert(path, tmp_path / name)
    assert shown(tmp_path / name).times == [time * MS for time in times]
    assert heard(tmp_path / name).click == pytest.approx(heard(path).click, abs=0.003)


@pytest.mark.parametrize("name", WITH_SOUND)
@pytest.mark.parametrize("codec", ["aac", "libmp3lame"])
def test_transport_streams_stay_in_time(tmp_path: Path, codec: str, name: str) -> None:
    """Their clock is moved to zero for pictures and sound alike."""
    path = write(
        tmp_path / "in.ts",
        pictures(30),
        time_base=Fraction(1, 90_000),
        times=[900_000 + 3600 * i for i in range(30)],
        sounds=[Sound(codec, seconds=1.2, start=10.0, click=10.8)],
        **H264,
    )
    lag = heard(path).click - float(shown(path).times[0])
    convert(path, tmp_path / name)
    made = heard(tmp_path / name).click - float(shown(tmp_path / name).times[0])
    assert made == pytest.approx(lag, abs=0.003)
    assert 0 <= shown(tmp_path / name).times[0] < Fraction(1, 20)


def test_no_sound(clip: Clip, tmp_path: Path) -> None:
    for source, options in [(clip(), {}), (clip("s.mkv", sounds=[Sound()]), {"audio": False})]:
        summary = run(source, tmp_path / f"{source.stem}.webm", **options)
        assert shown(tmp_path / f"{source.stem}.webm").streams == ["video"]
        assert summary.notes == []


@pytest.mark.parametrize("name", ["out.gif", "out.webp", "out.apng"])
def test_formats_without_sound_say_so(clip: Clip, tmp_path: Path, name: str) -> None:
    ending = Path(name).suffix
    assert run(clip(sounds=[Sound()]), tmp_path / name).notes == [f"{ending} holds no sound"]


@pytest.mark.parametrize("name", WITH_SOUND)
@pytest.mark.parametrize("codec", ["aac", "flac", "libopus"])
def test_start_and_duration_cut_the_sound_too(
    clip: Clip, tmp_path: Path, codec: str, name: str
) -> None:
    path = clip(
        "in.mkv",
        count=75,
        sounds=[Sound(codec, seconds=3.0, click=1.5)],
        codec="libx264",
        options={"qp": "0", "g": "10"},
    )
    lag = heard(path).click - 1.0
    convert(path, tmp_path / name, start=1.0, duration=1.0)
    seen, made = shown(tmp_path / name), heard(tmp_path / name)
    assert len(seen.pictures) == 25
    assert seen.times == [Fraction(i, 25) for i in range(25)]
    assert made.click == pytest.approx(lag, abs=0.003)
    assert made.end == pytest.approx(1.0, abs=0.06)
    # Copied sound begins with a whole packet, one of FLAC is 96 ms long.
    late = 0.1 if (codec, name) == ("flac", "out.mkv") else 0.03
    assert made.start == pytest.approx(0.0, abs=late)


@pytest.mark.parametrize("name", WITH_SOUND)
def test_metadata_and_chapters(clip: Clip, tmp_path: Path, name: str) -> None:
    path = clip(
        count=50,
        metadata={"title": "A test", "artist": "Nobody", "comment": "äöü ✓"},
        chapters=[(0, 800, "one"), (800, 1500, "two"), (1500, 2000, "three")],
    )
    convert(path, tmp_path / name)
    seen = shown(tmp_path / name)
    tags = {key.lower(): value for key, value in seen.metadata.items()}
    assert tags["title"] == "A test"
    assert tags["artist"] == "Nobody"
    assert tags["comment"] == "äöü ✓"
    assert chapters_of(seen.chapters) == [(0, 0.8, "one"), (0.8, 1.5, "two"), (1.5, 2, "three")]


@pytest.mark.parametrize("name", WITH_SOUND)
def test_chapters_are_cut_and_shifted(clip: Clip, tmp_path: Path, name: str) -> None:
    path = clip(
        count=75,
        chapters=[(0, 800, "one"), (800, 1500, "two"), (1500, 2500, "three"), (2500, 3000, "4")],
    )
    convert(path, tmp_path / name, start=1.0, duration=1.0)
    made = chapters_of(shown(tmp_path / name).chapters)
    assert made == [(0, 0.5, "two"), (0.5, 1.0, "three")]


def chapters_of(chapters: list[dict[str, Any]]) -> list[tuple[float, float, str]]:
    return [
        (
            float(chapter["start"] * chapter["time_base"]),
            float(chapter["end"] * chapter["time_base"]),
            chapter["metadata"]["title"],
        )
        for chapter in chapters
    ]


@pytest.mark.parametrize("first", [False, True], ids=["after", "before"])
@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("source", ["in.mp4", "in.mkv"])
@pytest.mark.parametrize("name", WITH_SOUND)
def test_cover_pictures(
    clip: Clip, tmp_path: Path, source: str, kind: str, first: bool, name: str
) -> None:
    path = clip(source, cover=kind, cover_first=first, sounds=[Sound("aac", click=0.5)], **H264)
    summary = convert(path, tmp_path / name)
    assert len(shown(tmp_path / name).pictures) == 5
    assert heard(tmp_path / name).click == pytest.approx(heard(path).click, abs=0.003)
    with av.open(str(tmp_path / name)) as container:
        covers = [
            stream
            for stream in container.streams.video
            if stream.disposition & av.stream.Disposition.attached_pic
        ]
        if name in ("out.webm", "out.mov"):
            assert not covers
            assert any("cover" in note for note in summary.notes)
            return
        assert len(covers) == 1
        packet = next(iter(container.demux(covers[0])))
        assert bytes(packet) == cover_bytes(kind)


def test_undecodable_sound_is_counted(clip: Clip, tmp_path: Path) -> None:
    """A damaged packet of sound that must be transcoded costs itself alone."""
    path = clip("in.mkv", count=25, sounds=[Sound("flac", seconds=1.0, click=0.8)])
    data = path.read_bytes()
    packets = audio_packets(path)
    broken = packets[3][0]
    assert data.count(broken) == 1
    path.write_bytes(data.replace(broken, bytes(len(broken))))
    summary = run(path, tmp_path / "out.webm")
    assert summary.undecodable == 1
    assert heard(tmp_path / "out.webm").click == pytest.approx(0.8, abs=0.003)
    assert len(shown(tmp_path / "out.webm").pictures) == len(composited(path))


def test_sound_that_changes_in_mid_stream(tmp_path: Path) -> None:
    """From stereo to mono and to another rate: one track, all of it."""
    data = b""
    for number, (layout, rate) in enumerate(
        [("stereo", 48_000), ("mono", 48_000), ("mono", 32_000)]
    ):
        write(
            tmp_path / "part.ts",
            pictures(25),
            times=[90_000 * number + 3600 * i for i in range(25)],
            time_base=Fraction(1, 90_000),
            sounds=[Sound("mp2", start=number, click=number + 0.5, layout=layout, rate=rate)],
            **H264,
        )
        data += (tmp_path / "part.ts").read_bytes()
    (tmp_path / "in.ts").write_bytes(data)
    summary = run(tmp_path / "in.ts", tmp_path / "out.webm")
    assert summary.frames == len(shown(tmp_path / "out.webm").pictures) == 75
    assert summary.undecodable == 0
    made = heard(tmp_path / "out.webm")
    assert made.end == pytest.approx(3, abs=0.1)


def test_any_error_of_the_sound_costs_its_packet(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip("in.mkv", count=25, sounds=[Sound("flac", seconds=1.0)])

    def fail(*_: object) -> Any:
        raise ValueError("broken sound")

    monkeypatch.setattr(audio._Transcoded, "convert", fail)
    summary = run(path, tmp_path / "out.webm")
    assert summary.undecodable == len(audio_packets(path))
    assert summary.notes.count("some sound is lost: broken sound") == 1
    assert len(shown(tmp_path / "out.webm").pictures) == 25


def test_pictures_are_finished_though_the_sound_fails(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip("in.mkv", count=25, sounds=[Sound("flac", seconds=1.0)])

    def fail(*_: object) -> None:
        raise OSError("no sound")

    monkeypatch.setattr(audio.Companions, "finish", fail)
    with pytest.raises(SinkError, match="no sound"):
        run(path, tmp_path / "out.mp4", background="red")
    assert len(shown(tmp_path / "out.mp4").pictures) == 25


def test_sound_without_decoder_is_left_out(clip: Clip, tmp_path: Path) -> None:
    path = clip("in.mkv", sounds=[Sound("flac", seconds=0.2)])
    data = path.read_bytes()
    assert data.count(b"A_FLAC") == 1
    path.write_bytes(data.replace(b"A_FLAC", b"A_FLAX"))
    summary = run(path, tmp_path / "out.mkv")
    assert summary.notes == ["a sound track is left out: no decoder for it"]
    assert summary.frames == 5


def test_the_second_reader_of_an_address_does_not_wait_forever(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("streamcut.media.opening.is_address", lambda _: True)
    monkeypatch.setattr("streamcut.media.opening.timeout_for", asked.append)
    path = clip("in.mkv", sounds=[Sound("flac", seconds=0.2)])
    run(path, tmp_path / "out.mkv")
    assert len(asked) > 1
    assert set(asked) == {str(path)}
