"""The ``streamcut`` command: it owns Ctrl-C from its first line to its last.

Nothing that takes time is imported here: a Ctrl-C is caught only once :func:`main` runs.
"""

from __future__ import annotations

import signal
import sys
from contextlib import suppress

from streamcut.interrupts import Interrupts

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit; Ctrl-C ends it with one line and the code 130."""
    code, words = INTERRUPTED, "stopped"
    with suppress(KeyboardInterrupt):  # A second one, while the first is handled.
        try:
            code = run(sys.argv[1:])
        except KeyboardInterrupt as stop:
            words = str(stop) or words
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nothing is left to stop, and an exception would strike the interpreter's own clearing up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if code == INTERRUPTED:
        over_the_echo = "\r" if sys.stderr.isatty() else ""  # The terminal has written ^C.
        print(f"{over_the_echo}streamcut: {words}", file=sys.stderr)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line with the given arguments and return its exit code.

    The codes are 0 for success, 1 for a failure and 2 for wrong usage.
    ``STREAMCUT_DEBUG=1`` shows the traceback of an error.

    Raises:
        KeyboardInterrupt: on Ctrl-C; its text, if it has one, says what was done until then.
    """
    with Interrupts():  # An import that is broken off may take its own way out.
        from streamcut.cli import commands
    return commands.run(arguments)
