"""One scene of four colours in every kind of file that phones, cameras and the web make of it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from helpers.image_files import avif_grid, deep_png, display_p3, exif, lying, saved, tiff
from numpy.typing import NDArray
from PIL import Image, ImageCms

Colours = tuple[tuple[int, ...], ...]

COLOURS = (220, 30, 40), (30, 200, 60), (40, 60, 210), (240, 240, 240)
"""At the upper left, upper right, lower left and lower right."""

GREYS = tuple((round(0.299 * r + 0.587 * g + 0.114 * b),) * 3 for r, g, b in COLOURS)
WIDTH, HEIGHT = 96, 64


@dataclass(frozen=True)
class Photograph:
    """A file of the scene.

    Attributes:
        make: makes its bytes.
        colours: that are seen.
        alpha: of the four.
        far: how far the colours may be off: some files are lossy.
    """

    make: Callable[[], bytes]
    colours: Colours = COLOURS
    alpha: tuple[int, ...] = (255,) * 4
    far: int = 3

    def assert_is(self, pixels: NDArray[Any], behind: str = "") -> None:
        """Check RGB or RGBA; over black where that lies ``behind``."""
        height, width = pixels.shape[:2]
        assert width > height
        for place, (colour, alpha) in enumerate(zip(self.colours, self.alpha, strict=True)):
            y, x = (1 + 2 * (place // 2)) * height // 4, (1 + 2 * (place % 2)) * width // 4
            found = pixels[y, x].astype(int)
            wanted = np.array(colour) * (alpha / 255 if behind else 1)
            if alpha or behind:
                assert np.abs(found[:3] - wanted).max() <= self.far, (place, found, wanted)
            if not behind:
                assert abs((*found, 255)[3] - alpha) <= 1


def scene(*, alpha: bool = False, large: bool = False, grey: bool = False) -> Image.Image:
    """The scene; ``large`` has sides that are no whole number of tiles."""
    rgba = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    colours = GREYS if grey else COLOURS
    for place, colour in enumerate(colours):
        rows, columns = (
            slice(i * n // 2, (i + 1) * n // 2)
            for i, n in zip(divmod(place, 2), (HEIGHT, WIDTH), strict=True)
        )
        rgba[rows, columns] = *colour, 128 if place == 3 else 255
    if large:
        rgba = np.repeat(np.repeat(rgba, 3, axis=0), 3, axis=1)[:-10, :-14]
    image = Image.fromarray(rgba)
    if grey:
        return image.convert("LA" if alpha else "L")
    return image if alpha else image.convert("RGB")


def _deep(image: Image.Image) -> NDArray[Any]:
    values = np.asarray(image).astype(np.uint16) * np.uint16(257)
    return values.reshape(image.height, image.width, -1)


def in_srgb_from_p3(colour: tuple[int, ...]) -> tuple[int, ...]:
    """By the book; what sRGB lacks is cut off."""
    values = np.array(colour) / 255
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    matrix = [(1.2249, -0.2249, 0.0), (-0.0421, 1.0421, 0.0), (-0.0196, -0.0786, 1.0983)]
    light = np.clip(np.array(matrix) @ light, 0, 1)
    made = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return tuple(round(value) for value in made * 255)


IN_P3 = tuple(in_srgb_from_p3(colour) for colour in COLOURS)


_LOSSY, _HALF, _CLEAR = 12, (255, 255, 255, 128), (255, 255, 255, 0)


def _turned(kind: str, orientation: int) -> bytes:
    lossless: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 95}
    image = lying(scene(), orientation)
    return saved(image, kind, exif=exif(orientation), **lossless)


def _palette(**options: Any) -> bytes:
    palette = scene().quantize(4)
    if options.pop("clear", False):
        options["transparency"] = palette.getpixel((WIDTH - 5, HEIGHT - 5))
    return saved(palette, "PNG", **options)


def _lab() -> Image.Image:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    made = ImageCms.profileToProfile(scene(), srgb, lab, outputMode="LAB")
    assert made is not None
    return made


def _premultiplied() -> NDArray[Any]:
    rgba = np.asarray(scene(alpha=True)).astype(int)
    return np.dstack([rgba[..., :3] * rgba[..., 3:] // 255, rgba[..., 3:]]).astype(np.uint8)


def _followed(image: bytes, *more: bytes) -> bytes:
    return image + b"".join(more)


def _heic(image: Image.Image, **options: Any) -> bytes:
    return saved(image, "HEIF", **{"quality": 95, **options})


def _grid_of_heic(orientation: int, **options: Any) -> bytes:
    image = lying(scene(large=True), orientation)
    return _heic(image, exif=exif(orientation), tile_size=64, **options)


def _in_p3(kind: str) -> bytes:
    lossless: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 95}
    return saved(scene(alpha=kind == "PNG"), kind, icc_profile=display_p3(), **lossless)


PHOTOGRAPHS: dict[str, Photograph] = {
    **{
        f"{kind} lying {n}": Photograph(partial(_turned, kind, n), far=_LOSSY)
        for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")
        for n in ((2, 5, 6) if kind in ("AVIF", "HEIF") else (3, 6, 7))
    },
    **{
        f"HEIC in tiles lying {n}": Photograph(partial(_grid_of_heic, n), far=_LOSSY)
        for n in range(1, 9)
    },
    **{
        f"AVIF in tiles lying {n}": Photograph(
            partial(avif_grid, scene(large=True), orientation=n), far=_LOSSY
        )
        for n in range(1, 9)
    },
    "HEIC with alpha": Photograph(lambda: _heic(scene(alpha=True)), alpha=_HALF, far=_LOSSY),
    "HEIC with a second image": Photograph(
        lambda: _heic(scene(), save_all=True, append_images=[Image.new("RGB", (64, 64))]),
        far=_LOSSY,
    ),
    "AVIF with alpha": Photograph(
        lambda: saved(scene(alpha=True), "AVIF", quality=95), alpha=_HALF, far=_LOSSY
    ),
    "JPEG grey": Photograph(lambda: saved(scene(grey=True), "JPEG", quality=95), GREYS),
    "JPEG CMYK": Photograph(lambda: saved(scene().convert("CMYK"), "JPEG", quality=95), far=_LOSSY),
    "JPEG progressive": Photograph(
        lambda: saved(scene(), "JPEG", quality=95, progressive=True), far=_LOSSY
    ),
    "JPEG with its preview": Photograph(
        lambda: saved(
            scene(), "MPO", save_all=True, append_images=[Image.new("RGB", (24, 16))], quality=95
        ),
        far=_LOSSY,
    ),
    "JPEG with a gain map": Photograph(
        lambda: _followed(
            saved(scene(), "JPEG", quality=95), saved(Image.new("L", (24, 16)), "JPEG")
        ),
        far=_LOSSY,
    ),
    "JPEG with a film": Photograph(
        lambda: _followed(
            saved(scene(), "JPEG", quality=95), b"\0\0\0\x18ftypmp42", bytes(range(256)) * 8
        ),
        far=_LOSSY,
    ),
    "PNG palette": Photograph(_palette),
    "PNG palette of 2 bits, one clear": Photograph(
        lambda: _palette(bits=2, clear=True), alpha=_CLEAR
    ),
    "PNG palette with alpha": Photograph(
        lambda: saved(scene(alpha=True).quantize(16), "PNG"), alpha=_HALF
    ),
    "PNG one colour clear": Photograph(
        lambda: saved(scene(), "PNG", transparency=COLOURS[3]), alpha=_CLEAR
    ),
    "PNG one grey clear": Photograph(
        lambda: saved(scene(grey=True), "PNG", transparency=GREYS[3][0]), GREYS, _CLEAR
    ),
    "PNG grey with alpha": Photograph(
        lambda: saved(scene(grey=True, alpha=True), "PNG"), GREYS, _HALF
    ),
    "PNG of 16 bits": Photograph(lambda: deep_png(scene(), 2)),
    "PNG of 16 bits with alpha": Photograph(lambda: deep_png(scene(alpha=True), 6), alpha=_HALF),
    "PNG of 16 bits, one colour clear": Photograph(
        lambda: deep_png(scene(), 2, struct.pack(">3H", *(257 * v for v in COLOURS[3]))),
        alpha=_CLEAR,
    ),
    "PNG of 16 bits grey": Photograph(lambda: deep_png(scene(grey=True), 0), GREYS),
    "PNG of 16 bits grey with alpha": Photograph(
        lambda: deep_png(scene(grey=True, alpha=True), 4), GREYS, _HALF
    ),
    "PNG of 16 bits, one grey clear": Photograph(
        lambda: deep_png(scene(grey=True), 0, struct.pack(">H", 257 * GREYS[3][0])), GREYS, _CLEAR
    ),
    "TIFF CMYK": Photograph(lambda: saved(scene().convert("CMYK"), "TIFF"), far=_LOSSY),
    "TIFF CMYK of 16 bits": Photograph(
        lambda: tiff(_deep(scene().convert("CMYK")), 5),
        far=_LOSSY,
    ),
    "TIFF Lab": Photograph(lambda: saved(_lab(), "TIFF"), far=_LOSSY),
    "TIFF with a JPEG inside": Photograph(
        lambda: saved(scene(), "TIFF", compression="jpeg", quality=95), far=_LOSSY
    ),
    "TIFF of several pages": Photograph(
        lambda: saved(scene(), "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9))])
    ),
    "TIFF premultiplied": Photograph(lambda: tiff(_premultiplied(), 2, extra=1), alpha=_HALF),
    "TIFF of 64 bits": Photograph(lambda: saved(scene(), "TIFF", big_tiff=True)),
    "TIFF big-endian": Photograph(lambda: tiff(np.asarray(scene()), 2, order=">")),
    "TIFF big-endian of 16 bits lying": Photograph(
        lambda: tiff(_deep(lying(scene(), 6)), 2, order=">", turned=6)
    ),
    "TIFF big-endian of 16 bits with alpha": Photograph(
        lambda: tiff(_deep(scene(alpha=True)), 2, order=">", extra=2), alpha=_HALF
    ),
    "TIFF big-endian of 16 bits grey": Photograph(
        lambda: tiff(_deep(scene(grey=True)), 1, order=">"), GREYS
    ),
    "TIFF of floats": Photograph(
        lambda: saved(Image.fromarray(np.asarray(scene(grey=True)) / np.float32(255)), "TIFF"),
        GREYS,
    ),
    **{
        f"{kind} in Display P3": Photograph(
            partial(_in_p3, kind),
            IN_P3,
            _HALF if kind == "PNG" else (255,) * 4,
            _LOSSY,
        )
        for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")
    },
    "HEIC in tiles in Display P3": Photograph(
        lambda: _grid_of_heic(1, icc_profile=display_p3()), IN_P3, far=_LOSSY
    ),
    "PNG palette in Display P3": Photograph(lambda: _palette(icc_profile=display_p3()), IN_P3),
}
"""Every kind of file, by what it is."""
