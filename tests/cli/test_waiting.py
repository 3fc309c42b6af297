"""The line that says what is waited for: it makes room for whatever else is said."""

from __future__ import annotations

import io
import sys

import pytest

from streamcut.cli.say import say
from streamcut.cli.waiting import WaitingLine


class Screen(io.StringIO):
    """A terminal that remembers."""

    def isatty(self) -> bool:
        return True


def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Stand in for standard error; only now, since pytest has its own until a test begins."""
    made = Screen()
    monkeypatch.setattr(sys, "stderr", made)
    return made


def test_it_replaces_itself_and_steps_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = screen(monkeypatch)
    with WaitingLine() as line:
        line.say("reading a ...")
        line.say("loading b ...")
        say("streamcut: warning: odd")
        line.say("reading c ...")
    rows = shown.getvalue().split("\r\x1b[2K")
    assert rows == [
        "",
        "reading a ...",
        "loading b ...",
        "streamcut: warning: odd\n",
        "reading c ...",
        "",
    ]


def test_it_says_nothing_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = screen(monkeypatch)
    with WaitingLine(quiet=True) as line:
        line.say("reading a ...")
    assert shown.getvalue() == ""
    monkeypatch.setattr(shown, "isatty", lambda: False)
    with WaitingLine() as line:
        line.say("reading a ...")
    assert shown.getvalue() == ""
