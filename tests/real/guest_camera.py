"""Runs in a guest that has real V4L2 nodes; prints what it saw there as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from streamcut.core.errors import StreamcutError
from streamcut.media.colour import Colour
from streamcut.media.frame import OutputFrame
from streamcut.sinks.live.virtual_camera import CameraSink

SIZE = (320, 240)
# Y, Cb, Cr of red, green, blue and grey in BT.601, limited range.
COLOURS = [(81, 90, 240), (145, 54, 34), (41, 240, 110), (126, 128, 128)]
READ = """
import av, sys
with av.open(sys.argv[1], format="v4l2") as camera:
    for frame in camera.decode(video=0):
        print(*frame.to_ndarray(format="rgb24")[120, 160], frame.width, frame.height, flush=True)
"""


def flat(codes: tuple[int, int, int]) -> OutputFrame:
    made = av.VideoFrame(*SIZE, "yuv420p")
    for plane, code in zip(made.planes, codes, strict=True):
        plane.update(bytes([code]) * plane.buffer_size)
    return OutputFrame(output=Colour(matrix=5, range=1).apply(made))


def shown(device: str) -> dict[str, Any]:
    """What a reader of a device sees of each colour, and when it counts as watching."""
    seen, watched = [], []
    with CameraSink(size=SIZE, rate=Fraction(30), device=device) as sink:
        sink.write(flat(COLOURS[0]))
        watched.append(sink.watched)
        log = Path("/var/tmp/seen")
        with log.open("w") as lines:
            reader = subprocess.Popen([sys.executable, "-c", READ, device], stdout=lines)
        try:
            for codes in COLOURS:
                seen.append(after(log, sink, codes))
            watched.append(looked(sink, True))
        finally:
            reader.kill()
            reader.wait()
        watched.append(looked(sink, False))
    return {"seen": seen, "watched": watched}


def after(log: Path, sink: CameraSink, codes: tuple[int, int, int]) -> list[int]:
    """Show a colour until the reader has read what was queued before it and some more."""
    before, began = len(log.read_text().splitlines()), time.monotonic()
    while time.monotonic() - began < 30:
        sink.write(flat(codes))
        time.sleep(0.03)
        lines = log.read_text().splitlines()
        if len(lines) > before + 8:
            return [int(word) for word in lines[-2].split()]
    return []


def looked(sink: CameraSink, wanted: bool) -> bool:
    """Whether it is watched, once it has had time to notice."""
    began = time.monotonic()
    while sink.watched is not wanted and time.monotonic() - began < 5:
        time.sleep(0.1)
    return sink.watched


def refused(device: str) -> str:
    try:
        CameraSink(size=SIZE, rate=Fraction(30), device=device).close()
    except StreamcutError as error:
        return str(error)
    return ""


def main() -> None:
    found: dict[str, Any] = {device: shown(device) for device in ("/dev/video0", "/dev/video1")}
    found["no such"] = refused("/dev/video77")
    found["a real camera"] = refused("/dev/video8")
    with CameraSink(size=SIZE, rate=Fraction(30), device="/dev/video1") as first:
        first.write(flat(COLOURS[0]))
        found["busy"] = refused("/dev/video1")
    found["the first"] = CameraSink(size=SIZE, rate=Fraction(30)).device
    print("FOUND", json.dumps(found))


if __name__ == "__main__":
    main()
