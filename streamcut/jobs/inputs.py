"""What an input is, and what its result is called where nobody says."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from streamcut.core.errors import MissingDependencyError, SourceError
from streamcut.media.heif import IMAGE_BRANDS

Kind = Literal["image", "video", "folder", "address"]

IMAGES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".heic", ".heif", ".tif"),
        *(".tiff", ".bmp", ".tga", ".jp2", ".ppm", ".pgm", ".pnm"),
    }
)
"""Endings of files that are mostly stills."""

VIDEOS = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".flv", ".mpg", ".mpeg", ".m2v"),
        *(".ts", ".mts", ".m2ts", ".mxf", ".ogv", ".3gp", ".gif", ".apng", ".y4m", ".nut", ".vob"),
        ".asf",
    }
)
"""Endings of files that are mostly videos."""

_HEAD = 4096
_SAFE = re.compile(r"[^\w.-]+")


def kind_of(path: str) -> Kind:
    """Return what an input is: by its first bytes where it is a file.

    Raises:
        SourceError: if there is no such file.
    """
    if "://" in path:
        return "address"
    if os.path.isdir(path):
        return "folder"
    if not os.path.exists(path):
        if "%" in os.path.basename(path):  # A pattern of numbered images.
            return "video"
        raise SourceError(f"no such file: {path}")
    if not os.path.isfile(path):  # A pipe with a name, a device: reading is for whoever opens it.
        return "video"
    ending = Path(path).suffix.lower()
    with open(path, "rb") as file:
        still = is_still(file.read(_HEAD))
    if still:
        return "video" if _moves(path, ending) else "image"
    return "image" if ending in IMAGES else "video"


def is_still(head: bytes) -> bool:
    """Whether some first bytes are those of an image, which may be animated."""
    if head[4:8] == b"ftyp":
        return head[8:12] in IMAGE_BRANDS
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0"))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or re.match(rb"P[1-6]\s", head) is not None
    )


def cutout_name(source: str, ending: str, folder: str | os.PathLike[str] | None = None) -> str:
    """Return what a result is called where nobody says: ``in.cutout.webm`` beside ``in.mp4``.

    Args:
        source: path or address of the input; an address's result lies in the working folder.
        ending: of the result, with its dot.
        folder: where it is to lie; None takes the input's.
    """
    if "://" in source:
        parts = urlsplit(source)
        name = unquote(Path(parts.path).stem) or parts.hostname or "stream"
        stem, home = _SAFE.sub("_", name), Path()
    else:
        path = Path(source)
        bare = path.name.partition("%")[0].rstrip("_-. ") if "%" in path.name else path.stem
        stem, home = bare or path.absolute().parent.name, path.parent
    return str((home if folder is None else Path(folder)) / f"{stem}.cutout{ending}")


def _moves(path: str, ending: str) -> bool:
    """Whether an image has several frames; what Pillow cannot read is judged by its ending."""
    from streamcut.media.limits import STRICT
    from streamcut.media.stills import is_animated

    try:
        with STRICT.image(path) as image:
            return is_animated(image)
    except SourceError:  # Too large: to be told where it is read.
        return False
    except (MissingDependencyError, OSError, ValueError, SyntaxError):
        return ending in VIDEOS
