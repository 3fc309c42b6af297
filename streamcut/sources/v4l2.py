"""Cameras as Linux knows them: Video4Linux2 nodes, asked by ioctl for what they can.

Layouts and numbers are those of ``linux/videodev2.h`` (the kernel's user-space interface).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

_CAPTURE, _OUTPUT, _DEVICE_CAPS = 0x1, 0x2, 0x80000000
_BUFFER_CAPTURE = 1
_DISCRETE = 1
_FPS_CEILING = 1000
_CAPABILITY = struct.Struct("=16s32s32s6I")
_FORMAT = struct.Struct("=3I32s5I")
_FRAME_SIZE = struct.Struct("=11I")
_FRAME_INTERVAL = struct.Struct("=13I")
_READ, _READ_WRITE = 2, 3


def _request(direction: int, number: int, layout: struct.Struct) -> int:
    """Return an ioctl's number (``_IOC``) as x86 and ARM encode it."""
    return direction << 30 | layout.size << 16 | ord("V") << 8 | number


_QUERYCAP = _request(_READ, 0, _CAPABILITY)
_ENUM_FMT = _request(_READ_WRITE, 2, _FORMAT)
_ENUM_FRAMESIZES = _request(_READ_WRITE, 74, _FRAME_SIZE)
_ENUM_FRAMEINTERVALS = _request(_READ_WRITE, 75, _FRAME_INTERVAL)


@dataclass(frozen=True, slots=True)
class Mode:
    """One way in which a camera can deliver frames.

    Attributes:
        fourcc: of the pixel format or codec, such as ``YUYV`` or ``MJPG``.
        smallest: (width, height).
        largest: (width, height); another than ``smallest`` where the camera scales freely.
        rate: the most frames per second, or None where the driver does not say.
    """

    fourcc: str
    smallest: tuple[int, int]
    largest: tuple[int, int]
    rate: Fraction | None = None

    def nearest(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the size of this mode that is nearest to the one wanted."""
        width, height = (
            min(max(side, low), high)
            for side, low, high in zip(size, self.smallest, self.largest, strict=True)
        )
        return width, height

    def __str__(self) -> str:
        smallest, largest = ("x".join(map(str, size)) for size in (self.smallest, self.largest))
        size = smallest if smallest == largest else f"{smallest} to {largest}"
        return size if self.rate is None else f"{size}@{float(self.rate):g}"


@dataclass(frozen=True, slots=True)
class Node:
    """One video node.

    Attributes:
        path: such as ``/dev/video0``.
        name: what the device calls itself.
        driver: such as ``uvcvideo`` or ``v4l2 loopback``.
        captures: frames can be read from it now.
        outputs: frames can be written to it: it is a virtual camera.
        modes: what it delivers, where it captures.
    """

    path: str
    name: str
    driver: str
    captures: bool
    outputs: bool
    modes: list[Mode] = field(default_factory=list)


def nodes(folder: Path = Path("/dev")) -> list[Node]:
    """Return the machine's video nodes that carry frames, in the order of their numbers."""
    numbered = {
        int(path.name.removeprefix("video")): path
        for path in folder.glob("video*")
        if path.name.removeprefix("video").isdigit()
    }
    found = (node(numbered[number]) for number in sorted(numbered))
    return [each for each in found if each is not None and (each.captures or each.outputs)]


def node(path: Path) -> Node | None:
    """Return what a node can, or None where it is none or cannot be asked."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return _described(handle, str(path))
    except OSError:
        return None
    finally:
        os.close(handle)


def _described(handle: int, path: str) -> Node:
    driver, card, _, _, everything, here, *_ = _ask(handle, _QUERYCAP, _CAPABILITY)
    can = here if everything & _DEVICE_CAPS else everything
    captures = bool(can & _CAPTURE)
    modes = list(_modes(handle)) if captures else []
    return Node(path, _text(card), _text(driver), captures, bool(can & _OUTPUT), modes)


def _modes(handle: int) -> Iterator[Mode]:
    for _, _, _, _, code, *_ in _listed(handle, _ENUM_FMT, _FORMAT, _BUFFER_CAPTURE):
        for _, _, kind, *sides in _listed(handle, _ENUM_FRAMESIZES, _FRAME_SIZE, code):
            width, height = sides[:2]
            smallest = largest = width, height
            if kind != _DISCRETE:
                smallest, largest = (sides[0], sides[3]), (sides[1], sides[4])
            rate = _rate(handle, code, largest)
            yield Mode(code.to_bytes(4, "little").decode("latin-1"), smallest, largest, rate)


def _rate(handle: int, code: int, size: tuple[int, int]) -> Fraction | None:
    """Return the most frames per second of a format at a size: one over the shortest interval."""
    rates = [
        Fraction(below, above)
        for _, _, _, _, _, above, below, *_ in _listed(
            handle, _ENUM_FRAMEINTERVALS, _FRAME_INTERVAL, code, *size
        )
        if above and below
    ]
    likely = [rate for rate in rates if rate <= _FPS_CEILING]
    return max(likely, default=None)


def _listed(
    handle: int, request: int, layout: struct.Struct, *about: int
) -> Iterator[tuple[int, ...]]:
    """Yield the entries of an enumeration, whose index is its first number, to its end."""
    for index in range(256):
        values = _blank(layout)
        values[: 1 + len(about)] = [index, *about]
        try:
            entry = _ask(handle, request, layout, *values)
        except OSError:
            return
        yield entry
        if layout is not _FORMAT and entry[2 if layout is _FRAME_SIZE else 4] != _DISCRETE:
            return


def _blank(layout: struct.Struct) -> list[int | bytes]:
    return list(layout.unpack(bytes(layout.size)))


def _ask(handle: int, request: int, layout: struct.Struct, *values: int | bytes) -> tuple[int, ...]:
    import fcntl  # Not on Windows.

    data = bytearray(layout.pack(*values) if values else layout.size)
    fcntl.ioctl(handle, request, data)
    return layout.unpack(data)


def _text(name: int | bytes) -> str:
    assert isinstance(name, bytes)
    return name.partition(b"\0")[0].decode(errors="replace")
