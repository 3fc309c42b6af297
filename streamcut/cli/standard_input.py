"""Standard input whose beginning may be looked at before it is known who reads it."""

from __future__ import annotations

import os
import sys

from streamcut.core.errors import UsageError

_HEAD = 4096
_begun = b""


def head(count: int = _HEAD) -> bytes:
    """Return the first bytes, or more, without taking them away; they are waited for.

    Raises:
        UsageError: if standard input is a terminal.
    """
    global _begun
    if sys.stdin.isatty():
        raise UsageError("standard input is a terminal: let another program write to this one")
    while len(_begun) < count and (part := os.read(0, count - len(_begun))):
        _begun += part
    return _begun


def begun() -> bytes:
    """Return what :func:`head` has read, and leave it to the caller."""
    global _begun
    taken, _begun = _begun, b""
    return taken


def everything() -> bytes:
    """Return all of it, what was looked at included."""
    parts = [begun()]
    while part := os.read(0, 1 << 20):
        parts.append(part)
    return b"".join(parts)
