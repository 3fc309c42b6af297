"""What is written to: a path, or a pipe; both open a container and know what they hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import av
from av.container import OutputContainer

from streamcut.media.names import for_ffmpeg, local_path, numbered_for_ffmpeg
from streamcut.sinks.file.formats import Format, format_of, is_folder, numbered, pattern_of


class Output(Protocol):
    """Something that FFmpeg can write to.

    Attributes:
        form: how frames are written there.
    """

    form: Format

    @property
    def path(self) -> str | None:
        """Where it lies, or None where it has no place of its own."""
        ...

    @property
    def bytes(self) -> int:
        """How much was written so far, to all of its files."""
        ...

    @property
    def waiting(self) -> float:
        """Seconds that what is being written has waited for its reader so far."""
        ...

    def create(self) -> OutputContainer:
        """Open it for writing; FFmpeg's errors are the caller's."""
        ...

    def stop(self) -> None:
        """Throw away what waits for its reader, and all that follows."""
        ...

    def close(self) -> None:
        """Let its reader see the end."""
        ...


class FileOutput:
    """A file, or the files of an image sequence.

    Args:
        path: of the file; a folder, or a pattern such as ``%04d.png``, for a sequence.
        form: how it is written; None goes by the ending.

    Raises:
        UsageError: if the ending is unknown.
    """

    waiting = 0.0
    """Nobody reads while it is written."""

    def __init__(self, path: str, form: Format | None = None) -> None:
        self._path = path
        self.form = form or format_of(path)

    def __str__(self) -> str:
        return self._path

    @property
    def path(self) -> str | None:
        """Where it lies."""
        return self._path

    @property
    def bytes(self) -> int:
        """How large it is."""
        return sum(file.stat().st_size for file in files_of(self._path))

    def create(self) -> OutputContainer:
        """Open it for writing; an image sequence's folder is made."""
        path = numbered(self._path, self.form)
        name = numbered_for_ffmpeg(path) if self.form.pictures else for_ffmpeg(path)
        if self.form.pictures:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        return av.open(name, "w", format=self.form.muxer, options=dict(self.form.options))

    def stop(self) -> None:
        """Do nothing: no frame waits for a reader here."""

    def close(self) -> None:
        """Do nothing: the container is closed already."""


def output_of(output: str | os.PathLike[str] | Output) -> Output:
    """Return what is to be written as something that can be opened.

    Raises:
        UsageError: if the ending is unknown.
    """
    if isinstance(output, str | os.PathLike):
        return FileOutput(local_path(os.fspath(output)))
    return output


def files_of(text: str) -> list[Path]:
    """Return the files that a path, folder or pattern stands for; an address has none."""
    path, pattern = Path(text), pattern_of(text)
    folder = path if is_folder(text) else path.parent
    try:
        if pattern is not None and os.path.isdir(folder):
            return [file for file in folder.iterdir() if pattern.fullmatch(file.name)]
        return [path] * os.path.isfile(path)
    except (OSError, ValueError):
        return []
