"""Every pixel format that FFmpeg's scaler reads or makes, as a decoder would give it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation, VideoReformatter
from helpers.media import depth, shown, to_rgb, views, write

from streamcut.core.errors import SourceError
from streamcut.media.colour import Colour
from streamcut.sources import open_source
from streamcut.sources.normalize import Conform

BEST = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
# On another machine's memory; floats and 32 bits, which the scaler refuses or that crash it; XYZ,
# which holds other colours; Bayer, of which it makes none.
_OTHERS = (
    *("amf", "cuda", "d3d", "drm", "dxva", "mediacodec", "mmal", "ohcodec", "opencl", "qsv"),
    *("vaapi", "vdpau", "videotoolbox", "vulkan", "xvmc", "bayer", "xyz", "yaf"),
)


def made(name: str, codes: tuple[float, float, float]) -> av.VideoFrame | None:
    """A flat frame of a pixel format, from 16-bit YUV or 8-bit RGB; None where none is made."""
    layout = av.VideoFormat(name)
    rgb = layout.is_rgb or layout.has_palette or layout.components[0].bits < 8
    source = av.VideoFrame(32, 32, "gbrp" if rgb else "yuv444p16le")
    for plane, code in zip(views(source), codes, strict=True):
        plane[:] = round(code * 255) if rgb else round(4096 + code * 56064)
    try:
        return reformat(source, name)
    except (av.error.OSError, ValueError):
        return None


def reformat(frame: av.VideoFrame, name: str) -> av.VideoFrame:
    form = av.VideoFormat(name)
    return VideoReformatter().reformat(
        frame,
        format=name,
        src_colorspace=5,
        dst_colorspace=5,
        src_color_range=2 if frame.format.is_rgb else 1,
        dst_color_range=2 if form.is_rgb else 1,
        interpolation=BEST,
        threads=1,
    )


def names() -> list[str]:
    every: Any = av.video.format
    return sorted(name for name in every.names if not name.startswith(_OTHERS))


def middle(frame: av.VideoFrame) -> list[float]:
    return [float(plane[plane.shape[0] // 2, plane.shape[1] // 2]) for plane in views(frame)]


def test_white_and_black_of_every_rgb_format() -> None:
    seen = []
    for name in names():
        form = av.VideoFormat(name)
        if not form.is_rgb or form.has_palette or name.endswith(("f16le", "f16be")):
            continue
        for level in (0.0, 1.0):
            frame = made(name, (level, level, level))
            if frame is None or name in ("rgb4", "bgr4"):
                break
            seen.append(name)
            if depth(name) > 8:  # The scaler's own white is less, and its black more.
                fill(frame, level)
            source = Conform(frame, None)(frame).source
            top = (1 << depth(source.format.name)) - 1
            # Of floats, the scaler's arithmetic is some of 65,536 off.
            assert middle(source) == pytest.approx([level * top] * 3, abs=5 * ("f32" in name)), name
    assert len(set(seen)) > 50
    assert {"rgb565le", "rgb555be", "bgr444le", "rgb8", "x2rgb10le", "gbrp14le"} <= set(seen)


def fill(frame: av.VideoFrame, level: float) -> None:
    """Set every component to 0 or to its largest value; unused bits as well."""
    name = frame.format.name
    kind, top = np.dtype(endian(frame)), 0xFFFF
    if "f32" in name:
        kind, top = np.dtype(endian(frame).replace("u2", "f4")), 1
    elif name.startswith("gb") and "msb" not in name:
        top = (1 << depth(name)) - 1
    for plane in frame.planes:
        count = plane.buffer_size // kind.itemsize
        plane.update(np.full(count, level * top, kind).tobytes())


def endian(frame: av.VideoFrame) -> str:
    return ">u2" if frame.format.name.endswith("be") else "<u2"


def test_every_yuv_format_is_within_a_code_of_ffmpegs_best() -> None:
    rng = np.random.default_rng(0)
    seen = []
    for name in names():
        form = av.VideoFormat(name)
        if form.is_rgb or form.has_palette or name.startswith(("gray", "ya", "mono")):
            continue
        for _ in range(3):
            frame = made(name, tuple(rng.random(3)))
            if frame is None:
                break
            seen.append(name)
            frame.colorspace, frame.color_range = 5, 2 if name.startswith("yuvj") else 1
            source = Conform(frame, None)(frame).source
            if source.format.name.startswith("gb"):  # Alpha is not looked at here.
                want = reformat(frame, "yuv444p16le")
                far = np.abs(rgb_of(source) - rgb_of(want)).max()
                assert far < 0.3, name
                continue
            want = reformat(frame, "yuv444p16le") if frame.color_range == 1 else frame
            scale = 1 << (depth(want.format.name) - depth(source.format.name))
            far = np.abs(np.array(middle(source)) - np.array(middle(want)[:3]) / scale).max()
            assert far <= 1, name
    assert len(set(seen)) > 80


def rgb_of(frame: av.VideoFrame) -> np.ndarray:
    """0..255."""
    bits = depth(frame.format.name)
    if frame.format.name.startswith("gb"):
        green, blue, red = middle(frame)[:3]
        return np.array([red, green, blue]) / ((1 << bits) - 1) * 255
    planes = [np.full((1, 1), value) for value in middle(frame)]
    return np.asarray(to_rgb(planes, bits=bits)[0, 0])


@pytest.mark.parametrize("name", [n for n in names() if n.startswith("gray") and "f" not in n])
def test_grey(name: str) -> None:
    """Full range in, full range out."""
    if depth(name) > 16:
        pytest.skip("the scaler reads no 32 bits")
    for level in (0, 1):
        frame = av.VideoFrame(32, 32, name)
        kind = "u1" if depth(name) == 8 else endian(frame)
        value = level * ((1 << depth(name)) - 1)
        frame.planes[0].update(
            np.full(frame.planes[0].buffer_size // int(kind[-1]), value, kind).tobytes()
        )
        source = Conform(frame, None)(frame).source
        assert Colour.of(source).full_range
        middle_code = 1 << (depth(source.format.name) - 1)
        top = (1 << depth(source.format.name)) - 1
        assert middle(source) == [level * top, middle_code, middle_code]


@pytest.mark.parametrize("name", ["rgb4", "gray32le", "rgbaf32le", "yaf32le"])
def test_what_cannot_be_converted_is_told(name: str) -> None:
    frame = av.VideoFrame(32, 32, name)
    with pytest.raises(SourceError, match=f"pixel format {name} cannot be converted"):
        Conform(frame, None)(frame)


@pytest.mark.parametrize("name", ["rgb555le", "rgb565le"])
def test_white_of_a_file(tmp_path: Path, name: str) -> None:
    frame = made(name, (1, 1, 1))
    assert frame is not None
    path = write(tmp_path / "in.nut", [frame, frame], codec="rawvideo", pixel_format=name)
    assert shown(path).pictures[0].format.name == name
    with open_source(str(path)) as source:
        assert all((plane == 255).all() for shot in source for plane in views(shot.source))
