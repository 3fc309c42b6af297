"""``streamcut devices``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from streamcut.cli.say import say, say_json

if TYPE_CHECKING:
    from streamcut.sources import Camera, Mode

_NONE = {
    "linux": "no camera and no virtual camera: nothing in /dev/video*",
    "darwin": "no camera; if there is one, allow it in Privacy & Security, Camera",
}


@click.command("devices")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(as_json: bool) -> None:
    """List the cameras, with their formats, sizes and rates, and the virtual cameras.

    The number, the name or the path of a camera is what streamcut webcam --camera takes. On macOS
    and Windows a camera says what it delivers only when it is opened.
    """
    from streamcut.sources import cameras

    found = cameras()
    if as_json:
        say_json([_described(camera) for camera in found])
    elif found:
        say(*(line for camera in found for line in _lines(camera)), out=True)
    else:
        click.echo(_NONE.get(sys.platform, "no camera"), err=True)


def _described(camera: Camera) -> dict[str, Any]:
    return {
        "index": camera.index,
        "name": camera.name,
        "path": camera.path,
        "readable": camera.readable,
        "virtual": camera.virtual,
        "modes": [
            {
                "format": mode.fourcc,
                "smallest": list(mode.smallest),
                "largest": list(mode.largest),
                "fps": None if mode.rate is None else round(float(mode.rate), 3),
            }
            for mode in camera.modes
        ],
    }


def _lines(camera: Camera) -> Iterator[str]:
    kind = " (virtual camera)" if camera.virtual else ""
    kind += "" if camera.readable else " (nobody writes to it)"
    yield f"{camera.index}: {camera.name}{kind}, {camera.path}"
    formats: dict[str, list[Mode]] = {}
    for mode in camera.modes:
        formats.setdefault(mode.fourcc, []).append(mode)
    for fourcc, modes in formats.items():
        yield f"   {fourcc}  " + ", ".join(map(str, modes))
