"""Timestamps as the container has them: uneven, late, negative, reordered, absent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.media import (
    MS,
    Shown,
    Sound,
    copied,
    heard,
    picture,
    pictures,
    run,
    set_edit_start,
    shown,
    views,
    write,
)
from PIL import Image

from streamcut.core.errors import SourceError
from streamcut.sources import open_source

Clip = Callable[..., Path]

UNEVEN = [0, 33, 41, 141, 142, 500, 1033, 1034]
LOSSLESS_H264: dict[str, Any] = {"codec": "libx264", "options": {"qp": "0", "bf": "0"}}


def read(path: Path | str, **options: Any) -> Shown:
    """What the source delivers."""
    seen = Shown()
    with open_source(str(path), **options) as frames:
        for frame in frames:
            seen.pictures.append(frame.source)
            assert frame.source.pts is not None
            seen.times.append(frame.source.pts * Fraction(frame.source.time_base or 0))
    return seen


def indices(seen: Shown, width: int = 96, height: int = 64) -> list[int]:
    """Which of the generator's pictures each one is, by its luma."""
    known = [views(picture(index, width, height))[0].astype(int) for index in range(40)]
    return [int(np.argmin([np.abs(views(p)[0] - k).mean() for k in known])) for p in seen.pictures]


@pytest.mark.parametrize(
    ("name", "time_base", "unit"),
    [
        ("in.mkv", MS, 1),
        ("in.mp4", Fraction(1, 90_000), 90),
        ("in.mov", Fraction(1, 90_000), 90),
        ("in.ts", Fraction(1, 90_000), 90),
        ("in.nut", MS, 1),
    ],
)
def test_uneven_times(tmp_path: Path, name: str, time_base: Fraction, unit: int) -> None:
    times = [unit * ms for ms in UNEVEN]
    path = write(tmp_path / name, pictures(8), times=times, time_base=time_base, **LOSSLESS_H264)
    seen = read(path)
    assert seen.times == [ms * MS for ms in UNEVEN]
    assert indices(seen) == list(range(8))


@pytest.mark.parametrize("name", ["out.webm", "out.mkv", "out.mov", "out.mp4"])
def test_uneven_times_in_the_output(clip: Clip, tmp_path: Path, name: str) -> None:
    """Finer than a millisecond where the output's clock is."""
    ticks = [0, 3003, 3004, 12_012, 15_015, 90_001, 93_004, 180_007]
    source = write(
        tmp_path / "in.mp4",
        pictures(8),
        times=ticks,
        time_base=Fraction(1, 90_000),
        **LOSSLESS_H264,
    )
    summary = run(source, tmp_path / name, background="red" if name == "out.mp4" else "")
    times = [Fraction(tick, 90_000) for tick in ticks]
    if name in ("out.webm", "out.mkv"):  # They count whole milliseconds.
        times = [Fraction(round(time * 1000), 1000) for time in times]
    assert shown(tmp_path / name).times == times
    assert (summary.frames, summary.dropped) == (8, 0)


@pytest.mark.parametrize("name", ["out.webm", "out.mkv", "out.mov", "out.mp4"])
@pytest.mark.parametrize("bframes", [0, 3])
def test_b_frames(tmp_path: Path, name: str, bframes: int) -> None:
    source = write(
        tmp_path / "in.mp4",
        pictures(12),
        codec="libx264",
        options={"qp": "0", "bf": str(bframes), "b_strategy": "0"},
        time_base=Fraction(1, 12_800),
    )
    seen = read(source)
    assert seen.times == [Fraction(i, 25) for i in range(12)]
    assert indices(seen) == list(range(12))
    run(source, tmp_path / name, background="red" if name == "out.mp4" else "")
    assert shown(tmp_path / name).times == [Fraction(i, 25) for i in range(12)]


@pytest.mark.parametrize("name", ["out.webm", "out.mkv", "out.mov", "out.mp4"])
@pytest.mark.parametrize("source", ["in.mkv", "in.mp4"])
def test_late_start(tmp_path: Path, source: str, name: str) -> None:
    """A video that begins two seconds late does so in the output."""
    times = [2000, 2040, 2090, 2200]
    path = write(tmp_path / source, pictures(4), times=times, **LOSSLESS_H264)
    assert read(path).times == [ms * MS for ms in times]
    run(path, tmp_path / name, background="red" if name == "out.mp4" else "")
    assert shown(tmp_path / name).times == [ms * MS for ms in times]


