"""Pipes: frames from one descriptor to another, exactly, however they end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.media import (
    AS_DECODED,
    Brightness,
    composited,
    copied,
    picture,
    pictures,
    shown,
    write,
)

from streamcut.core.config import Settings
from streamcut.core.errors import OutputClosedError, UsageError
from streamcut.core.pipeline import Pipeline
from streamcut.jobs.file import Job
from streamcut.jobs.report import Summary
from streamcut.sinks import Outlet, pipe_format, reserved_stdout
from streamcut.sources import Inlet, raw_inlet

WIDTH, HEIGHT, COUNT = 96, 64, 5
SIZE = f"{WIDTH}x{HEIGHT}"


@contextmanager
def opened(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    fd = os.open(path, flags, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


@pytest.fixture
def piped(tmp_path: Path) -> Callable[..., tuple[bytes, Summary]]:
    """Run a job from one descriptor to another: what came out, and the summary."""

    def ran(data: bytes, inlet: Callable[[int], Inlet], form: Any, **options: Any) -> Any:
        source, target = tmp_path / "piped.in", tmp_path / "piped.out"
        source.write_bytes(data)
        target.unlink(missing_ok=True)
        with opened(source) as fd, opened(target, os.O_WRONLY | os.O_CREAT) as out:
            settings = Settings().with_options(AS_DECODED | options)
            job = Job(inlet(fd), Outlet(form, out), settings, session=Brightness())
            summary = job.run()
        assert summary.bytes == target.stat().st_size
        return target.read_bytes(), summary

    return ran


def raw(pixel_format: str) -> tuple[bytes, Callable[[int], Inlet]]:
    """The pictures as bare bytes of a pixel format, and what reads them."""
    made = [picture(i, WIDTH, HEIGHT) for i in range(COUNT)]
    data = b"".join(p.reformat(format=pixel_format).to_ndarray().tobytes() for p in made)
    return data, lambda fd: raw_inlet(SIZE, pixel_format, Fraction(25), fd)


def as_pictures(data: bytes, channels: int) -> Any:
    return np.frombuffer(data, np.uint8).reshape(COUNT, HEIGHT, WIDTH, channels)


@pytest.mark.parametrize(
    ("given", "alpha_at"), [("rgb24", 3), ("bgr24", 3), ("rgba", 3), ("argb", 0)]
)
def test_bare_pictures_keep_their_colour_and_gain_the_matte(
    piped: Callable[..., tuple[bytes, Summary]], given: str, alpha_at: int
) -> None:
    data, inlet = raw(given)
    made = as_pictures(piped(data, inlet, pipe_format("rawvideo", like=given))[0], 4)
    mask = piped(data, inlet, pipe_format("rawvideo", like=given), only_mask=True)[0]
    before = as_pictures(data, 3 if given.endswith("24") else 4)
    colours = [channel for channel in range(4) if channel != alpha_at]
    sources = colours if before.shape[3] == 4 else range(3)
    assert (made[..., colours] == before[..., list(sources)]).all()
    assert (made[..., [alpha_at]] == as_pictures(mask, 1)).all()
    assert 0 < np.mean(made[..., alpha_at] > 250) < 1


def test_bare_planes_pass_bit_for_bit_beside_their_matte(
    piped: Callable[..., tuple[bytes, Summary]],
) -> None:
    data, inlet = raw("yuv420p")
    made, _ = piped(data, inlet, pipe_format("rawvideo", like="yuv420p"))
    before = np.frombuffer(data, np.uint8).reshape(COUNT, -1)
    after = np.frombuffer(made, np.uint8).reshape(COUNT, -1)
    assert after.shape[1] == before.shape[1] + WIDTH * HEIGHT
    assert (after[:, : before.shape[1]] == before).all()


def test_a_named_pixel_format_is_what_comes_out(
    piped: Callable[..., tuple[bytes, Summary]],
) -> None:
    data, inlet = raw("rgb24")
    made, _ = piped(data, inlet, pipe_format("rawvideo", "rgba", "rgb24"))
    turned, _ = piped(data, inlet, pipe_format("rawvideo", "bgra", "rgb24"))
    assert (as_pictures(turned, 4)[..., [2, 1, 0, 3]] == as_pictures(made, 4)).all()


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_y4m_holds_what_was_composited_exactly(
    piped: Callable[..., tuple[bytes, Summary]], tmp_path: Path, pixel_format: str
) -> None:
    clip = write(tmp_path / "in.mkv", pictures(COUNT, WIDTH, HEIGHT, pixel_format), rate=24)
    made, _ = piped(
        clip.read_bytes(), lambda fd: Inlet(fd=fd), pipe_format("y4m"), background="red"
    )
    out = tmp_path / "out.y4m"
    out.write_bytes(made)
    assert b" F24:1 " in made[:80]
    expected = [copied(frame) for frame in composited(clip, background="red")]
    for one, other in zip(shown(out).planes(), expected, strict=True):
        assert all((a == b).all() for a, b in zip(one, other, strict=True))


def test_nut_keeps_times_and_colour_planes(
    piped: Callable[..., tuple[bytes, Summary]], tmp_path: Path
) -> None:
    times = [0, 33, 50, 400, 433]
    clip = write(tmp_path / "in.mkv", pictures(COUNT), times=times, time_base=Fraction(1, 1000))
    inlet, form = (lambda fd: Inlet("matroska", fd=fd)), pipe_format("nut", "yuva420p")
    out = tmp_path / "out.nut"
    out.write_bytes(piped(clip.read_bytes(), inlet, form)[0])
    seen = shown(out)
    assert seen.times == [Fraction(time, 1000) for time in times]
    for one, other in zip(seen.planes(), shown(clip).planes(), strict=True):
        assert all((a == b).all() for a, b in zip(one[:3], other, strict=True))


def test_nut_is_rgba_where_nothing_is_said(
    piped: Callable[..., tuple[bytes, Summary]], tmp_path: Path
) -> None:
    data, inlet = raw("rgba")
    out = tmp_path / "out.nut"
    out.write_bytes(piped(data, inlet, pipe_format("nut"))[0])
    seen = shown(out)
    assert {frame.format.name for frame in seen.pictures} == {"rgba"}
    made = np.stack([frame.to_ndarray() for frame in seen.pictures])
    assert (made[..., :3] == as_pictures(data, 4)[..., :3]).all()


@pytest.mark.parametrize("cut", [1, 100, WIDTH * HEIGHT * 3 - 1])
def test_an_end_within_a_picture_loses_that_picture_alone(
    piped: Callable[..., tuple[bytes, Summary]], cut: int
) -> None:
    data, inlet = raw("rgb24")
    form = pipe_format("rawvideo", like="rgb24")
    whole, _ = piped(data, inlet, form)
    made, summary = piped(data[:-cut], inlet, form)
    assert made == whole[: WIDTH * HEIGHT * 4 * (COUNT - 1)]
    assert (summary.frames, summary.undecodable) == (COUNT - 1, 1)


def test_sound_that_a_pipe_cannot_carry_is_told(
    piped: Callable[..., tuple[bytes, Summary]], tmp_path: Path
) -> None:
    from helpers.media import Sound

    clip = write(tmp_path / "in.mkv", pictures(COUNT), sounds=[Sound()])
    _, summary = piped(clip.read_bytes(), lambda fd: Inlet(fd=fd), pipe_format("nut"))
    assert summary.notes == ["its sound is left out: a pipe is read only once"]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (lambda: pipe_format("y4m"), "y4m cannot hold alpha: write nut"),
        (lambda: pipe_format("rawvideo", "rgb24"), "rawvideo rgb24 cannot hold alpha: write nut"),
        (lambda: pipe_format("rawvideo"), "name their pixel format"),
        (lambda: pipe_format("nut", "rgb25"), "knows no pixel format 'rgb25'"),
        (lambda: pipe_format("y4m", "rgba"), "y4m holds no rgba; it holds yuv420p"),
        (lambda: pipe_format("y4m", "rgb25"), "knows no pixel format 'rgb25'"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_read(
    form: Callable[[], Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        Job(Inlet(), Outlet(form(), 1))


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(UsageError, match="has no input format called 'y4n'"):
        Inlet("y4n")
    with pytest.raises(UsageError, match="knows no pixel format 'rgb25'"):
        raw_inlet(SIZE, "rgb25", Fraction(30))


def test_a_reader_that_goes_away_ends_the_job_and_what_follows_is_thrown_away() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(pipe_format("nut"), writing)
    try:
        assert outlet.write(b"first") == 5
        os.close(reading)
        with pytest.raises(OutputClosedError, match="standard output was closed by its reader"):
            outlet.write(b"second")
        assert outlet.write(b"third") == 5
        assert outlet.bytes == 5
    finally:
        os.close(writing)


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot wait for a pipe")
def test_a_silent_pipe_is_left_when_it_is_stopped() -> None:
    reading, writing = os.pipe()
    inlet = Inlet(fd=reading)
    try:
        with Pipeline() as pipeline:
            read = pipeline.spawn("read", (inlet.read(10) for _ in range(1)))
            assert not read.wait(0.05)
            inlet.stop()
            assert list(read) == [b""]
    finally:
        os.close(reading)
        os.close(writing)


def test_what_others_print_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with reserved_stdout() as fd:
        os.write(1, b"a library's chatter")
        os.write(fd, b"frames")
    assert capfd.readouterr() == ("frames", "a library's chatter")
    os.write(1, b"afterwards")
    assert capfd.readouterr().out == "afterwards"


def test_each_picture_leaves_at_once(tmp_path: Path) -> None:
    """What a live reader sees after each picture: the header, then whole pictures."""
    from streamcut.media.frame import OutputFrame, StreamInfo
    from streamcut.sinks import open_sink

    info = StreamInfo(WIDTH, HEIGHT, "yuv420p", rate=Fraction(30))
    for family in ("nut", "y4m"):
        out = tmp_path / family
        form = pipe_format(family, "yuv420p")
        with opened(out, os.O_WRONLY | os.O_CREAT) as fd:
            sink = open_sink(
                Outlet(form, fd),
                info,
                size=(WIDTH, HEIGHT),
                pixel_format="yuv420p",
                codec=form.codec(""),
            )
            with sink:
                for index in range(3):
                    made = picture(index, WIDTH, HEIGHT)
                    made.pts, made.time_base = index, Fraction(1, 30)
                    sink.write(OutputFrame(output=made))
                    with av.open(str(out)) as so_far:
                        assert len(list(so_far.decode(video=0))) == index + 1


@pytest.mark.parametrize(
    ("kind", "options", "made"),
    [
        ("pal8", {}, "rgba"),
        ("pal8", {"background": "red"}, "rgb24"),
        ("rgbaf16le", {}, "gbrap16le"),
        ("gbrapf16le", {"background": "red"}, "gbrp16le"),
        ("bayer_rggb8", {}, "gbrap"),
    ],
)
def test_what_can_only_be_read_comes_out_as_what_is_nearest(
    piped: Callable[..., tuple[bytes, Summary]], kind: str, options: Any, made: str
) -> None:
    """Nothing can be converted to a palette, to floats of 16 bits or to a camera's raw pixels."""
    given, wanted = (av.VideoFormat(name, WIDTH, HEIGHT) for name in (kind, made))
    data = bytes(given.padded_bits_per_pixel * WIDTH * HEIGHT // 8)
    out, _ = piped(
        data,
        lambda fd: raw_inlet(SIZE, kind, Fraction(25), fd),
        pipe_format("rawvideo", "", kind),
        **options,
    )
    assert len(out) == wanted.padded_bits_per_pixel * WIDTH * HEIGHT // 8
