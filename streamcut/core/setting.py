"""What one setting is: a row that says all there is to know about it.

The rows themselves are in :mod:`streamcut.core.config`. The command line's options, the checks,
``config.toml`` and the tables in ``docs/`` are made from them.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar, Literal, Self, get_args, get_type_hints
from warnings import warn

from streamcut.core.errors import ConfigError, Named
from streamcut.core.suggestions import nearest

Group = Literal["Input", "Matte", "Picture", "Output", "Hardware", "Server", "Limits"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""The headings of ``--help``, in their order."""

_LARGEST = 2**31 - 1  # What libraries in C take for a number.
_shortened = reprlib.Repr()
_shortened.maxstring = _shortened.maxother = _shortened.maxlong = 40
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: in the configuration file, in Python and, with dashes, on the command line.
        section: of the configuration file.
        kind: bool, int, float or str.
        default: used where neither the command line nor the file says anything.
        help: one or more sentences for ``--help``, ``config.toml`` and the docs.
        group: the heading it stands below in ``--help``.
        choices: the only values there are, or none for any.
        low: the smallest number allowed.
        high: the largest, or None for what libraries in C take.
        unit: of the number, for messages ("pixels").
        short: further spellings of the option, such as ``-m``.
        off: an option that sets the number to 0 (``--no-smooth``), or "".
        metavar: what stands for the value in ``--help``, or "" for the type's own.
        fixed: whether a running live job keeps its value until the next start.
        needs: the setting without which this one does nothing, with the value that it must have
            (None: any but its default), or None.
        formerly: the name it had before; still read, with a warning.
    """

    name: str
    section: str
    kind: type
    default: Any
    help: str
    group: Group
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float | None = None
    unit: str = ""
    short: tuple[str, ...] = ()
    off: str = ""
    metavar: str = ""
    fixed: bool = False
    needs: Named | None = None
    formerly: str = ""

    @property
    def flag(self) -> str:
        """The option's long spelling."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def range(self) -> str:
        """The allowed values in words: "0 to 1", "1 or more", "fast, balanced, best" or ""."""
        if self.choices:
            return ", ".join(self.choices)
        if self.kind not in (int, float):
            return ""
        above = "or more" if self.high is None else f"to {self.high:g}"
        return f"{self.low:g} {above} {self.unit}".rstrip()

    def check(self, value: Any, where: str = "") -> None:
        """Refuse a value of the wrong type or outside the range.

        Args:
            value: what was given.
            where: what the message starts with: the file and the section.

        Raises:
            ConfigError: if it cannot be.
        """
        named = self.name if where else Named(self.name)  # In a file it is not an option.
        if self.choices:
            if value not in self.choices:
                raise ConfigError(where, named, f" is one of {self.range}, not {_short(value)}")
        elif type(value) is not self.kind and (self.kind, type(value)) != (float, int):
            raise ConfigError(where, named, f" is {_WORDS[self.kind]}, not {_short(value)}")
        elif self.kind in (int, float) and not self._allows(value):
            most = f", {_LARGEST} at most" if value > _LARGEST and self.high is None else ""
            raise ConfigError(where, named, f" is {self.range}{most}, not {_short(value)}")

    def _allows(self, number: float) -> bool:
        """Whether it is in the range; NaN never is."""
        return self.low <= number <= (_LARGEST if self.high is None else self.high)


def declare(default: Any, text: str, group: Group, **row: Any) -> Any:
    """Return the dataclass field of a setting; name, section and type are the field's own.

    Args:
        default: its value where nobody gives one.
        text: :attr:`Setting.help`.
        group: :attr:`Setting.group`.
        **row: further attributes of :class:`Setting`.
    """
    return field(default=default, metadata={"help": text, "group": group, **row})


