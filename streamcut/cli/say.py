"""What is printed: one line each, without control characters and without secrets."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from streamcut.cli.waiting import step_aside
from streamcut.core.text import printable
from streamcut.media.urls import redacted


def say(*lines: object, out: bool = False) -> None:
    """Print lines on standard error, or with ``out`` on standard output.

    What is not a line's own, a control character or the secret in an address, is not printed.
    """
    text = "\n".join(safe(line) for line in lines)
    step_aside()
    if out:
        print(text, flush=True)
        return
    with suppress(OSError):  # Nobody is left to be told.
        print(text, file=sys.stderr, flush=True)


def say_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a value as JSON on standard output, without the secrets in its addresses."""
    print(json.dumps(_without_secrets(value), indent=indent), flush=True)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(each) for each in value]
    return redacted(value) if isinstance(value, str) else value


def warn(texts: Iterable[str]) -> None:
    """Print warnings on standard error, a line each."""
    for text in texts:
        say(f"streamcut: warning: {text}")


def safe(text: object) -> str:
    """Return a text in one line, as it may be printed."""
    return printable(redacted(str(text)))


def plain(text: object) -> str:
    """Return a text as rich prints it in one line, without taking brackets for its markup."""
    from rich.markup import escape

    return escape(safe(text))


def show_trace() -> None:
    """Print the traceback of the exception at hand if ``STREAMCUT_DEBUG`` asks for it."""
    if os.environ.get("STREAMCUT_DEBUG") and sys.exc_info()[0] is not None:
        say(*(redacted(line, whole=True) for line in traceback.format_exc().splitlines()))
