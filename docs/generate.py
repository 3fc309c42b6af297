"""Write what is generated from the code: ``config.toml``, and the tables in ``docs/``.

    python docs/generate.py            writes what is out of date
    python docs/generate.py --check    names it instead, and exits with 1

A table stands between ``<!-- generated: KIND NAME -->`` and ``<!-- end -->``. A command that has no
table yet gets a section of its own at the end of ``docs/cli.md``.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from streamcut.cli.commands import cli
from streamcut.cli.grouped import GroupedCommand, grouped
from streamcut.core.config import Settings
from streamcut.core.config_file import example, section_text
from streamcut.core.setting import Setting
from streamcut.sessions.files.catalog import CATALOG, Model

ROOT = Path(__file__).resolve().parents[1]
CLI = ROOT / "docs" / "cli.md"
_BLOCK = re.compile(r"(<!-- generated: (\w+) ?([^>]*?) -->\n).*?(<!-- end -->)", re.S)
_DEFAULT = re.compile(r"\s*\[default: (.*)\]$", re.S)
_SHARED = "video"  # Other commands' options that are the same are only listed.


def main(arguments: list[str]) -> int:
    """Write or check every generated file; return the exit code."""
    stale = [path for path, text in generated().items() if not _holds(path, text)]
    for path in stale:
        if "--check" in arguments:
            print(f"{path.relative_to(ROOT)} is out of date: run python docs/generate.py")
        else:
            path.write_text(generated()[path], encoding="utf-8")
            print(f"{path.relative_to(ROOT)} written")
    return int(bool(stale) and "--check" in arguments)


def generated() -> dict[Path, str]:
    """Return what every generated file has to hold."""
    texts = {ROOT / "config.toml": example()}
    for path in sorted((ROOT / "docs").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        text += "".join(_new_sections(text)) if path == CLI else ""
        texts[path] = _BLOCK.sub(_filled, text)
    return texts


def commands() -> dict[str, click.Command]:
    """Return every command by its name; those of a group follow it, by its name and theirs."""
    context = click.Context(cli)
    found = {}
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        found[name] = command
        for below, each in getattr(command, "commands", {}).items():
            found[f"{name} {below}"] = each
    return found


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _filled(match: re.Match[str]) -> str:
    begin, kind, name, end = match.groups()
    return f"{begin}\n{_KINDS[kind](name)}\n\n{end}"


def _new_sections(text: str) -> Iterator[str]:
    for name, command in commands().items():
        marker = f"<!-- generated: options {name} -->"
        if marker not in text:
            about = inspect.cleandoc(command.help or "")
            yield f"\n## `streamcut {name}`\n\n{about}\n\n{marker}\n<!-- end -->\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines += [["---"] * len(lines[0]), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("\\|", "|").replace("|", "\\|")


# --- Options ----------------------------------------------------------------------------------


def _options(name: str) -> str:
    """Return the usage, the examples and the options of a command."""
    command = commands()[name]
    usage = command.collect_usage_pieces(click.Context(command))
    parts = [f"    streamcut {name} {' '.join(usage)}", *_examples(command)]
    shared = {_spelt(o): o.help for o in _visible(commands()[_SHARED]) if name != _SHARED}
    for group, options in grouped(_visible(command)):
        heading = "Other options" if group == "Options" else group
        own = [o for o in options if o.help is None or shared.get(_spelt(o)) != o.help]
        rows = [(_spelt(option), *_meaning(option)) for option in own]
        others = [_first(option) for option in options if option not in own]
        part = [_table((heading, "", "default"), rows)] if rows else []
        if others:
            lead = "Also" if rows else heading + ","
            part.append(f"{lead} as for `{_SHARED}`: {', '.join(others)}.")
        parts += part
    return "\n\n".join(parts)


def _examples(command: click.Command) -> Iterator[str]:
    if isinstance(command, GroupedCommand) and command.examples:
        width = max(len(line) for line, _ in command.examples)
        lines = [f"{line:{width}}  # {text}" for line, text in command.examples]
        yield "\n".join(["```sh", *lines, "```"])


def _visible(command: click.Command) -> list[click.Option]:
    return [o for o in command.params if isinstance(o, click.Option) and not o.hidden]


def _spelt(option: click.Option) -> str:
    """Return every spelling of an option, with what stands for its value."""
    value = "" if option.is_flag else f" {option.make_metavar(click.Context(click.Command('')))}"
    spellings = [f"`{spelling}`" for spelling in [*option.opts, *option.secondary_opts]]
    spellings[len(option.opts) - 1] = f"`{option.opts[-1]}{value}`"
    return ", ".join(spellings)


def _first(option: click.Option) -> str:
    return f"`{next((s for s in option.opts if s.startswith('--')), option.opts[0])}`"


def _meaning(option: click.Option) -> tuple[str, str]:
    """Return what an option does, and its default."""
    text = " ".join((option.help or "").split())
    default = _DEFAULT.search(text)
    row = Settings.rows().get(option.name or "")
    if default:
        return _DEFAULT.sub("", text), f"`{default[1]}`" if " " not in default[1] else default[1]
    known = row is not None and row.kind is bool and option.secondary_opts
    return text, ("on" if row and row.default else "off") if known else ""


# --- Settings, commands, models ----------------------------------------------------------------


def _settings(_: str) -> str:
    """Return a table of the settings for each section of the configuration file."""
    parts = []
    for section in dict.fromkeys(row.section for row in Settings.rows().values()):
        rows = [row for row in Settings.rows().values() if row.section == section]
        parts.append(f"**`[{section}]`** {section_text(section)}")
        parts.append(
            _table(
                ("key", "values", "default", "while live"),
                ((f"`{r.name}`", _values(r), _default(r), _live(r)) for r in rows),
            )
        )
    return "\n\n".join(parts)


def _values(row: Setting) -> str:
    return row.range or ("true, false" if row.kind is bool else "text")


def _default(row: Setting) -> str:
    if row.default == "":
        return "empty"
    return f"`{row.default:g}`" if row.kind is float else f"`{str(row.default).lower()}`"


def _live(row: Setting) -> str:
    return "next start" if row.fixed else "at once"


def _commands(_: str) -> str:
    """Return the list of commands with their first sentences."""
    return _table(
        ("command", ""),
        (
            (f"[`streamcut {name}`](#{_anchor(name)})", (each.help or "").split("\n\n")[0])
            for name, each in commands().items()
        ),
    )


def _anchor(name: str) -> str:
    return f"streamcut-{name.replace(' ', '-')}"


def _models(_: str) -> str:
    """Return the catalogue."""
    return _table(
        ("name", "for", "licence", "file"),
        (
            (f"`{m.name}`", m.purpose, m.licence + ("*" if m.conditions else ""), _file(m))
            for m in CATALOG
        ),
    )


def _file(model: Model) -> str:
    if model.file is not None:
        return "packaged"
    if not model.needs_file:
        return "none"
    return "downloaded" if model.weights else "yours"


_KINDS: dict[str, Callable[[str], str]] = {
    "options": _options,
    "settings": _settings,
    "commands": _commands,
    "models": _models,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
