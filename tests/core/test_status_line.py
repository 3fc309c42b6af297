"""The line that says what is going on: in a notebook's cell, on a terminal, or nowhere."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from helpers.media import run

from streamcut.core import status_line
from streamcut.core.status_line import StatusLine, in_notebook


class Cell:
    """What a notebook's cell showed, one text after the other."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def display(self, data: dict[str, str], **how: Any) -> Cell:
        assert how == {"raw": True, "display_id": True}
        self.texts.append(data["text/plain"])
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.texts.append(data["text/plain"])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    """A Jupyter kernel, as far as it is asked."""
    shown = Cell()
    ipython, displaying = ModuleType("IPython"), ModuleType("IPython.display")
    vars(ipython)["get_ipython"] = lambda: SimpleNamespace(kernel=object())
    vars(displaying)["display"] = shown.display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", displaying)
    monkeypatch.setattr(status_line, "_REDRAW", 0.0)
    return shown


def test_a_notebook_shows_it_in_one_place(cell: Cell, capsys: pytest.CaptureFixture[str]) -> None:
    assert in_notebook()
    with StatusLine() as line:
        line.show("one")
        line.show("two")
    assert cell.texts == ["one", "two", ""]
    assert capsys.readouterr() == ("", "")


def test_a_plain_ipython_is_no_notebook(cell: Cell) -> None:
    vars(sys.modules["IPython"])["get_ipython"] = lambda: SimpleNamespace()
    assert not in_notebook()
    vars(sys.modules["IPython"])["get_ipython"] = lambda: None
    assert not in_notebook()


def test_a_terminal_shows_it_and_gets_its_line_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with StatusLine() as line:
        assert line.due
        line.show("one")
        assert not line.due
    assert sys.stderr.getvalue() == "\r\x1b[2Kone\r\x1b[2K"


def test_elsewhere_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with StatusLine() as line:
        assert not line.visible
        assert not line.due
    assert capsys.readouterr() == ("", "")


def test_a_job_in_a_notebook_says_how_far_it_is(
    clip: Callable[..., Path], tmp_path: Path, cell: Cell
) -> None:
    seen: list[int] = []
    run(clip(count=12), tmp_path / "a.mkv", tick=lambda state: seen.append(state.frames))
    assert seen == list(range(1, 13))
    assert cell.texts[0].startswith("1/12 frames")
    assert cell.texts[-2].startswith("12/12 frames")
    assert "fps" in cell.texts[-2]
    assert cell.texts[-1] == ""
    run(clip(count=2), tmp_path / "b.mkv", progress=False)
    assert cell.texts[-1] == ""


def test_on_a_terminal_a_job_is_silent_unless_asked(
    clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run(clip(count=2), tmp_path / "a.mkv")
    assert terminal.getvalue() == ""
    run(clip(count=2), tmp_path / "b.mkv", progress=True)
    assert "1/2 frames" in terminal.getvalue()
