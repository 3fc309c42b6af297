"""HDR10's mastering display and light level in what is written: by the encoder or the container."""

from __future__ import annotations

from collections.abc import Mapping

from streamcut.media.hdr_metadata import HdrMetadata
from streamcut.sinks.file.described import HOLDERS
from streamcut.sinks.file.formats import Codec, Options

# Of each encoder that writes them: its option, and what it calls them there.
_OPTIONS: Mapping[str, tuple[str, str, str]] = {
    "libx265": ("x265-params", "master-display", "max-cll"),
    "libx264": ("x264-params", "mastering-display", "cll"),
}

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
    if not hdr.static or codec.encoder in (*_OPTIONS, *HOLDERS):
        return []
    return [f"HDR10's mastering display and light level are not kept beside {codec.name}"]


def _display(hdr: HdrMetadata) -> str:
    if hdr.display is None:
        return ""
    points = [round(value * _STEPS) for value in hdr.display.primaries]
    red, green, blue, white = (f"({x},{y})" for x, y in zip(points[::2], points[1::2], strict=True))
    least, most = (round(value * _LUMINANCE_STEPS) for value in hdr.display.luminance)
    return f"G{green}B{blue}R{red}WP{white}L({most},{least})"
