"""What ``streamcut`` can be asked to do; cheap to import, so that ``--help`` answers at once."""

from __future__ import annotations

import importlib
import os
import sys
import warnings

import click
from click.shell_completion import CompletionItem

from streamcut.cli.front_door import routed
from streamcut.cli.grouped import message_of
from streamcut.cli.say import say, show_trace
from streamcut.core.errors import StreamcutError
from streamcut.core.memory import shortage
from streamcut.core.suggestions import did_you_mean

_COMMANDS = {
    "bench": "Measure this machine: decoding, network and encoding alone, then the whole job.",
    "devices": "List the cameras and virtual cameras.",
    "doctor": "Check what this machine has and what it lacks: start a bug report with it.",
    "evaluate": "Measure mattes against the truth, or against each other.",
    "folder": "Remove the background of every image and video in a folder.",
    "image": "Remove the background of images.",
    "models": "List the models, download them, measure their speed.",
    "pipe": "Remove the background of the video on standard input, to standard output.",
    "serve": "Serve a page, and images and videos over HTTP, as rembg and remove.bg do.",
    "video": "Remove the background of a video.",
    "webcam": "Remove the background of a camera, live: for video calls, OBS, the network.",
}
_ALIASES = {"i": "image", "p": "folder"}
"""Names that rembg's users know."""


class _Commands(click.Group):
    """Imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        cmd_name = _ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"streamcut.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = _COMMANDS.keys() | _ALIASES
        if args and args[0] not in known and not args[0].startswith("-"):
            hint = did_you_mean(args[0], _COMMANDS)
            ctx.fail(f"no command and no file is called {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete commands, and files: an input needs no command."""
        found = super().shell_complete(ctx, incomplete)
        if incomplete and not any(item.value.startswith(incomplete) for item in found):
            return [CompletionItem(incomplete, type="file")]
        return found

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
    """Remove the background of videos, images and cameras.

    streamcut INPUT [OUTPUT] does what INPUT is: a video, an image, a folder, an address, or - for
    standard input. Without OUTPUT the result lies beside it: in.cutout.webm, photo.cutout.png.
    """


def run(arguments: list[str]) -> int:
    """Run the command line; every expected error is one line and a fitting exit code."""
    warnings.showwarning = _warn
    context: click.Context | None = None
    try:
        if "_STREAMCUT_COMPLETE" in os.environ:  # The shell asks for completions.
            cli.main(arguments, prog_name="streamcut")
        arguments = routed(arguments, _COMMANDS.keys() | _ALIASES) or ["--help"]
        with cli.make_context("streamcut", arguments) as context:
            cli.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        return _fail(_click_message(error), error.exit_code)
    except StreamcutError as error:
        message = message_of(error, _parameters(context))
        return _fail(_with_shortage(message), error.exit_code)
    except BrokenPipeError:
        _forget_stdout()
    except MemoryError as error:
        return _fail(shortage() or f"too little memory ({error})".replace(" ()", ""), 1)
    except OSError as error:
        return _fail(_with_shortage(str(error) or type(error).__name__), 1)
    return 0


def _with_shortage(message: str) -> str:
    """Return a message, and where memory is short that it is: it may not have said so."""
    short = "" if "memory" in message else shortage()
    return f"{message}; {short}" if short else message


def _parameters(context: click.Context | None) -> list[click.Parameter]:
    """Return the options of the command that was run."""
    command = None
    if context is not None and context.invoked_subcommand:
        command = cli.get_command(context, context.invoked_subcommand)
    return command.params if command else []


def _forget_stdout() -> None:
    """End quietly: who reads what is printed has seen enough, and the rest goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _click_message(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    hint = f" (see {context.command_path} --help)" if context is not None else ""
    text = " ".join(error.format_message().split()).rstrip(".")
    return text[:1].lower() + text[1:] + hint


def _fail(message: str, code: int) -> int:
    show_trace()
    say(f"streamcut: error: {message}")
    return code


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    say(f"streamcut: warning: {message}")
