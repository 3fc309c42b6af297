"""The ``streamcut`` command: it owns Ctrl-C from its first line to its last.

Nothing that takes time is imported here: until :func:`main` runs, Ctrl-C is the interpreter's.
"""

from __future__ import annotations

import os
import signal
import sys

from streamcut.core.interrupts import Interrupts

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit; Ctrl-C ends it with one line and the code 130."""
    code, words = INTERRUPTED, "stopped"
    _replace_closed_streams()
    try:
        # Afterwards nothing is left to stop, but the interpreter's clearing up could be struck.
        with Interrupts(afterwards=signal.SIG_IGN):
            code = run(sys.argv[1:])
    except KeyboardInterrupt as stop:
        words = str(stop) or words
    if code == INTERRUPTED:
        over_the_echo = "\r" if sys.stderr.isatty() else ""  # The terminal has written ^C.
        print(f"{over_the_echo}streamcut: {words}", file=sys.stderr)
    sys.exit(code)


def _replace_closed_streams() -> None:
    """Let what was started without standard streams (``<&-``, a service) read and write nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  # For as long as we run.


def run(arguments: list[str]) -> int:
    """Run the command line with the given arguments and return its exit code.

    The codes are 0 for success, 1 for a failure and 2 for wrong usage.
    ``STREAMCUT_DEBUG=1`` shows the traceback of an error.

    Raises:
        KeyboardInterrupt: on Ctrl-C; its text, if it has one, says what was done until then.
    """
    from streamcut.cli import commands

    return commands.run(arguments)
