"""Every picture like the first: size, pixel format, own alpha; pictures and sequences as input."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from helpers.media import (
    Sound,
    composited,
    copied,
    cover_bytes,
    picture,
    pictures,
    run,
    shown,
    views,
    write,
)
from PIL import Image

from streamcut.core.errors import SourceError, UsageError
from streamcut.media.frame import Frame
from streamcut.sources import Size, open_source
from streamcut.sources.normalize import Conform

Clip = Callable[..., Path]


def frames_of(path: Path | str, **options: Any) -> list[Frame]:
    with open_source(str(path), **options) as source:
        return list(source)


def pngs(folder: Path, count: int, mode: str = "RGB") -> Path:
    folder.mkdir()
    for index, shot in enumerate(pictures(count, 96, 64, "gbrp")):
        image = Image.fromarray(shot.to_ndarray(format="rgb24")).convert(mode)
        image.save(folder / f"{index:04d}.png")
    return folder / "%04d.png"


def joined(tmp_path: Path, *sizes: tuple[int, int], aspects: Any = ()) -> Path:
    """A recording whose frames change, four of each size: a square of 40 pixels in the middle."""
    parts = b""
    for number, (width, height) in enumerate(sizes):
        shot = av.VideoFrame(width, height, "yuv420p")
        for plane, value in zip(views(shot), (60, 128, 128), strict=True):
            plane[:] = value
        x, y = width // 2 - 20, height // 2 - 20
        views(shot)[0][y : y + 40, x : x + 40] = 220
        with av.open(str(tmp_path / "part.ts"), "w") as output:
            stream: Any = output.add_stream("libx264", rate=25, options={"g": "1", "crf": "5"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            if aspects:
                stream.codec_context.sample_aspect_ratio = aspects[number]
            for index in range(4):
                shot.pts, shot.time_base = 4 * number + index, Fraction(1, 25)
                output.mux(stream.encode(shot))
            output.mux(stream.encode(None))
        parts += (tmp_path / "part.ts").read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(parts)
    return path


def square(luma: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is bright."""
    rows, columns = np.nonzero(luma > 140)
    return (
        *(int(columns.min()), int(rows.min())),
        *(int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1),
    )


@pytest.mark.parametrize(
    ("second", "side", "bars"),
    [
        ((48, 32), 60, (0, 0)),  # Drawn larger than it fits: all of the frame is bright.
        ((192, 128), 20, (0, 0)),
        ((200, 100), 19, (0, 8)),
        ((64, 96), 27, (26, 0)),
        ((66, 98), 26, (26, 0)),
    ],
)
def test_resolution_changes_midway(
    tmp_path: Path, second: tuple[int, int], side: int, bars: tuple[int, int]
) -> None:
    """A square stays one: frames are fitted into the first's size, with transparent bars."""
    both = joined(tmp_path, (96, 64), second)
    with open_source(str(both)) as source:
        made = list(source)
        notes = source.notes
    assert len(made) == 8
    assert {(frame.source.width, frame.source.height) for frame in made} == {(96, 64)}
    assert notes[-1].startswith(f"the frames' shape changes ({second[0]}x{second[1]})")
    for frame in made[4:]:
        left, top, width, height = square(copied(frame.source)[0])
        if second != (48, 32):
            assert abs(width - side) <= 1
            assert abs(height - side) <= 1
            assert abs(left - (96 - side) / 2) <= 1
            assert abs(top - (64 - side) / 2) <= 1
        x, y = bars
        if not any(bars):
            assert frame.opacity is None
            continue
        assert frame.opacity is not None
        inside = np.zeros((64, 96), np.uint8)
        inside[y : 64 - y, x : 96 - x - (2 if x else 0)] = 255
        assert np.array_equal(frame.opacity, inside)
        luma, *chroma = copied(frame.source)
        assert set(np.unique(luma[inside == 0])) == {16}
        assert all(plane[0, 0] == 128 for plane in chroma)
    summary = run(both, tmp_path / "out.webm", invert=True)
    assert [note for note in summary.notes if "shape" in note] == notes[-1:]
    alpha = shown(tmp_path / "out.webm").rgba()[-1][..., 3]
    assert alpha.max() == 255
    assert (alpha[:, : max(0, bars[0] - 4)] == 0).all()


def test_the_shape_of_pixels_changes_midway(tmp_path: Path) -> None:
    path = joined(tmp_path, (96, 64), (96, 64), aspects=(Fraction(1), Fraction(2)))
    with open_source(str(path)) as source:
        assert source.info.sample_aspect_ratio == 1
        made = list(source)
        assert "96x64 with pixels 2:1" in source.notes[-1]
    assert square(copied(made[0].source)[0])[2:] == (40, 40)
    *_, width, height = square(copied(made[-1].source)[0])
    assert abs(width - 40) <= 1
    assert abs(height - 20) <= 1


