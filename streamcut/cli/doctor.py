"""``streamcut doctor``."""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from streamcut.cli.say import safe, say_json

if TYPE_CHECKING:
    from streamcut.diagnostics.doctor import Finding

_COLOURS = {"ok": "green", "note": "yellow", "problem": "red"}
_WIDEST = 120
_INDENT = 25


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Say what this machine has and what it lacks: the first thing to paste into a bug report.

    Every line is ok, a note or a problem, with what to do about it. The exit code is 1 only if
    streamcut cannot work at all.
    """
    from streamcut.diagnostics.doctor import examine

    found = []
    for name, finding in examine():
        found.append({"check": name, **asdict(finding)})
        if not as_json:
            click.echo(_line(name, finding))
    if as_json:
        say_json(found)
    else:
        click.echo(_verdict([str(each["state"]) for each in found]))
    if any(each["fatal"] for each in found):
        context.exit(1)


def _line(name: str, finding: Finding) -> str:
    """Return a finding, and below it what to do about it, as wide as the terminal."""
    head = click.style(f"{finding.state:8}", fg=_COLOURS[finding.state]) + f"{name:17}"
    lines = _wrapped(finding.text, "") + (_wrapped(finding.advice, "-> ") if finding.advice else [])
    return head + f"\n{'':{_INDENT}}".join(lines)


def _wrapped(text: str, sign: str) -> list[str]:
    width = max(20, min(_WIDEST, shutil.get_terminal_size().columns) - _INDENT)
    return textwrap.wrap(
        safe(" ".join(text.split())),
        width,
        initial_indent=sign,
        subsequent_indent=" " * len(sign),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _verdict(states: list[str]) -> str:
    problems, notes = states.count("problem"), states.count("note")
    if not problems:
        return "No problem found."
    return f"Problems: {problems}; notes: {notes}."
