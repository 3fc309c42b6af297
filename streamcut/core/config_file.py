"""The user's configuration file: reading it, and writing an example of it."""

from __future__ import annotations

import os
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import platformdirs

from streamcut.core.config import Settings
from streamcut.core.errors import ConfigError
from streamcut.core.setting import Setting
from streamcut.core.suggestions import nearest

_WIDTH = 98
_LONGEST_FILE = 1 << 20


def load(path: Path | None = None) -> Settings:
    """Return the settings of a configuration file, or the defaults where there is none.

    Args:
        path: the file; None looks for ``config.toml`` in the user's configuration directory.

    Raises:
        ConfigError: if the file is absent though named, is not TOML, has an unknown key or a
            value that is of the wrong type or out of range.
    """
    if path is None:
        path = user_file()
        if not os.path.isfile(path):  # Also where the home may not be entered.
            return Settings()
    return _from_table(_read(path), path)


def user_file() -> Path:
    """Return where a user's configuration file is looked for."""
    return Path(platformdirs.user_config_dir("streamcut", appauthor=False)) / "config.toml"


def example() -> str:
    """Return a configuration file with every setting at its default, each explained."""
    lines = [
        "# Every setting of streamcut with its default.",
        "# Copy this to your configuration directory (streamcut video --help names it) and",
        "# change what you like; the command line overrides it.",
    ]
    for section in fields(Settings):
        lines += ["", f"# {section_text(section.name)}", f"[{section.name}]"]
        for row in Settings.rows().values():
            if row.section == section.name:
                lines += [*_comment(row), f"{row.name} = {_toml(row.default)}"]
    return "\n".join(lines) + "\n"


def section_text(name: str) -> str:
    """Return what the settings of a section are about."""
    return type(getattr(Settings(), name)).__doc__ or ""


def _comment(row: Setting) -> list[str]:
    text = f"{row.help} One of: {row.range}." if row.choices else row.help
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST_FILE)
            if file.read(1):
                raise ValueError("too long for a configuration file")
        return tomllib.loads(text.decode())
    except FileNotFoundError as error:
        raise ConfigError(f"no such configuration file: {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply") from error
    except ValueError as error:  # Numbers of thousands of digits are no TOMLDecodeError.
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def _from_table(table: Mapping[str, Any], path: Path) -> Settings:
    known = [section.name for section in fields(Settings)]
    for name, values in table.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: {_homeless(name, known)}")
        if name not in known:
            near = nearest(name, known)
            hint = "" if near is None else f"; the nearest is [{near}]"
            raise ConfigError(f"{path}: unknown section [{name[:80]}]{hint}")
    return Settings().with_sections({name: _section(name, table[name], path) for name in table})


def _section(section: str, values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    where = f"{path}: [{section}] "
    checked = {}
    for name, value in values.items():
        row = Settings.row(name, where, section)
        row.check(value, where)
        checked[row.name] = value
    return checked


def _homeless(name: str, sections: list[str]) -> str:
    if name in sections:
        return f"{name} is a section: write [{name}] and its keys below"
    rows = Settings.rows()
    near = nearest(name, rows)
    hint = "" if near is None else f"; the nearest is {near!r} in [{rows[near].section}]"
    return f"unknown key {name[:80]!r}{hint}, and no key stands outside a section"