def test_what_is_wanted_smaller_changes_midway(tmp_path: Path) -> None:
    made = frames_of(joined(tmp_path, (96, 64), (64, 96)), size=Size.parse("48x64"))
    *_, width, height = square(copied(made[0].source)[0])
    assert (width, height) == (20, 40)  # As it was asked for.
    *_, width, height = square(copied(made[-1].source)[0])
    assert abs(width / height - 0.5) < 0.1  # With pixels twice as wide: still a square.


def test_covering_crops_instead(tmp_path: Path) -> None:
    path = joined(tmp_path, (96, 64), (64, 96))
    with open_source(str(path), cover=True) as source:
        frame = list(source)[-1]
    assert frame.opacity is None
    *_, width, height = square(copied(frame.source)[0])
    assert abs(width - 60) <= 1
    assert abs(height - 60) <= 1


def test_images_that_lie_differently(tmp_path: Path) -> None:
    """Photographs of one size, each with an orientation of its own."""
    image = Image.new("RGB", (96, 64), (40, 40, 40))
    image.paste((230, 230, 230), (0, 0, 24, 24))
    for number, orientation in enumerate((1, 6, 3, 1)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        image.save(tmp_path / f"{number}.jpg", quality=95, exif=exif)
    made = [copied(frame.source)[0] for frame in frames_of(tmp_path / "%d.jpg")]
    assert square(made[0]) == square(made[3]) == (0, 0, 24, 24)
    assert square(made[2]) == (72, 40, 24, 24)
    left, top, width, height = square(made[1])  # 64x96 upright: 42x64 from 26 on.
    assert abs(left + width - 69) <= 2
    assert top == 0
    assert abs(width - 16) <= 1
    assert abs(height - 16) <= 1


def test_alpha_and_range_change_midway(tmp_path: Path) -> None:
    colours = [(200, 60, 40, 255), (200, 60, 40, 90), (200, 60, 40, 255)]
    for number, colour in enumerate(colours):
        image = Image.new("RGBA", (64, 48), colour)
        (image if number == 1 else image.convert("RGB")).save(tmp_path / f"{number}.png")
    with open_source(str(tmp_path / "%d.png")) as source:
        made = list(source)
        assert "pixel format changes (rgba)" in source.notes[-1]
    assert made[0].opacity is made[2].opacity is None
    assert made[1].opacity is not None
    assert set(np.unique(made[1].opacity)) == {90}
    for frame in made:
        assert frame.source.to_ndarray(format="rgb24")[9, 9].tolist() == [200, 60, 40]


def test_range_and_matrix_change_midway(tmp_path: Path) -> None:
    """What the code values mean may change, though size and pixel format do not."""
    first = av.VideoFrame(64, 48, "yuv420p")
    for plane, value in zip(views(first), (145, 100, 160), strict=True):
        plane[:] = value
    first.color_range, first.colorspace = 1, 1
    conform = Conform(first, None)
    assert conform(first).source is first
    for colour_range, matrix, off in ((2, 1, 1), (1, 5, 3), (2, 9, 3)):
        other = first.reformat(
            format="yuv420p",
            src_colorspace=1,
            dst_colorspace=matrix,
            src_color_range=1,
            dst_color_range=colour_range,
        )
        other.color_range, other.colorspace = colour_range, matrix
        made = copied(conform(other).source)
        assert [int(plane[20, 20]) for plane in made] == pytest.approx([145, 100, 160], abs=off)


def test_only_keyframes_say_how_a_stream_lies(tmp_path: Path) -> None:
    """As where the orientation is told by supplemental information of H.264."""
    path = tmp_path / "in.ts"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=25, options={"g": "9", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        told = BitStreamFilterContext("h264_metadata=display_orientation=insert:rotate=90", stream)
        coded = [packet for shot in pictures(8) for packet in stream.encode(shot)]
        for packet in [*coded, *stream.encode(None)]:
            output.mux(told.filter(packet) if packet.is_keyframe else packet)
    with open_source(str(path)) as source:
        assert {(f.source.width, f.source.height) for f in source} == {(64, 96)}
        assert source.notes == []


def test_pixel_format_changes_midway(tmp_path: Path) -> None:
    """As in a sequence of pictures of which some are grey."""
    pattern = pngs(tmp_path / "in", 3)
    path = tmp_path / "in" / "0001.png"
    Image.open(path).convert("L").save(path)
    made = frames_of(pattern)
    assert len({frame.source.format.name for frame in made}) == 1
    grey = made[1].source.to_ndarray(format="rgb24").astype(int)
    assert np.abs(grey[..., 0] - grey[..., 1]).max() <= 1
    want = np.array(Image.open(path)).astype(int)
    assert np.abs(grey[..., 1] - want).max() <= 2


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [("in.mkv", "ffv1", "yuva420p"), ("in.mov", "png", "rgba"), ("in.mov", "qtrle", "argb")],
)
def test_own_alpha_is_kept(tmp_path: Path, name: str, codec: str, pixel_format: str) -> None:
    """What was transparent stays so: the output's alpha is the matte times the input's own."""
    given = pictures(3, 96, 64, "yuva444p" if codec != "ffv1" else "yuva420p")
    shots = [p if codec == "ffv1" else p.reformat(format=pixel_format) for p in given]
    path = write(tmp_path / name, shots, codec=codec)
    for frame, before in zip(frames_of(path), given, strict=True):
        assert frame.opacity is not None
        assert np.array_equal(frame.opacity, copied(before)[3])
    run(path, tmp_path / "out.mkv", invert=True)
    run(path, tmp_path / "kept.mkv")
    for made, kept, before in zip(
        shown(tmp_path / "out.mkv").pictures,
        shown(tmp_path / "kept.mkv").pictures,
        given,
        strict=True,
    ):
        hole = copied(before)[3] == 0
        assert hole.sum() > 300
        for alpha in (made.to_ndarray(format="rgba"), kept.to_ndarray(format="rgba")):
            assert (alpha[..., 3][hole] == 0).all()
        background = made.to_ndarray(format="rgba")[..., 3][:10, 80:]
        assert (background == 255).all()


def test_own_alpha_of_webm(tmp_path: Path) -> None:
    """FFmpeg's own VP9 decoder would drop it."""
    path = write(
        tmp_path / "in.webm",
        pictures(3, 96, 64, "yuva420p"),
        codec="libvpx-vp9",
        options={"crf": "10", "b": "0", "auto-alt-ref": "0", "lag-in-frames": "0"},
    )
    for frame in frames_of(path):
        assert frame.opacity is not None
        assert frame.opacity[-8:, -8:].max() < 20
        assert frame.opacity[:32, :48].min() > 235


def test_opaque_alpha_is_no_alpha(tmp_path: Path) -> None:
    shots = [p.reformat(format="rgba") for p in pictures(1, 96, 64, "gbrp")]
    path = write(tmp_path / "in.mov", shots, codec="png")
    assert frames_of(path)[0].opacity is None


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp", "tiff"])
def test_a_still_picture(tmp_path: Path, ending: str) -> None:
    image = Image.fromarray(picture(0, 96, 64, "gbrp").to_ndarray(format="rgb24"))
    path = tmp_path / f"in.{ending}"
    how: dict[str, Any] = {} if ending in ("png", "bmp", "tiff") else {"quality": 100}
    image.save(path, **how)
    summary = run(path, tmp_path / "out.mov", codec="png")
    assert summary.frames == 1
    made = shown(tmp_path / "out.mov").rgba()[0]
    assert np.abs(made[..., :3].astype(int) - np.array(image)).mean() < 3
    assert made[..., 3][20:36, 28:40].min() == 255
    assert made[..., 3][:, 85:].max() == 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "I;16"])
