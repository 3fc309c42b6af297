"""``streamcut models``, ``streamcut models pull`` and ``streamcut models bench``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from streamcut.cli.fetching import fetched, ready
from streamcut.cli.grouped import message_of
from streamcut.cli.options import (
    given,
    quiet_option,
    section_options,
    setting_options,
    settings_of,
    size_text,
)
from streamcut.cli.say import plain, say, say_json
from streamcut.core.config import Settings
from streamcut.core.config_file import load
from streamcut.core.errors import ModelError, StreamcutError
from streamcut.core.interrupts import Interrupts

if TYPE_CHECKING:
    from rich.table import Table

    from streamcut.sessions import Model
    from streamcut.sessions.files.inventory import Entry
    from streamcut.sessions.files.speeds import Speed

_WHERE = {"package": "packaged", "absent": "not yet", "by path": "your file"}
_RATES = (60, 30, 24)
_WIDTH_OF_A_FILE = 180


@click.group("models", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the models: what each is for, its licence, where it is, how fast it is here."""
    if context.invoked_subcommand is not None:
        return
    from streamcut.sessions.files.inventory import inventory

    entries = inventory()
    if as_json:
        say_json([_facts(entry) for entry in entries])
    else:
        _show(_table(entries))
        _tell_what_is_next(entries)


@command.command("pull")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@setting_options("mirror")
@click.option("--force", is_flag=True, help="Download again what is there.")
@quiet_option
@click.pass_context
def pull(
    context: click.Context, names: Sequence[str], mirror: str | None, force: bool, quiet: bool
) -> None:
    """Download models, before they are used or for a machine without a network."""
    from streamcut.sessions.files.inventory import chosen

    if mirror is None:
        mirror = load().weights.mirror
    failed = False
    for model in chosen(names):
        try:
            paths = _pulled(model, mirror, force, quiet)
        except ModelError as error:
            failed = True
            say(f"streamcut: error: {message_of(error)}")
        else:
            if not quiet:
                say(*paths, out=True)
    if failed:
        context.exit(1)


@command.command("bench")
@click.argument("names", metavar="[NAME|FILE]...", nargs=-1)
@section_options("run")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_context
def bench(context: click.Context, /, names: Sequence[str], as_json: bool, **options: Any) -> None:
    """Measure which models run in real time here, at which input size, on which device.

    Without a NAME those are measured that are there already. The figures are kept, and
    `streamcut models` shows them.
    """
    from streamcut.jobs.request import device_of
    from streamcut.sessions.files.inventory import present

    settings = settings_of(None, given(options))
    measured, failed = [], False
    for name in names or present(networks=device_of(settings).on_gpu):
        if not as_json:
            say(f"{name} ...")
        try:
            measured.append(_measured(settings.with_options({"model": name})))
        except StreamcutError as error:
            failed = True
            say(f"streamcut: error: {name}: {message_of(error)}")
    if as_json:
        figures = [{**asdict(speed), "fps": round(speed.fps, 2)} for speed in measured]
        say_json(figures)
    elif measured:
        _show(_figures(measured))
        click.echo("Of the network alone, frames of 1920x1080 scaled to its input.")
    if failed:
        context.exit(1)


def _pulled(model: Model, mirror: str, force: bool, quiet: bool) -> list[str]:
    """Fetch a model; return what to say of it, a line for each of its files."""
    from streamcut.sessions.files.store import located

    if model.file is not None or not model.needs_file:
        return [f"{model.name}: inside the package, nothing to download"]
    if not model.weights:
        raise ModelError(f"{model.name} is published nowhere: give your own file to --model")
    there = all(map(located, model.weights)) and not force
    paths = fetched(model, mirror, quiet, force)
    done = "is there, checked" if there else "downloaded, checked"
    return [f"{model.name}: {done}: {path}" for path in paths]


def _measured(settings: Settings) -> Speed:
    """Measure a model, after fetching it if need be; Ctrl-C is heard at once."""
    from streamcut.diagnostics.bench.models import measure

    ready(settings)
    with Interrupts() as interrupts, interrupts.released():
        return measure(settings)


def _show(table: Table) -> None:
    """Print a table as wide as the terminal, or whole where it goes into a file."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(width=_WIDTH_OF_A_FILE)
    console.print(table)


def _new_table(**columns: dict[str, Any]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    for name, how in columns.items():
        table.add_column(name, **how)
    return table


def _table(entries: Sequence[Entry]) -> Table:
    kept: dict[str, Any] = {"no_wrap": True}
    number = {**kept, "justify": "right"}
    table = _new_table(
        name={**kept, "overflow": "fold"},
        **{"for": {"ratio": 1, "overflow": "fold"}},
        size=number,
        licence={},
        here={},
        fps=number,
    )
    for entry in entries:
        table.add_row(
            plain(entry.name),
            entry.purpose,
            size_text(entry.bytes) if entry.bytes is not None else "",
            entry.licence + ("*" if entry.conditions else ""),
            _WHERE.get(entry.where, entry.where),
            f"{entry.speed.fps:.0f} {entry.speed.device}" if entry.speed else "",
        )
    return table


def _tell_what_is_next(entries: Sequence[Entry]) -> None:
    """Print what the table leaves open."""
    if any(entry.conditions for entry in entries):
        click.echo("* has conditions, which are shown before a download.")
    if any(entry.where == "absent" for entry in entries):
        click.echo("Downloaded when first used, or with: streamcut models pull NAME")
    if not any(entry.speed for entry in entries):
        click.echo("How fast they are on this machine: streamcut models bench")


def _figures(measured: Sequence[Speed]) -> Table:
    number: dict[str, Any] = {"justify": "right", "no_wrap": True}
    table = _new_table(
        **{"name": {}, "input": number, "device": {}, "ms": number, "fps": number, "real time": {}}
    )
    for speed in sorted(measured, key=lambda speed: speed.ms):
        size = f"{speed.width}x{speed.height}"
        figures = (size, speed.device, f"{speed.ms:.1f}", f"{speed.fps:.1f}")
        table.add_row(plain(speed.model), *figures, _real_time(speed.fps))
    return table


def _real_time(fps: float) -> str:
    return next((f"at {rate} fps" for rate in _RATES if fps >= rate), "no")


def _facts(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON holds it."""
    facts = asdict(entry)
    if entry.speed is not None:
        facts["speed"]["fps"] = round(entry.speed.fps, 2)
    return facts
