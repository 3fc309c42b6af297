"""What the container's header says of frames: HDR10's metadata, stereo 3D, spherical video."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from streamcut.media.frame import StreamInfo
from streamcut.media.hdr_metadata import HdrMetadata
from streamcut.media.immersive import Arrangement, Immersive, Projection, Spherical
from streamcut.sinks.file.formats import Codec, Format

HOLDERS: Mapping[str, bytes] = {"ffv1": b"V_FFV1", "libvpx-vp9": b"V_VP9"}
"""Encoders beside which Matroska's header is what holds metadata, and its names for them."""

_MATROSKA = (".mkv", ".webm")
# Matroska's StereoMode by FFmpeg's name: for the left eye's view first, and for the right eye's.
_STEREO_MODES = {
    Arrangement.SIDE_BY_SIDE: ("left_right", "right_left"),
    Arrangement.TOP_AND_BOTTOM: ("top_bottom", "bottom_top"),
    Arrangement.FRAME_BY_FRAME: ("block_lr", "block_rl"),
    Arrangement.CHECKERBOARD: ("checkerboard_lr", "checkerboard_rl"),
    Arrangement.LINES: ("row_interleaved_lr", "row_interleaved_rl"),
    Arrangement.COLUMNS: ("col_interleaved_lr", "col_interleaved_rl"),
}
_IN_WEBM = (Arrangement.SIDE_BY_SIDE, Arrangement.TOP_AND_BOTTOM)
# Matroska's ProjectionType.
_PROJECTIONS = {
    Projection.RECTILINEAR: 0,
    Projection.EQUIRECTANGULAR: 1,
    Projection.EQUIRECTANGULAR_TILE: 1,
    Projection.CUBEMAP: 2,
}


def in_header(codec: Codec, info: StreamInfo) -> bool:
    """Whether the container's header carries what can be told through another stream alone."""
    return codec.encoder in HOLDERS and (info.hdr.static or _projected(info.immersive) is not None)


def stream_with(output: OutputContainer, codec: Codec, info: StreamInfo) -> VideoStream:
    """Add a stream whose description holds the metadata.

    PyAV copies it from another stream alone: one is read from a Matroska header made for that.
    Its encoder is not opened with the file: open it before anything is written.
    """
    header = io.BytesIO(b"".join(_matroska(HOLDERS[codec.encoder], info)))
    with av.open(header, format="matroska") as scratch:
        return output.add_stream_from_template(scratch.streams.video[0])


def tell_immersive(
    stream: VideoStream, codec: Codec, form: Format, info: StreamInfo, size: tuple[int, int]
) -> list[str]:
    """Say in the header how the views lie in a frame; return notes of what it does not hold.

    Args:
        stream: the output's.
        codec: of its frames.
        form: of the output.
        info: of the input.
        size: (width, height) of the frames: more than one of the input's may lie in each.
    """
    immersive = info.immersive
    as_before = size == (info.width, info.height)
    mode = _stereo_mode(immersive, form) if as_before else ""
    if mode:
        stream.metadata["stereo_mode"] = mode
    sphere = as_before and in_header(codec, info) and _projected(immersive) is not None
    lost = [immersive.stereo] * (not mode) + [immersive.sphere] * (not sphere)
    return [
        f"the mark of {kind} video is left out: {_why(form, as_before)}" for kind in lost if kind
    ]


def _why(form: Format, as_before: bool) -> str:
    return f"none is written into {form.ending}" if as_before else "frames are stacked"


def _stereo_mode(immersive: Immersive, form: Format) -> str:
    """Return what Matroska calls the arrangement; nothing where it or WebM has no name for it."""
    known = {kind: names for kind, names in _STEREO_MODES.items() if kind == immersive.arrangement}
    if form.ending not in _MATROSKA or (form.ending == ".webm" and not known.keys() & {*_IN_WEBM}):
        return ""
    return next((names[immersive.inverted] for names in known.values()), "")


def _projected(immersive: Immersive) -> int | None:
    """Return Matroska's number for a projection, if it has one."""
    sphere = immersive.spherical
    return next(
        (n for kind, n in _PROJECTIONS.items() if sphere and kind == sphere.projection), None
    )


# --- Matroska (RFC 9559), as little as its reader takes ---------------------------------------

# x and y of red, green, blue and white; the least and the most luminance.
_DISPLAY_IDS = (*range(0x55D1, 0x55D9), 0x55DA, 0x55D9)


def _matroska(codec: bytes, info: StreamInfo) -> Iterator[bytes]:
    """Yield a header with one video track that says what the metadata says."""
    yield _element(0x1A45DFA3, _element(0x4282, b"matroska"))
    video = _number(0xB0, 16) + _number(0xBA, 16) + _element(0x55B0, _colour(info.hdr))
    if info.immersive.spherical is not None:
        video += _projection(info.immersive.spherical, _projected(info.immersive))
    track = _number(0xD7, 1) + _number(0x73C5, 1) + _number(0x83, 1)
    tracks = _element(0xAE, track + _element(0x86, codec) + _element(0xE0, video))
    yield _element(
        0x18538067, _element(0x1654AE6B, tracks) + _element(0x1F43B675, _number(0xE7, 0))
    )


def _colour(hdr: HdrMetadata) -> bytes:
    colour = b""
    if hdr.light is not None:
        colour += _number(0x55BC, hdr.light[0]) + _number(0x55BD, hdr.light[1])
    if hdr.display is not None:
        values = (*hdr.display.primaries, *hdr.display.luminance)
        colour += _element(0x55D0, b"".join(map(_real, _DISPLAY_IDS, values)))
    return colour


def _projection(sphere: Spherical, number: int | None) -> bytes:
    """Return the element that says how frames are projected."""
    if number is None:
        return b""
    left, top, right, bottom = sphere.bounds
    private = b""
    if sphere.projection == Projection.EQUIRECTANGULAR_TILE:
        private = struct.pack(">5I", 0, top, bottom, left, right)
    elif sphere.projection == Projection.CUBEMAP:
        private = struct.pack(">3I", 0, 0, sphere.padding)
    made = _number(0x7671, number) + (_element(0x7672, private) if private else b"")
    pose = zip((0x7673, 0x7674, 0x7675), sphere.pose, strict=True)
    return _element(0x7670, made + b"".join(_real(name, Fraction(value)) for name, value in pose))


def _element(identity: int, content: bytes) -> bytes:
    name = identity.to_bytes((identity.bit_length() + 7) // 8, "big")
    return name + struct.pack(">Q", 1 << 56 | len(content)) + content


def _number(identity: int, value: int) -> bytes:
    return _element(identity, value.to_bytes(8, "big"))


def _real(identity: int, value: Fraction) -> bytes:
    return _element(identity, struct.pack(">d", float(value)))
