"""Addresses of others: fetched from the public internet alone, whatever their names lead to.

A name is resolved once, every address it has must be public, and the connection goes to the one
that was checked: a name that leads elsewhere the second time gains nothing. Each redirect is
checked anew. What comes is counted while it comes.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TypeAlias
from urllib.parse import urljoin, urlsplit

import urllib3
from fastapi import HTTPException

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_STALL = 10.0  # Seconds without a byte.
_LONGEST = 2000  # Characters of an address.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PIECE = 1 << 16


def is_public(ip: IPAddress) -> bool:
    """Whether an address, and the IPv4 address inside it if there is one, is of the internet."""
    return _is_global(ip) and _is_global(_unwrapped(ip))


def _is_global(ip: IPAddress) -> bool:
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _unwrapped(ip: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 address of a transition carries, else itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


class Refused(HTTPException):
    """An address that is not fetched, or that gave nothing."""

    def __init__(self, detail: str) -> None:
        super().__init__(400, detail)


class Fetcher:
    """Fetches what lies at public http addresses.

    Args:
        allowed: whether an address may be connected to.
        seconds: that fetching may take.
    """

    def __init__(
        self, allowed: Callable[[IPAddress], bool] = is_public, seconds: float = 60.0
    ) -> None:
        self._allowed, self._seconds = allowed, seconds

    def fetch(self, url: str, most: int) -> bytes:
        """Return what lies at an address.

        Args:
            url: where.
            most: bytes.

        Raises:
            Refused: if it may not be fetched, is too large, or does not come.
        """
        return b"".join(self.pieces(url, most))

    def pieces(self, url: str, most: int) -> Iterator[bytes]:
        """Yield what lies at an address, piece by piece; the arguments are :meth:`fetch`'s.

        Raises:
            Refused: likewise.
        """
        ends = time.monotonic() + self._seconds
        for _ in range(_MOST_REDIRECTS + 1):
            with closing(self._asked(url)) as answer:
                if answer.status not in _REDIRECTS:
                    yield from _body(answer, most, ends)
                    return
                location = answer.headers.get("Location")
                if not location:
                    raise Refused("the address redirects to nowhere")
                url = urljoin(url, location)
        raise Refused("the address redirects too often")

    def _asked(self, url: str) -> urllib3.BaseHTTPResponse:
        """Connect to the address that was checked, and ask."""
        scheme, host, port, target = _parts(url)
        ip = self._resolved(host, port)
        timeout = urllib3.Timeout(connect=_STALL, read=_STALL)
        pool = (
            urllib3.HTTPSConnectionPool(
                ip, port, timeout=timeout, server_hostname=host, assert_hostname=host
            )
            if scheme == "https"
            else urllib3.HTTPConnectionPool(ip, port, timeout=timeout)
        )
        shown = f"[{host}]" if ":" in host else host
        usual = {"http": 80, "https": 443}[scheme]
        try:
            return pool.urlopen(
                "GET",
                target,
                headers={
                    "Host": shown if port == usual else f"{shown}:{port}",
                    "Accept-Encoding": "identity",
                    "User-Agent": "streamcut",
                },
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Refused("the address does not answer") from error

    def _resolved(self, host: str, port: int) -> str:
        """Return an address of a host, all of whose addresses may be connected to."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Refused("no machine has that name") from error
        ips = [str(entry[4][0]) for entry in found]
        if not ips or not all(self._allowed(ipaddress.ip_address(ip)) for ip in ips):
            raise Refused("the address is not of the public internet")
        return ips[0]


def _parts(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port, and path with query, of an http address.

    Raises:
        Refused: if it is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused("that is no address") from error
    if len(url) > _LONGEST or any(ord(letter) <= 32 or ord(letter) > 126 for letter in url):
        raise Refused("that is no address")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused("only http and https addresses are fetched")
    if parts.username is not None:
        raise Refused("an address with a user or a password is not fetched")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), target


def _body(answer: urllib3.BaseHTTPResponse, most: int, ends: float) -> Iterator[bytes]:
    if answer.status != 200:
        raise Refused(f"the address answers {answer.status}")
    too_large = f"what lies at the address is larger than {most // 1_000_000} MB"
    if int(answer.headers.get("Content-Length") or 0) > most:
        raise Refused(too_large)
    came = 0
    try:
        for piece in answer.stream(_PIECE, decode_content=False):
            came += len(piece)
            if came > most:
                raise Refused(too_large)
            if time.monotonic() > ends:
                raise Refused("the address is too slow")
            yield piece
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Refused("the address stopped answering") from error
