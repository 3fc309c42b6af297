"""A running server under what people do to servers: all of it against loopback, and bounded."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from helpers.media import pictures, write
from helpers.server import photo, running

httpx = pytest.importorskip("httpx")
pytest.importorskip("fastapi")

MB = 1 << 20


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    if sys.platform != "linux":
        return 0
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def place(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def test_the_first_minute(tmp_path: Path) -> None:
    """It opens, is told where, makes an image with the embedded network, and ends when asked."""
    with running(tmp_path / "data") as (address, process):
        assert "<title>streamcut" in httpx.get(address).text
        answer = httpx.post(f"{address}api/remove", files={"file": photo()}, timeout=60)
        assert answer.status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    import subprocess

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "streamcut", "serve", "--no-browser", "--port", port]
        command += ["--data", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "--port" in done.stderr


@pytest.mark.real
def test_two_hundred_at_once(tmp_path: Path) -> None:
    with running(tmp_path / "data") as (address, process):
        httpx.post(f"{address}api/remove", files={"file": photo()}, timeout=60)
        data, before = photo(320, 240), resident(process.pid)

        def ask(_: int) -> tuple[int, bool]:
            answer = httpx.post(f"{address}api/remove", files={"file": data}, timeout=300)
            return answer.status_code, "retry-after" in answer.headers

        with ThreadPoolExecutor(200) as pool:
            answers = list(pool.map(ask, range(200)))
        assert {status for status, _ in answers} <= {200, 429}
        assert all(told for status, told in answers if status == 429)
        assert sum(status == 200 for status, _ in answers) >= 100
        assert resident(process.pid) - before < 300 * MB
        assert httpx.get(f"{address}v1/about").status_code == 200


@pytest.mark.real
def test_slow_loris(tmp_path: Path) -> None:
    with running(tmp_path / "data") as (address, _):
        sockets = [socket.create_connection(place(address)) for _ in range(100)]
        for each in sockets:
            each.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        began = time.monotonic()
        assert httpx.get(address, timeout=10).status_code == 200, "others are answered"
        while time.monotonic() - began < 12:
            for each in sockets:
                with contextlib.suppress(OSError):
                    each.sendall(b"X-A: b\r\n")
            time.sleep(2)
        for each in sockets:
            each.settimeout(15)
            with contextlib.suppress(ConnectionError):
                assert each.recv(1) == b"", "closed, whatever trickles in"
            each.close()
        assert time.monotonic() - began < 30


@pytest.mark.real
def test_ten_gigabytes(tmp_path: Path) -> None:
    """Zeros for as long as the server takes them: its limit, and neither memory nor disk."""
    with running(tmp_path / "data", "--upload-limit", "20") as (address, process):
        httpx.get(f"{address}v1/about")
        before = resident(process.pid)
        for path in ("api/remove", "v1/videos", "v1.0/removebg"):
            sent = flood(address, path, {"Content-Type": "multipart/form-data; boundary=x"})
            assert sent < 200 * MB
        video = httpx.post(f"{address}v1/videos", json={"name": "zeros"}).json()["id"]
        assert flood(address, f"v1/videos/{video}/input", {}, "PUT") < 200 * MB
        assert resident(process.pid) - before < 150 * MB
        files = [each.stat().st_size for each in (tmp_path / "data").rglob("*") if each.is_file()]
        assert sum(files) < 25 * MB
        assert httpx.get(f"{address}v1/about").status_code == 200


def flood(address: str, path: str, headers: dict[str, str], method: str = "POST") -> int:
    """Announce 10 GB, or nothing, and send zeros until nobody takes them; return the bytes."""
    sent = 0
    head = [f"{method} /{path} HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="z"\r\n\r\n'
    with socket.create_connection(place(address), timeout=20) as connection:
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
        connection.sendall(b"%x\r\n%b\r\n" % (len(start), start))
        with contextlib.suppress(OSError):
            while sent < 200 * MB:
                connection.sendall(b"%x\r\n%b\r\n" % (MB, bytes(MB)))
                sent += MB
    return sent


@pytest.mark.real
def test_a_killed_server_loses_no_job(tmp_path: Path) -> None:
    clip = write(tmp_path / "in.mkv", pictures(150, 320, 240))
    data = tmp_path / "data"
    with running(data) as (address, process):
        files = {"file": ("in.mkv", clip.read_bytes())}
        videos = [httpx.post(f"{address}v1/videos", files=files).json()["id"] for _ in range(3)]
        states(address, videos, "running")
        process.kill()
        process.wait()
    with running(data) as (address, _):
        ends = time.monotonic() + 240
        while states(address, videos) != ["done"] * 3:
            assert time.monotonic() < ends, states(address, videos)
            time.sleep(0.5)
        for video in videos:
            known: Any = httpx.get(f"{address}v1/videos/{video}").json()
            assert known["frames"] == 150
            assert not known["error"]


def states(address: str, videos: list[str], wanted: str = "") -> list[str]:
    """The states of videos; waits until one is as wanted, or all are done."""
    for _ in range(1200):
        found = [httpx.get(f"{address}v1/videos/{video}").json()["state"] for video in videos]
        if not wanted or wanted in found or set(found) == {"done"}:
            return found
        time.sleep(0.05)
    raise AssertionError(f"none is {wanted}: {found}")
