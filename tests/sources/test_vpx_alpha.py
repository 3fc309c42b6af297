"""VP8 and VP9 with alpha beside them: what is damaged there costs itself alone."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.media import copied, pictures, run, write

from streamcut.sinks.file.vp9_alpha import attach_alpha
from streamcut.sources import open_source

COUNT, EVERY = 20, 8
CODECS = ["libvpx", "libvpx-vp9"]
Change = Callable[[int, bytes], bytes]


def encoded(
    path: Path, codec: str, every: int = EVERY, pixel_format: str = "yuva420p", **options: Any
) -> Path:
    """A clip with a keyframe at every so many frames."""
    shots = pictures(COUNT, pixel_format="yuva420p", **options)
    shots = [shot.reformat(format=pixel_format) for shot in shots]
    how = {"auto-alt-ref": "0", "lag-in-frames": "0", "g": str(every), "crf": "10", "b": "0"}
    return write(path, shots, codec=codec, options=how)


def read(path: Path) -> list[tuple[bytes, bytes, Any]]:
    """Each packet's colour, alpha and itself."""
    with av.open(str(path)) as container:
        kept = [packet for packet in container.demux(video=0) if packet.size]
        beside = [bytes(p.get_sidedata("matroska_block_additional")) for p in kept]
        return [(bytes(p), alpha[8:], p) for p, alpha in zip(kept, beside, strict=True)]


def joined(colour: Path, alpha: Path, path: Path, change: Change = lambda _, data: data) -> Path:
    """Put the alpha of one clip, changed, beside the colour of another; b"" leaves it out."""
    # The muxer must be told that there is alpha, which the colour's clip need not have.
    with av.open(str(alpha)) as told, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(told.streams.video[0])
        stream.metadata["alpha_mode"] = "1"
        pairs = zip(read(colour), read(alpha), strict=True)
        for number, ((data, _, packet), (_, beside, _)) in enumerate(pairs):
            made: Any = av.Packet(data)
            made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
            made.is_keyframe, made.stream = packet.is_keyframe, stream
            if changed := change(number, beside):
                attach_alpha(made, changed)
            out.mux(made)
    return path


def changed(path: Path, change: Change) -> Path:
    return joined(path, path, path.with_name("changed.webm"), change)


def broken(*numbers: int) -> Change:
    return lambda number, data: b"\xff" * len(data) if number in numbers else data


def alphas(path: Path, **options: Any) -> tuple[list[Any], list[str]]:
    """The alpha of each frame, and the notes."""
    with open_source(str(path), **options) as source:
        frames = list(source)
        opaque = np.full((source.info.height, source.info.width), 255, np.uint8)
        return [opaque if f.opacity is None else f.opacity for f in frames], source.notes


def which_differ(ours: list[Any], theirs: list[Any]) -> list[int]:
    pairs = enumerate(zip(ours, theirs, strict=True))
    return [number for number, (a, b) in pairs if not np.array_equal(a, b)]


@pytest.mark.parametrize("codec", CODECS)
def test_colour_and_alpha_are_those_of_libvpx(tmp_path: Path, codec: str) -> None:
    path = encoded(tmp_path / "in.webm", codec)
    decoder: Any = av.CodecContext.create(codec, "r")
    packets = [packet for *_, packet in read(path)]
    expected = [frame for packet in packets for frame in decoder.decode(packet)]
    with open_source(str(path)) as source:
        made = list(source)
    assert len(made) == len(expected) == COUNT
    for ours, theirs in zip(made, expected, strict=True):
        *colour, alpha = copied(theirs)
        assert all(map(np.array_equal, copied(ours.source), colour))
        assert np.array_equal(ours.opacity, alpha)  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", CODECS)
