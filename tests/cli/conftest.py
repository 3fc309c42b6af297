"""The command, run within the test's own process (quick) or as a program of its own (whole)."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.jobs import PROGRAM, Ran
from helpers.media import pictures, write

from streamcut.cli import run


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamcut.core import config_file

    monkeypatch.setattr(config_file, "user_file", lambda: tmp_path / "no-such" / "config.toml")


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command line in this process; what it and its libraries write is caught."""

    def ran(*arguments: object) -> Ran:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        return Ran(code, *capfd.readouterr())

    return ran


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Ran]:
    """Run the command line as a program, without a terminal and with an empty home."""

    def ran(*arguments: object, **options: Any) -> Ran:
        environment = {**os.environ, "HOME": str(tmp_path), **options.pop("env", {})}
        done = subprocess.run(
            [*PROGRAM, *map(str, arguments)],
            capture_output=True,
            text=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=120,
            **options,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return ran


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of five small pictures."""
    return write(tmp_path_factory.mktemp("clips") / "in.mkv", pictures(5))


@pytest.fixture
def terminal(tmp_path: Path) -> Callable[..., Ran]:
    """Run the command in a terminal of its own, which it must leave as it found it.

    ``out`` is all that it showed. ``at`` says what is typed so many seconds after the start,
    ``answers`` what is typed, or which signal is sent, when the terminal shows a text. ``stdout``
    is a file in the terminal's place.
    """
    pty = pytest.importorskip("pty")
    termios = pytest.importorskip("termios")

    def ran(
        *arguments: object,
        columns: int = 80,
        at: dict[float, str] | None = None,
        answers: dict[str, str | signal.Signals] | None = None,
        stdout: str = "",
    ) -> Ran:
        process, screen = pty.fork()
        if process == 0:
            if stdout:
                os.dup2(os.open(stdout, os.O_WRONLY), 1)
            os.environ.update(HOME=str(tmp_path), TERM="xterm", COLUMNS=str(columns))
            os.execv(PROGRAM[0], [*PROGRAM, *map(str, arguments)])
        mode = termios.tcgetattr(screen)
        typed, waiting = dict(at or {}), dict(answers or {})
        began, shown = time.monotonic(), ""
        while time.monotonic() - began < 60:
            for due in [due for due in typed if time.monotonic() - began > due]:
                os.write(screen, typed.pop(due).encode())
            for text in [text for text in waiting if text in shown]:
                time.sleep(0.2)  # A Ctrl-C just before input() waits would be seen after it.
                answer = waiting.pop(text)
                if isinstance(answer, str):
                    os.write(screen, answer.encode())
                    if answer == "\x03":  # If that was too early nevertheless.
                        typed[time.monotonic() - began + 5] = answer
                else:
                    os.kill(process, answer)
            if select.select([screen], [], [], 0.05)[0]:
                try:
                    part = os.read(screen, 65536)
                except OSError:  # Linux says so when the other end is closed.
                    break
                if not part:
                    break
                shown += part.decode(errors="replace")
        else:
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        assert termios.tcgetattr(screen) == mode
        os.close(screen)
        return Ran(os.waitstatus_to_exitcode(status), shown, "")

    return ran