def test_transport_streams_start_at_zero(tmp_path: Path) -> None:
    """Their clock has no zero of its own; muxers add a second or more."""
    path = write(
        tmp_path / "in.ts",
        pictures(5),
        times=[900_000 + 3600 * i for i in range(5)],
        time_base=Fraction(1, 90_000),
        **LOSSLESS_H264,
    )
    assert shown(path).times[0] > 9
    assert read(path).times == [Fraction(i, 25) for i in range(5)]


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4"])
def test_avi_has_no_timestamps(tmp_path: Path, codec: str) -> None:
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    options = {"bf": "2"} if codec == "mpeg4" else {}
    path = write(
        tmp_path / "in.avi",
        pictures(9, 96, 64, pixel_format),
        codec=codec,
        options=options,
        time_base=Fraction(1, 25),
    )
    seen = read(path)
    late = seen.times[0]  # With B-frames, FFmpeg takes the first to be shown one picture late.
    assert late in ([0] if codec == "mjpeg" else [0, Fraction(1, 25)])
    assert seen.times == [late + Fraction(i, 25) for i in range(9)]
    run(path, tmp_path / "out.mkv")
    assert shown(tmp_path / "out.mkv").times == seen.times


def test_raw_streams_have_neither_times_nor_duration(tmp_path: Path) -> None:
    path = write(tmp_path / "in.h264", pictures(6), time_base=Fraction(1, 25), **LOSSLESS_H264)
    with open_source(str(path)) as source:
        assert source.info.duration is None
        assert source.info.frames is None
    assert read(path).times == [Fraction(i, 25) for i in range(6)]
    assert run(path, tmp_path / "out.webm").frames == 6
    assert shown(tmp_path / "out.webm").times == [Fraction(i, 25) for i in range(6)]


@pytest.mark.parametrize("name", ["out.webm", "out.mkv", "out.mov", "out.mp4", "out.gif", "f/"])
def test_one_picture(clip: Clip, tmp_path: Path, name: str) -> None:
    source = clip(count=1)
    summary = run(source, tmp_path / name, background="red" if name == "out.mp4" else "")
    assert summary.frames == 1
    path = tmp_path / "f" / "000001.png" if name == "f/" else tmp_path / name
    assert len(shown(path).pictures) == 1


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_hevc_pictures(
    clip: Clip, tmp_path: Path, count: int, pixel_format: str
) -> None:
    source = clip(count=count, pixel_format=pixel_format)
    run(source, tmp_path / "out.mp4", background="red", codec="hevc")
    assert shown(tmp_path / "out.mp4").times == [Fraction(i, 25) for i in range(count)]


def test_start_and_duration_are_frame_exact(clip: Clip) -> None:
    source = clip(count=25, name="in.mkv")
    seen = read(source, start=Fraction("0.2"), duration=Fraction("0.4"))
    assert indices(seen) == list(range(5, 15))
    assert seen.times == [Fraction(i, 25) for i in range(10)]


def test_start_between_two_pictures(clip: Clip) -> None:
    """The first picture is the first one at or after the start; times count from the start."""
    seen = read(clip(count=10), start=Fraction("0.05"))
    assert indices(seen) == list(range(2, 10))
    assert seen.times[0] == Fraction("0.03")


def test_start_seeks_behind_key_pictures(tmp_path: Path) -> None:
    """Pictures between the key picture and the start are decoded but not delivered."""
    path = write(
        tmp_path / "in.mp4",
        pictures(30),
        codec="libx264",
        options={"qp": "0", "bf": "3", "g": "12", "b_strategy": "0"},
        time_base=Fraction(1, 12_800),
    )
    seen = read(path, start=Fraction("0.72"), duration=Fraction("0.2"))
    assert indices(seen) == [18, 19, 20, 21, 22]
    assert seen.times == [Fraction(i, 25) for i in range(5)]


