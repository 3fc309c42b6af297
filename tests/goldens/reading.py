"""What a player, an editor or a program finds in an output, as short texts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np
from goldens.inputs import plane_views
from PIL import Image, ImageSequence

Values = dict[str, Any]


def digest(parts: Iterable[bytes]) -> str:
    """Return a short hash of all parts together."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()[:16]


def file(path: Path) -> Values:
    """Describe an output: a video, an animation or a folder of PNG images."""
    if path.is_dir():
        return folder(path)
    if path.suffix in (".gif", ".webp", ".apng"):
        return animation(path)
    return video(path)


def folder(path: Path) -> Values:
    """Describe each image of a folder."""
    found: Values = {"names": sorted(file.name for file in path.iterdir())}
    for name in found["names"]:
        with av.open(str(path / name)) as image:
            (shown,) = image.decode(video=0)
            found[f"{name}/format"] = shown.format.name
            found[f"{name}/pixels"] = digest([packed(shown)])
    return found


def animation(path: Path) -> Values:
    """Describe an animation as Pillow plays it."""
    pixels, durations = [], []
    with Image.open(path) as image:
        size, loop = image.size, image.info.get("loop")
        for shown in ImageSequence.Iterator(image):
            pixels.append(np.array(shown.convert("RGBA")).tobytes())
            durations.append(shown.info["duration"])
    return {"size": list(size), "loop": loop, "durations": durations, "pixels": digest(pixels)}


def video(path: Path) -> Values:
    """Describe every stream of a video; VP9 is decoded with its alpha."""
    found: Values = {}
    with av.open(str(path)) as container:
        found["metadata"] = dict(sorted(container.metadata.items()))
        found["chapters"] = [chapter(dict(part)) for part in container.chapters()]
        found["streams"] = [stream.type for stream in container.streams]
        packets: dict[int, list[Any]] = {}
        for packet in container.demux():
            packets.setdefault(packet.stream_index, []).append(packet)
        sounds = 0
        for stream in container.streams:
            if stream.type == "video":
                found |= pictures(stream, packets.get(stream.index, []))
            elif stream.type == "audio":
                found |= track(f"sound{sounds}", stream, packets.get(stream.index, []))
                sounds += 1
    return found


def chapter(part: Values) -> list[Any]:
    """Return a chapter's start and end in seconds, and its tags."""
    start, end = (float(part[key] * part["time_base"]) for key in ("start", "end"))
    return [start, end, part["metadata"]]


def pictures(stream: Any, packets: list[Any]) -> Values:
    """Describe a video stream: how it is tagged, and what its frames hold."""
    context = stream.codec_context
    context.thread_count = 1
    if context.name == "vp9":
        context = av.CodecContext.create("libvpx-vp9", "r")
        context.extradata = stream.codec_context.extradata
    full = [packet for packet in packets if packet.size]
    frames = [frame for packet in [*full, None] for frame in context.decode(packet)]
    first = frames[0]
    return {
        "codec": stream.codec_context.name,
        "profile": stream.profile,
        "pixel_format": first.format.name,
        "size": [first.width, first.height],
        "time_base": str(stream.time_base),
        "rate": str(stream.average_rate),
        "aspect": str(stream.sample_aspect_ratio),
        "turned": first.rotation,
        "tags": dict(sorted(stream.metadata.items())),
        "colour": colour(first),
        "colour of the container": colour(stream.codec_context),
        "times": [frame.pts for frame in frames],
        "keyframes": [packet.pts for packet in full if packet.is_keyframe],
        "planes": planes(frames),
    }


def colour(tagged: Any) -> Values:
    """Return the colour tags of a frame or a stream, as FFmpeg numbers them."""
    return {
        "range": int(tagged.color_range),
        "matrix": int(tagged.colorspace),
        "primaries": int(tagged.color_primaries),
        "transfer": int(tagged.color_trc),
    }


def planes(frames: list[av.VideoFrame]) -> list[str]:
    """Hash each plane over all frames; what is packed is one plane."""
    if frames[0].format.is_planar or frames[0].format.name.startswith("gray"):
        shown = [plane_views(frame) for frame in frames]
        return [digest(part[n].tobytes() for part in shown) for n in range(len(shown[0]))]
    return [digest(packed(frame) for frame in frames)]


def packed(frame: av.VideoFrame) -> bytes:
    """Return the pixels of a frame of one plane, without what pads its rows."""
    (plane,) = frame.planes
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(frame.height, plane.line_size)
    shown: bytes = rows[:, : frame.width * frame.format.padded_bits_per_pixel // 8].tobytes()
    return shown


def track(name: str, stream: Any, packets: list[Any]) -> Values:
    """Describe a sound track: its packets as they are stored, and their times."""
    full = [packet for packet in packets if packet.size]
    return {
        f"{name}/codec": stream.codec_context.codec.canonical_name,
        f"{name}/layout": stream.codec_context.layout.name,
        f"{name}/tags": dict(sorted(stream.metadata.items())),
        f"{name}/time_base": str(stream.time_base),
        f"{name}/packets": [len(full), digest(bytes(packet) for packet in full)],
        f"{name}/times": [len(full), digest(str(packet.pts).encode() for packet in full)],
    }


def bare(data: bytes, name: str) -> Values:
    """Describe what was written to standard output: frames in a container, or bare ones."""
    if name == "rawvideo":
        return {"bytes": len(data), "pixels": digest([data])}
    path = Path(f"stdout.{name}")
    path.write_bytes(data)
    return video(path)
