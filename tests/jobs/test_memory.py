"""Memory: bounded, whatever the length of the video; under 400 MB at 1080p.

The whole run (``STREAMCUT_TEST_SLOW=1``) compares 100 with 2,000 frames in every format; what is
run each time compares two shorter clips in some.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.media import views

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measured as Linux counts it")

SLOW = bool(os.environ.get("STREAMCUT_TEST_SLOW"))
SHORT, LONG = (100, 2000) if SLOW else (30, 150)
LIMIT = 400

FORMATS: dict[str, tuple[str, ...]] = {
    "out.webm": ("--quality", "fast"),
    "out.mov": ("--quality", "fast"),
    "out.mkv": (),
    "out.mp4": ("-b", "red", "--quality", "fast"),
    "pictures": ("--quality", "fast"),
    "out.gif": (),
    "out.webp": ("--quality", "fast"),
    "out.apng": ("--quality", "fast"),
}
QUICK = ["out.webm", "out.mkv", "out.mp4"]


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int, int], Path]:
    """Make clips of a still figure: cheap to encode and to decode, of any length."""
    folder = tmp_path_factory.mktemp("long")

    def made(width: int, height: int, count: int) -> Path:
        path = folder / f"{height}-{count}.mp4"
        if not path.exists():
            _write(path, width, height, count)
        return path

    return made


def _write(path: Path, width: int, height: int, count: int) -> None:
    frame = av.VideoFrame(width, height, "yuv420p")
    y, x = np.mgrid[:height, :width]
    figure = ((x / width - 0.5) / 0.15) ** 2 + ((y / height - 0.6) / 0.4) ** 2 < 1
    luma, *chroma = views(frame)
    luma[:] = np.where(figure, 170, 40 + x * 60 // width)
    for plane in chroma:
        plane[:] = 120
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=30, options={"preset": "ultrafast", "g": "300"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(count):
            frame.pts, frame.time_base = index, Fraction(1, 30)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


# The kernel's own high-water mark; what ``wait4`` reports may be that of the test's process.
MEASURED = """
import atexit
from streamcut.cli import main

def tell():
    with open("/proc/self/status") as status:
        print(next(line.split()[1] for line in status if line.startswith("VmHWM")))

atexit.register(tell)
main()
"""


def peak_of(source: Path, output: Path, *options: str) -> float:
    """Run the command; return the most memory that it had resident, in MB."""
    line = [sys.executable, "-c", MEASURED, "video", str(source), str(output), "-y", "-q", *options]
    ran = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return int(ran.stdout) / 1024


@pytest.mark.parametrize("name", FORMATS if SLOW else QUICK)
def test_memory_at_1080p(clips: Callable[[int, int, int], Path], tmp_path: Path, name: str) -> None:
    peak = peak_of(clips(1920, 1080, SHORT), tmp_path / name, *FORMATS[name])
    print(f"{name}: {peak:.0f} MB for {SHORT} frames of 1080p")
    assert peak < LIMIT


@pytest.mark.parametrize("name", FORMATS if SLOW else ["out.webm", "out.mp4"])
def test_memory_does_not_grow_with_the_length(
    clips: Callable[[int, int, int], Path], tmp_path: Path, name: str
) -> None:
    size = (1920, 1080) if SLOW and name in QUICK else (640, 360)
    short, long = (
        peak_of(clips(*size, count), tmp_path / name, *FORMATS[name]) for count in (SHORT, LONG)
    )
    print(f"{name}: {short:.0f} MB for {SHORT}, {long:.0f} MB for {LONG} frames of {size[1]}p")
    frame = size[0] * size[1] * 2.5 / 1e6  # With its alpha.
    assert long - short < max(25, 5 * frame)


def test_a_slow_consumer_holds_few_frames(clips: Callable[[int, int, int], Path]) -> None:
    """The source is never further ahead of the sink than the channels and hands hold."""
    import time

    from helpers.media import Brightness

    from streamcut.jobs.file import Job
    from streamcut.jobs.report import JobState

    ahead: list[int] = []
    decoded = 0

    class Counting(Brightness):
        def stream(self):  # type: ignore[no-untyped-def]
            quick = super().stream()

            def counted(picture):  # type: ignore[no-untyped-def]
                nonlocal decoded
                decoded += 1
                return quick(picture)

            return counted

    def tick(state: JobState) -> None:
        time.sleep(0.02)
        ahead.append(decoded - state.frames)

    source, output = clips(64, 48, 60), clips(64, 48, 60).with_name("slow.mkv")
    Job(str(source), str(output), session=Counting(), overwrite=True).run(tick)
    assert decoded == len(ahead) == 60
    assert max(ahead) <= 9


@pytest.fixture(autouse=True)
def _room(tmp_path: Path) -> Iterator[None]:
    """Give back the space of a long test at its end."""
    yield
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