def test_start_counts_from_the_beginning_of_a_late_stream(tmp_path: Path) -> None:
    path = write(
        tmp_path / "in.mkv", pictures(6), times=[2000 + 40 * i for i in range(6)], **LOSSLESS_H264
    )
    seen = read(path, start=Fraction("0.08"))
    assert indices(seen) == [2, 3, 4, 5]
    assert seen.times[0] == 0


@pytest.mark.parametrize("name", ["in.ts", "in.avi", "in.h264"])
def test_start_without_an_index(tmp_path: Path, name: str) -> None:
    path = write(
        tmp_path / name,
        pictures(30),
        codec="mpeg4" if name == "in.avi" else "libx264",
        options={"qscale": "2", "qp": "0", "bf": "0", "g": "12"},
        time_base=Fraction(1, 25),
    )
    seen = read(path, start=Fraction("0.72"), duration=Fraction("0.2"))
    assert indices(seen) == [18, 19, 20, 21, 22]
    assert seen.times == [Fraction(i, 25) for i in range(5)]


def test_start_after_the_end(clip: Clip) -> None:
    with pytest.raises(SourceError, match="ends before start"):
        open_source(str(clip()), start=Fraction(60))


def test_duration_of_what_is_delivered(clip: Clip) -> None:
    path = clip(count=25)
    for start, duration, left in [(None, None, 1), ("0.2", None, 0.8), ("0.2", "0.4", 0.4)]:
        options: dict[str, Any] = {
            "start": None if start is None else Fraction(start),
            "duration": None if duration is None else Fraction(duration),
        }
        with open_source(str(path), **options) as source:
            assert source.info.duration == pytest.approx(left, abs=0.002)


def test_negative_times(tmp_path: Path) -> None:
    """What an edit list moves before zero keeps its distance to the rest."""
    path = write(tmp_path / "in.mov", pictures(6), time_base=Fraction(1, 25), **LOSSLESS_H264)
    set_edit_start(path, 2)
    wanted = shown(path)
    seen = read(path)
    assert seen.times == wanted.times
    for one, two in zip(seen.pictures, wanted.pictures, strict=True):
        assert np.array_equal(copied(one)[0], copied(two)[0])


def transport(path: Path, begin: float, seconds: float = 1.0, click: float = 0.5) -> bytes:
    """A second of MPEG-TS whose clock begins anywhere."""
    first = round(begin * 90_000)
    write(
        path,
        pictures(25),
        times=[first + 3600 * i for i in range(25)],
        time_base=Fraction(1, 90_000),
        sounds=[Sound("mp2", seconds=seconds, start=begin, click=begin + click)],
        **LOSSLESS_H264,
    )
    return path.read_bytes()


@pytest.mark.parametrize("later", [0.0, 3.0, 60.0], ids=["back", "less", "ahead"])
@pytest.mark.parametrize("name", ["out.webm", "out.mkv"])
def test_joined_transport_streams(tmp_path: Path, later: float, name: str) -> None:
    """The clock of the second part begins anew, or far ahead; pictures and sound go on."""
    one = transport(tmp_path / "a.ts", 10.0)
    two = transport(tmp_path / "b.ts", 10.0 + later - (10 if later == 3 else 0), click=0.7)
    path = tmp_path / "in.ts"
    path.write_bytes(one + two)
    summary = run(path, tmp_path / name)
    assert summary.notes[0] == "the input's clock jumps once: joined"
    assert not any("cut off" in note for note in summary.notes)
    times = shown(tmp_path / name).times
    assert len(times) == 50
    assert [time - times[0] for time in times] == [Fraction(i, 25) for i in range(50)]
    assert summary.undecodable == 0
    clicks = clicks_of(tmp_path / name)
    assert clicks == pytest.approx([0.5, 1.7], abs=0.02)


def test_joined_streams_with_less_sound(tmp_path: Path) -> None:
    """Sound that ends before the pictures of its part does not pull the next part forward."""
    part = transport(tmp_path / "a.ts", 10.0, seconds=0.4, click=0.2)
    (tmp_path / "in.ts").write_bytes(3 * part)
    summary = run(tmp_path / "in.ts", tmp_path / "out.mkv")
    assert summary.notes == ["the input's clock jumps 2 times: joined"]
    assert clicks_of(tmp_path / "out.mkv") == pytest.approx([0.2, 1.2, 2.2], abs=0.02)


