"""Fixtures shared by all tests."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.media import pictures, write


def pytest_configure() -> None:
    """Give what the tests start the signals' default dispositions, which it inherits.

    A background job of a shell ignores SIGINT, and what nohup starts SIGHUP. A handler here,
    unlike being ignored, is not inherited.
    """
    handlers = {"SIGINT": signal.default_int_handler, "SIGTERM": None, "SIGHUP": None}
    for name, handler in handlers.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler or (lambda *_: None))


def pytest_collection_finish() -> None:
    """Spare what is imported and collected the garbage collection after every input.

    It holds half a million objects, and each of a thousand jobs would look at them all.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """Make a lossless clip: pictures of one size and pixel format, and what goes beside them."""

    def made(
        name: str = "in.mkv",
        count: int = 5,
        width: int = 96,
        height: int = 64,
        pixel_format: str = "yuv420p",
        **options: Any,
    ) -> Path:
        return write(tmp_path / name, pictures(count, width, height, pixel_format), **options)

    return made


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    """See that a test leaves no thread behind."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for models, an empty home, nothing remembered, no proxies."""
    from streamcut.core import config_file

    for name in [*os.environ]:
        if name.lower().endswith("_proxy") or name in ("MODEL_CHECKSUM_DISABLED", "REMBG_HOME"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "remembered"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(config_file, "user_file", lambda: tmp_path / "config.toml")
    return tmp_path / "cache"
