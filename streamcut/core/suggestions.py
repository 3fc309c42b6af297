"""What somebody meant who mistyped a name: told where it is close, and else not at all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_CLOSE = 0.6
"""Of 1: four letters of five, or two of them exchanged."""

_LONGEST = 80  # Letters that are compared: the work grows with their square.


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is close to ``name``, whatever its case, or None."""
    spelt = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name[:_LONGEST].lower(), list(spelt), 1, cutoff=_CLOSE)
    return spelt[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean X?", or nothing where no known name is close."""
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {near}?"
