"""Help: at once, about everything, and the same as what the README says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest
from helpers.jobs import Ran

import streamcut
from streamcut.cli.commands import cli
from streamcut.core.config import Settings

README = Path(__file__).parents[2] / "README.md"
HEAVY = {"onnxruntime", "cv2", "av", "numpy", "rich", "PIL", "scipy", "pymatting"}


def commands() -> dict[str, click.Command]:
    """Every command by its name, those of a group by its name and theirs."""
    context = click.Context(cli)
    found = {}
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        found[name] = command
        for below, each in getattr(command, "commands", {}).items():
            found[f"{name} {below}"] = each
    return found


def options() -> Iterator[tuple[str, str]]:
    """Yield (command, option) for every spelling of every option but ``--no-`` before another."""
    for name, command in commands().items():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                for spelling in [*parameter.opts, *parameter.secondary_opts]:
                    if spelling.replace("--no-", "--") not in parameter.opts or (
                        spelling in parameter.opts
                    ):
                        yield name, spelling


def part_about(command: str) -> str:
    """The README's section about a command, by a heading that names it; else all of it."""
    text = README.read_text()
    found = re.search(
        rf"^#+ [^\n]*streamcut {command}\b.*?(?=^#+ [^\n]*`?streamcut |\Z)", text, re.M | re.S
    )
    return found[0] if found else text


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_help_names_every_command(command: Callable[..., Ran], arguments: list[str]) -> None:
    ran = command(*arguments)
    assert (ran.code, ran.err) == (0, "")
    assert all(name in ran.out for name in commands() if " " not in name)


@pytest.mark.parametrize("name", commands())
def test_help_of_a_command_explains_every_option(command: Callable[..., Ran], name: str) -> None:
    ran = command(*name.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    for parameter in commands()[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.name} has no help text"
            assert all(spelling in ran.out for spelling in parameter.opts)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["video", "--help"],
        ["bench", "--help"],
        ["evaluate", "--help"],
        ["pipe", "--help"],
        ["models", "--help"],
        ["models", "pull", "--help"],
        ["doctor", "--help"],
        ["--version"],
    ],
)
def test_help_answers_at_once(arguments: list[str]) -> None:
    program = (
        "import json, sys, time; from streamcut.cli import run; "
        f"told = [run({arguments!r}), sorted(sys.modules), time.process_time()]; "
        "print(json.dumps(told))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    code, modules, seconds = json.loads(ran.stdout.splitlines()[-1])
    assert code == 0
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert seconds < 0.6  # Of CPU time: 0.1, however busy the machine is.


def test_version(program: Callable[..., Ran]) -> None:
    assert program("--version") == Ran(0, f"streamcut {streamcut.__version__}\n", "")


def test_the_shell_can_complete_commands(program: Callable[..., Ran]) -> None:
    asked = {
        "_STREAMCUT_COMPLETE": "bash_complete",
        "COMP_WORDS": "streamcut vi",
        "COMP_CWORD": "1",
    }
    assert "video" in program(env=asked).out


# --- README ---------------------------------------------------------------------------------


def test_the_readme_names_every_command() -> None:
    missing = [name for name in commands() if f"streamcut {name}" not in README.read_text()]
    assert not missing, f"README.md does not name the command(s) {missing}"


@pytest.mark.parametrize("name", commands())
def test_the_readme_documents_every_option(name: str) -> None:
    text = part_about(name)
    spelt = [option for command, option in options() if command == name]
    missing = [option for option in spelt if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)]
    assert not missing, f"README.md, streamcut {name}: not documented: {' '.join(missing)}"


def test_the_readme_documents_every_setting() -> None:
    text = README.read_text()
    names = [
        entry.name for part in fields(Settings) for entry in fields(getattr(Settings(), part.name))
    ]
    missing = [name for name in names if not re.search(rf"\b{name}\b", text)]
    missing += [f"[{part.name}]" for part in fields(Settings) if f"[{part.name}]" not in text]
    assert not missing, f"README.md: settings not documented: {' '.join(missing)}"


def test_the_readme_documents_every_public_name() -> None:
    missing = [
        name for name in streamcut.__all__ if not re.search(rf"\b{name}\b", README.read_text())
    ]
    assert not missing, f"README.md: public names not documented: {' '.join(missing)}"


def test_the_readme_promises_no_option_that_is_not_there() -> None:
    known = {option for _, option in options()} | {"--help", "--version"}
    code = " ".join(re.findall(r"`[^`\n]+`|```.*?```", README.read_text(), re.S))
    shown = set(
        re.findall(
            r"(?<![\w-])--[a-z][a-z-]+",
            " ".join(
                re.findall(r"streamcut (?:video|bench|evaluate|pipe|models|doctor)[^\n`]*", code)
            ),
        )
    )
    assert shown <= known, f"README.md shows options that do not exist: {shown - known}"