@pytest.mark.parametrize("name", ["out.webm", "out.mkv"])
def test_joined_streams_with_more_sound(tmp_path: Path, name: str) -> None:
    """Sound that goes on after the pictures of its part gives way to the next part's."""
    part = transport(tmp_path / "a.ts", 10.0, seconds=1.3)
    (tmp_path / "in.ts").write_bytes(2 * part)
    run(tmp_path / "in.ts", tmp_path / name)
    assert clicks_of(tmp_path / name) == pytest.approx([0.5, 1.5], abs=0.02)


def clicks_of(path: Path) -> list[float]:
    """When the sound is loud, once for each click."""
    found: list[float] = []
    resampler = av.AudioResampler(format="fltp", layout="mono")
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            begin = float(frame.time or 0.0)
            for part in resampler.resample(frame):
                for sample in np.flatnonzero(np.abs(part.to_ndarray()[0]) > 0.25):
                    time = begin + sample / frame.sample_rate
                    if not found or time - found[-1] > 0.1:
                        found.append(time)
    return found


def test_start_in_joined_streams_is_said_to_be_doubtful(tmp_path: Path) -> None:
    (tmp_path / "in.ts").write_bytes(3 * transport(tmp_path / "a.ts", 10.0))
    with open_source(str(tmp_path / "in.ts"), start=Fraction(1, 5)) as source:
        assert len(list(source)) > 20
        assert "start and sound may not be where they should" in source.notes[0]


class Paused(Sound):
    """Sound that pauses for twelve seconds while the pictures go on."""

    def frames(self) -> Iterable[av.AudioFrame]:
        yield from Sound(seconds=0.48, start=10, click=10.2).frames()
        yield from Sound(seconds=0.48, start=22.8, click=23).frames()


def test_sound_that_pauses_is_no_jump(tmp_path: Path) -> None:
    path = write(
        tmp_path / "in.ts",
        pictures(28),
        times=[900_000 + 45_000 * i for i in range(28)],
        time_base=Fraction(1, 90_000),
        rate=2,
        sounds=[Paused("mp2")],
        **LOSSLESS_H264,
    )
    wanted = [time - 10 for time in clicks_of(path)]
    summary = run(path, tmp_path / "out.mkv")
    assert summary.notes == []
    began = shown(tmp_path / "out.mkv").times[0] - (shown(path).times[0] - 10)
    assert clicks_of(tmp_path / "out.mkv") == pytest.approx(
        [time + float(began) for time in wanted], abs=0.02
    )
    assert wanted[1] - wanted[0] > 12


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_reordered_frames_in_avi_keep_their_times_beside_dropped_ones(
    tmp_path: Path, codec: str
) -> None:
    """AVI says when packets are decoded; FFmpeg's guess of when they are shown is scrambled."""
    numbers = [n for n in range(24) if n not in (5, 6, 13)]
    options = {"bf": "2", "g": "12", "b_strategy": "0"} | {
        "libx264": {"qp": "1"},
        "mpeg4": {"qmin": "1", "qmax": "1"},
    }[codec]
    path = write(
        tmp_path / "in.avi",
        [picture(n) for n in numbers],
        codec=codec,
        times=numbers,
        time_base=Fraction(1, 25),
        options=options,
    )
    seen = read(path)
    assert indices(seen) == numbers
    assert [time - seen.times[0] for time in seen.times] == [Fraction(n, 25) for n in numbers]
    late = read(path, start=Fraction(16, 25))
    assert indices(late) == [n for n in numbers if n >= 16 + round(25 * seen.times[0])]


@pytest.mark.parametrize("ending", [".mpg", ".vob"])
def test_start_in_a_program_stream_loses_no_frame(tmp_path: Path, ending: str) -> None:
    options = {"bf": "2", "g": "12", "qmin": "1", "qmax": "2"}
    count = 36
    path = write(
        tmp_path / f"in{ending}",
        pictures(count),
        codec="mpeg2video",
        time_base=Fraction(1, 25),
        options=options,
        sounds=[Sound(codec="mp2", seconds=count / 25)],
    )
    whole = read(path)
    assert indices(whole) == list(range(count))
    for start in (Fraction(1, 5), Fraction(3, 5), Fraction(11, 10)):
        cut = read(path, start=start)
        kept = [i for i, time in enumerate(whole.times) if time >= start]
        assert indices(cut) == kept
        assert cut.times == pytest.approx([whole.times[i] - start for i in kept], abs=1e-4)


