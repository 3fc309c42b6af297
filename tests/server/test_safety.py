"""Who may ask, how much they may send, and what is fetched for them."""

from __future__ import annotations

import ipaddress
import socket
import struct
import zlib
from typing import Any

import pytest
from helpers.server import Serve, photo
from helpers.servers import serving

from streamcut.server.errors import public_text
from streamcut.server.fetching import Fetcher, Refused, is_public

LOOPBACK_ONLY = ipaddress.ip_address("127.0.0.1")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
    ],
)
def test_what_is_not_of_the_internet(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_what_is_of_the_internet(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.png",
        "gopher://127.0.0.1:11211/",
        "http://",
        "http://user:password@8.8.8.8/",
        "http://8.8.8.8:99999/",
        "http://exa mple.org/",
        "http://example.org/\r\nX: y",
        "http://127.0.0.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost/",
        "//127.0.0.1/",
        "",
    ],
)
def test_addresses_that_are_refused(url: str, serve: Serve) -> None:
    with pytest.raises(Refused):
        Fetcher().fetch(url, 1000)
    answer = serve().get("/api/remove", params={"url": url})
    assert answer.status_code == 400


def resolving(monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> list[str]:
    """Let names lead to one address after the other; return those that were asked for."""
    asked: list[str] = []

    def found(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        ip = answers.pop(0) if host == "evil.test" else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return asked


def test_a_redirect_to_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = {"127.0.0.2"}
    asked = resolving(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    with serving(b"secret", moved=1) as site:
        fetcher = Fetcher(allowed=lambda ip: str(ip) in allowed)
        with pytest.raises(Refused):
            fetcher.fetch(site.url.replace("127.0.0.1", "evil.test"), 1000)
    assert asked == ["evil.test"] or len(asked) == 2


def test_a_name_is_resolved_once_and_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(b"what was checked") as site:
        asked = resolving(monkeypatch, ["127.0.0.1", "10.0.0.1"])
        fetcher = Fetcher(allowed=lambda ip: ip == LOOPBACK_ONLY)
        url = site.url.replace("127.0.0.1", "evil.test")
        assert fetcher.fetch(url, 1000) == b"what was checked"
        assert [host for host in asked if host == "evil.test"] == ["evil.test"]
        with pytest.raises(Refused):
            fetcher.fetch(url, 1000)


def test_what_is_fetched_is_counted() -> None:
    with serving(bytes(100_000)) as site, pytest.raises(Refused, match="larger"):
        Fetcher(allowed=lambda _: True).fetch(site.url, 50_000)
    with serving(bytes(40_000)) as site:
        assert len(Fetcher(allowed=lambda _: True).fetch(site.url, 50_000)) == 40_000
    with serving(b"", moved=9) as site, pytest.raises(Refused, match="too often"):
        Fetcher(allowed=lambda _: True).fetch(site.url, 50_000)
    with serving(b"", statuses=[500]) as site, pytest.raises(Refused, match="answers 500"):
        Fetcher(allowed=lambda _: True).fetch(site.url, 50_000)


def test_fetching_can_be_switched_off(serve: Serve) -> None:
    answer = serve(addresses=False).get("/api/remove", params={"url": "http://8.8.8.8/"})
    assert answer.status_code == 403


def png_of(width: int, height: int) -> bytes:
    """A small file that holds a huge image: black, well compressed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width // 8)) for _ in range(height))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    packed = chunk(b"IDAT", rows + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + head + packed + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_not_decoded(serve: Serve) -> None:
    bomb, client = png_of(20_000, 20_000), serve()
    assert len(bomb) < 200_000
    for answer in (
        client.post("/api/remove", files={"file": bomb}),
        client.post("/v1.0/removebg", files={"image_file": bomb}),
    ):
        assert answer.status_code == 413
        assert "megapixels" in answer.text


def test_what_is_larger_than_allowed_is_not_read(serve: Serve) -> None:
    client = serve(upload_limit=1)
    came = 0

    def zeros() -> Any:
        nonlocal came
        for _ in range(1000):
            came += 65_536
            yield bytes(65_536)

    head = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/remove", content=zeros(), headers=head)
    assert answer.status_code in (400, 413)
    told = {"Content-Length": "10000000000", **head}
    assert client.post("/api/remove", content=b"", headers=told).status_code == 413


@pytest.mark.parametrize("host", ["evil.test", "evil.test:7000", "127.0.0.1.evil.test", "", "["])
def test_a_name_that_leads_here_is_not_answered(serve: Serve, host: str) -> None:
    assert serve().get("/openapi.json", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7000", "127.0.0.1:1", "[::1]:7000"])
def test_names_of_this_machine_are_answered(serve: Serve, host: str) -> None:
    assert serve().get("/openapi.json", headers={"Host": host}).status_code == 200


def test_pages_of_other_sites_are_refused(serve: Serve) -> None:
    client, files = serve(), {"file": photo()}
    for headers in (
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8000"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = client.post("/api/remove", files=files, headers=headers)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    same = {"Origin": "http://127.0.0.1:7000", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/remove", files=files, headers=same).status_code == 200


def test_one_site_may_be_named(serve: Serve) -> None:
    client = serve(allow_origin="https://mine.test")
    named = {"Origin": "https://mine.test", "Sec-Fetch-Site": "cross-site"}
    answer = client.post("/api/remove", files={"file": photo()}, headers=named)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://mine.test"
    assert client.options("/api/remove", headers=named).status_code == 204
    other = {"Origin": "https://evil.test"}
    assert client.options("/api/remove", headers=other).status_code == 403


def test_a_token_is_asked_for(serve: Serve) -> None:
    client = serve(token="secret", host="0.0.0.0")
    assert client.get("/openapi.json").status_code == 401
    for headers in ({"X-Api-Key": "secret"}, {"Authorization": "Bearer secret"}):
        assert client.get("/openapi.json", headers=headers).status_code == 200
    wrong: list[Any] = [{"X-Api-Key": "secrets"}, {"Authorization": "Basic secret"}]
    for headers in (*wrong, {"X-Api-Key": "sécret".encode()}):
        assert client.get("/openapi.json", headers=headers).status_code == 401
    assert client.get("/?token=wrong").status_code == 401
    there = client.get("/?token=secret", follow_redirects=False)
    assert there.status_code == 303
    assert "HttpOnly" in there.headers["set-cookie"]
    assert client.get("/openapi.json").status_code == 200, "the cookie is kept"


def test_no_folder_of_the_server_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/x y")
    for text, shown in (
        ("/home/me/.local/jobs/1/in.mp4 holds no video", "in.mp4 holds no video"),
        (r"C:\Users\me\in.mp4 cannot be read", "in.mp4 cannot be read"),
        ("'/srv/x y/in.mp4': broken", "'in.mp4': broken"),
        ("1/2 of it", "1/2 of it"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
    ):
        assert public_text(ValueError(text)) == shown


def test_headers_of_caution(serve: Serve) -> None:
    headers = serve().get("/openapi.json").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
