"""Fetching models from the command line: with a bar or a line, and after any question."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamcut.cli.waiting import step_aside
from streamcut.core.config import Settings
from streamcut.core.errors import ModelError
from streamcut.core.interrupts import Interrupts

if TYPE_CHECKING:
    from streamcut.sessions import Model


_LARGEST = (1 << 31, 1 << 31)
"""For prompts in pixels: the size of the frame is known once it is opened."""


def ready(settings: Settings, quiet: bool = False) -> None:
    """Fetch what the model of some settings needs and is not there, before the job starts.

    Raises:
        ModelError: if it cannot be had, its conditions are refused, or the device cannot be used.
        UsageError: if something is set that the model does not take.
    """
    from streamcut.jobs.request import device_of, session_keywords
    from streamcut.sessions.files.catalog import by_name
    from streamcut.sessions.runtime.loading import usable

    model = by_name(settings.matte.model)
    if model is not None and model.weights:  # Before hundreds of megabytes come for nothing.
        session_keywords(settings.matte, _LARGEST)
        usable(device_of(settings))
        fetched(model, settings.weights.mirror, quiet)


def fetched(model: Model, mirror: str, quiet: bool, force: bool = False) -> tuple[Path, ...]:
    """Return a model's files, downloading what is not there.

    Args:
        model: a row of the catalogue.
        mirror: in place of the model's own addresses; empty takes those.
        quiet: whether to draw no bar, and to print no line where there is no terminal.
        force: whether to download also what is there.

    Raises:
        ModelError: if it cannot be had, or its conditions are refused.
    """
    from streamcut.sessions.files.store import fetch_model, located

    missing = force or not all(map(located, model.weights))
    if missing:
        step_aside()
    if missing and not quiet and not sys.stderr.isatty():
        click.echo(f"downloading {model.name} ...", err=True)
    return fetch_model(model, mirror=mirror, quiet=quiet, force=force, agree=agree)


def agree(model: Model) -> None:
    """Show a licence's conditions; ask, where somebody can answer.

    Scripts are told and go on: nothing ever waits for an answer that cannot come.

    Raises:
        ModelError: if the answer is no.
    """
    from streamcut.sessions.files.store import conditions_of

    if not _somebody_is_there():
        click.echo(f"streamcut: {conditions_of(model)}", err=True)
        return
    click.echo(conditions_of(model), err=True)
    try:
        with Interrupts() as interrupts, interrupts.released():
            if click.confirm(f"Download {model.name}?", err=True):
                return
    except click.Abort:
        raise KeyboardInterrupt from None
    raise ModelError(f"{model.name} was not downloaded: its conditions were not accepted")


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
