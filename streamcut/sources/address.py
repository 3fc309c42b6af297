"""What is opened: a path or address as often as asked, or a pipe once."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Protocol

import av
from av.container import InputContainer

from streamcut.core.errors import SourceError
from streamcut.core.reason import reason
from streamcut.media.limits import Limits
from streamcut.media.names import is_address, local_path, pattern_name
from streamcut.media.opening import open_input
from streamcut.media.sequences import ImageSequence
from streamcut.media.urls import public

# Text files that FFmpeg would play as frames of a terminal.
_NOT_VIDEO = {"tty"}
# What FFmpeg says of headers that it does not understand.
_SENSELESS = {errno.EINVAL, errno.EBUSY, errno.EDOM, errno.ERANGE}


class Input(Protocol):
    """Something that FFmpeg can read."""

    @property
    def again(self) -> str | None:
        """Where it can be opened a second time, for its sound; None where it is read only once."""
        ...

    def open(self, limits: Limits) -> InputContainer:
        """Read the beginning, within limits; FFmpeg's errors are the caller's."""
        ...

    def stop(self) -> None:
        """Let reading end soon, also where it waits for bytes that may never come."""
        ...


class Address:
    """A local path, an image sequence's pattern or an address.

    Args:
        url: what the user wrote.
        on_gap: what becomes of an image that a sequence lacks: ``stop`` or ``hold``.
    """

    def __init__(self, url: str, on_gap: str = "stop") -> None:
        self._url = local_path(url)
        self._on_gap = on_gap
        self._sequence: ImageSequence | None = None

    def __str__(self) -> str:
        return self._url

    @property
    def again(self) -> str | None:
        """Itself, unless it is a pipe that has a name, or images without sound."""
        if is_address(self._url):
            return self._url
        try:
            is_file = stat.S_ISREG(Path(self._url).stat().st_mode)
        except (OSError, ValueError):
            is_file = False
        return self._url if is_file else None

    @property
    def notes(self) -> list[str]:
        """What was not found as it should be, in words."""
        if self._sequence is None or not self._sequence.held:
            return []
        held = self._sequence.held
        images = "image is" if held == 1 else "images are"
        return [f"{held} {images} missing: the one before is held"]

    def open(self, limits: Limits) -> InputContainer:
        """Read the beginning, within limits; FFmpeg's errors are the caller's."""
        if self._sequence is None and pattern_name(self._url) is not None:
            self._sequence = ImageSequence(self._url, self._on_gap)
        return open_input(self._url, self._sequence, limits)

    def stop(self) -> None:
        """Do nothing: what FFmpeg opens itself has a time limit."""


def input_of(url: str | os.PathLike[str] | Input, on_gap: str = "stop") -> Input:
    """Return what is to be read as something that can be opened."""
    if isinstance(url, str | os.PathLike):
        return Address(os.fspath(url), on_gap)
    return url


def open_container(source: Input, limits: Limits) -> InputContainer:
    """Open an input within limits.

    Raises:
        SourceError: in one line, whatever the reason.
    """
    name = public(str(source))
    try:
        container = source.open(limits)
    except SourceError:
        raise
    except av.error.FileNotFoundError as error:
        raise SourceError(f"no such file: {name}") from error
    except av.error.IsADirectoryError as error:
        raise SourceError(f"{name} is a folder, not a video") from error
    except (av.error.InvalidDataError, av.error.EOFError) as error:
        raise SourceError(f"{name} is not a video, or is cut off before its index") from error
    except av.error.PatchWelcomeError as error:  # The tiles of HEIC and AVIF, for one.
        raise SourceError(f"{name} can be read as a file only: save it first") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if why := limits.why(str(source), error):
            raise SourceError(f"{name} cannot be opened: ", *why) from error
        if getattr(error, "errno", None) in _SENSELESS and not is_address(str(source)):
            raise SourceError(f"{name} cannot be opened: its header makes no sense") from error
        raise SourceError(f"{name} cannot be opened: {reason(error)}") from error
    if _NOT_VIDEO & set(container.format.name.split(",")):
        container.close()
        raise SourceError(f"{name} is a text file, not a video")
    return container
