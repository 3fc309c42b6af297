"""Media whose pixels, alpha and timestamps are known exactly, and a reader to check what came out.

Nothing here uses streamcut's own sources or sinks: files are written and read with PyAV
(animated WebP, GIF and APNG with Pillow), so that a fault in them cannot hide itself.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from streamcut import BaseSession
from streamcut.core.config import Settings
from streamcut.jobs.file import remove_video
from streamcut.jobs.report import Summary
from streamcut.jobs.stages import Appearance, steadied, steadying_of
from streamcut.jobs.stages import composited as chain_end
from streamcut.matting.network import predict
from streamcut.sessions import Prediction
from streamcut.sources import open_source

Planes = list[NDArray[Any]]
MS = Fraction(1, 1000)
SHARED = Path(__file__).parents[3] / "shared"


# --- pictures -------------------------------------------------------------------------------


def depth(pixel_format: str) -> int:
    return int(av.VideoFormat(pixel_format).components[0].bits)


def views(picture: av.VideoFrame) -> Planes:
    """Writable views of the planes of a planar (or one-plane grey) picture."""
    kind: Any = np.dtype(np.uint8 if depth(picture.format.name) == 8 else np.uint16)
    given: list[Any] = [*picture.planes]
    return [
        np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)[
            : plane.height, : plane.width
        ]
        for plane in given
    ]


def copied(picture: av.VideoFrame) -> Planes:
    return [plane.copy() for plane in views(picture)]


def triangle(values: NDArray[Any], period: int) -> NDArray[Any]:
    """A wave of whole numbers from 0 to ``period``, without jumps that codecs would blur."""
    return np.asarray(np.abs((values + period) % (2 * period) - period))


def inside(width: int, height: int, index: int, scale: float = 1.0) -> NDArray[np.bool_]:
    """Where the subject, an ellipse that moves to the right, is; ``scale`` makes it larger."""
    y, x = np.mgrid[:height, :width]
    across = (x + 0.5) / width - (0.35 + 0.03 * (index % 8))
    down = (y + 0.5) / height - 0.45
    return np.asarray((across / (0.2 * scale)) ** 2 + (down / (0.3 * scale)) ** 2 < 1)


def picture(
    index: int, width: int = 96, height: int = 64, pixel_format: str = "yuv420p"
) -> av.VideoFrame:
    """A bright ellipse on a dark ground; smooth, each plane different, each index different."""
    made = av.VideoFrame(width, height, pixel_format)
    deep = 1 << (depth(pixel_format) - 8)
    for number, plane in enumerate(views(made)):
        rows, columns = plane.shape
        y, x = np.mgrid[:rows, :columns]
        x, y = x * width // columns, y * height // rows
        ground = triangle(x + 2 * y + 3 * index + 17 * number, 40)
        subject = inside(width, height, index)[y, x]
        rgb = pixel_format.startswith("gb")
        if number == 3:  # The input's own alpha: a hole in the lower right corner.
            code = np.where((x > 0.7 * width) & (y > 0.7 * height), 0, 255)
        elif number == 0 or rgb:
            code = np.where(subject, 190 + ground // 2, 30 + ground)
        else:
            code = np.where(subject, 110 + 20 * number, 108) + ground // 2
        fine = 0 if number == 3 and deep == 1 else (x + y + index) % deep
        plane[:] = code * deep + fine if number < 3 else np.where(code > 0, 256 * deep - 1, 0)
    return made


def pictures(count: int, *args: Any, **options: Any) -> list[av.VideoFrame]:
    return [picture(index, *args, **options) for index in range(count)]


def to_rgb(
    planes: Planes, *, matrix: str = "601", full: bool = False, bits: int = 8
) -> NDArray[np.float64]:
    """Convert Y, Cb, Cr (chroma taken from the nearest sample) to RGB, 0..255, by the book."""
    red, blue = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}[matrix]
    height, width = planes[0].shape
    top = (1 << bits) - 1
    unit = 1 << (bits - 8)
    scale = (top, top) if full else (219 * unit, 224 * unit)
    luma = (planes[0].astype(float) - (0 if full else 16 * unit)) / scale[0]
    cb, cr = (
        (np.repeat(np.repeat(p, 2, 0), 2, 1)[:height, :width] if p.shape[0] < height else p)
        for p in planes[1:3]
    )
    cb, cr = ((c.astype(float) - 128 * unit) / scale[1] for c in (cb, cr))
    r = luma + 2 * (1 - red) * cr
    b = luma + 2 * (1 - blue) * cb
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.stack([r, g, b], axis=2), 0, 1) * 255


# --- sound ----------------------------------------------------------------------------------


@dataclass
class Sound:
    """A tone-free track with one click at a known time, and what else it is written with."""

    codec: str = "pcm_s16le"
    seconds: float = 1.0
    click: float = 0.5
    start: float = 0.0
    layout: str = "stereo"
    rate: int = 48_000
    language: str | None = None

    def frames(self) -> Iterable[av.AudioFrame]:
        samples = np.arange(round(self.seconds * self.rate)) / self.rate
        away = samples + self.start - self.click
        wave = np.exp(-((away / 0.001) ** 2)) * np.cos(2 * np.pi * 1000 * away) * 25_000
        channels = av.AudioLayout(self.layout).nb_channels
        data = np.repeat(np.rint(wave).astype(np.int16)[:, None], channels, axis=1)
        for begin in range(0, len(data), 960):
            part = np.ascontiguousarray(data[begin : begin + 960]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout=self.layout)
            frame.sample_rate, frame.time_base = self.rate, Fraction(1, self.rate)
            frame.pts = begin + round(self.start * self.rate)
            yield frame


# --- files ----------------------------------------------------------------------------------


def write(
    path: Path,
    shown: Sequence[av.VideoFrame],
    *,
    codec: str = "ffv1",
    pixel_format: str | None = None,
    times: Sequence[int] | None = None,
    time_base: Fraction = MS,
    rate: Fraction | int = 25,
    options: Mapping[str, str] | None = None,
    muxing: Mapping[str, str] | None = None,
    aspect: Fraction | None = None,
    colour: tuple[int, int, int, int] | None = None,
    sounds: Sequence[Sound] = (),
    cover: str | None = None,
    cover_first: bool = False,
    metadata: Mapping[str, str] | None = None,
    chapters: Sequence[tuple[int, int, str]] = (),
    tags: Mapping[str, str] | None = None,
) -> Path:
    """Write a file; ``times`` are in units of ``time_base``, chapters in milliseconds."""
    with av.open(str(path), "w", options=dict(muxing or {})) as output:
        if cover and cover_first:
            _cover(output, cover, path)
        stream: Any = output.add_stream(codec, rate=rate, options=dict(options or {}))
        stream.width, stream.height = shown[0].width, shown[0].height
        stream.pix_fmt = pixel_format or shown[0].format.name
        stream.codec_context.time_base = stream.time_base = time_base
        if aspect is not None:
            # PyAV writes it into MP4 and MOV alone.
            assert path.suffix in (".mp4", ".mov")
            stream.codec_context.sample_aspect_ratio = aspect
        if colour is not None:
            context = stream.codec_context
            context.color_primaries, context.color_trc = colour[:2]
            context.colorspace, context.color_range = colour[2:]
        stream.metadata.update(tags or {})
        tracks = [_track(output, sound) for sound in sounds]
        if cover and not cover_first:
            _cover(output, cover, path)
        output.metadata.update(metadata or {})
        output.set_chapters(
            [
                {"id": i, "start": a, "end": b, "time_base": MS, "metadata": {"title": title}}
                for i, (a, b, title) in enumerate(chapters)
            ]
        )
        packets: list[Any] = []
        for index, frame in enumerate(shown):
            step = round(1 / (Fraction(rate) * time_base))
            frame.pts = times[index] if times is not None else index * step
            frame.time_base = time_base
            if colour is not None:
                frame.color_primaries, frame.color_trc = colour[:2]
                frame.colorspace, frame.color_range = colour[2:]
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for sound, track in zip(sounds, tracks, strict=True):
            for part in sound.frames():
                packets += track.encode(part)
            packets += track.encode(None)
        _COVERS.pop(id(output), lambda: None)()
        packets.sort(key=lambda packet: (packet.dts or 0) * packet.time_base)
        output.mux(packets)
    return path


_COVERS: dict[int, Callable[[], None]] = {}


def _track(output: Any, sound: Sound) -> Any:
    track = output.add_stream(sound.codec, rate=sound.rate)
    track.codec_context.layout = sound.layout
    if sound.language:
        track.metadata["language"] = sound.language
    return track


def cover_bytes(kind: str = "png") -> bytes:
    """A small picture, red, as a file's bytes."""
    context = av.CodecContext.create("png" if kind == "png" else "mjpeg", "w")
    context.width = context.height = 16
    context.pix_fmt = "rgb24" if kind == "png" else "yuvj420p"
    context.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), (200, 0, 0), np.uint8), format="rgb24")
    return b"".join(bytes(p) for p in [*context.encode(frame), *context.encode(None)])


