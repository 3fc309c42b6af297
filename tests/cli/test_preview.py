"""The preview: what a viewer sees of a frame, and the window itself on a display of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.frames import composited_frame
from helpers.jobs import PROGRAM, Ran
from helpers.media import inside, picture, pictures, views, write

from streamcut.cli.preview import Viewer, Window
from streamcut.media.frame import CompositedFrame
from streamcut.sources import Size, open_live

WIDTH, HEIGHT = 320, 180


def frame(pixel_format: str = "yuv420p") -> CompositedFrame:
    """A red picture made of a blue one; the subject is an ellipse."""
    filmed = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for plane, code in zip(views(filmed), (41, 240, 110), strict=True):
        plane[:] = code
    made = av.VideoFrame(WIDTH, HEIGHT, pixel_format)
    for plane, code in zip(views(made), (81, 90, 240, 255), strict=False):
        plane[:] = code
    matte = inside(WIDTH, HEIGHT, 0).astype(np.uint8) * 255
    if pixel_format == "yuva420p":
        views(made)[3][:] = matte
    return composited_frame(made, source=filmed, matte=matte)


def reds(pixels: Any) -> Any:
    return (pixels[..., 0] > 200) & (pixels[..., 2] < 60)


def blues(pixels: Any) -> Any:
    return (pixels[..., 2] > 200) & (pixels[..., 0] < 60)


def test_the_picture_as_it_is_made() -> None:
    assert reds(Viewer()(frame())).all()


def test_before_and_after_side_by_side() -> None:
    viewer = Viewer()
    viewer.split = True
    shown = viewer(frame())
    assert shown is not None
    assert blues(shown[:, : WIDTH // 2]).all()
    assert reds(shown[:, WIDTH // 2 + 1 :]).all()


def test_the_matte() -> None:
    viewer = Viewer()
    viewer.matte = True
    shown = viewer(frame())
    assert shown is not None
    assert ((shown[..., 0] > 127) == inside(WIDTH, HEIGHT, 0)).all()


def test_a_frozen_view_shows_nothing_newer() -> None:
    viewer = Viewer()
    viewer.frozen = True
    assert viewer(frame()) is None


def test_what_is_transparent_lies_over_squares() -> None:
    shown = Viewer()(frame("yuva420p"))
    assert shown is not None
    subject = inside(WIDTH, HEIGHT, 0)
    assert reds(shown[subject]).all()
    assert set(np.unique(shown[~subject])) == {110, 170}


def test_wide_pictures_are_made_to_fit() -> None:
    large = composited_frame(picture(0, 1920, 1080))
    shown = Viewer()(large)
    assert shown is not None
    assert shown.shape == (540, 960, 3)


# --- the window -----------------------------------------------------------------------------


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A display that nobody else has."""
    pytest.importorskip("tkinter")
    read, write = os.pipe()
    try:
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x400x24", "-nolisten", "tcp"],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        pytest.skip("Xvfb is not installed")
    os.close(write)
    with os.fdopen(read) as told:
        name = f":{told.readline().strip()}"
    monkeypatch.setenv("DISPLAY", name)
    yield name
    server.terminate()
    server.wait()


def screenshot(display: str, window: Window) -> Any:
    """What the display shows where the window has its picture."""
    left, top = window._label.winfo_rootx(), window._label.winfo_rooty()
    options = {"video_size": "800x400", "draw_mouse": "0"}
    with av.open(display, format="x11grab", options=options) as screen:
        whole = next(screen.decode(video=0)).to_ndarray(format="rgb24")
    return whole[top : top + HEIGHT, left : left + WIDTH]


def test_the_window_shows_frames_and_answers_to_keys(display: str) -> None:
    called: list[str] = []
    state: Any = None
    with Window(lambda: called.append("stop"), lambda: called.append("next")) as window:
        root = window._root
        root.geometry("+0+0")

        def press(key: str) -> Any:
            root.focus_force()
            root.update()
            root.event_generate(f"<{key}>")
            for _ in range(5):
                window(state, frame())
            return screenshot(display, window)

        for _ in range(5):
            window(state, frame())
        assert reds(screenshot(display, window)).mean() > 0.99
        assert blues(press("s")[:, :150]).all()
        assert reds(press("s")).mean() > 0.99
        white = press("m")[..., 0] > 127
        assert (white == inside(WIDTH, HEIGHT, 0)).mean() > 0.99
        press("space")
        press("m")
        assert not reds(screenshot(display, window)).any()
        assert reds(press("space")).mean() > 0.99
        press("b")
        press("q")
    assert called == ["next", "stop"]


def test_who_looks_at_the_window_watches(display: str, tmp_path: Path) -> None:
    clip = write(tmp_path / "in.mkv", pictures(12))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    where = ["--camera", str(clip), "--to", f"obs:{port}", "--preview"]
    # A program of its own: Tk ends one whose first display is gone.
    ran = subprocess.run(
        [*PROGRAM, "webcam", *where], stderr=subprocess.PIPE, text=True, timeout=60
    )
    assert ran.returncode == 0
    handed = re.search(r"^(\d+) frames in ", ran.stderr, re.MULTILINE)
    assert handed is not None
    assert int(handed[1]) > 1  # Nobody is connected: without the window only the first.


def test_the_screen_is_a_camera_too(display: str) -> None:
    """An empty display is black, but for the mouse."""
    with open_live("screen", size=Size(400, 200), fps=10) as source:
        shown = list(islice(source, 2))
    assert (source.info.width, source.info.height, source.info.live) == (400, 200, True)
    assert all((views(frame.source)[0] == 16).mean() > 0.99 for frame in shown)


@pytest.mark.skipif(os.name == "nt", reason="Windows has a display always")
def test_without_a_display_it_is_one_line(
    command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, short_clip: Any, tmp_path: Any
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    ran = command("webcam", "--camera", short_clip, "--to", tmp_path / "o.mp4", "--preview")
    assert ran.code == 2
    assert ran.err == (
        "streamcut: error: there is no display to show a preview on: leave --preview out\n"
    )
