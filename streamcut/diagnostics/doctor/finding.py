"""One thing that was found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes:
        state: "ok"; "note", where something that not everybody needs is absent; "problem".
        text: what was found.
        advice: what to do about it, or nothing.
        fatal: whether streamcut cannot work at all like this.
    """

    state: Literal["ok", "note", "problem"]
    text: str
    advice: str = ""
    fatal: bool = False

    @classmethod
    def ok(cls, text: str) -> Self:
        """Make a finding that all is well."""
        return cls("ok", text)

    @classmethod
    def note(cls, text: str, advice: str = "") -> Self:
        """Make a finding that some may care about."""
        return cls("note", text, advice)

    @classmethod
    def problem(cls, text: str, advice: str = "", *, fatal: bool = False) -> Self:
        """Make a finding that something is wrong."""
        return cls("problem", text, advice, fatal)


def short(path: object) -> str:
    """Return a path without the name of the user, for reports that others read."""
    text = str(path)
    try:
        home = str(Path.home())
    except RuntimeError:
        return text
    return text.replace(home, "~", 1) if len(home) > 1 and text.startswith(home) else text
