"""What is written to: a path, or a pipe; both open a container and know what they hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import av
from av.container import OutputContainer

from streamcut.media.names import for_ffmpeg, local_path, numbered_for_ffmpeg
from streamcut.sinks.file.fifo import NamedPipe, is_named_pipe
from streamcut.sinks.file.formats import Format, format_of, is_folder, numbered, pattern_of
from streamcut.sinks.file.staged import Staged, staged


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

    def finish(self, *, good: bool, kept: bool) -> str:
        """Put what was written in its place; after :meth:`close`.

        Args:
            good: whether it may take the place of what was there before.
            kept: whether it is worth keeping elsewhere otherwise.

        Returns:
            Where it lies instead of its place, or nothing.
        """
        ...


class FileOutput:
    """A file, or the files of an image sequence.

    Args:
        path: of the file; a folder, or a pattern such as ``%04d.png``, for a sequence.
        form: how it is written; None goes by the ending.

    Raises:
        UsageError: if the ending is unknown.
    """

    def __init__(self, path: str, form: Format | None = None) -> None:
        self._path = path
        self.form = form or format_of(path)
        self._staged: Staged | None = None
        self._pipe: NamedPipe | None = None

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
        """Open it for writing; an image sequence's folder is made.

        What exists is left as it is: what is written lies beside it until it is finished. A
        named pipe waits for its reader.
        """
        path = numbered(self._path, self.form)
        if not self.form.sequence and is_named_pipe(path):
            self._pipe = NamedPipe(path, self.form)
            return self._pipe.create()
        self._staged = staged(path, files_of(self._path), sequence=self.form.sequence)
        path = self._staged.path if self._staged else path
        name = numbered_for_ffmpeg(path) if self.form.sequence else for_ffmpeg(path)
        if self.form.sequence:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        return av.open(name, "w", format=self.form.muxer, options=dict(self.form.options))

    @property
    def waiting(self) -> float:
        """Seconds that what is being written has waited for its reader; only a pipe has one."""
        return self._pipe.waiting if self._pipe else 0.0

    def stop(self) -> None:
        """Throw away what waits for a pipe's reader."""
        if self._pipe is not None:
            self._pipe.stop()

    def close(self) -> None:
        """Let a pipe's reader see the end."""
        if self._pipe is not None:
            self._pipe.close()

    def finish(self, *, good: bool, kept: bool) -> str:
        """Put what was written in the place of what was there before, or leave both.

        Raises:
            OSError: if it cannot be put there; it then lies beside it.
        """
        staged, self._staged = self._staged, None
        if staged is None:
            return ""
        if good:
            staged.replace()
        elif not kept:
            staged.discard()
        return "" if good or not kept else staged.shown


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
