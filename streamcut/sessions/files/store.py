"""Model files that are fetched when they are first used.

They lie where rembg keeps them, under its names, so that nobody downloads twice: in
``$U2NET_HOME``, else ``$XDG_DATA_HOME/.u2net``, else ``~/.u2net``. What newer versions of rembg
have fetched into folders of their own is found and used, too.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import logging
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from streamcut.core.cache import recall, remember
from streamcut.core.errors import ModelError
from streamcut.core.interrupts import Interrupts
from streamcut.core.status_line import StatusLine, in_notebook
from streamcut.media.urls import public
from streamcut.sessions.files.download import (
    Progress,
    RefusedError,
    UnfinishedError,
    discard,
    download,
    import_requests,
)
from streamcut.sessions.files.locks import locked
from streamcut.sessions.files.model import Model, Weights

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    import rich.progress as rich

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*[A-Za-z0-9_-]")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)\d)(?:\..*)?", re.I)
_POLL = 0.2


def fetch_model(
    model: Model,
    *,
    mirror: str = "",
    quiet: bool = False,
    force: bool = False,
    agree: Callable[[Model], None] | None = None,
) -> tuple[Path, ...]:
    """Return the files of a model, fetching what is not there, as :func:`fetch` does.

    Args:
        model: a row of the catalogue.
        mirror: as for :func:`fetch`.
        quiet: as for :func:`fetch`.
        force: as for :func:`fetch`.
        agree: called with a model whose licence has conditions, before it is downloaded; what
            it raises prevents that. None issues a warning. Conditions are shown but once.

    Raises:
        ModelError: as :func:`fetch` does.
    """
    missing = force or not all(map(located, model.weights))
    if model.conditions and missing and recall("agreed").get(model.name) != model.conditions:
        (agree or _announce)(model)
        remember("agreed", model.name, model.conditions)
    return tuple(
        fetch(weights, mirror=mirror, quiet=quiet, force=force) for weights in model.weights
    )


def fetch(weights: Weights, *, mirror: str = "", quiet: bool = False, force: bool = False) -> Path:
    """Return where a model file is, downloading it first if it is not there.

    Its checksum is verified before its first use, and again when it has changed since.
    ``MODEL_CHECKSUM_DISABLED`` (with any value) leaves that out, as in rembg.

    Args:
        weights: the file.
        mirror: address to whose end the file's name is put, in place of the file's own address;
            empty takes that one.
        quiet: whether to draw no progress bar; without a terminal none is drawn anyway.
        force: whether to download it even if it is there.

    Raises:
        ModelError: if it cannot be had, is not what its checksum says, or does not look like a
            model: one line that says where it belongs.
    """
    target = cache_folder() / safe_name(weights.file)
    found = None if force else located(weights)
    if found is not None:
        _check_found(weights, found)
        return found
    url = _mirrored(mirror, weights.file) if mirror else weights.url
    with Interrupts() as interrupts:
        import_requests()
        bar = _bar(weights.file, quiet)
        shown = public(url) if mirror else url
        _log.info("downloading %s to %s", shown, target)
        with _explained(weights, shown, target), bar as progress, interrupts.released():
            _fetch(weights, url, target, progress, force)
    return target


def located(weights: Weights) -> Path | None:
    """Return where a file is, in our folder or in those of newer versions of rembg."""
    name = safe_name(weights.file)
    newer = glob.glob(os.path.join(glob.escape(str(rembg_folder())), "models", "*", name))
    candidates = [cache_folder() / name, *map(Path, sorted(newer))]
    return next((path for path in candidates if os.path.isfile(path)), None)


def cache_folder() -> Path:
    """Return the folder of the model files: the one that every version of rembg reads."""
    home = os.environ.get("U2NET_HOME")
    return _expanded(home or os.path.join(os.environ.get("XDG_DATA_HOME") or "~", ".u2net"))


def rembg_folder() -> Path:
    """Return where newer versions of rembg keep their files, each in ``models/<name>``."""
    if os.environ.get("U2NET_HOME"):
        return cache_folder()
    data = os.environ.get("XDG_DATA_HOME")
    default = os.path.join(data, "rembg") if data else os.path.join("~", ".rembg")
    return _expanded(os.environ.get("REMBG_HOME") or default)


def safe_name(name: str) -> str:
    """Return a file name that stays in its folder on every system.

    Raises:
        ModelError: if it would not: separators, drives, ``..``, devices, or nothing at all.
    """
    if not _NAME.fullmatch(name) or _DEVICES.fullmatch(name):
        raise ModelError(f"{name!r} is not a name for a model file: letters, digits and . _ - only")
    return name


def verified(path: Path, checksum: str | None) -> bool:
    """Whether a file has a checksum (``md5:...``, ``sha256:...``); hashed once, then remembered.

    A gigabyte takes seconds to hash: what was verified is known again, also under another name,
    by its inode, its size and its time of change.
    """
    if checksum is None or _unchecked():
        return True
    status = path.stat()
    fact = [status.st_ino, status.st_size, status.st_mtime_ns]
    if recall("verified").get(checksum) == fact:
        return True
    algorithm, _, wanted = checksum.partition(":")
    with path.open("rb") as file:
        hashing = partial(hashlib.new, algorithm, usedforsecurity=False)
        found = hashlib.file_digest(file, hashing).hexdigest()
    if found != wanted.lower():
        return False
    remember("verified", checksum, fact)
    return True


def _unchecked() -> bool:
    return "MODEL_CHECKSUM_DISABLED" in os.environ


def _check_found(weights: Weights, path: Path) -> None:
    """Refuse a file that is there and not the published one; it may be the user's own."""
    try:
        fault = fault_of(weights, path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    if fault:
        raise ModelError(
            f"{path} {fault}: remove it to have it fetched again from {weights.url}, "
            "or set MODEL_CHECKSUM_DISABLED=1 to use it as it is"
        )


def fault_of(weights: Weights, path: Path) -> str:
    """Return what is wrong with a file that claims to be a model, or nothing."""
    size = path.stat().st_size
    if page := _page(path):
        return page
    if not verified(path, weights.checksum):
        return f"is not the published file: its checksum is not {weights.checksum}"
    if weights.checksum is None and weights.bytes is not None and weights.bytes != size:
        return f"is not the published file: it has {size} bytes, not {weights.bytes}"
    return ""


def _page(path: Path) -> str:
    """Return what a file is that is not a model at all: a page, a message, a pointer."""
    with path.open("rb") as file:
        head = file.read(256)
    if not head:
        return "is empty"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"\0" in head or not text.startswith((b"<", b"{", b"[", b"version https://git-lfs")):
        return ""
    return "is text, not a model: perhaps a page that asks to log in"


def _fetch(weights: Weights, url: str, target: Path, progress: Progress, force: bool) -> None:
    """Download a file under the lock that keeps other processes from doing the same."""
    began = time.time()
    part = target.with_name(f"{target.name}.part")

    def follow() -> None:
        with suppress(OSError):
            progress(part.stat().st_size, weights.bytes)
        time.sleep(_POLL)

    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_name(f"{target.name}.lock"), follow):
        if os.path.isfile(target) and (not force or target.stat().st_mtime >= began):
            _check_found(weights, target)  # Another process was quicker.
            return
        _obtain(weights, url, part, progress)
        os.replace(part, target)