def _cover(output: Any, kind: str, path: Path) -> None:
    if path.suffix == ".mkv":
        output.add_attachment(f"cover.{kind}", f"image/{kind}", cover_bytes(kind))
        return
    stream = output.add_stream("png" if kind == "png" else "mjpeg", rate=25)
    stream.width = stream.height = 16
    stream.pix_fmt = "rgb24" if kind == "png" else "yuvj420p"
    stream.disposition = av.stream.Disposition.attached_pic

    def mux() -> None:
        packet = av.Packet(cover_bytes(kind))
        packet.stream, packet.pts, packet.dts = stream, 0, 0
        packet.is_keyframe = True
        output.mux(packet)

    _COVERS[id(output)] = mux


def set_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Write a matrix of -1, 0 and 1 into the first track header of an MP4 or MOV file."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    at += 40 if data[at] == 0 else 52
    one, unity = 1 << 16, 1 << 30
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, unity)
    path.write_bytes(data)
    return path


def set_edit_start(path: Path, time: int) -> Path:
    """Let the first edit of an MP4 or MOV file begin later, in units of its track."""
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 4
    assert data[at] == 0
    entry = at + 8
    data[entry + 4 : entry + 8] = struct.pack(">i", time)
    path.write_bytes(data)
    return path


# --- what came out --------------------------------------------------------------------------


