"""``serve`` and ``webcam --to web`` as commands: what they say, and what they refuse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.media import pictures, write

httpx = pytest.importorskip("httpx")


def test_serve_without_its_extra_names_it(tmp_path: Path) -> None:
    (tmp_path / "fastapi.py").write_text("raise ModuleNotFoundError('no', name='fastapi')")
    done = subprocess.run(
        [sys.executable, "-m", "streamcut", "serve", "--data", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path), "PATH": ""},
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "streamcut[server]" in done.stderr


def test_webcam_in_a_browser_says_where(tmp_path: Path) -> None:
    pytest.importorskip("aiortc")
    clip = write(tmp_path / "in.mkv", pictures(10, 64, 48))
    command = [sys.executable, "-m", "streamcut", "webcam", "--camera", str(clip), "--loop"]
    process = subprocess.Popen([*command, "--to", "web:0"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("open http://localhost:"), line
        site = line.split()[1]
        assert "<title>streamcut live" in httpx.get(site).text
        answer = httpx.post(f"{site}/settings", json={"flip": True})
        assert answer.json()["flip"] is True
    finally:
        process.terminate()
        assert process.wait(30) == 0
        process.stderr.close()


def test_a_port_that_is_none(tmp_path: Path) -> None:
    pytest.importorskip("aiortc")
    command = [sys.executable, "-m", "streamcut", "webcam", "--camera", "x", "--to", "web:x"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "web:x" in done.stderr
