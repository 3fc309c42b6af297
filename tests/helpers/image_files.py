"""Image files that Pillow does not write: deep PNGs and TIFFs, AVIF in tiles; and profiles."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

_LYING = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def lying(image: Image.Image, orientation: int) -> Image.Image:
    """An upright image as a camera stores it that says this orientation."""
    return image if orientation == 1 else image.transpose(_LYING[orientation])


def exif(orientation: int) -> bytes:
    made = Image.Exif()
    made[0x0112] = orientation
    return made.tobytes()


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


# --- PNG and TIFF of 16 bits ----------------------------------------------------------------


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def deep_png(image: Image.Image, colour_type: int, clear: bytes = b"") -> bytes:
    """A PNG of 16 bits; ``clear`` is the colour that is transparent."""
    values = np.asarray(image).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in values.astype(">u2"))
    head = struct.pack(">IIBBBBB", *image.size, 16, colour_type, 0, 0, 0)
    transparent = _chunk(b"tRNS", clear) if clear else b""
    image_data = _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + transparent + image_data


def tiff(
    values: NDArray[Any],
    photometric: int,
    *,
    order: Literal["<", ">"] = "<",
    extra: int = 0,
    turned: int = 1,
) -> bytes:
    """A TIFF of one strip, uncompressed, in either byte order."""
    height, width, samples = values.shape
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    bits, at = values.dtype.itemsize * 8, 8
    count = 11 if extra else 10
    behind = at + 2 + 12 * count + 4  # Here lies what is too long for its entry.
    long = samples * 2 > 4
    start = behind + (samples * 2 if long else 0)
    entries = [(256, 3, width), (257, 3, height), (259, 3, 1), (262, 3, photometric)]
    entries += [(273, 4, start), (274, 3, turned), (277, 3, samples), (278, 4, height)]
    entries += [(279, 4, len(data))] + ([(338, 3, extra)] if extra else [])
    packed = [
        struct.pack(f"{order}HHI", tag, kind, 1)
        + struct.pack(f"{order}{'H' if kind == 3 else 'I'}", value).ljust(4, b"\0")
        for tag, kind, value in entries
    ]
    each = struct.pack(f"{order}{samples}H", *[bits] * samples)
    told = struct.pack(f"{order}I", behind) if long else each.ljust(4, b"\0")
    packed.insert(2, struct.pack(f"{order}HHI", 258, 3, samples) + told)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", at)
    table = struct.pack(f"{order}H", count) + b"".join(packed) + b"\0" * 4
    return head + table + (each if long else b"") + data


# --- Display P3 -----------------------------------------------------------------------------


def display_p3() -> bytes:
    """The ICC profile that phones write: Display P3, with sRGB's curve."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def text(words: str) -> bytes:
        head = struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(words) * 2, 28)
        return b"mluc\0\0\0\0" + head + words.encode("utf-16-be")

    curve = fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    curve = b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + curve
    axes = {
        b"wtpt": (0.9642, 1.0, 0.8249),
        b"rXYZ": (0.515121, 0.241196, -0.001053),
        b"gXYZ": (0.291977, 0.692245, 0.041885),
        b"bXYZ": (0.157104, 0.066574, 0.784073),
    }
    tags = {b"desc": text("Display P3"), b"cprt": text("none")}
    tags |= {name: b"XYZ \0\0\0\0" + fixed(*values) for name, values in axes.items()}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    at, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12x4s28x", at + len(body), b"", 4 << 24, b"mntr", b"RGB ", b"XYZ ", b"acsp"
    )
    return (head + fixed(0.9642, 1.0, 0.8249)).ljust(128, b"\0") + table + body


# --- AVIF of tiles --------------------------------------------------------------------------

# irot and imir that put each orientation upright.
_TURNS = {1: "", 2: "m1", 3: "r2", 4: "m0", 5: "r1 m0", 6: "r3", 7: "r3 m0", 8: "r1"}


def _box(kind: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def _full(kind: bytes, version: int, *parts: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    while data:
        size, kind = struct.unpack(">I4s", data[:8])
        yield kind, data[8:size]
        data = data[size:]


def _tile(image: Image.Image) -> tuple[bytes, dict[bytes, bytes]]:
    """An AV1 image's bytes, and what is said of it."""
    outer = dict(_boxes(saved(image, "AVIF", quality=95)))
    properties = dict(_boxes(dict(_boxes(outer[b"meta"][4:]))[b"iprp"]))[b"ipco"]
    return outer[b"mdat"], dict(_boxes(properties))


def avif_grid(image: Image.Image, tile: int = 64, orientation: int = 1) -> bytes:
    """An image in tiles, as cameras and encoders of large AVIFs store it (ISO 23008-12, 6.6.2.3).

    Pillow writes none; the last column and row are cut off at the image's size.
    """
    image = lying(image, orientation)
    columns, rows = (-(-side // tile) for side in image.size)
    corners = [(x * tile, y * tile) for y in range(rows) for x in range(columns)]
    made = [_tile(image.crop((x, y, x + tile, y + tile))) for x, y in corners]
    tiles, said = [data for data, _ in made], made[0][1]
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *image.size)
    numbers = range(2, 2 + len(tiles))
    turns = [
        _box(b"irot" if turn[0] == "r" else b"imir", bytes([int(turn[1])]))
        for turn in _TURNS[orientation].split()
    ]
    shared = [_box(name, said[name]) for name in (b"pixi", b"colr")]
    sizes = [_full(b"ispe", 0, struct.pack(">II", *size)) for size in (image.size, (tile, tile))]
    properties = _box(b"ipco", *sizes, _box(b"av1C", said[b"av1C"]), *shared, *turns)
    of_grid = bytes([1, 4, 5, *(0x80 | 6 + i for i in range(len(turns)))])
    links = [struct.pack(">HB", 1, len(of_grid)) + of_grid]
    links += [struct.pack(">HB4B", number, 4, 2, 0x83, 4, 5) for number in numbers]
    items = [_full(b"infe", 2, struct.pack(">HH4sx", 1, 0, b"grid"))]
    items += [_full(b"infe", 2, struct.pack(">HH4sx", n, 0, b"av01"), flags=1) for n in numbers]
    parts = struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *numbers)
    kind = _box(b"ftyp", b"avif\0\0\0\0avifmif1miaf")

    def meta(at: int) -> bytes:
        places = b""
        for number, data in enumerate([grid, *tiles], 1):
            places += struct.pack(">HHHII", number, 0, 1, at, len(data))
            at += len(data)
        count = struct.pack(">H", 1 + len(tiles))
        return _full(
            b"meta",
            0,
            _full(b"hdlr", 0, struct.pack(">I4s13x", 0, b"pict")),
            _full(b"pitm", 0, struct.pack(">H", 1)),
            _full(b"iloc", 0, b"\x44\0", count, places),
            _full(b"iinf", 0, count, *items),
            _full(b"iref", 0, _box(b"dimg", parts)),
            _box(b"iprp", properties, _full(b"ipma", 0, struct.pack(">I", len(links)), *links)),
        )

    return kind + meta(len(kind) + len(meta(0)) + 8) + _box(b"mdat", grid, *tiles)
