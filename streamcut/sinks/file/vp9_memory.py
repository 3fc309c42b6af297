"""Memory that libvpx clears but hardly uses, given back to the system.

A VP9 encoder sets aside 16 bytes for each of the 772 tokens that a macroblock can have at most:
101 MB at 1080p, 403 MB at 2160p. It clears them all when it opens, which makes them resident,
and then uses a few hundredths. A page that is still zero can be given back: when it is touched
again the kernel hands out a zero page, so that nothing changes but the resident size.

Done on Linux with glibc alone, and only for an allocation that has appeared while the encoder
opened and has exactly that size; where none is found, nothing happens.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np

_TOKENS, _TOKEN_BYTES = 772, 16
_SUPERBLOCK = 64
_MACROBLOCKS = 16  # in a superblock
# What glibc and the encoder's alignment add to an allocation, before it is rounded to pages.
_OVERHEAD = 64
_PIECE = 1 << 20
# What another thread's encoder has just cleared must not be taken for this one's.
_one_at_a_time = threading.Lock()

Range = tuple[int, int]


def open_lean(encoder: av.VideoCodecContext) -> None:
    """Open a VP9 encoder and give back what it has cleared and not used."""
    with _one_at_a_time:
        before = _mappings()
        encoder.open()
        _give_back(before, token_bytes(encoder.width, encoder.height))


def _give_back(before: set[Range], size: int) -> None:
    if before and size >= _PIECE:
        with suppress(OSError), ProcessMemory() as memory:
            for start in memory.allocations(appeared(before, _mappings()), size):
                memory.give_back_zeros(start + mmap.PAGESIZE, start + size - mmap.PAGESIZE)


def token_bytes(width: int, height: int) -> int:
    """Return the bytes that an encoder allocates for its tokens, in whole pages."""
    blocks = -(-width // _SUPERBLOCK) * -(-height // _SUPERBLOCK) * _MACROBLOCKS
    used = blocks * _TOKENS * _TOKEN_BYTES + _OVERHEAD
    return -(-used // mmap.PAGESIZE) * mmap.PAGESIZE


def _mappings() -> set[Range]:
    """Return the private anonymous memory of this process; nothing where it cannot be told."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return set()
    fields = [line.split() for line in lines]
    ranges = (row[0].split("-") for row in fields if len(row) == 5 and row[1] == "rw-p")
    return {(int(start, 16), int(end, 16)) for start, end in ranges}


def appeared(before: set[Range], after: set[Range]) -> set[Range]:
    """Return what of the memory after was not there before.

    The kernel joins neighbouring mappings: one that has grown holds another encoder's memory, too.
    """
    known, new = sorted(before), set()
    for start, end in after - before:
        for first, last in known:
            if start < last and first < end:
                if start < first:
                    new.add((start, first))
                start = last
        if start < end:
            new.add((start, end))
    return new


class ProcessMemory:
    """This process's memory, read through the kernel: a wrong address is an error, no crash."""

    def __enter__(self) -> ProcessMemory:
        self._file = os.open("/proc/self/mem", os.O_RDONLY)
        self._libc = ctypes.CDLL(None, use_errno=True)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def allocations(self, ranges: set[Range], size: int) -> Iterator[int]:
        """Yield where glibc has allocated exactly ``size`` bytes as a mapping of its own."""
        mapped = size | 2  # The second bit of a chunk's size says so.
        for start, end in ranges:
            for address in range(start, end - size + 1, mmap.PAGESIZE):
                if int.from_bytes(os.pread(self._file, 8, address + 8), "little") == mapped:
                    yield address
                    break

    def give_back_zeros(self, start: int, end: int) -> None:
        """Give back those pieces of a range that are all zero."""
        for address in range(start, end, _PIECE):
            length = min(_PIECE, end - address)
            piece = np.frombuffer(os.pread(self._file, length, address), np.uint8)
            if len(piece) == length and not piece.any():
                place, count = ctypes.c_void_p(address), ctypes.c_size_t(length)
                self._libc.madvise(place, count, mmap.MADV_DONTNEED)
