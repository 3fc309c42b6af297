"""Words for waiting: one line of a terminal that says what is being done, until more is known."""

from __future__ import annotations

import sys
from typing import Self

from streamcut.core.text import printable
from streamcut.media.urls import redacted

_CLEAR = "\r\x1b[2K"
_shown: list[WaitingLine] = []


def step_aside() -> None:
    """Take away the line that is shown, if one is: something else is to be printed."""
    for line in list(_shown):
        line.clear()


class WaitingLine:
    """A line that replaces itself; nothing at all where there is no terminal.

    It needs no library: the line is there before anything that takes time has been imported.

    Args:
        quiet: whether to say nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._shown = False
        self._silent = quiet or not sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Show a text in place of the last one."""
        if not self._silent:
            shown = printable(redacted(text, whole=True))
            print(f"{_CLEAR}{shown}", end="", file=sys.stderr, flush=True)
            if not self._shown:
                _shown.append(self)
            self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
            self._shown = False
            _shown.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
