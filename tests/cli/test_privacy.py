"""Nobody is told that streamcut runs: no look-up, no connection, no file in the user's home."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")

_COMMANDS = {
    "video": ("video", "in.mkv", "out.webm", "--matting", "every"),
    "doctor": ("doctor",),
}
_NETWORK = re.compile(r"AF_INET|/etc/resolv\.conf|/etc/hosts|nscd|:53\b")
_WRITTEN = re.compile(r'open(?:at)?\([^"]*"([^"]+)", [^)]*O_(?:WRONLY|RDWR|CREAT)')


def environment(home: Path) -> dict[str, str]:
    """An empty home, in which nothing but what the system needs is set."""
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(home), "TMPDIR": str(home / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}


@needs_strace
@pytest.mark.parametrize("name", _COMMANDS)
def test_nobody_is_looked_up_and_nothing_is_left(
    clip: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    clip(count=2)
    trace, home = tmp_path / "trace", tmp_path / "home"
    watch = [
        "strace",
        "-f",
        "-qq",
        "-s",
        "200",
        "-o",
        str(trace),
        "-e",
        "trace=network,openat,open",
    ]
    ran = subprocess.run(
        [*watch, sys.executable, "-m", "streamcut", *_COMMANDS[name]],
        cwd=tmp_path,
        env=environment(home),
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr
    lines = trace.read_text(errors="replace").splitlines()
    assert any("onnxruntime" in line for line in lines)  # It was looked at what matters.
    assert [line for line in lines if _NETWORK.search(line)] == []
    written = {found[1] for line in lines if (found := _WRITTEN.search(line))}
    assert {path for path in written if str(home) in path} == set()
    assert {path.name for path in home.rglob("*") if path.is_file()} == set()


def test_telemetry_is_off_also_where_it_was_switched_on() -> None:
    program = "import os, streamcut; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    own = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    ran = subprocess.run([sys.executable, "-c", program], env=own, capture_output=True, text=True)
    assert ran.stdout == "1\n"
