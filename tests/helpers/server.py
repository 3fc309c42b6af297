"""Images to send to a server, and what came back."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Serve = Callable[..., Any]
"""Starts a server with settings by name; returns a client of it."""


def photo(width: int = 96, height: int = 64, form: str = "PNG", **how: Any) -> bytes:
    """A bright ellipse on a dark ground, as a file's bytes."""
    y, x = np.mgrid[:height, :width]
    inside = ((x / width - 0.5) / 0.25) ** 2 + ((y / height - 0.5) / 0.35) ** 2 < 1
    pixels = np.where(inside[..., None], (230, 200, 180), (20, 40, 60)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **how)
    return file.getvalue()


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


@contextmanager
def running(data: Path, *options: str, patience: float = 60) -> Iterator[tuple[str, Popen[str]]]:
    """Run ``streamcut serve`` as a user would, on a free port; yield its address and process."""
    command = [sys.executable, "-m", "streamcut", "serve", "--no-browser", "--port", "0"]
    process = Popen([*command, "--data", str(data), *options], stderr=PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("open "), line
        yield line.split()[1], process
    finally:
        process.terminate()
        process.wait(patience)
        process.stderr.close()


@contextmanager
def chromium(**context: Any) -> Iterator[Any]:
    """Yield a page of a fresh Chromium, quiet and without a network of its own."""
    playwright = pytest.importorskip("playwright.sync_api")
    where = shutil.which("chromium") or shutil.which("google-chrome")
    if where is None:
        pytest.skip("there is no Chromium")
    quiet = [
        *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream"),
        "--use-fake-device-for-media-stream",
    ]
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=where, args=quiet)
        try:
            yield browser.new_context(**context).new_page()
        finally:
            browser.close()
