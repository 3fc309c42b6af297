"""Short clips and small models whose every pixel is made by arithmetic on whole numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from helpers import graphs
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT, COUNT = 160, 96, 5
MS = Fraction(1, 1000)
BT709 = (1, 1, 1, 1)
"""Colour tags as FFmpeg numbers them: primaries, transfer, matrix, range."""
HDR = (9, 16, 9, 1)
FULL = (5, 6, 5, 2)
NAMES = {"title": "A title", "comment": "a comment"}
PUBLISHED = {
    "u2netp": "u2netp.onnx",
    "u2net_cloth_seg": "u2net_cloth_seg.onnx",
    "pphumanseg": "human_segmentation_pphumanseg_2023mar.onnx",
    "rvm-mobilenetv3": "rvm_mobilenetv3_fp32.onnx",
}
"""Models of the catalogue, and what their files are called."""


def plane_views(frame: av.VideoFrame) -> list[NDArray[Any]]:
    """Writable views of a planar frame's planes."""
    kind: Any = np.dtype(np.uint8 if frame.format.components[0].bits == 8 else np.uint16)
    shown: list[Any] = [*frame.planes]
    return [
        np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)[:, : plane.width]
        for plane in shown
    ]


def frame(index: int, pixel_format: str = "yuv420p") -> av.VideoFrame:
    """A bright ellipse that moves to the right over a dark ground with a faint pattern."""
    made = av.VideoFrame(WIDTH, HEIGHT, pixel_format)
    bits = made.format.components[0].bits
    made_planes = plane_views(made)
    for number, plane in enumerate(made_planes):
        rows, columns = plane.shape
        y, x = np.mgrid[:rows, :columns]
        x, y = x * WIDTH // columns, y * HEIGHT // rows
        ground = np.abs((x + 2 * y + 3 * index + 17 * number) % 80 - 40)
        subject = 9 * (x - 60 - 5 * index) ** 2 + 16 * (y - 44) ** 2 < 16 * 30**2
        if number == 3:  # The clip's own alpha: a hole in the lower right corner.
            code = np.where((x > 110) & (y > 66), 0, 255)
        elif number == 0 or pixel_format.startswith("gb"):
            code = np.where(subject, 190 + ground // 2, 30 + ground)
        else:
            code = np.where(subject, 110 + 20 * number, 108) + ground // 2
        fine = (x + y + index) % (1 << (bits - 8)) if number < 3 else 0
        top = (1 << bits) - 1
        plane[:] = top * (code > 0) if number == 3 else (code << (bits - 8)) + fine
    return made


def sound(layout: str = "stereo", seconds: Fraction = Fraction(1, 5)) -> Iterator[av.AudioFrame]:
    """A triangle wave: whole numbers, so that it is the same on every machine."""
    samples = np.arange(round(seconds * 48_000))
    wave = (np.abs(samples * 40 % 40_000 - 20_000) - 10_000).astype(np.int16)
    channels = av.AudioLayout(layout).nb_channels
    data = np.repeat(wave[:, None], channels, axis=1)
    for begin in range(0, len(data), 960):
        part = np.ascontiguousarray(data[begin : begin + 960]).reshape(1, -1)
        made = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
        made.sample_rate, made.time_base, made.pts = 48_000, Fraction(1, 48_000), begin
        yield made


def write(
    path: Path,
    pixel_format: str = "yuv420p",
    *,
    codec: str = "ffv1",
    times: Sequence[int] | None = None,
    colour: tuple[int, int, int, int] | None = BT709,
    aspect: Fraction | None = None,
    sounds: Sequence[str] = (),
    chapters: bool = False,
    count: int = COUNT,
    interlaced: bool = False,
) -> Path:
    """Write a clip of 25 frames a second, or with presentation times in milliseconds."""
    with av.open(str(path), "w") as output:
        options = {"threads": "1"}
        if codec == "libx264":
            options |= {"qp": "4", "bf": "0"} | ({"x264-params": "tff=1"} if interlaced else {})
        stream: Any = output.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixel_format
        context = stream.codec_context
        context.time_base = stream.time_base = MS
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        if colour is not None:
            context.color_primaries, context.color_trc = colour[:2]
            context.colorspace, context.color_range = colour[2:]
        tracks: list[Any] = []
        for name in sounds:
            tracks.append(output.add_stream(name, rate=48_000))
            tracks[-1].codec_context.layout = "stereo"
            tracks[-1].metadata["language"] = "fre"
        output.metadata.update(NAMES)
        if chapters:
            output.set_chapters(
                [{"id": 1, "start": 40, "end": 120, "time_base": MS, "metadata": {"title": "One"}}]
            )
        packets: list[Any] = []
        for index in range(count):
            shown = frame(index, pixel_format)
            shown.pts = times[index] if times is not None else 40 * index
            shown.time_base = MS
            if colour is not None:
                shown.color_primaries, shown.color_trc = colour[:2]
                shown.colorspace, shown.color_range = colour[2:]
            packets += stream.encode(shown)
        packets += stream.encode(None)
        for track in tracks:
            for part in sound():
                packets += track.encode(part)
            packets += track.encode(None)
        packets.sort(key=lambda packet: (packet.dts or 0) * packet.time_base)
        output.mux(packets)
    return path


def turn(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Write a display matrix into the first track header of an MP4 file."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    at += 40 if data[at] == 0 else 52
    one = 1 << 16
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def clips() -> None:
    """Write every clip into the current folder."""
    here = Path()
    everything: dict[str, Any] = {"sounds": ["pcm_s16le", "libopus"], "chapters": True}
    write(here / "clip8.mkv", "yuv420p", **everything)
    write(here / "clip10.mkv", "yuv420p10le", colour=HDR, **everything)
    for name in ("yuv422p10le", "yuv444p", "yuv444p12le", "gbrp10le", "yuva420p"):
        write(here / f"{name}.mkv", name, colour=None if name.startswith("gb") else BT709)
    write(here / "gbrp.avi", "gbrp", codec="ffvhuff", colour=None)
    write(here / "grey.mkv", "gray", colour=None)
    write(here / "untagged.mkv", colour=None)
    write(here / "full.mkv", "yuv420p", colour=FULL)
    write(here / "vfr.mkv", times=[0, 40, 70, 200, 1201], sounds=["aac"])
    write(here / "late.mkv", times=[500, 540, 580, 620, 660], sounds=["pcm_s16le"])
    h264: dict[str, Any] = {"codec": "libx264", "sounds": ["aac"]}
    turn(write(here / "turned.mp4", **h264), 0, 1, -1, 0)
    turn(write(here / "mirrored.mp4", **h264), -1, 0, 0, 1)
    write(here / "anamorphic.mp4", aspect=Fraction(4, 3), **h264)
    write(here / "interlaced.mp4", interlaced=True, **h264)
    write(here / "long.mkv", count=20)
    write(here / "slow.mkv", times=[0, 700, 1400, 2100, 2800])
    stills()


def stills() -> None:
    """Write the still images: a background, an empty room, a subject with and without alpha."""
    y, x = np.mgrid[:120, :200]
    ground = np.stack([x, 2 * y, 255 - x], axis=2).astype(np.uint8)
    Image.fromarray(ground).save("ground.png")
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    empty = np.repeat((30 + (x + 2 * y) % 40)[..., None], 3, axis=2).astype(np.uint8)
    Image.fromarray(empty).save("room.png")
    subject = 9 * (x - 60) ** 2 + 16 * (y - 44) ** 2 < 16 * 30**2
    shown = np.where(subject[..., None], np.array([230, 180, 150]), empty).astype(np.uint8)
    Image.fromarray(shown).save("subject.png")
    alpha = np.where(x < 120, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([shown, alpha])).save("subject_rgba.png")


def models(folder: Path) -> None:
    """Write models of the catalogue, as small as can be, where they are looked for."""
    folder.mkdir()
    graphs.plain(folder / "modnet.onnx", "input", "output", None, gain=8)
    for name, published in PUBLISHED.items():
        graphs.model_file(name, folder).rename(folder / published)
    graphs.sam(folder)
