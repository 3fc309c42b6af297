"""Which models there are: what each is for, its licence, where it is, how fast it is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from streamcut.sessions.files.catalog import CATALOG, unknown
from streamcut.sessions.files.model import PACKAGED, Model
from streamcut.sessions.files.speeds import Speed, kept
from streamcut.sessions.files.store import located

Where = Literal["package", "downloaded", "absent", "by path", "built in"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One model.

    Attributes:
        name: what the setting ``model`` takes.
        purpose: what it is for.
        licence: of its weights.
        conditions: what the licence asks, or None.
        bytes: size of its files, as far as it is known.
        where: inside the package; downloaded; absent, until it is used or pulled; a file of
            the user's own, given by path; or built in, without any file.
        files: those that are there.
        speed: what was measured last on this machine, or None.
    """

    name: str
    purpose: str
    licence: str
    conditions: str | None
    bytes: int | None
    where: Where
    files: tuple[str, ...]
    speed: Speed | None


def inventory() -> list[Entry]:
    """Return every model of the catalogue, in its order."""
    return [_entry(model) for model in CATALOG]


def chosen(names: Sequence[str]) -> list[Model]:
    """Return the rows of some names.

    Raises:
        ModelError: if one is unknown; it names the nearest, if one is near.
    """
    rows = {model.name: model for model in CATALOG}
    for name in names:
        if name not in rows:
            raise unknown(name)
    return [rows[name] for name in names]


def present(*, networks: bool = False) -> list[str]:
    """Return the names of the models that run without a download or a file of the user's.

    Args:
        networks: leave out what has no network, and so never runs on a GPU.
    """
    here = ["package", "downloaded"] + ["built in"] * (not networks)
    return [entry.name for entry in inventory() if entry.where in here]


def _entry(model: Model) -> Entry:
    files = _files(model)
    return Entry(
        name=model.name,
        purpose=model.purpose,
        licence=model.licence,
        conditions=model.conditions,
        bytes=_bytes(model, files),
        where=_where(model, files),
        files=tuple(map(str, files)),
        speed=kept(model.name),
    )


def _files(model: Model) -> list[Path]:
    if model.file is not None:
        return [PACKAGED / name for name in (model.file, model.cpu_file) if name is not None]
    found = map(located, model.weights)
    return [path for path in found if path is not None]


def _where(model: Model, files: Sequence[Path]) -> Where:
    if model.file is not None:
        return "package"
    if not model.needs_file:
        return "built in"
    if not model.weights:
        return "by path"
    return "downloaded" if len(files) == len(model.weights) else "absent"


def _bytes(model: Model, files: Sequence[Path]) -> int | None:
    """Return the size of a model's files, from the disk or as they are published."""
    if files and len(files) >= len(model.weights):
        return sum(path.stat().st_size for path in files)
    sizes = [weights.bytes for weights in model.weights] or [model.bytes]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
