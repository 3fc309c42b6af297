"""``streamcut serve``: the page, and images and videos over HTTP."""

from __future__ import annotations

import webbrowser
from typing import Any

import click

from streamcut.cli.grouped import GroupedCommand
from streamcut.cli.options import (
    config_option,
    given,
    quiet_option,
    section_options,
    setting_options,
    settings_of,
)
from streamcut.core.errors import MissingDependencyError

_EXAMPLES = (
    ("streamcut serve", "the page, for this machine alone"),
    ("streamcut serve --host 0.0.0.0", "for others too, who need the token that is shown"),
    ("streamcut serve --no-browser -m u2net --port 5000", "for programs that know rembg"),
)
_EPILOG = "docs/server.md tells what programs can ask. Ctrl-C stops it."


@click.command("serve", cls=GroupedCommand, examples=_EXAMPLES, epilog=_EPILOG)
@setting_options("model")
@section_options("server", "run", "weights")
@config_option
@quiet_option
def command(config_file: str | None, quiet: bool, **options: Any) -> None:
    """Serve a page, and images and videos over HTTP.

    Programs that call rembg's server or remove.bg find the same requests here.
    """
    settings = settings_of(config_file, given(options))
    try:
        from streamcut.server.run import serve
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"streamcut serve needs {error.name}: pip install 'streamcut[server]'"
        ) from error

    from streamcut.cli.fetching import ready

    ready(settings, quiet)

    def opened(address: str) -> None:
        if not quiet:
            click.echo(f"open {address}", err=True)
        if settings.server.browser:
            webbrowser.open(address)

    serve(settings, opened)