def test_the_first_alpha_is_damaged(tmp_path: Path, codec: str) -> None:
    """Opaque until alpha's next keyframe, and right from then on."""
    path = encoded(tmp_path / "in.webm", codec)
    bad = changed(path, broken(0))
    good, (made, notes) = alphas(path)[0], alphas(bad)
    assert all((alpha == 255).all() for alpha in made[:EVERY])
    assert which_differ(made[EVERY:], good[EVERY:]) == []
    told = f"the alpha of {EVERY} frames is damaged, with none before it: made opaque"
    assert notes == [told]
    summary = run(bad, tmp_path / "out.webm")
    assert (summary.frames, summary.notes, summary.warnings) == (COUNT, [told], [told])


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("number", [3, EVERY])
def test_a_later_alpha_is_damaged(tmp_path: Path, codec: str, number: int) -> None:
    path = encoded(tmp_path / "in.webm", codec)
    good, (made, notes) = alphas(path)[0], alphas(changed(path, broken(number)))
    following = (number // EVERY + 1) * EVERY
    wrong = which_differ(made, good)
    assert set(wrong) <= set(range(number, following))
    assert np.array_equal(made[number], good[number - 1])
    assert "damaged: that of the frame before is shown" in notes[0]


@pytest.mark.parametrize("codec", CODECS)
def test_all_alpha_is_damaged(tmp_path: Path, codec: str) -> None:
    path = encoded(tmp_path / "in.webm", codec)
    summary = run(changed(path, broken(*range(COUNT))), tmp_path / "out.mkv")
    assert summary.frames == COUNT
    assert "the alpha of 20 frames is damaged" in summary.warnings[0]


def test_damaged_colour_leaves_alpha_in_step(tmp_path: Path) -> None:
    path = encoded(tmp_path / "in.webm", "libvpx-vp9", every=1)
    data, packet = path.read_bytes(), read(path)[3][0]
    path.write_bytes(data.replace(packet, b"\xff" * len(packet)))
    good = alphas(encoded(tmp_path / "good.webm", "libvpx-vp9", every=1))[0]
    made, _ = alphas(path)
    assert which_differ(made, [*good[:3], *good[4:]]) == []


@pytest.mark.parametrize("codec", CODECS)
def test_frames_without_alpha_are_opaque(tmp_path: Path, codec: str) -> None:
    """Browsers record so what has nothing to see through; a keyframe of alpha follows."""
    path = encoded(tmp_path / "in.webm", codec)
    without = range(4, EVERY)
    bare = changed(path, lambda number, data: b"" if number in without else data)
    made, notes = alphas(bare)
    assert which_differ(made, alphas(path)[0]) == list(without)
    assert all((made[number] == 255).all() for number in without)
    assert notes == []


def test_alpha_of_another_size_is_damaged(tmp_path: Path) -> None:
    path = encoded(tmp_path / "in.webm", "libvpx-vp9", every=1)
    small = read(encoded(tmp_path / "s.webm", "libvpx-vp9", every=1, width=64, height=48))
    bad = changed(path, lambda number, data: small[5][1] if number == 5 else data)
    good, (made, notes) = alphas(path)[0], alphas(bad)
    assert which_differ(made, [*good[:5], good[4], *good[6:]]) == []
    assert notes == ["the alpha of 1 frame is damaged: that of the frame before is shown"]


def test_start_between_the_keyframes_of_alpha(tmp_path: Path) -> None:
    """Seeking goes by the colour's keyframes; alpha is decoded from its own nevertheless."""
    colour = encoded(tmp_path / "c.webm", "libvpx-vp9", every=4)
    alpha = encoded(tmp_path / "a.webm", "libvpx-vp9", every=COUNT)
    path = joined(colour, alpha, tmp_path / "in.webm")
    made, notes = alphas(path, start=Fraction(12, 25))
    assert which_differ(made, alphas(path)[0][12:]) == []
    assert notes == []


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv422p"])
def test_colour_of_other_profiles(tmp_path: Path, pixel_format: str) -> None:
    colour = encoded(tmp_path / "c.webm", "libvpx-vp9", pixel_format=pixel_format)
    alpha = encoded(tmp_path / "a.webm", "libvpx-vp9")
    path = joined(colour, alpha, tmp_path / "in.webm")
    expected = alphas(alpha)[0]
    with av.open(str(colour)) as container, open_source(str(path)) as source:
        assert source.info.pixel_format == pixel_format
        theirs = container.decode(video=0)
        for frame, plain, opacity in zip(source, theirs, expected, strict=True):
            assert all(map(np.array_equal, copied(frame.source), copied(plain)))
            assert np.array_equal(frame.opacity, opacity)  # type: ignore[arg-type]
