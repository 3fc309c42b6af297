"""Backgrounds behind HDR, and HDR behind SDR: right by BT.2408, depth kept."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.frames import matted
from helpers.media import copied, depth, run, shown, views, write
from helpers.photographs import in_srgb_from_p3
from PIL import Image

from streamcut.compositing.background import (
    Background,
    Blur,
    Video,
    colour_background,
    image_background,
    rgb_background,
)
from streamcut.compositing.composite import composite
from streamcut.compositing.light_wrap import wrapped
from streamcut.media.colour import Colour
from streamcut.media.frame import StreamInfo
from streamcut.sources import open_source
from streamcut.sources.crop_scale import Framing

PQ, HLG, WIDE, SDR = (9, 16, 9, 1), (9, 18, 9, 1), (9, 14, 9, 1), (1, 1, 1, 1)

# By the formulas of BT.2100, BT.2087 and IEC 61966-2-1, with white at 203 cd/m2: 10-bit Y, Cb, Cr.
CODES: dict[tuple[tuple[int, ...], str], tuple[float, float, float]] = {
    (PQ, "white"): (572.68, 512, 512),
    (PQ, "red"): (392.21, 438.37, 607.93),
    (PQ, "lime"): (529.49, 424.35, 473.63),
    (PQ, "green"): (529.49, 424.35, 473.63),  # Of a green screen.
    (PQ, "gray"): (438.76, 512, 512),
    (PQ, "black"): (64, 512, 512),
    (HLG, "white"): (720.89, 512, 512),
    (HLG, "red"): (392.11, 395.45, 714.94),
    (HLG, "lime"): (641.0, 327.81, 430.66),
    (HLG, "gray"): (476.19, 512, 512),
    (WIDE, "white"): (940, 512, 512),
    (WIDE, "red"): (457.93, 383.72, 739.11),
    (WIDE, "lime"): (801.26, 284.19, 383.1),
}


def info(colour: tuple[int, ...], pixel_format: str = "yuv420p10le") -> StreamInfo:
    return StreamInfo(96, 64, pixel_format, colour=Colour(*colour))


def middle(background: Background) -> list[int]:
    """The code values in the middle of a background's planes."""
    layers = background.layers(matted(flat((0, 0, 0), PQ)))
    return [
        layer if isinstance(layer, int) else int(layer[layer.shape[0] // 2, layer.shape[1] // 2])
        for layer in layers
    ]


def flat(
    codes: tuple[int, ...], colour: tuple[int, ...], pixel_format: str = "yuv420p10le"
) -> av.VideoFrame:
    made = av.VideoFrame(96, 64, pixel_format)
    for plane, code in zip(views(made), codes, strict=True):
        plane[:] = code
    return Colour(*colour).apply(made)


@pytest.mark.parametrize(("colour", "text"), CODES)
@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p12le", "yuv420p"])
def test_colour(colour: tuple[int, ...], text: str, pixel_format: str) -> None:
    unit = 2.0 ** (depth(pixel_format) - 10)
    want = [code * unit for code in CODES[colour, text]]
    made = middle(colour_background(text, info(colour, pixel_format)))
    # 12-bit chroma is made of 15-bit values by FFmpeg's scaler.
    assert made == pytest.approx(want, abs=1.0 if unit < 4 else 3.0)


@pytest.mark.parametrize(("colour", "text"), [key for key in CODES if key[1] != "green"])
def test_image(tmp_path: Path, colour: tuple[int, ...], text: str) -> None:
    Image.new("RGB", (200, 100), text).save(tmp_path / "flat.png")
    want = CODES[colour, text]
    assert middle(image_background(tmp_path / "flat.png", info(colour))) == pytest.approx(
        want, abs=1.0
    )
    array = np.asarray(Image.new("RGB", (50, 60), text))
    assert middle(rgb_background(array, info(colour))) == pytest.approx(want, abs=1.0)


def test_image_with_alpha(tmp_path: Path) -> None:
    """What is transparent in it is black; the rest is white paper, not the sun."""
    pixels = np.full((64, 96, 4), 255, np.uint8)
    pixels[:, :40, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "half.png")
    luma = image_background(tmp_path / "half.png", info(PQ)).layers(matted(flat((0, 0, 0), PQ)))[0]
    assert isinstance(luma, np.ndarray)
    assert (luma[:, :30] == 64).all()
    assert np.abs(luma[:, 50:].astype(int) - 573).max() <= 1


def test_hdr_images(tmp_path: Path) -> None:
    """PNG (and AVIF, which is read alike) says in its header that it is PQ or HLG."""
    for transfer, signal in ((16, 0.58069), (18, 0.75)):
        frame = av.VideoFrame.from_ndarray(
            np.full((100, 80, 3), round(signal * 65535), np.uint16), "rgb48le"
        ).reformat(format="rgb48be")
        context: Any = av.CodecContext.create("png", "w")
        context.width, context.height, context.pix_fmt = 80, 100, "rgb48be"
        context.time_base = Fraction(1)
        for tagged in (frame, context):
            tagged.color_primaries, tagged.color_trc, tagged.color_range = 9, transfer, 2
        data = b"".join(map(bytes, [*context.encode(frame), *context.encode(None)]))
        (tmp_path / "hdr.png").write_bytes(data)
        assert b"cICP" in data
        for target, white in ((SDR, 940), (PQ, 573), (HLG, 721)):
            made = middle(image_background(tmp_path / "hdr.png", info(target)))
            assert made == pytest.approx([white, 512, 512], abs=1)


@pytest.mark.parametrize("tiles", [0, 64])
def test_hdr_photographs(tmp_path: Path, tiles: int) -> None:
    """PQ of 10 bits in HEIC, lying, whole and in tiles: bright above, dark below."""
    heif = pytest.importorskip("pillow_heif")
    values = np.full((128, 192, 3), round(0.58069 * 65535), np.uint16)
    values[:, 96:] = 0
    exif = Image.Exif()
    exif[0x0112] = 6  # What was left is on top.
    tags = {"color_primaries": 9, "transfer_characteristics": 16, "matrix_coefficients": 9}
    image = heif.from_bytes("RGB;16", (192, 128), values.tobytes())
    image.save(tmp_path / "a.heic", tile_size=tiles, exif=exif.tobytes(), quality=95, **tags)
    for target, white in ((SDR, 940), (PQ, 573), (HLG, 721)):
        luma = image_background(tmp_path / "a.heic", info(target)).layers(
            matted(flat((0,) * 3, PQ))
        )
        assert isinstance(luma[0], np.ndarray)
        assert np.median(luma[0][:24]) == pytest.approx(white, abs=4)
        assert np.median(luma[0][-24:]) == pytest.approx(64, abs=4)


def test_wide_gamut_without_a_profile(tmp_path: Path) -> None:
    """A PNG whose cICP chunk says Display P3: the colour that is seen, of 150, 120, 110 there."""
    pixels = np.full((64, 96, 3), (150, 120, 110), np.uint8)
    context: Any = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt = 96, 64, "rgb24"
    context.time_base = Fraction(1)
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
    for tagged in (frame, context):
        tagged.color_primaries, tagged.color_trc, tagged.color_range = 12, 13, 2
    (tmp_path / "a.png").write_bytes(b"".join(map(bytes, context.encode(frame))))
    target = StreamInfo(96, 64, "gbrp", colour=Colour())
    green, blue, red = image_background(tmp_path / "a.png", target).layers(
        matted(flat((0,) * 3, PQ))
    )
    found = [int(np.median(plane)) for plane in (red, green, blue)]
    assert found == pytest.approx(in_srgb_from_p3((150, 120, 110)), abs=2)


def planes_of(background: Background) -> list[Any]:
    return list(background.layers(matted(flat((0, 0, 0), PQ))))


def behind(path: Path, target: StreamInfo) -> list[int]:
    background = Video(lambda: open_source(str(path)), target)
    try:
        return middle(background)
    finally:
        background.close()


@pytest.mark.parametrize(
    ("source", "codes", "target", "want"),
    [
        (SDR, (940, 512, 512), PQ, (573, 512, 512)),
        (SDR, (940, 512, 512), HLG, (721, 512, 512)),
        (SDR, (64, 512, 512), PQ, (64, 512, 512)),
        (PQ, (573, 512, 512), SDR, (940, 512, 512)),
        (PQ, (900, 512, 512), SDR, (940, 512, 512)),  # Brighter than white is white in SDR.
        (PQ, (439, 512, 512), SDR, (527, 512, 512)),  # 43.8 cd/m2, at a display's gamma of 2.4.
        (PQ, (64, 512, 512), SDR, (64, 512, 512)),
        (HLG, (721, 512, 512), SDR, (940, 512, 512)),
        (HLG, (721, 512, 512), PQ, (573, 512, 512)),
        (PQ, (573, 512, 512), HLG, (721, 512, 512)),
        (PQ, (573, 512, 512), PQ, (573, 512, 512)),
    ],
)
def test_video(tmp_path: Path, source: Any, codes: Any, target: Any, want: Any) -> None:
    frames = [flat(codes, source) for _ in range(2)]
    path = write(tmp_path / "back.mkv", frames, colour=source)
    assert behind(path, info(target)) == pytest.approx(want, abs=1)
    if target == SDR:
        eight = [round(code / 4) for code in want]
        assert behind(path, info(SDR, "yuv420p")) == pytest.approx(eight, abs=1)


def test_a_video_of_another_aspect_keeps_its_depth(tmp_path: Path) -> None:
    """Cropped as planes: a ramp of single code values of ten bits comes through."""
    frame = av.VideoFrame(300, 64, "yuv420p10le")
    for plane in views(frame):
        plane[:] = 400 + np.arange(plane.shape[1]) * 300 // plane.shape[1]
    path = write(tmp_path / "wide.mkv", [frame, frame], colour=PQ)
    background = Video(lambda: open_source(str(path)), info(PQ))
    layers = background.layers(matted(flat((0, 0, 0), PQ)))
    background.close()
    luma, chroma = layers[:2]
    assert isinstance(luma, np.ndarray)
    assert isinstance(chroma, np.ndarray)
    assert (luma[0] == 400 + np.arange(102, 198)).all()
    assert (chroma[0] == 400 + 2 * np.arange(51, 99)).all()


def test_black_is_black_when_premultiplied() -> None:
    """Nothing is to be converted: zero light is one code in every transfer."""
    frame = matted(flat((573, 512, 512), PQ), np.full((64, 96), 512, np.uint16))
    made = copied(next(composite([frame], "premultiplied")).output)
    assert [int(plane[5, 5]) for plane in made] == pytest.approx([319, 512, 512, 512], abs=1)


def test_blur_stays_in_the_frames_own_codes() -> None:
    made = Blur(20).layers(matted(flat((573, 500, 520), PQ)))
    for plane, code in zip(made, (573, 500, 520), strict=True):
        assert np.abs(np.asarray(plane).astype(int) - code).max() <= 1


def test_white_spills_as_much_light_in_hdr() -> None:
    """As a share of what lies between subject and background."""
    matte = np.full((64, 96), 1023, np.uint16)
    matte[:, :48] = 0
    shares = []
    for colour, white in ((SDR, 940), (PQ, 573), (HLG, 721)):
        subject = flat((300, 512, 512), colour)
        made = copied(wrapped(subject, matte, [white, 512, 512], 1.0))[0]
        shares.append((made[:, 48].mean() - 300) / (white - 300))
    assert shares == pytest.approx([shares[0]] * 3, rel=0.12)


def test_live_output_is_sdr() -> None:
    """Virtual cameras, OBS and browsers take eight bits and show BT.709."""
    for colour, white in ((PQ, 573), (HLG, 721), (WIDE, 940)):
        framing = Framing(48, 32, 1)
        made = framing(flat((white, 512, 512), colour)).source
        assert (made.format.name, Colour.of(made)) == ("yuv420p", framing.colour)
        assert [int(plane[8, 8]) for plane in views(made)] == pytest.approx([235, 128, 128], abs=1)


@pytest.mark.parametrize(("colour", "white"), [(PQ, 573), (HLG, 721)], ids=["pq", "hlg"])
def test_job(tmp_path: Path, colour: tuple[int, int, int, int], white: int) -> None:
    frames = [flat((200, 512, 512), colour) for _ in range(2)]
    source = write(tmp_path / "in.mkv", frames, colour=colour)
    run(source, tmp_path / "out.mkv", background="white")
    made = shown(tmp_path / "out.mkv").pictures[0]
    assert Colour.of(made) == Colour(*colour)
    assert (views(made)[0] == white).all()