class Sections:
    """Base of a frozen dataclass of sections, each a dataclass whose fields are settings."""

    __slots__ = ()

    one_of: ClassVar[tuple[str, ...]] = ()
    """Settings that cannot be used together: one that is given undoes the others."""

    @classmethod
    @cache
    def rows(cls) -> dict[str, Setting]:
        """Return every setting by its name, in the order of the configuration file."""
        return {row.name: row for row in _declared(cls)}

    @classmethod
    def row(cls, name: str, where: str = "", section: str | None = None) -> Setting:
        """Return the setting of a name that somebody wrote, be it the one it had before.

        Args:
            name: as written.
            where: what a message starts with: the file and the section.
            section: in which it was written, or None for Python and the command line.

        Raises:
            ConfigError: if there is none of that name (there).
        """
        rows = cls.rows()
        for row in rows.values():
            if name and name == row.formerly and section in (None, row.section):
                warn(f"{where}{name} is now called {row.name}", FutureWarning, stacklevel=4)
                name = row.name
        if name in rows and section in (None, rows[name].section):
            return rows[name]
        what = "setting" if section is None else "key"
        raise ConfigError(
            f"{where}unknown {what} {_short(name)}{_hint(nearest(name, rows), rows, section)}"
        )

    def with_options(self, options: Mapping[str, Any]) -> Self:
        """Return these settings with some replaced, by their names without the section.

        What the output shows is one choice: one of its settings given undoes the others here.

        Raises:
            ConfigError: if a name is unknown, or a value has the wrong type or is out of range.
        """
        rest = {self.row(name).name: value for name, value in options.items()}
        if any(rest.get(name) for name in self.one_of):
            rest = {name: self.rows()[name].default for name in self.one_of} | rest
        changed: dict[str, dict[str, Any]] = {}
        for name, value in rest.items():
            row = self.rows()[name]
            row.check(value)
            changed.setdefault(row.section, {})[name] = value
        return self.with_sections(changed)

    def with_sections(self, changed: Mapping[str, Mapping[str, Any]]) -> Self:
        """Return these settings with some replaced, by section and name; unchecked."""
        sections = {name: replace(getattr(self, name), **new) for name, new in changed.items()}
        return replace(self, **sections)  # type: ignore[type-var]  # Below it is a dataclass.

    def value(self, name: str) -> Any:
        """Return the value of a setting by its name without the section.

        Raises:
            KeyError: if there is none of that name.
        """
        return getattr(getattr(self, self.rows()[name].section), name)

    def check(self) -> None:
        """Refuse values of the wrong type or out of range, however these settings were made.

        Raises:
            ConfigError: if there is one.
        """
        for row in self.rows().values():
            row.check(self.value(row.name))

    def missing(self, name: str) -> Named | None:
        """Return what a setting does nothing without, where these settings lack it."""
        needed = self.rows()[name].needs
        if needed is None:
            return None
        value, unset = self.value(needed.name), self.rows()[needed.name].default
        met = value != unset if needed.value is None else value == needed.value
        return None if met else needed


def _hint(near: str | None, rows: Mapping[str, Setting], section: str | None) -> str:
    """Return which setting may be meant, with its section where that is another one."""
    if near is None:
        return ""
    home = rows[near].section
    elsewhere = "" if section in (None, home) else f" in [{home}]"
    return f"; the nearest is {near!r}{elsewhere}"


def _short(value: Any) -> str:
    """Return a value as it may stand in a line: some are endless, or too long to be spelt."""
    if isinstance(value, float):
        return f"{value:g}"
    try:
        return _shortened.repr(value)
    except ValueError:  # An int of more than 4300 digits.
        return "so large a number"


def _declared(settings: type) -> Iterator[Setting]:
    """Yield the rows of a dataclass of sections, in their order."""
    hints = get_type_hints(settings)
    for section in fields(settings):
        kinds = get_type_hints(hints[section.name])
        for entry in fields(hints[section.name]):
            choices = get_args(kinds[entry.name])
            yield Setting(
                name=entry.name,
                section=section.name,
                kind=str if choices else kinds[entry.name],
                choices=choices,
                default=entry.default,
                **entry.metadata,
            )
