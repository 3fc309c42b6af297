"""HEIC and AVIF: images in the boxes of MP4, which Pillow reads as a whole."""

from __future__ import annotations

from contextlib import suppress
from typing import IO, Any

from streamcut.core.errors import MissingDependencyError

IMAGE_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"mif1"})
"""Major brands of files that are images; one of AVIF may move."""

_VIDEO_BRANDS = {b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_HINT = "HEIC needs pillow-heif: pip install 'streamcut[heic]'"
_HEAD = 256


def is_heif(file: IO[bytes]) -> bool:
    """Whether a file is a HEIC or AVIF image, or a sequence of them."""
    return bool(set(_brands(file)[:1]) & (IMAGE_BRANDS | _VIDEO_BRANDS))


def support(file: IO[bytes], name: str) -> None:
    """Let Pillow, which knows AVIF itself, read a file where it is HEIC.

    Args:
        file: open; it is where it was afterwards.
        name: what it is called in messages.

    Raises:
        MissingDependencyError: if it is, and pillow-heif is not installed.
    """
    if not is_heif(file) or _AVIF_BRANDS.intersection(_brands(file)):
        return
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingDependencyError(f"{name}: {_HINT}") from error
    heif: Any = pillow_heif
    heif.register_heif_opener()


def _brands(file: IO[bytes]) -> list[bytes]:
    """Return what a file says it is: first its major brand, then those it is compatible with."""
    head = b""
    with suppress(OSError, ValueError):
        start = file.tell()
        head = file.read(_HEAD)
        file.seek(start)
    if head[4:8] != b"ftyp":
        return []
    listed = head[16 : int.from_bytes(head[:4], "big")]
    return [head[8:12], *(listed[at : at + 4] for at in range(0, len(listed), 4))]
