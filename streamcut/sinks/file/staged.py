"""An output that replaces another lies beside it until it is finished.

Whatever ends the job before that, the old one is still there, and the new one under a name that
says what it is: ``out.partial.webm``, for a sequence the folder ``out.partial``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

_MOST = 1000


class Staged:
    """What is being written beside what it will replace.

    Args:
        path: where it is written: a file, or the numbered pattern of a sequence.
        target: what it will replace: a file, or the folder that a sequence's files go to.
        sequence: whether it is the latter.

    Attributes:
        path: as given.
    """

    def __init__(self, path: str, target: str, *, sequence: bool) -> None:
        self.path = path
        self._target, self._sequence = target, sequence

    @property
    def shown(self) -> str:
        """What it is called in messages."""
        return os.path.dirname(self.path) if self._sequence else self.path

    def replace(self) -> None:
        """Put it in its place.

        Raises:
            OSError: if that cannot be; both stay.
        """
        if not self._sequence:
            shutil.copymode(self._target, self.path)
            os.replace(self.path, self._target)
            return
        folder = os.path.dirname(self.path)
        for name in sorted(os.listdir(folder)):
            os.replace(os.path.join(folder, name), os.path.join(self._target, name))
        os.rmdir(folder)

    def discard(self) -> None:
        """Remove it: there is nothing in it."""
        if self._sequence:
            shutil.rmtree(os.path.dirname(self.path), ignore_errors=True)
        else:
            Path(self.path).unlink(missing_ok=True)


def staged(path: str, there: Sequence[Path], *, sequence: bool) -> Staged | None:
    """Return a place beside an output that exists, or None where there is nothing to protect.

    Args:
        path: of the output, or the numbered pattern of a sequence.
        there: the files that it would replace.
        sequence: whether it is a sequence.
    """
    if not there:
        return None
    try:
        return _beside_folder(path) if sequence else _beside(os.path.realpath(path))
    except OSError:  # Nothing can be made there: only what exists may be written to.
        return None


def _beside(path: str) -> Staged:
    """Make an empty file beside another; its name keeps the ending."""
    stem, ending = os.path.splitext(path)
    for number in range(1, _MOST):
        name = f"{stem}.partial{'' if number == 1 else f'-{number}'}{ending}"
        try:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        return Staged(name, path, sequence=False)
    raise FileExistsError(f"{stem}.partial{ending}")


def _beside_folder(pattern: str) -> Staged:
    """Make an empty folder for a sequence, beside or within the one that it goes to."""
    folder, name = os.path.split(pattern)
    folder = os.path.realpath(folder or ".")
    for number in range(1, _MOST):
        made = f"{folder}.partial{'' if number == 1 else f'-{number}'}"
        try:
            os.mkdir(made)
        except FileExistsError:
            continue
        return Staged(os.path.join(made, name), folder, sequence=True)
    raise FileExistsError(f"{folder}.partial")
