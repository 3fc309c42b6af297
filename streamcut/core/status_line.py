"""One line of text that replaces itself: in a notebook's cell, or on a terminal."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

from streamcut.core.text import printable

_CLEAR = "\r\x1b[2K"
_REDRAW = 0.25


def in_notebook() -> bool:
    """Whether the program runs in a Jupyter kernel, whose cells show what is displayed."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


class StatusLine:
    """Shows what is going on, four times a second at most; leaving its block takes it away.

    Args:
        terminal: whether to write to standard error, where that is a terminal and no notebook.
    """

    def __init__(self, *, terminal: bool = True) -> None:
        self._notebook = in_notebook()
        self._terminal = terminal and not self._notebook and sys.stderr.isatty()
        self._handle: Any = None
        self._shown = False
        self._due = 0.0

    @property
    def visible(self) -> bool:
        """Whether anybody can see it."""
        return self._notebook or self._terminal

    @property
    def due(self) -> bool:
        """Whether the last text has stood long enough, and there is somebody to see the next."""
        return self.visible and time.monotonic() >= self._due

    def show(self, text: str) -> None:
        """Show a text in place of the last one."""
        self._due = time.monotonic() + _REDRAW
        if self._notebook:
            self._display(text)
        elif self._terminal:
            sys.stderr.write(f"{_CLEAR}{printable(text)}")
            sys.stderr.flush()
        self._shown = True

    def _display(self, text: str) -> None:
        from IPython.display import display

        data = {"text/plain": text}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self.show("")
