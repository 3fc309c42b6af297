"""The ``streamcut`` command: it owns Ctrl-C from its first line to its last.

Nothing that takes time is imported here: until :func:`main` runs, Ctrl-C is the interpreter's.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from streamcut.core.interrupts import Interrupts

INTERRUPTED = 130
_OTHERS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
REPORT_AT = "https://github.com/streamcut/streamcut/issues"


def main() -> None:
    """Run the command line and exit; Ctrl-C ends it with one line and the code 130.

    So do SIGTERM (143) and a closed terminal's SIGHUP (129), unless nohup has it ignored.
    """
    # Afterwards nothing is left to stop, but the interpreter's clearing up could be struck.
    interrupts = Interrupts(afterwards=signal.SIG_IGN, also=_OTHERS)
    code, others = 0, threading.active_count()
    try:
        with interrupts:
            _prepare_streams()
            sys.unraisablehook = _unraisable
            code = run(sys.argv[1:])
    except KeyboardInterrupt as stop:
        if not code:  # Otherwise a line has been printed already.
            _tell_stopped(str(stop) or "stopped")
        code = INTERRUPTED - signal.SIGINT + interrupts.number
    _leave(code, others)


def _tell_stopped(words: str) -> None:
    from streamcut.cli.say import safe

    with suppress(OSError):  # The terminal may be gone.
        over_the_echo = "\r" if sys.stderr.isatty() else ""  # The terminal has written ^C.
        print(f"{over_the_echo}streamcut: {safe(words)}", file=sys.stderr)


def _leave(code: int, others: int) -> NoReturn:
    """Exit; at once where more threads are left than there were: one is stuck in a library.

    Python's clearing up would end it within C++, which aborts the process. Whoever runs the
    command within a program of their own gets SystemExit.
    """
    if threading.active_count() > others:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _prepare_streams() -> None:
    """Let what was started without standard streams (``<&-``, a service) read and write nothing.

    What a terminal's encoding lacks is spelt out.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  # For as long as we run.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _unraisable(fault: sys.UnraisableHookArgs) -> None:
    """Say nothing of what fails while something is cleared away, unless asked for."""
    if os.environ.get("STREAMCUT_DEBUG"):
        sys.__unraisablehook__(fault)


def run(arguments: list[str]) -> int:
    """Run the command line with the given arguments and return its exit code.

    The codes are 0 for success, 1 for a failure and 2 for wrong usage. Whatever goes wrong is one
    line; ``STREAMCUT_DEBUG=1`` shows the traceback before it.

    Raises:
        KeyboardInterrupt: on Ctrl-C; its text, if it has one, says what was done until then.
    """
    try:
        from streamcut.cli import commands

        return commands.run(arguments)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # The last resort, for what nobody has foreseen.
        try:
            return _unforeseen(error)
        except Exception:  # Not even that can be done.
            os.write(2, b"streamcut: error: too little memory to go on\n")
            return 1


def _unforeseen(error: BaseException) -> int:
    """Say in one line what went wrong, and where to report it."""
    from streamcut.cli.say import say, show_trace
    from streamcut.core.memory import shortage

    show_trace()
    words = " ".join(f"{type(error).__name__}: {error}".split())[:300].rstrip(": ")
    advice = shortage() or f"please report it at {REPORT_AT} (STREAMCUT_DEBUG=1 shows more)"
    say(f"streamcut: error: unexpected {words}; {advice}")
    return 1
