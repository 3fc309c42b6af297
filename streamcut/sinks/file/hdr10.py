"""HDR10's mastering display and light level in what is written: by the encoder or the container."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from streamcut.media.hdr_metadata import HdrMetadata
from streamcut.sinks.file.formats import Codec, Options

# Of each encoder that writes them: its option, and what it calls them there.
_OPTIONS: Mapping[str, tuple[str, str, str]] = {
    "libx265": ("x265-params", "master-display", "max-cll"),
    "libx264": ("x264-params", "mastering-display", "cll"),
}
# Matroska's names for what its header carries them with.
_IN_HEADER = {"ffv1": b"V_FFV1", "libvpx-vp9": b"V_VP9"}

# Units of the mastering display in a bitstream: chromaticities, cd/m2.
_STEPS, _LUMINANCE_STEPS = 50_000, 10_000


def encoder_options(codec: Codec, hdr: HdrMetadata, options: Options) -> dict[str, str]:
    """Return an encoder's options with those that make it write the metadata added."""
    if codec.encoder not in _OPTIONS or not hdr.static:
        return dict(options)
    name, display, light = _OPTIONS[codec.encoder]
    told = [options[name]] if name in options else []
    if hdr.display is not None:
        told.append(f"{display}={_display(hdr)}")
    if hdr.light is not None:
        told.append(f"{light}={hdr.light[0]},{hdr.light[1]}")
    return {**options, name: ":".join(told)}


def notes(codec: Codec, hdr: HdrMetadata) -> list[str]:
    """Say what is not kept."""
    if not hdr.static or codec.encoder in (*_OPTIONS, *_IN_HEADER):
        return []
    return [f"HDR10's mastering display and light level are not kept beside {codec.name}"]


def in_header(codec: Codec, hdr: HdrMetadata) -> bool:
    """Whether the container's header is what carries the metadata."""
    return hdr.static and codec.encoder in _IN_HEADER


def stream_with(output: OutputContainer, codec: Codec, hdr: HdrMetadata) -> VideoStream:
    """Add a stream whose description holds the metadata.

    PyAV copies it from another stream alone: one is read from a Matroska header made for that.
    Its encoder is not opened with the file: open it before anything is written.
    """
    header = io.BytesIO(b"".join(_matroska(_IN_HEADER[codec.encoder], hdr)))
    with av.open(header, format="matroska") as scratch:
        return output.add_stream_from_template(scratch.streams.video[0])


def _display(hdr: HdrMetadata) -> str:
    if hdr.display is None:
        return ""
    points = [round(value * _STEPS) for value in hdr.display.primaries]
    red, green, blue, white = (f"({x},{y})" for x, y in zip(points[::2], points[1::2], strict=True))
    least, most = (round(value * _LUMINANCE_STEPS) for value in hdr.display.luminance)
    return f"G{green}B{blue}R{red}WP{white}L({most},{least})"


# --- Matroska (RFC 9559), as little as its reader takes ---------------------------------------

# x and y of red, green, blue and white; the least and the most luminance.
_DISPLAY_IDS = (*range(0x55D1, 0x55D9), 0x55DA, 0x55D9)


def _matroska(codec: bytes, hdr: HdrMetadata) -> Iterator[bytes]:
    """Yield a header with one video track that says what the metadata says."""
    yield _element(0x1A45DFA3, _element(0x4282, b"matroska"))
    colour = b""
    if hdr.light is not None:
        colour += _number(0x55BC, hdr.light[0]) + _number(0x55BD, hdr.light[1])
    if hdr.display is not None:
        values = (*hdr.display.primaries, *hdr.display.luminance)
        colour += _element(0x55D0, b"".join(map(_real, _DISPLAY_IDS, values)))
    video = _number(0xB0, 16) + _number(0xBA, 16) + _element(0x55B0, colour)
    track = _number(0xD7, 1) + _number(0x73C5, 1) + _number(0x83, 1)
    tracks = _element(0xAE, track + _element(0x86, codec) + _element(0xE0, video))
    yield _element(
        0x18538067, _element(0x1654AE6B, tracks) + _element(0x1F43B675, _number(0xE7, 0))
    )


def _element(identity: int, content: bytes) -> bytes:
    name = identity.to_bytes((identity.bit_length() + 7) // 8, "big")
    return name + struct.pack(">Q", 1 << 56 | len(content)) + content


def _number(identity: int, value: int) -> bytes:
    return _element(identity, value.to_bytes(8, "big"))


def _real(identity: int, value: Fraction) -> bytes:
    return _element(identity, struct.pack(">d", float(value)))