def test_a_sequence_of_pictures(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        (tmp_path / "in").mkdir()
        pattern = tmp_path / "in" / "%04d.png"
        for index, shot in enumerate(pictures(4, 96, 64, "yuv444p10le")):
            Image.fromarray(copied(shot)[0] << 6).save(tmp_path / "in" / f"{index:04d}.png")
    else:
        pattern = pngs(tmp_path / "in", 4, mode)
    assert run(pattern, f"{tmp_path}/out/").frames == 4
    made = sorted((tmp_path / "out").glob("*.png"))
    assert len(made) == 4
    for index, path in enumerate(made):
        with Image.open(tmp_path / "in" / f"{index:04d}.png") as image:
            before = np.array(image)
            want = before >> 8 if mode == "I;16" else np.array(image.convert("L"))
        seen = np.array(Image.open(path).convert("RGBA").convert("L")).astype(int)
        assert np.abs(seen - want).mean() < 3


def test_animations_as_input(tmp_path: Path) -> None:
    shots = [Image.fromarray(p.to_ndarray(format="rgb24")) for p in pictures(4, 96, 64, "gbrp")]
    for ending in ("gif", "apng"):
        path = tmp_path / f"in.{ending}"
        shots[0].save(
            path,
            save_all=True,
            append_images=shots[1:],
            duration=50,
            format={"gif": "GIF", "apng": "PNG"}[ending],
        )
        run(path, tmp_path / f"out_{ending}.mov", codec="png")
        seen = shown(tmp_path / f"out_{ending}.mov")
        assert seen.times == [Fraction(i, 20) for i in range(4)]
        for made, want in zip(seen.rgba(), shots, strict=True):
            assert np.abs(made[..., :3].astype(int) - np.array(want)).mean() < 6


@pytest.mark.parametrize("first", [False, True], ids=["after", "before"])
@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])
def test_covers_are_not_the_video(
    clip: Clip, tmp_path: Path, name: str, kind: str, first: bool
) -> None:
    path = clip(name, codec="libx264", options={"qp": "0"}, cover=kind, cover_first=first)
    assert len(frames_of(path)) == 5
    assert frames_of(path)[0].source.width == 96