def _obtain(weights: Weights, url: str, part: Path, progress: Progress) -> None:
    """Download a file and check it; what went on from a wrong beginning is begun anew, once."""
    for _ in range(2):
        resumed = _downloaded(weights, url, part, progress)
        fault = fault_of(weights, part)
        if not fault:
            return
        discard(part)
        if not resumed:
            break
    raise RefusedError(f"what came {fault}")


def _downloaded(weights: Weights, url: str, part: Path, progress: Progress) -> bool:
    """Download; a server that promises more than there is is believed by the checksum alone."""
    checked = weights.checksum is not None and not _unchecked()
    try:
        most = weights.bytes or weights.most
        return download(url, part, progress, checked=checked, most=most)
    except UnfinishedError:
        if not (checked and os.path.isfile(part) and verified(part, weights.checksum)):
            raise
        return False


@contextmanager
def _explained(weights: Weights, shown: str, target: Path) -> Iterator[None]:
    """Turn what can go wrong into one line that names the file, its address and its place."""
    by_hand = f"it belongs at {target}, where you may also put it by hand"
    try:
        yield
    except (RefusedError, UnfinishedError) as error:
        raise ModelError(
            f"{weights.file} cannot be fetched from {shown}: {error}; {by_hand}"
        ) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            with suppress(OSError):
                discard(target.with_name(f"{target.name}.part"))
        raise ModelError(
            f"{weights.file} from {shown} cannot be written to {target.parent}: "
            f"{error.strerror or error}; {by_hand}, or let U2NET_HOME name another folder"
        ) from error


def _mirrored(mirror: str, file: str) -> str:
    """Return a file's address on a mirror: its name ends the path, before any query."""
    parts = urlsplit(mirror)
    if parts.query.endswith(("=", "/")):
        return mirror + quote(file)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(file)}"))


def _announce(model: Model) -> None:
    warnings.warn(conditions_of(model), UserWarning, stacklevel=4)


def conditions_of(model: Model) -> str:
    """Return what a model's licence asks, as one line; the conditions begin with its name."""
    return f"{model.name}: {model.conditions}"


def _expanded(path: str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(path)))


@contextmanager
def _bar(file: str, quiet: bool) -> Iterator[Progress]:
    """Yield what draws the progress in a notebook's cell, or on standard error's terminal."""
    if in_notebook() and not quiet:
        with StatusLine() as line:
            yield partial(_tell, line, file)
        return
    from rich import progress as rich
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda done, total: None
        return
    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(bar_width=None),
        rich.DownloadColumn(),
        rich.TransferSpeedColumn(),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(
        *columns, console=console, expand=True, transient=True, auto_refresh=False
    ) as bar:
        yield partial(_draw, bar, bar.add_task(file, total=None))


def _tell(line: StatusLine, file: str, done: int, total: int | None) -> None:
    """Say how much of a file is there, if the last time is long enough ago."""
    if line.due:
        of = f" of {total / 1e6:.1f}" if total else ""
        line.show(f"downloading {file}: {done / 1e6:.1f}{of} MB")


def _draw(bar: rich.Progress, task: rich.TaskID, done: int, total: int | None) -> None:
    """Move the bar, and redraw it if the last time is long enough ago."""
    bar.update(task, completed=done, total=total)
    elapsed = bar.tasks[0].elapsed or 0.0
    if elapsed >= bar.tasks[0].fields.get("due", 0.0):
        bar.update(task, due=elapsed + _POLL, refresh=True)