@dataclass
class Shown:
    """What a reader sees of a file: its frames in order, with their times."""

    pictures: list[av.VideoFrame] = field(default_factory=list)
    times: list[Fraction] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    chapters: list[Any] = field(default_factory=list)
    aspect: Fraction | None = None
    codec: str = ""
    streams: list[str] = field(default_factory=list)
    duration: float | None = None

    def planes(self) -> list[Planes]:
        return [copied(picture) for picture in self.pictures]

    def rgba(self) -> list[NDArray[Any]]:
        return [picture.to_ndarray(format="rgba") for picture in self.pictures]


def shown(path: Path | str, *, cut: bool = False) -> Shown:
    """Decode a file's moving pictures; alpha of VP9 is kept. A ``cut`` one may end in rubbish."""
    seen = Shown()
    with av.open(str(path)) as container:
        covers = av.stream.Disposition.attached_pic
        stream = next(s for s in container.streams.video if not s.disposition & covers)
        context: Any = stream.codec_context
        seen.codec, seen.tags = context.name, dict(stream.metadata)
        if context.name == "vp9":
            context = av.CodecContext.create("libvpx-vp9", "r")
            context.extradata = stream.codec_context.extradata
        seen.metadata, seen.chapters = dict(container.metadata), container.chapters()
        seen.aspect = stream.sample_aspect_ratio
        seen.streams = [s.type for s in container.streams]
        seen.duration = container.duration / av.time_base if container.duration else None
        for packet in container.demux(stream):
            try:
                frames = context.decode(packet if packet.size else None)
            except av.error.InvalidDataError:
                assert cut
                continue
            seen.pictures += frames
            seen.times += [(frame.pts or 0) * Fraction(stream.time_base or 0) for frame in frames]
    return seen


