"""The ``streamcut`` command. Importing it must stay cheap: ``--help`` answers at once."""

from __future__ import annotations

import importlib
import os
import sys

import click

from streamcut.errors import StreamcutError

INTERRUPTED = 130
_COMMANDS = {
    "bench": "Measure this machine: decoding, network and encoding alone, and the whole job.",
    "video": "Remove the background of a video.",
}


class _Commands(click.Group):
    """Imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"streamcut.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # slow, and seldom wanted

        click.echo(f"streamcut {metadata.version('streamcut')}")
        ctx.exit()


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Streamcut removes the background of videos: `streamcut video in.mp4 out.webm`."""


def main() -> None:
    """Run the command line; every expected error is one line and a fitting exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line with the given arguments and return its exit code.

    The codes are 0 for success, 1 for a failure, 2 for wrong usage and 130 for Ctrl-C.
    ``STREAMCUT_DEBUG=1`` shows the traceback of an error.
    """
    try:
        result = cli.main(arguments, prog_name="streamcut", standalone_mode=False)
    except click.exceptions.Abort:
        return _fail("stopped", INTERRUPTED)
    except KeyboardInterrupt:
        return _fail("stopped", INTERRUPTED)
    except click.ClickException as error:
        return _fail(_click_message(error), error.exit_code)
    except StreamcutError as error:
        return _fail(str(error), error.exit_code)
    except (OSError, MemoryError) as error:
        return _fail(str(error) or type(error).__name__, 1)
    return result if isinstance(result, int) else 0


def _click_message(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    hint = f" (see {context.command_path} --help)" if context is not None else ""
    return " ".join(error.format_message().split()) + hint


def _fail(message: str, code: int) -> int:
    if os.environ.get("STREAMCUT_DEBUG"):
        raise  # Called within an except block.
    kind = "" if code == INTERRUPTED else "error: "
    click.echo(f"streamcut: {kind}{message}", err=True)
    return code
