"""One file from a server to the disk: it goes on where it broke off, and tries again.

Requests does the talking, so that proxies (``HTTPS_PROXY``, ``NO_PROXY``), certificates
(``REQUESTS_CA_BUNDLE``) and redirects are as every Python program has them. Pooch, which rembg
uses, begins anew after every fault; the files here have up to a gigabyte.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from streamcut.media.urls import redacted

if TYPE_CHECKING:
    from requests import Response

Progress = Callable[[int, "int | None"], None]
"""Told how many bytes are there, and of how many (None: nobody knows)."""

_TIMEOUT = (10.0, 20.0)
"""Seconds to wait for a connection, and for the next bytes."""

_PAUSES = (0.5, 1.5, 3.0)
"""Seconds to wait after each fault in a row; after as many, and one more, it is given up."""

_LONGEST_PAUSE = 30.0
_LEAST_RATE = 1000
"""Bytes a second that a server has to send where it sends anything."""

_WINDOWS = (6.0, 30.0)
"""Seconds over which that is looked at: at the beginning, and later."""

_FEW = 5  # Pieces that say nothing about a rate yet.
_NO_NETWORK = re.compile(r"NameResolution|getaddrinfo|unreachable|No route")
_QUERY = re.compile(r"\?\S+")
_CHUNK = 1 << 16
_BUSY = {408, 425, 429, 500, 502, 503, 504}


class RefusedError(Exception):
    """It cannot be had from there; trying again would not help. Its text is the reason."""


class UnfinishedError(Exception):
    """It broke off, or the server was busy; ``pause`` is how long the server asks to wait."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class UnreachedError(UnfinishedError):
    """There is no way to the server at all, so that going on asking hardly helps."""


def download(url: str, part: Path, progress: Progress, *, checked: bool, most: int) -> bool:
    """Fetch a file, going on from what is there of it.

    Args:
        url: where from.
        part: where to; what was there before is its beginning. It is left on a fault.
        progress: told of every piece.
        checked: whether the caller knows the whole file's checksum, so that going on is safe
            even where the server does not say which version it has.
        most: bytes that the file can have.

    Returns:
        Whether some of it was there before.

    Raises:
        RefusedError: if it cannot be had.
        UnfinishedError: if it broke off too often without getting any further.
        OSError: if it cannot be written.
    """
    if _size(part) > most:
        discard(part)
    began, faults = _size(part), 0
    furthest = began
    while True:
        try:
            _attempt(url, part, progress, checked, most)
        except RefusedError:
            if not _size(part):
                discard(part)
            raise
        except UnfinishedError as fault:
            faults = 0 if _size(part) > furthest else faults + 1
            furthest = max(furthest, _size(part))
            offline = isinstance(fault, UnreachedError) and furthest == began
            if faults > (1 if offline else len(_PAUSES)):
                raise
            time.sleep(max(_PAUSES[max(faults - 1, 0)], fault.pause))
        else:
            _version_file(part).unlink(missing_ok=True)
            return began > 0


def import_requests() -> None:
    """Import what downloads: a Ctrl-C that rises within leaves it half imported for good.

    Its submodules then stay loaded without being attributes of the package.
    """
    import requests  # noqa: F401


def discard(part: Path) -> None:
    """Remove what is there of a file."""
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def open_own(path: Path, flags: int) -> int:
    """Open a file for reading and writing, made if absent; a symbolic link is not followed."""
    extra = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.open(path, os.O_RDWR | os.O_CREAT | flags | extra, 0o666)


def _attempt(url: str, part: Path, progress: Progress, checked: bool, most: int) -> None:
    """Ask once, for what is missing, and write what comes."""
    headers, have = _asking(url, part, checked)
    with _answer(url, headers) as response:
        if response.status_code == 416 and have:
            _check_whole(response, part, have)
            return
        start = _start(response, part, have)
        total = _total(response, start)
        _refuse_page(response)
        _refuse_packed(response)
        _refuse_too_large(part, start, total, most)
        _note_version(part, url, response)
        with os.fdopen(open_own(part, 0), "r+b") as file:
            file.truncate(start)
            file.seek(start)
            done = _write(response, file, progress, total, most)
    if total is not None and done < total:
        raise UnfinishedError(f"it broke off after {done} of {total} bytes")


def _asking(url: str, part: Path, checked: bool) -> tuple[dict[str, str], int]:
    """Return the request's headers, and from which byte on they ask."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "streamcut"}
    have, version = _size(part), _version(part, url)
    if not have or not (version or checked):
        return headers, 0
    headers["Range"] = f"bytes={have}-"
    if version:
        headers["If-Range"] = version
    return headers, have


@contextmanager
def _answer(url: str, headers: dict[str, str]) -> Iterator[Response]:
    """Yield the server's answer if it holds a file; every fault is one of this module's two."""
    from http.client import HTTPException

    import requests
    from urllib3.exceptions import HTTPError

    permanent = (requests.exceptions.SSLError, requests.TooManyRedirects, ValueError)
    try:
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            _check_way(url, response)
            _check_status(response)
            yield response
    except permanent as error:  # Its ValueErrors are addresses that make no sense.
        raise RefusedError(_reason(error)) from error
    except (requests.RequestException, HTTPError, HTTPException) as error:
        kind = UnreachedError if _NO_NETWORK.search(str(error)) else UnfinishedError
        raise kind(_reason(error)) from error


def _check_way(url: str, response: Response) -> None:
    """Refuse to be led from an encrypted address to one that anybody on the way can change."""
    led = [step.url for step in (*response.history, response)]
    if url.startswith("https:") and not all(step.startswith("https:") for step in led):
        raise RefusedError("it leads from https to http")


def _check_status(response: Response) -> None:
    said = f"the server answers {response.status_code} {response.reason}".rstrip()
    if response.status_code in _BUSY:
        asked = response.headers.get("Retry-After", "")
        pause = float(asked) if asked.isdecimal() else 0.0
        raise UnfinishedError(said, min(pause, _LONGEST_PAUSE))
    if response.status_code not in (200, 206, 416):
        raise RefusedError(said)


def _check_whole(response: Response, part: Path, have: int) -> None:
    """Accept that there is nothing beyond what is there, or begin anew."""
    if response.headers.get("Content-Range", "").rpartition("/")[2] != str(have):
        discard(part)
        raise UnfinishedError("the server has another version than the one begun")


def _start(response: Response, part: Path, have: int) -> int:
    """Return from which byte on the answer is."""
    if response.status_code == 200:
        return 0
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != have:
        discard(part)
        raise UnfinishedError("the server sends another piece than the one asked for")
    return have


def _total(response: Response, start: int) -> int | None:
    """Return how long the file is, as far as the server says."""
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal():
        return None
    return start + int(length)


def _refuse_page(response: Response) -> None:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml", "application/xml", "application/json"):
        raise RefusedError(f"the server sends a page ({kind}), no model")


def _refuse_packed(response: Response) -> None:
    """Refuse what would grow when it is unpacked: nobody has asked for that."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise RefusedError(f"the server sends it packed ({coding}), though it was asked not to")