def test_a_song_with_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as output:
        sound = output.add_stream("libmp3lame", rate=48_000)
        art = output.add_stream("png", rate=25)
        art.width = art.height = 16
        art.pix_fmt, art.disposition = "rgb24", av.stream.Disposition.attached_pic
        packet = av.Packet(cover_bytes())
        packet.stream, packet.pts, packet.dts, packet.is_keyframe = art, 0, 0, True
        output.mux(packet)
        for frame in Sound().frames():
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    with pytest.raises(SourceError, match="no video stream"):
        open_source(str(path))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("48x32", (48, 32)),
        ("48x48", (48, 48)),
        ("48x", (48, 32)),
        ("x32", (48, 32)),
        ("32p", (48, 32)),
        ("50%", (48, 32)),
        ("12.5%", (12, 8)),
        ("200%", (192, 128)),
        ("31x", (31, 21)),
    ],
)
def test_size(clip: Clip, tmp_path: Path, text: str, size: tuple[int, int]) -> None:
    source = clip(count=2)
    run(source, tmp_path / "out.mkv", size=text)
    seen = shown(tmp_path / "out.mkv")
    assert {(p.width, p.height) for p in seen.pictures} == {size}
    stretched = Fraction(96 * size[1], 64 * size[0])
    if abs(stretched - 1) > Fraction(1, 100):
        assert (seen.aspect or 1) == stretched
    else:
        assert (seen.aspect or 1) == 1
    small = copied(picture(0).reformat(*size))[0].astype(int)
    assert np.abs(copied(seen.pictures[0])[0] - small).mean() < 5


@pytest.mark.parametrize("text", ["", "x", "0x5", "-3x4", "10", "0%", "20000x", "axb", "1080i"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size"):
        Size.parse(text)


@pytest.mark.parametrize("name", ["out.webm", "out.mkv", "out.mov", "h264.mp4", "hevc.mp4"])
@pytest.mark.parametrize("aspect", [Fraction(16, 15), Fraction(3, 4), Fraction(64, 45)])
def test_pixel_aspect_is_kept(tmp_path: Path, name: str, aspect: Fraction) -> None:
    options: dict[str, Any] = {"codec": "libx264", "options": {"qp": "0"}, "aspect": aspect}
    source = write(tmp_path / "in.mp4", pictures(2, 720, 64), **options)
    background = "red" if name.endswith("mp4") else ""
    codec = name.partition(".")[0] if name.endswith("mp4") else ""
    summary = run(source, tmp_path / name, background=background, codec=codec)
    assert shown(tmp_path / name).aspect == aspect
    assert summary.notes == []


@pytest.mark.parametrize("name", ["out.webm", "out.mkv", "out.mov", "out.gif", "out.apng"])
def test_853x481(clip: Clip, tmp_path: Path, name: str) -> None:
    source = clip(count=1, width=853, height=481)
    run(source, tmp_path / name)
    made = shown(tmp_path / name).pictures[0]
    assert (made.width, made.height) == (853, 481)
    alpha = made.to_ndarray(format="rgba")[..., 3].astype(int)
    want = composited(source)[0].to_ndarray(format="rgba")[..., 3]
    limit = 128 if name == "out.gif" else 6
    assert np.abs(alpha - want)[-4:, -4:].max() <= limit
    assert np.abs(alpha - want).mean() < 2


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_even_formats_crop_by_one(clip: Clip, tmp_path: Path, codec: str) -> None:
    """Nothing is scaled: the pixels of the last row and column are cut off."""
    source = clip(count=1, width=85, height=49)
    run(source, tmp_path / "out.mp4", background="#808080", codec=codec, quality="best")
    made = shown(tmp_path / "out.mp4").pictures[0]
    assert (made.width, made.height) == (84, 48)
    want = copied(composited(source, background="#808080")[0])[0][:48, :84].astype(int)
    assert np.abs(copied(made)[0] - want).mean() < 2