def animation(path: Path) -> tuple[list[NDArray[np.uint8]], list[int]]:
    """RGBA pictures and their durations in milliseconds of a GIF, WebP or APNG, by Pillow."""
    with Image.open(path) as image:
        frames = [(np.array(f.convert("RGBA")), f.info["duration"]) for f in _sequence(image)]
    return [f for f, _ in frames], [round(ms) for _, ms in frames]


def _sequence(image: Image.Image) -> Iterable[Image.Image]:
    for frame in ImageSequence.Iterator(image):
        frame.load()
        yield frame


def audio_packets(path: Path | str, track: int = 0) -> list[tuple[bytes, Fraction]]:
    """The coded sound of a track, with its times."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[track]
        packets = [p for p in container.demux(stream) if p.size]
        return [(bytes(p), (p.pts or 0) * p.time_base) for p in packets]


@dataclass
class Heard:
    """What a listener hears of a track: times in seconds."""

    start: float
    end: float
    click: float
    peak: float
    channels: int
    language: str | None
    codec: str


def heard(path: Path | str, track: int = 0) -> Heard:
    with av.open(str(path)) as container:
        stream = container.streams.audio[track]
        start, end, click, peak = None, 0.0, 0.0, 0.0
        resampler = av.AudioResampler(format="fltp")
        for frame in container.decode(stream):
            begin = float(frame.time or 0.0)
            start = begin if start is None else start
            end = begin + frame.samples / frame.sample_rate
            for part in resampler.resample(frame):
                loud = np.abs(part.to_ndarray()).max(axis=0)
                if loud.max() > peak:
                    peak = float(loud.max())
                    click = begin + int(loud.argmax()) / frame.sample_rate
        language = stream.metadata.get("language")
        channels = stream.codec_context.channels
        codec = stream.codec_context.codec.canonical_name
        return Heard(start or 0.0, end, click, peak, channels, language, codec)


# --- jobs -----------------------------------------------------------------------------------


class Brightness(BaseSession):
    """A session without a model: whatever is bright is the subject."""

    def __init__(self, shrink: int = 2) -> None:
        self.model_name = "brightness"
        self.shrink = shrink

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        return max(1, width // self.shrink), max(1, height // self.shrink)

    def stream(self) -> Any:
        return Bright()


class Bright:
    """The stream of :class:`Brightness`."""

    def __call__(self, picture: NDArray[np.uint8]) -> Prediction:
        return Prediction((picture.mean(axis=2) > 128).astype(np.float32))

    def reset(self) -> None:
        pass


AS_DECODED: dict[str, Any] = {"decontaminate": False, "cutout": "putalpha"}
"""Settings that leave every colour alone."""


def run(source: Path | str, output: Path | str, **options: Any) -> Summary:
    """Do a job with :class:`Brightness`, all colours as decoded, unless something else is given.

    A path without an ending is a folder of images, which only a slash at its end says.
    """
    if isinstance(output, Path) and not output.suffix:
        output = f"{output}/"
    usual: dict[str, Any] = {"session": Brightness(), **AS_DECODED}
    return remove_video(source, output, **(usual | options))


def composited(
    source: Path | str,
    *,
    session: BaseSession | None = None,
    start: Fraction | None = None,
    duration: Fraction | None = None,
    **options: Any,
) -> list[av.VideoFrame]:
    """What a job's stages hand to its encoder, made without threads."""
    settings = Settings().with_options(AS_DECODED | options)
    with (
        open_source(str(source), start=start, duration=duration) as frames,
        Appearance.of(settings, frames.info) as shown,
    ):
        predicted = steadied(
            predict(frames, session or Brightness()), steadying_of(settings, frames.info)
        )
        return [frame.output for frame in chain_end(predicted, frames.info, shown)]


def shared(*parts: str) -> Path:
    """A file that lies beside the project; the test skips where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.is_file():
        pytest.skip(f"{'/'.join(parts)} is not beside the project")
    return path
