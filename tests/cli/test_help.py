"""Help: at once, and about everything; the reference in docs/ is made from it."""

from __future__ import annotations

import inspect
import json
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from helpers.jobs import Ran

import streamcut
from streamcut.cli.commands import cli

ROOT = Path(__file__).parents[2]
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


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("streamcut vi", "plain,video"),
        ("streamcut hol", "file,hol"),
        ("streamcut video --re", "--resume"),
    ],
)
def test_the_shell_completes_commands_files_and_options(
    program: Callable[..., Ran], words: str, offered: str
) -> None:
    count = len(words.split()) - 1
    asked = {
        "_STREAMCUT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(count),
    }
    assert offered in program(env=asked).out


def test_options_stand_below_headings_after_examples(command: Callable[..., Ran]) -> None:
    text = command("video", "--help").out
    headings = ["Examples", "Input", "Matte", "Picture", "Output", "Hardware", "Options"]
    assert [text.index(f"\n{heading}:") for heading in headings] == sorted(
        text.index(f"\n{heading}:") for heading in headings
    )
    assert text.index("\nInput:") < text.index("\n  --start") < text.index("\nMatte:")
    assert text.index("\nHardware:") < text.index("--device")
    assert "streamcut video in.mp4 out.webm\n" in text


@pytest.mark.parametrize("name", commands())
def test_examples_are_lines_that_the_command_understands(name: str) -> None:
    made = commands()[name]
    for line, _ in getattr(made, "examples", ()):
        words = shlex.split(line.rpartition("streamcut ")[2].split(" | ")[0].split(" > ")[0])
        made.make_context(name, words[1:])


def test_what_is_generated_is_up_to_date() -> None:
    generated = runpy.run_path(str(ROOT / "docs" / "generate.py"))["generated"]()
    stale = [path.name for path, text in generated.items() if path.read_text() != text]
    assert not stale, f"{', '.join(stale)} out of date: run python docs/generate.py"


@pytest.mark.parametrize("name", commands())
def test_a_command_takes_what_its_options_are_called(name: str) -> None:
    """Nothing else would notice before it is run: click calls it by names."""
    made = commands()[name]
    assert made.callback is not None
    takes = inspect.signature(inspect.unwrap(made.callback)).parameters
    if any(each.kind is each.VAR_KEYWORD for each in takes.values()):
        return
    given = {p.name for p in made.params if p.expose_value and p.name != "help"}
    assert given <= set(takes), given - set(takes)
