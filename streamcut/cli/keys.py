"""Single keys typed in a terminal, without waiting for them and without showing them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from streamcut.jobs.live.state import LiveState
    from streamcut.media.frame import CompositedFrame

if sys.platform == "win32":
    import msvcrt

    class Terminal:
        """The console that standard input is."""

        def close(self) -> None:
            """Leave it as it is: single keys are read without another mode."""

        def typed(self) -> str:
            """Return the characters typed since the last call."""
            found = ""
            while msvcrt.kbhit():
                key = msvcrt.getwch()
                if key in "\x00\xe0":
                    msvcrt.getwch()  # The other half of an arrow or a function key.
                else:
                    found += key
            return found

else:
    import re
    import select
    import termios
    import tty

    # What arrows and function keys send: an escape, and letters that nobody typed.
    _SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[@-~]|O.)")

    class Terminal:
        """The terminal that standard input is, in the mode in which keys need no Enter.

        A shell takes the terminal away from what it puts into the background, with the mode, and
        stops who touches it nevertheless; so both are looked at anew for each call.
        """

        def __init__(self) -> None:
            self._fd = sys.stdin.fileno()
            self._before = termios.tcgetattr(self._fd)
            self.typed()  # Nothing is shown from now on.

        def close(self) -> None:
            """Put the mode back; what was typed and not asked for is forgotten."""
            if self._is_ours():
                termios.tcsetattr(self._fd, termios.TCSAFLUSH, self._before)

        def typed(self) -> str:
            """Return the characters typed since the last call."""
            if not self._is_ours():
                return ""
            if termios.tcgetattr(self._fd)[3] & termios.ICANON:
                tty.setcbreak(self._fd, termios.TCSANOW)
            if not select.select([self._fd], [], [], 0)[0]:
                return ""
            return _SEQUENCE.sub(b"", os.read(self._fd, 1024)).decode(errors="ignore")

        def _is_ours(self) -> bool:
            try:
                return os.tcgetpgrp(self._fd) == os.getpgrp()
            except OSError:  # It has hung up, or is nobody's controlling terminal.
                return False


class Keys:
    """Answers to keys; call it often.

    Args:
        actions: what to do for each key.
    """

    def __init__(self, actions: Mapping[str, Callable[[], None]]) -> None:
        self._actions = actions

    def __enter__(self) -> Self:
        self._terminal = Terminal()
        return self

    def __exit__(self, *_: object) -> None:
        self._terminal.close()

    def __call__(self, state: LiveState, frame: CompositedFrame | None) -> None:
        """Do what the keys typed since the last call stand for; others do nothing."""
        for key in self._terminal.typed():
            if key in self._actions:
                self._actions[key]()
