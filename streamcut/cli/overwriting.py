"""Asking whether an output that exists may be replaced."""

from __future__ import annotations

import sys

import click

from streamcut.cli.say import safe
from streamcut.core.interrupts import Interrupts


def may_overwrite(output: str) -> bool:
    """Ask, where there is a terminal that can answer."""
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        return False
    try:
        with Interrupts() as interrupts, interrupts.released():
            return click.confirm(f"{safe(output)} exists. Overwrite it?", err=True)
    except click.Abort:
        raise KeyboardInterrupt from None
