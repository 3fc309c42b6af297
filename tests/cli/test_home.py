"""A home that may not be entered or written, or that is not there, stops nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.jobs import PROGRAM

from streamcut.jobs.report import NOBODY as NOBODY_FOUND

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX's")

NOBODY = 65534


@pytest.fixture
def place(short_clip: Path) -> Iterator[Path]:
    """A folder that everybody may use, and within it homes of all kinds."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    shutil.copy(short_clip, folder / "in.mkv")
    (folder / "locked" / ".config" / "streamcut").mkdir(parents=True)
    (folder / "locked" / ".config" / "streamcut" / "config.toml").write_text("[broken")
    (folder / "locked").chmod(0o000)
    (folder / "readonly").mkdir(mode=0o555)
    (folder / "file").touch()
    yield folder
    (folder / "locked").chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def nobody(place: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command as somebody whom permissions hold."""
    privileged = os.getuid() == 0
    if privileged and shutil.which("setpriv") is None:
        pytest.skip("needs setpriv, since the superuser may enter every home")
    who = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    def ran(home: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        return subprocess.run(
            [*(who if privileged else []), *PROGRAM, *arguments],
            cwd=place,
            env={**own, "HOME": str(place / home), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )

    if ran("readonly", "--version").returncode:
        pytest.skip("nobody may not run this Python")
    return ran


@pytest.mark.parametrize("home", ["locked", "missing"])
def test_a_video_is_converted(
    place: Path, nobody: Callable[..., subprocess.CompletedProcess[str]], home: str
) -> None:
    made = nobody(home, "video", "in.mkv", "out.webm", "-q")
    told = f"streamcut: warning: {NOBODY_FOUND}\n"  # The clip shows nobody, or hardly anybody.
    assert made.returncode == 0
    assert made.stderr in ("", told)
    assert (place / "out.webm").stat().st_size > 500
    assert not (place / "~").exists()


def test_other_commands_do_not_mind_either(
    place: Path, nobody: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    pulled = nobody("locked", "models", "pull", "-q", "u2netp", "--mirror", "http://127.0.0.1:9")
    assert (pulled.returncode, pulled.stderr.count("\n")) == (1, 1)
    assert "u2netp.onnx" in pulled.stderr
