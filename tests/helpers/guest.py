"""A Linux with real video nodes, booted for one script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.jobs import Ran
from helpers.media import shared

PROJECT = Path(__file__).parents[2]


def in_guest(folder: Path, script: str, limit: int = 200) -> Ran:
    """Run a shell script in the guest, where ``folder`` is /out; the test skips where it cannot.

    It has /dev/video0 (v4l2loopback, exclusive), /dev/video1 (v4l2loopback) and /dev/video8
    (vivid, a camera that shows moving bars). ``$STREAMCUT`` runs the command, ``$PYTHON`` this
    Python.
    """
    boot = shared("tools", "vcam", "run.sh")
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        pytest.skip("the guest runs on x86-64 Linux")
    lines = [
        f"cd {PROJECT}; export PYTHONPATH={PROJECT}:{PROJECT / 'tests'} PATH=$PATH:/usr/local/bin",
        f"PYTHON={sys.executable}; STREAMCUT='{sys.executable} -m streamcut'",
        script,
    ]
    (folder / "job.sh").write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        ["bash", str(boot), str(folder)],
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "LIMIT": str(limit)},
        timeout=limit + 30,
    )
    out = done.stdout.partition("GUEST_UP")[2].partition("GUEST_DONE")[0]
    return Ran(done.returncode, out.partition("\n")[2], done.stderr)
