"""``main`` within a program that has threads of its own."""

from __future__ import annotations

import signal
import sys
import threading

import pytest

from streamcut import cli


def test_a_programs_own_threads_do_not_end_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["streamcut", "--version"])
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, *cli._OTHERS)}
    hook, done = sys.unraisablehook, threading.Event()
    worker = threading.Thread(target=done.wait)
    worker.start()
    try:
        with pytest.raises(SystemExit) as left:
            cli.main()
    finally:
        done.set()
        worker.join()
        sys.unraisablehook = hook
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert not left.value.code
    assert capsys.readouterr().out.startswith("streamcut ")
