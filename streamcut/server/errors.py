"""What is answered when something goes wrong: a status, one line, no path of this machine."""

from __future__ import annotations

import os
import re

from fastapi import HTTPException

from streamcut.core.errors import (
    MissingDependencyError,
    ModelError,
    ResourcesError,
    StreamcutError,
)

# A folder, of POSIX or Windows, before a name.
_FOLDERS = re.compile(r"(?<![\w:/])(?:[A-Za-z]:)?(?:[\\/]+[^\s\\/:'\",;]+)*[\\/]+(?=[^\s\\/])")


class TooMuch(HTTPException):
    """More than the server allows: bytes, pixels, seconds."""

    def __init__(self, detail: str) -> None:
        super().__init__(413, detail, headers={"Connection": "close"})


class Busy(HTTPException):
    """Too many are waiting already.

    Args:
        detail: what for.
        seconds: when to ask again.
    """

    def __init__(self, detail: str, seconds: int = 5) -> None:
        super().__init__(429, detail, headers={"Retry-After": str(seconds)})


def public_text(error: BaseException) -> str:
    """Return an error's message as a client may read it: names of files, without their folders."""
    text = str(error).replace(os.path.expanduser("~"), "/home")  # Which may hold blanks.
    return _FOLDERS.sub("", text) or type(error).__name__


def status_of(error: StreamcutError) -> int:
    """Return the HTTP status that fits an error."""
    if isinstance(error, ResourcesError):
        return 503
    if isinstance(error, MissingDependencyError):
        return 501
    return 502 if isinstance(error, ModelError) and "cannot be fetched" in str(error) else 400
