"""A name is a name: what a text stands for, and how FFmpeg is told so.

FFmpeg takes ``take:1.mp4`` for a protocol, ``%`` for a number and ``md5:x.webm`` for a checksum.
Here only ``scheme://`` is an address; everything else is a local path, which FFmpeg is given with
``file:`` before it, or as an open file where it would still see a pattern in it.
"""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

# Some of FFmpeg's protocols stand before another one: async:http://... One letter is a drive.
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*:)*[a-z][a-z0-9+.-]+://.*", re.IGNORECASE | re.DOTALL)
_QUOTES = ("'", '"')
_NUMBER = re.compile(r"%(0\d+)?d")


def is_address(text: str) -> bool:
    """Whether a text is ``scheme://...`` and no file of that name lies here."""
    found = _ADDRESS.fullmatch(text) is not None
    return found and not text.lower().startswith("file://") and not _exists(text)


def local_path(text: str) -> str:
    """Return the path that a text means, or an address as it is.

    A path that exists is taken as it is. Otherwise quotes that were pasted around it are taken
    off, a file manager's ``file://`` is decoded, and ``~`` is the user's folder.
    """
    if _exists(text) or is_address(text):
        return text
    bare = text.strip()
    if len(bare) > 2 and bare[0] == bare[-1] and bare[0] in _QUOTES:
        return local_path(bare[1:-1])
    if bare.lower().startswith("file://"):
        from urllib.request import url2pathname  # With it comes HTTP, which few need.

        return url2pathname(urlsplit(bare).path) or text
    if text.startswith("~"):
        return os.path.expanduser(text)
    return text


def pattern_name(path: str) -> tuple[str, str, int] | None:
    """Return what stands around the number in a numbered path's last part, and its least digits.

    None where there is no number, more than one, or a file of just that name.
    """
    folder, name = os.path.split(path)
    found = list(_NUMBER.finditer(name))
    if len(found) != 1 or is_address(path) or _exists(path):
        return None
    before, after = name[: found[0].start()], name[found[0].end() :]
    if "%" in before + after:
        return None
    return os.path.join(folder, before), after, int(found[0][1] or 0)


def for_ffmpeg(path: str) -> str:
    """Return a local path as FFmpeg opens it, whatever is in its name; an address as it is."""
    return path if is_address(path) else f"file:{path}"


def numbered_for_ffmpeg(path: str) -> str:
    """Return a numbered path as FFmpeg's image sequences take it: no number but the last part's."""
    folder, name = os.path.split(path)
    return for_ffmpeg(os.path.join(folder.replace("%", "%%"), name))


def _exists(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # A null character.
        return False