HOLDERS: dict[str, tuple[str, str, str]] = {
    "in.mkv": ("libx264", "2", "aac"),
    "in.webm": ("libvpx-vp9", "0", "libopus"),
    "in.mp4": ("libx264", "2", "aac"),
    "in.mov": ("mpeg4", "2", "pcm_s16le"),
    "in.3gp": ("mpeg4", "0", "aac"),
    "in.avi": ("mpeg4", "2", "pcm_s16le"),
    "in.ts": ("libx264", "2", "aac"),
    "in.m2ts": ("libx264", "2", "ac3"),
    "in.mpg": ("mpeg2video", "2", "mp2"),
    "in.vob": ("mpeg2video", "2", "ac3"),
    "in.flv": ("libx264", "2", "aac"),
    "in.asf": ("mpeg4", "0", "mp3"),
    "in.nut": ("ffv1", "0", "pcm_s16le"),
    "in.mxf": ("mpeg2video", "0", "pcm_s16le"),
}
"""By container: codec, B-frames and sound."""


@pytest.mark.parametrize("name", HOLDERS)
def test_start_loses_nothing_in_any_container(tmp_path: Path, name: str) -> None:
    """The frames from then on, as far apart as before, and the sound where it was beside them."""
    codec, reordered, sound = HOLDERS[name]
    best = {"libx264": {"qp": "1"}, "ffv1": {}, "libvpx-vp9": {"crf": "4", "b": "0"}}
    options = {"g": "12", "bf": reordered} | best.get(codec, {"qmin": "1", "qmax": "2"})
    path = write(
        tmp_path / name,
        pictures(40),
        codec=codec,
        time_base=Fraction(1, 25),
        options=options,
        sounds=[Sound(codec=sound, seconds=1.6, click=1.3)],
    )
    output = tmp_path / "out.mkv"
    run(path, output)
    whole, click = shown(output), heard(output).click
    assert indices(whole) == list(range(40))
    for start in (Fraction("0.04"), Fraction("0.5"), Fraction("1.24")):
        run(path, output, start=float(start), overwrite=True)
        cut = shown(output)
        (first, *_) = kept = indices(cut)
        assert kept == list(range(first, 40))
        moved = whole.times[first] - cut.times[0]
        # The container may begin before its frames do, with the sound.
        assert start - Fraction(1, 1000) <= moved <= start + Fraction(121, 1000)
        assert whole.times[first - 1] - moved < Fraction(1, 1000)
        apart = [time - cut.times[0] for time in cut.times]
        expected = [time - whole.times[first] for time in whole.times[first:]]
        assert apart == pytest.approx(expected, abs=0.0021)
        assert heard(output).click + float(moved) == pytest.approx(click, abs=0.011)


@pytest.mark.parametrize(
    ("name", "asked", "shown_at"),
    [
        ("in.gif", [0, 10, 20, 100, 10], [0, 100, 200, 220, 320]),
        ("in.apng", [0, 10, 11, 100, 5], [0, 100, 200, 211, 311]),
        ("in.png", [0, 0, 0, 0, 0], [0, 100, 200, 300, 400]),
        ("in.webp", [0, 10, 11, 100, 5], [0, 100, 200, 211, 311]),
    ],
)
@pytest.mark.parametrize("start", [0, 1])
def test_delays_that_are_too_short_are_read_as_browsers_show_them(
    tmp_path: Path, name: str, asked: list[int], shown_at: list[int], start: int
) -> None:
    """Under 20 ms in a GIF, under 11 in the others: a tenth of a second."""
    path = tmp_path / name
    images = [Image.new("RGB", (64, 48), (40 * i, 0, 0)) for i in range(5)]
    kind = "PNG" if "png" in name else None
    images[0].save(path, kind, save_all=True, append_images=images[1:], duration=asked)
    begin = Fraction(shown_at[start], 1000) if start else None
    times = read(path, start=begin).times
    expected = [time - shown_at[start] for time in shown_at[start:]]
    assert [round(time * 1000) for time in times] == expected