def _refuse_too_large(part: Path, start: int, total: int | None, most: int) -> None:
    if total is not None and total > most:
        raise RefusedError(_too_long(most, f"the server wants to send {total} bytes"))
    # What is there already of the file is overwritten where it begins anew.
    free = shutil.disk_usage(part.parent).free + _size(part)
    if total is not None and total > free:
        need = f"{(total - start) / 1e6:.1f} MB to come, {(free - start) / 1e6:.1f} MB free"
        raise OSError(errno.ENOSPC, f"too little space: {need}")


def _write(
    response: Response, file: BinaryIO, progress: Progress, total: int | None, most: int
) -> int:
    """Write what comes; return the file's size.

    Raises:
        RefusedError: if more comes than the file can have, or too little at a time.
    """
    progress(file.tell(), total)
    response.raw.enforce_content_length = False  # What came of a last piece shall not be lost.
    trickle = _Trickle()
    # Not iter_content, which waits for a whole chunk, however slowly its bytes come.
    while chunk := response.raw.read1(_CHUNK, decode_content=False):
        if file.tell() + len(chunk) > most:
            file.truncate(0)
            raise RefusedError(_too_long(most, "the server sends more"))
        file.write(chunk)
        progress(file.tell(), total)
        trickle.check(len(chunk))
    return file.tell()


def _too_long(most: int, what: str) -> str:
    return f"{what}, and the file has {most / 1e6:.0f} MB at most"


class _Trickle:
    """Sees to it that a server does not send byte after byte for ever."""

    def __init__(self) -> None:
        self._windows = iter(_WINDOWS)
        self._start(next(self._windows))

    def _start(self, seconds: float) -> None:
        self._seconds, self._began = seconds, time.monotonic()
        self._bytes = self._pieces = 0

    def check(self, count: int) -> None:
        """Note that so many bytes came.

        Raises:
            RefusedError: if they come too slowly.
        """
        self._bytes, self._pieces = self._bytes + count, self._pieces + 1
        elapsed = time.monotonic() - self._began
        if elapsed < self._seconds:
            return
        if self._pieces > _FEW and self._bytes < _LEAST_RATE * elapsed:
            raise RefusedError(f"it comes at {self._bytes / elapsed:.0f} bytes a second")
        self._start(next(self._windows, self._seconds))


def _note_version(part: Path, url: str, response: Response) -> None:
    """Keep what identifies the server's version of the file, for going on another time."""
    tag = response.headers.get("ETag", "")
    weak = tag.startswith("W/")
    version = response.headers.get("Last-Modified") if weak or not tag else tag
    note = _version_file(part)
    note.unlink(missing_ok=True)
    if version and "Content-Encoding" not in response.headers:
        with os.fdopen(open_own(note, os.O_EXCL), "w", encoding="utf-8") as file:
            json.dump({"url": url, "version": version}, file)


def _version(part: Path, url: str) -> str | None:
    try:
        note = json.loads(_version_file(part).read_text(encoding="utf-8"))
        return str(note["version"]) if note["url"] == url else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _version_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _size(path: Path) -> int:
    return path.stat().st_size if os.path.isfile(path) else 0


def _reason(error: Exception) -> str:
    """Return what went wrong in a few words, without the wrappings of the libraries below."""
    text = _QUERY.sub("?***", redacted(str(error).rpartition("Caused by ")[2]))
    known = (words for pattern, words in _REASONS if re.search(pattern, text))
    return next(known, text[:200] or type(error).__name__)


_REASONS = (
    (r"ProxyError", "the proxy does not let it through (HTTPS_PROXY, NO_PROXY)"),
    (r"NameResolution|getaddrinfo", "the server's name cannot be found: is there a network?"),
    (r"Connection refused|actively refused", "nothing answers at that address"),
    (r"unreachable|No route", "there is no way to that server: is there a network?"),
    (r"[Tt]imed out", "the server did not answer in time"),
    (r"CERTIFICATE_VERIFY", "its certificate is not trusted (REQUESTS_CA_BUNDLE)"),
    (r"SSLError", "it speaks no TLS that is understood here: is the address right?"),
    (r"IncompleteRead|aborted|reset by|RemoteDisconnected", "the connection broke off"),
    (r"redirects", "it redirects without end"),
    (r"Invalid URL|No connection adapters|Failed to parse", "that is not an http address"),
)
