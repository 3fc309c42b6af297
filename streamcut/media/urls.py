"""Addresses: how long one may stall before it counts as lost, and what of it may be shown."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

_TIMEOUT = 10.0
_HIDDEN = "***"
# What is no port and stands before an @ is a password, whatever else is in it.
_PASSWORD = re.compile(r"://([^:/?#@]*):(?!\d{1,5}(?:[/?#]|$))(.*)@")
_SECRETS = re.compile(
    r"([?&][^=&]*(?:key|pass|pwd|psw|token|secret|auth|sign|streamid)[^=&]*=)[^&]*", re.IGNORECASE
)
_STREAM_KEY = re.compile(r"^(rtmp\w*://[^/]+/[^/]+)/.+", re.IGNORECASE)


def timeout_for(url: str) -> float | None:
    """Return the seconds to wait for an address to answer; files may take their time."""
    return _TIMEOUT if "://" in url else None


def public(address: str) -> str:
    """Return an address as it may be shown: without passwords and without RTMP's stream key."""
    if "://" not in address:
        return address
    address = _PASSWORD.sub(rf"://\1:{_HIDDEN}@", address, count=1)
    address = _SECRETS.sub(rf"\1{_HIDDEN}", address)
    return _STREAM_KEY.sub(rf"\1/{_HIDDEN}", address)


def at_fault(address: str) -> str:
    """Return in words why an address leads nowhere, where that is its own fault; else nothing."""
    password = _PASSWORD.search(address)
    if password and set(password[2]) & set("@:/?#"):
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
