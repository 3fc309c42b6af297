"""What is opened: a path or address as often as asked, or a pipe once."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Protocol

import av
from av.container import InputContainer

from streamcut.media.urls import timeout_for


class Input(Protocol):
    """Something that FFmpeg can read."""

    @property
    def again(self) -> str | None:
        """Where it can be opened a second time, for its sound; None where it is read only once."""
        ...

    def open(self) -> InputContainer:
        """Read the beginning; FFmpeg's errors are the caller's."""
        ...

    def stop(self) -> None:
        """Let reading end soon, also where it waits for bytes that may never come."""
        ...


class Address:
    """A path, a picture sequence's pattern or an address, as FFmpeg takes it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __str__(self) -> str:
        return self._url

    @property
    def again(self) -> str | None:
        """Itself, unless it is a pipe that has a name."""
        try:
            is_file = stat.S_ISREG(Path(self._url).stat().st_mode)
        except (OSError, ValueError):
            is_file = not self._url.startswith("pipe:")
        return self._url if is_file else None

    def open(self) -> InputContainer:
        """Read the beginning; FFmpeg's errors are the caller's."""
        return av.open(self._url, "r", metadata_errors="replace", timeout=timeout_for(self._url))

    def stop(self) -> None:
        """Do nothing: what FFmpeg opens itself has a time limit."""


def input_of(url: str | os.PathLike[str] | Input) -> Input:
    """Return what is to be read as something that can be opened."""
    if isinstance(url, str | os.PathLike):
        return Address(os.fspath(url))
    return url
