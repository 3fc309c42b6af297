"""Numbered images, ``shot_%04d.png``: from the first number there is to the last.

Film counts from 1001, and a render farm leaves gaps. FFmpeg looks for a first number up to 4 and
stops at a gap without a word, so the folder is read here.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

from streamcut.core.errors import Named, SourceError
from streamcut.media.names import pattern_name


class ImageSequence:
    """The files that a numbered path stands for.

    Args:
        path: with one ``%d`` or ``%04d`` in its last part.
        on_gap: ``stop`` refuses a sequence with a gap, ``hold`` shows the image before it.

    Attributes:
        files: the images in their order, for a missing one the one before it.
        first: the lowest number.
        held: how many images are missing.

    Raises:
        SourceError: if there is none, or one is missing and not to be held.
    """

    def __init__(self, path: str, on_gap: str = "stop") -> None:
        found = pattern_name(path)
        assert found is not None, "the path is not numbered"
        self.path = path
        self._before, self._after, self._digits = found
        numbers = self._numbers()
        if not numbers:
            raise SourceError(f"no such files: {path}")
        self.first, last = numbers[0], numbers[-1]
        self.held = last - self.first + 1 - len(numbers)
        self._linked: str | None = None
        if self.held and on_gap != "hold":
            missing = next(n for n in range(self.first, last) if n not in set(numbers))
            raise SourceError(
                f"{self._file(missing)} is missing ({self.held} of {last - self.first + 1} are); "
                "to show the one before it: ",
                Named("on_gap", "hold"),
            )
        self.files = self._each(numbers)
        if self.held:
            self._linked = self._filled()

    @property
    def pattern(self) -> str:
        """Where FFmpeg finds the images, one after the other."""
        if self._linked is None:
            return self.path
        return os.path.join(self._linked, f"%d{self._after}")

    def _numbers(self) -> Sequence[int]:
        """Return the numbers of the files that are there, rising."""
        folder, name = os.path.split(self._before)
        digits = rf"\d{{{max(1, self._digits)},}}"
        wanted = re.compile(rf"{re.escape(name)}({digits}){re.escape(self._after)}", re.DOTALL)
        try:
            names = os.listdir(folder or ".")
        except OSError as error:
            raise SourceError(f"no such folder: {folder}") from error
        found = (wanted.fullmatch(entry) for entry in names)
        values = {int(match[1]) for match in found if match and self._spelt(match[1])}
        return sorted(values)

    def _spelt(self, digits: str) -> bool:
        """Whether a number is written as the pattern writes it: 7 is no %04d, 0007 no %d."""
        return digits == str(int(digits)).zfill(self._digits)

    def _file(self, number: int) -> str:
        return f"{self._before}{str(number).zfill(self._digits)}{self._after}"

    def _each(self, numbers: Sequence[int]) -> list[str]:
        there, files = set(numbers), []
        shown = numbers[0]
        for number in range(numbers[0], numbers[-1] + 1):
            shown = number if number in there else shown
            files.append(self._file(shown))
        return files

    def _filled(self) -> str:
        """Return a folder of links in which what is missing is the one before it."""
        made = tempfile.mkdtemp(prefix="streamcut-sequence-")
        weakref.finalize(self, shutil.rmtree, made, ignore_errors=True)
        for number, file in enumerate(self.files, self.first):
            _link(os.path.abspath(file), Path(made) / f"{number}{self._after}")
        return made


def _link(target: str, link: Path) -> None:
    """Link to a file; where links need a privilege (Windows), a second name does."""
    try:
        link.symlink_to(target)
    except OSError:
        os.link(target, link)
