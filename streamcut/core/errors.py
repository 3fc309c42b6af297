"""Every error that streamcut raises on purpose, in one tree.

Each is also the fitting builtin, so that callers who know Python but not
streamcut can catch what they expect::

    StreamcutError
    |-- UsageError (ValueError)       an option or argument makes no sense
    |   `-- ConfigError               a configuration file does
    |-- SourceError (OSError)         the input cannot be opened or read
    |-- SinkError (OSError)           the output cannot be opened or written
    |   |-- OutputExistsError (FileExistsError)    it exists, and may not be replaced
    |   `-- OutputClosedError (BrokenPipeError)    its reader has closed it
    |-- ModelError (RuntimeError)     a model is unknown, broken or fails
    |-- MissingDependencyError (ImportError)   an optional package is absent
    `-- ResourcesError (MemoryError)  the machine has no memory or no thread to spare

Messages are one line, name the thing at fault and say what to do. A setting or an argument in
them is a :class:`Named`: Python reads its name, the command line shows its option.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "ConfigError",
    "MissingDependencyError",
    "ModelError",
    "Named",
    "OutputClosedError",
    "OutputExistsError",
    "ResourcesError",
    "SinkError",
    "SourceError",
    "StreamcutError",
    "UsageError",
]


@dataclass(frozen=True, slots=True)
class Named:
    """A setting or an argument in a message, with a value or without.

    >>> str(UsageError(Named("smooth"), " is 0 to 1, not 2"))
    'smooth is 0 to 1, not 2'
    >>> str(UsageError("give ", Named("codec", "prores")))
    'give codec=prores'
    """

    name: str
    value: object = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value}"


class StreamcutError(Exception):
    """Base of all errors raised by streamcut. ``exit_code`` is what the command returns.

    Args:
        *parts: of the message, put together without spaces.
    """

    exit_code = 1

    def __init__(self, *parts: object) -> None:
        super().__init__("".join(map(str, parts)))
        self.parts = parts

    def add(self, *parts: object) -> None:
        """Go on with the message."""
        self.parts = (*self.parts, *parts)
        self.args = ("".join(map(str, self.parts)),)

    def told(self, spell: Callable[[Named], str]) -> str:
        """Return the message with every :class:`Named` spelt by ``spell``."""
        return "".join(spell(part) if isinstance(part, Named) else str(part) for part in self.parts)


class UsageError(StreamcutError, ValueError):
    """An option or argument makes no sense, alone or beside another."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file has an unknown key or a value of the wrong type."""


class SourceError(StreamcutError, OSError):
    """The input cannot be opened, is not a video, or stops being readable."""


class SinkError(StreamcutError, OSError):
    """The output cannot be opened or written."""


class OutputExistsError(SinkError, FileExistsError):
    """The output exists and nobody said that it may be replaced."""


class OutputClosedError(SinkError, BrokenPipeError):
    """Whoever read the output has closed it: there is nobody left to write for."""


class ModelError(StreamcutError, RuntimeError):
    """A model is unknown, its file is broken, or it fails while running."""


class ResourcesError(StreamcutError, MemoryError):
    """The machine, or what this process may take of it, has no memory or no thread to spare."""


class MissingDependencyError(StreamcutError, ImportError):
    """An optional package is absent; the message names the extra to install."""
