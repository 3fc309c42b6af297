"""Addresses: how long one may stall before it counts as lost, and what of it may be shown."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

_TIMEOUT = 10.0
_HIDDEN = "***"
# Some of FFmpeg's protocols stand before another one: async:http://...
_ADDRESS = re.compile(r"((?:[a-z][a-z0-9+.-]*:)*[a-z][a-z0-9+.-]*://)(.*)", re.I | re.S)
_WITHIN = re.compile(
    r"(?<![a-z0-9+.:-])(?:[a-z][a-z0-9+.-]*:)*[a-z][a-z0-9+.-]*://(?:\S*@)?[^\s'\"<>]*", re.I
)
# What is not a port and stands before an @ is a password, whatever else is in it.
_PASSWORD = re.compile(r"[^:/?#@]*:(?!\d{1,5}(?:[/?#]|$))(.*)@", re.S)
_HOST = re.compile(r"(?:\[[0-9a-fA-F:.%]+\]|[\w.-]+)(?::\d*)?")
_FOLDER = re.compile(r"[\w.~-]{1,64}")
# A long jumble of letters and digits is more likely a key than a folder.
_KEY = re.compile(r"(?=.*\d)(?=.*[a-zA-Z]).{24,}|eyJ.+")


def timeout_for(url: str) -> float | None:
    """Return the seconds to wait for an address to answer; files may take their time."""
    return _TIMEOUT if "://" in url else None


def public(address: str) -> str:
    """Return an address as it may be shown: scheme, host, and the first part of the path.

    What may hold a password, a token or a stream key becomes ``***``: user info, all that
    follows in the path, the query, the fragment. A file's name stays as it is.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return redacted(address)
    if found[1].lower() == "file://":
        return address
    user, rest = _split_user(found[2])
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    shown = host if _HOST.fullmatch(host) or not host else _HIDDEN
    tail = _shown_path(rest[len(host) :])
    return f"{found[1]}{f'{_HIDDEN}@' if user else ''}{shown}{tail}"


def redacted(text: str, *, whole: bool = False) -> str:
    """Return a text without user info, queries and fragments in the addresses that it names.

    For what others say: the paths of web addresses stay, unlike those of :func:`public`, since
    documents and models that anybody may download are among them.

    Args:
        text: of any length.
        whole: whether to leave no more of an address than :func:`public` does.
    """
    hide = public if whole else _without_secrets
    return _WITHIN.sub(lambda found: hide(found[0]), text)


def _without_secrets(address: str) -> str:
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return address
    user, rest = _split_user(found[2])
    path, mark = re.split(r"[?#]", rest, maxsplit=1)[0], re.search(r"[?#]", rest)
    if "=" in path or not found[1].lower().endswith(("http://", "https://", "file://")):
        return public(address)
    tail = f"{mark[0]}{_HIDDEN}" if mark else ""
    return f"{found[1]}{f'{_HIDDEN}@' if user else ''}{path}{tail}"


def _split_user(rest: str) -> tuple[str, str]:
    """Return what stands before an address's host, if anything, and the address from it on."""
    password = _PASSWORD.match(rest)
    if password:
        return rest[: password.end() - 1], rest[password.end() :]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, _ = authority.rpartition("@")
    if not at and not re.search(r"[.:]|^localhost$", authority):
        # A token may hold a slash: what has no dot and no port is hardly a host.
        user, at, _ = rest.rpartition("@")
        at = "" if re.search(r"\?.*=", user) else at  # An address in a query.
    return (user, rest[len(user) + 1 :]) if at else ("", rest)


def _shown_path(path: str) -> str:
    """Return the first part of a path, and stars for whatever follows."""
    if path in ("", "/"):
        return path
    if path[0] in "?#":
        return f"{path[0]}{_HIDDEN}"
    first = re.split(r"[/?#]", path[1:], maxsplit=1)[0]
    after = path[1 + len(first) :]
    if not _FOLDER.fullmatch(first) or _KEY.fullmatch(first):
        return f"/{_HIDDEN}"
    return f"/{first}{after[0]}{_HIDDEN}" if after.strip("/") else f"/{first}{after}"


def at_fault(address: str) -> str:
    """Return in words why an address leads nowhere, where that is its own fault; else nothing."""
    found = _ADDRESS.fullmatch(address)
    password = _PASSWORD.match(found[2]) if found else None
    if password and set(password[1]) & set("@:/?#"):
        return "in a password, @ : / ? # are written %40 %3A %2F %3F %23"
    try:
        host = urlsplit(public(address)).hostname
        if host:
            socket.getaddrinfo(host, None)
    except (socket.gaierror, UnicodeError):
        return f"no machine is called {host}"
    except ValueError:  # It is no address that Python knows.
        pass
    return ""
