"""VP9 encoders without the memory that they clear and do not use."""

from __future__ import annotations

import mmap
import os
import platform
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.media import pictures

from streamcut.sinks.file import vp9_memory
from streamcut.sinks.file.vp9_memory import ProcessMemory, open_lean, token_bytes

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc",
    reason="memory is given back on Linux with glibc only",
)


def encoder(width: int, height: int) -> av.VideoCodecContext:
    made = av.CodecContext.create("libvpx-vp9", "w")
    assert isinstance(made, av.VideoCodecContext)
    made.width, made.height, made.pix_fmt = width, height, "yuv420p"
    made.time_base, made.framerate, made.thread_count = Fraction(1, 25), Fraction(25), 1
    made.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    return made


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


MEASURED = """
import sys
sys.path.insert(0, {folder!r})
from test_vp9_memory import encoder, open_lean, resident
context = encoder({width}, {height})
start = resident()
{opening}
print(resident() - start)
"""


def grown(width: int, height: int, opening: str) -> int:
    """Return by how many bytes a new process grows as it opens an encoder."""
    folder = str(Path(__file__).parent)
    code = MEASURED.format(folder=folder, width=width, height=height, opening=opening)
    paths = [folder, *(str(Path(__file__).parents[up]) for up in (2, 3))]
    ran = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=True,
    )
    return int(ran.stdout)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_what_is_cleared_and_unused_is_given_back(size: tuple[int, int]) -> None:
    saved = grown(*size, "context.open()") - grown(*size, "open_lean(context)")
    assert saved == pytest.approx(token_bytes(*size), rel=0.1)


def test_the_same_is_encoded() -> None:
    made = []
    for opening in (lambda c: c.open(), open_lean):
        context = encoder(640, 360)
        opening(context)
        frames = pictures(6, 640, 360, "yuv420p")
        made.append([bytes(packet) for frame in frames for packet in context.encode(frame)])
    assert len(made[0]) == 6
    assert made[0] == made[1]


def test_nothing_but_zeros_is_given_back() -> None:
    pages = 3 * (vp9_memory._PIECE // mmap.PAGESIZE)
    with mmap.mmap(-1, pages * mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        values = np.frombuffer(block, np.uint8)
        values[:] = 0
        values[vp9_memory._PIECE + 5] = 7
        before, address = values.copy(), values.ctypes.data
        full = resident()
        with ProcessMemory() as memory:
            memory.give_back_zeros(address, address + len(values))
        assert full - resident() > 1.5 * vp9_memory._PIECE
        assert np.array_equal(values, before)
        del values


def test_memory_that_has_grown_is_new_only_where_it_grew() -> None:
    before = {(10, 20), (30, 40), (60, 70)}
    after = {(5, 50), (60, 70), (80, 90)}
    assert vp9_memory.appeared(before, after) == {(5, 10), (20, 30), (40, 50), (80, 90)}


def test_a_wrong_address_is_an_error_and_no_crash() -> None:
    with ProcessMemory() as memory, pytest.raises(OSError, match="error"):
        list(memory.allocations({(mmap.PAGESIZE, 64 * mmap.PAGESIZE)}, mmap.PAGESIZE))


def test_where_memory_cannot_be_told_the_encoder_just_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vp9_memory, "_mappings", set)
    context = encoder(640, 360)
    open_lean(context)
    assert context.is_open
