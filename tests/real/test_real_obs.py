"""OBS Studio itself, without a screen: what a scene shows of what is served to it."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.filming import free_port
from helpers.jobs import PROGRAM
from helpers.media import shared, views
from helpers.waiting import until
from PIL import Image

from streamcut.media.colour import Colour
from streamcut.media.frame import OutputFrame, StreamInfo
from streamcut.sinks import set_up_obs
from streamcut.sinks.live.obs import ObsSink

pytestmark = pytest.mark.real

SAMPLE = Path(__file__).parents[2] / "samples" / "presenter.mp4"
SIZE = WIDTH, HEIGHT = 640, 360
INFO = StreamInfo(WIDTH, HEIGHT, "yuv420p", rate=Fraction(30))
ALPHAS = (255, 192, 128, 64)
# Y, Cb, Cr in BT.709, limited range, and the same in RGB by the book.
COLOURS = [(63, 102, 240), (173, 42, 26), (126, 128, 128), (180, 140, 90)]
BELOW = (40, 160, 220)
_LOOK = 0.05


class Obs:
    """An OBS of its own on a display of its own."""

    def __init__(self, home: Path, start: Path) -> None:
        self.home, self.start_script, self.password = home, start, ""
        self.websocket = free_port()
        self.client: Any = None

    def start(self) -> None:
        display = next(n for n in range(70, 99) if not Path(f"/tmp/.X11-unix/X{n}").exists())
        subprocess.run(
            ["bash", self.start_script, self.home, str(self.websocket), str(display)],
            check=True,
            timeout=30,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def connect(self) -> None:
        import obsws_python

        until(lambda: os.path.exists(f"/proc/{self.pid('obs')}") and self.answers(), 30, _LOOK)
        self.client = obsws_python.ReqClient(
            host="localhost", port=self.websocket, password=self.password, timeout=10
        )
        self.scene = self.client.get_current_program_scene().current_program_scene_name

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("localhost", self.websocket)):
            time.sleep(0.5)  # It accepts before it is ready.
            return True
        return False

    def pid(self, name: str) -> int:
        return int((self.home / f"{name}.pid").read_text())

    def stop(self) -> None:
        if self.client is not None:
            self.client.disconnect()
        # OBS asks questions when it is told to end; the display clears up behind itself.
        for name, number in (("obs", signal.SIGKILL), ("xvfb", signal.SIGTERM)):
            with suppress(OSError, ValueError):
                os.kill(self.pid(name), number)

    def shown(self) -> Any:
        """What the scene shows, RGB."""
        shot = self.client.get_source_screenshot(self.scene, "png", WIDTH, HEIGHT, -1).image_data
        with Image.open(io.BytesIO(base64.b64decode(shot.partition(",")[2]))) as image:
            return np.array(image.convert("RGB"))

    def put_below(self, colour: tuple[int, int, int]) -> None:
        red, green, blue = colour
        settings = {
            "color": 0xFF000000 | blue << 16 | green << 8 | red,
            "width": WIDTH,
            "height": HEIGHT,
        }
        made = self.client.create_input(self.scene, "below", "color_source_v3", settings, True)
        self.client.set_scene_item_index(self.scene, made.scene_item_id, 0)


@contextmanager
def running(home: Path, password: str = "") -> Iterator[Obs]:
    pytest.importorskip("obsws_python", reason="obsws-python is not installed")
    for program in ("obs", "Xvfb"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    start = home / "start.sh"
    script = shared("tools", "obs", "start.sh").read_text()
    if password:
        script = script.replace("AuthRequired=false", "AuthRequired=true")
        assert f"ServerPassword={password}" in script
    start.write_text(script)
    made = Obs(home / "obs", start)
    made.password = password
    try:
        made.start()
        made.connect()
        yield made
    finally:
        made.stop()


@pytest.fixture
def obs(tmp_path: Path) -> Iterator[Obs]:
    with running(tmp_path) as made:
        yield made


def chart(index: int) -> OutputFrame:
    """Four colours from left to right, four alphas from top to bottom."""
    made = av.VideoFrame(WIDTH, HEIGHT, "yuva420p")
    *layers, alpha = views(made)
    for column, codes in enumerate(COLOURS):
        for layer, code in zip(layers, codes, strict=True):
            quarter = layer.shape[1] // 4
            layer[:, column * quarter : (column + 1) * quarter] = code
    for row, level in enumerate(ALPHAS):
        alpha[row * HEIGHT // 4 : (row + 1) * HEIGHT // 4] = level
    made.pts, made.time_base = index, Fraction(1, 30)
    return OutputFrame(output=Colour(matrix=1, range=1).apply(made))


@contextmanager
def served(port: int = 0) -> Iterator[ObsSink]:
    with ObsSink(INFO, size=SIZE, rate=Fraction(30), port=port) as sink:
        yield sink


def feed(sink: ObsSink, seconds: float) -> None:
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        sink.write(chart(round(time.monotonic() * 30)))
        time.sleep(max(0.0, (int(now * 30) + 1) / 30 - now))


def feed_until(sink: ObsSink, true: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < 30, sink.state
        feed(sink, 0.3)


def expected() -> Any:
    """The chart over BELOW, blended in linear light; [4 alphas, 4 colours, RGB]."""
    rgb = []
    for y, cb, cr in COLOURS:
        luma, blue, red = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
        r, b = luma + 1.5748 * red, luma + 1.8556 * blue
        rgb.append((r, (luma - 0.2126 * r - 0.0722 * b) / 0.7152, b))
    above, below = linear(np.clip(rgb, 0, 1)), linear(np.array(BELOW) / 255)
    alpha = np.array(ALPHAS)[:, None, None] / 255
    return 255 * srgb(above[None] * alpha + below * (1 - alpha))


def linear(value: Any) -> Any:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb(value: Any) -> Any:
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


def centres(picture: Any) -> Any:
    return picture[HEIGHT // 8 :: HEIGHT // 4, WIDTH // 8 :: WIDTH // 4].astype(float)


def right(obs: Obs) -> bool:
    return bool(np.abs(centres(obs.shown()) - expected()).max() <= 2)


def test_a_scene_shows_colours_and_alpha_and_both_sides_may_restart(obs: Obs) -> None:
    obs.put_below(BELOW)
    with served() as sink:
        port = sink.port
        words = set_up_obs(port, websocket_port=obs.websocket)
        assert words == f"added the source 'streamcut' to the scene {obs.scene!r} in OBS"
        feed_until(sink, lambda: sink.watched)
        feed(sink, 1)
        off = np.abs(centres(obs.shown()) - expected()).max()
        assert off <= 2, off
    # Without us the source is transparent; with us again it is there again.
    until(lambda: bool((obs.shown() == BELOW).all()), pause=_LOOK)
    # (OBS also tries by itself, but may stop where nobody answers at once.)
    time.sleep(3)
    with served(port) as sink:
        words = set_up_obs(port, websocket_port=obs.websocket)
        assert words == "updated the source 'streamcut' in OBS"
        feed_until(sink, lambda: sink.watched and right(obs))
        # A second client, which reads nothing, takes nothing from OBS.
        with socket.create_connection(("127.0.0.1", port)):
            feed_until(sink, lambda: sink.state == "2 clients" and right(obs))
        # OBS finds us where it did before.
        obs.stop()
        feed_until(sink, lambda: not sink.watched)
        obs.start()
        obs.connect()
        feed_until(sink, lambda: sink.watched and right(obs))


def test_an_obs_that_is_stopped_for_a_while_neither_slows_us_nor_lags(obs: Obs) -> None:
    with served() as sink:
        set_up_obs(sink.port, websocket_port=obs.websocket)
        feed_until(sink, lambda: sink.watched)
        obs.put_below(BELOW)
        feed(sink, 0.5)
        os.kill(obs.pid("obs"), signal.SIGSTOP)
        try:
            began = time.monotonic()
            while time.monotonic() - began < 10:
                sink.write(chart(round(time.monotonic() * 30)))
                time.sleep(0.03)
            assert not sink.watched  # It was sent away: its clock would have lagged.
        finally:
            os.kill(obs.pid("obs"), signal.SIGCONT)
        feed_until(sink, lambda: sink.watched and right(obs))


def test_the_command_sets_up_an_obs_with_a_password_and_is_shown(tmp_path: Path) -> None:
    with running(tmp_path, "x") as obs:
        for given, which in (("", "a"), ("wrong", "another")):
            ran = webcam(obs, given)
            _, said = ran.communicate(timeout=60)
            assert ran.returncode == 1
            assert said.startswith(f"streamcut: error: OBS at localhost:{obs.websocket} wants")
            assert f" {which} password (OBS: Tools, " in said
            assert said.count("\n") == 1
        with webcam(obs, "x") as job:
            assert job.stdout is not None
            try:
                told = json.loads(job.stdout.readline())["messages"]
                until(lambda: bool((np.ptp(obs.shown(), axis=(0, 1)) > 50).all()), 60, _LOOK)
            finally:
                job.terminate()
            _, said = job.communicate(timeout=30)
    assert told == [f"added the source 'streamcut' to the scene {obs.scene!r} in OBS"]
    assert (job.returncode, said) == (0, "")


def webcam(obs: Obs, password: str) -> subprocess.Popen[str]:
    """The command, told where OBS is."""
    where = ["--to", f"obs:{free_port()}", "--obs-websocket", f"localhost:{obs.websocket}"]
    return subprocess.Popen(
        [*PROGRAM, "webcam", "--json-lines", "--camera", str(SAMPLE), "--loop", *where, "--setup"],
        env={**os.environ, "STREAMCUT_OBS_PASSWORD": password},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
