"""Live frames in a browser: real alpha, on time, whoever else watches."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.media import Brightness, picture
from helpers.server import chromium

pytest.importorskip("fastapi")
pytest.importorskip("aiortc")

from streamcut.core.config import Settings
from streamcut.jobs.live.job import LiveJob
from streamcut.server.live.encoding import CODECS, StackedEncoder, stacked
from streamcut.server.live.hub import LiveHub
from streamcut.server.live.viewers import PacketTrack
from streamcut.sources import LiveSource

BITS, BLOCK = 24, 16


def test_colour_lies_above_the_matte() -> None:
    frame = picture(0, 96, 64, "yuva420p")
    made = stacked(frame, (96, 64)).to_ndarray()
    luma, matte = np.asarray(frame.planes[0]), np.asarray(frame.planes[3])
    assert made.shape == (192, 96)
    assert np.array_equal(made[:64], luma.reshape(-1, frame.planes[0].line_size)[:64, :96])
    wanted = matte.reshape(-1, frame.planes[3].line_size)[:64, :96]
    shown = (made[64:128].astype(float) - 16) * 255 / 219
    assert np.abs(shown - wanted).max() <= 1
    opaque = stacked(picture(0, 96, 64), (96, 64)).to_ndarray()
    assert (opaque[64:128] == 235).all()


@pytest.mark.parametrize("codec", CODECS)
def test_a_keyframe_comes_when_it_is_asked_for(codec: str) -> None:
    encoder = StackedEncoder(codec, (96, 64), Fraction(30))
    keys = []
    for index in range(6):
        encoder.keyframe_wanted = encoder.keyframe_wanted or index == 3
        [packet] = encoder.encode(picture(index, 96, 64, "yuva420p"))
        keys.append(packet.is_keyframe)
    assert keys == [True, False, False, True, False, False], "and no frame waits"


def test_a_viewer_that_stalls_waits_for_a_keyframe_and_keeps_nothing() -> None:
    asked: list[int] = []
    track = PacketTrack(lambda: asked.append(1))
    encoder = StackedEncoder("H264", (96, 64), Fraction(30))
    packets = [encoder.encode(picture(index, 96, 64))[0] for index in range(40)]
    for packet in packets:
        track.offer(packet)
    assert asked
    assert track._queue.qsize() <= 15
    encoder.keyframe_wanted = True
    track.offer(encoder.encode(picture(1, 96, 64))[0])
    assert track._queue.qsize() == 1


class Clock:
    """A feed whose frames hold the time of their making, as blocks of black and white."""

    state, undecodable, aspect = "", 0, Fraction(1)

    def __init__(self, rate: int = 30) -> None:
        self.rate: Fraction | None = Fraction(rate)
        self._pause = 1 / rate
        self._stopped = threading.Event()

    def __iter__(self) -> Generator[tuple[float, av.VideoFrame]]:
        while not self._stopped.wait(self._pause):
            yield time.monotonic(), burnt(round(time.time() * 1000))

    def stop(self) -> None:
        self._stopped.set()


def burnt(stamp: int) -> av.VideoFrame:
    """A frame of 640x360: a bright disc, and a time in milliseconds along the top."""
    luma = np.full((540, 640), 128, np.uint8)
    y, x = np.mgrid[:360, :640]
    luma[:360] = np.where((x - 320) ** 2 + (y - 200) ** 2 < 100**2, 220, 40)
    for bit in range(BITS):
        level = 220 if stamp >> bit & 1 else 30
        luma[:BLOCK, 16 + bit * BLOCK : 16 + (bit + 1) * BLOCK] = level
    return av.VideoFrame.from_ndarray(luma, format="yuv420p")


READ = """() => {
    const video = document.getElementById('stream');
    const pen = new OffscreenCanvas(video.videoWidth, 16).getContext('2d');
    pen.drawImage(video, 0, 0, video.videoWidth, 16, 0, 0, video.videoWidth, 16);
    const { data } = pen.getImageData(0, 0, video.videoWidth, 16);
    let stamp = 0;
    for (let bit = 0; bit < 24; bit++) {
        if (data[4 * (8 * video.videoWidth + 24 + 16 * bit)] > 128) stamp += 2 ** bit;
    }
    return (Date.now() % 2 ** 24) - stamp;
}"""


@contextmanager
def job(tmp_path: Path, **options: Any) -> Iterator[LiveHub]:
    """A live job whose frames are shown in browsers, on a thread."""
    settings = Settings().with_options(
        {"port": 0, "to": "web", "decontaminate": False, "unchanged": 0} | options
    )
    with LiveHub(settings, tmp_path / "config.toml", lambda: settings) as hub:
        live = LiveJob(
            settings,
            hub.sink,
            session=Brightness(),
            watched=hub.controls,
            source=lambda: LiveSource(Clock()) if not settings.live.camera else hub.source(),
        )
        thread = threading.Thread(target=live.run)
        thread.start()
        try:
            yield hub
        finally:
            live.stop()
            thread.join()


def test_the_page_of_a_job_is_guarded(tmp_path: Path) -> None:
    import httpx

    with job(tmp_path) as hub:
        site = hub.address.removesuffix("/live")
        assert "<title>streamcut live" in httpx.get(f"{site}/live").text
        evil = {"Origin": "https://evil.test"}
        assert httpx.post(f"{site}/live/settings", json={}, headers=evil).status_code == 403
        assert httpx.post(f"{site}/live/offer", json={"sdp": "nonsense"}).status_code == 400
        for given, status in (
            ({"smooth": 0.2, "flip": True}, 200),
            ({"smooth": 7}, 400),
            ({"camera": "/dev/video0"}, 400),
            ({"model": "/etc/passwd"}, 404),
        ):
            answer = httpx.post(f"{site}/live/settings", json=given)
            assert answer.status_code == status, answer.text
        told = httpx.get(f"{site}/live/settings").json()
        assert {row["name"]: row["default"] for row in told["settings"]}["smooth"] == 0.2


@pytest.mark.real
def test_alpha_and_delay_in_a_browser(tmp_path: Path) -> None:
    with job(tmp_path) as hub, chromium(viewport={"width": 800, "height": 500}) as page:
        page.goto(f"{hub.address}?clean")
        page.wait_for_function("() => Number(document.body.dataset.frames) > 30")
        delays = []
        for _ in range(60):
            delays.append(page.evaluate(READ))
            page.wait_for_timeout(20)
        middle = float(np.median(delays))
        print(f"glass to glass: median {middle:.0f} ms, most {max(delays)} ms")
        assert 0 < middle < 200
        levels = page.evaluate(
            """() => {
                const view = document.getElementById('view');
                const gl = view.getContext('webgl');
                const read = (x, y) => {
                    const pixel = new Uint8Array(4);
                    gl.readPixels(x, view.height - 1 - y, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
                    return [...pixel];
                };
                return [view.width, view.height, read(320, 200), read(40, 300)];
            }"""
        )
        assert levels[:2] == [640, 360]
        assert levels[2][3] > 245, "the disc is opaque"
        assert min(levels[2][:3]) > 200
        assert max(levels[3]) < 10, "the rest is transparent"
        shot = page.screenshot(omit_background=True)
        from helpers.server import pixels_of

        seen = pixels_of(shot)
        assert seen[10, 10, 3] == 0
        assert seen[250, 400, 3] > 245


@pytest.mark.real
def test_a_stalled_or_vanished_viewer_costs_the_others_nothing(tmp_path: Path) -> None:
    with job(tmp_path) as hub, chromium() as page, chromium_beside(page) as other:
        for each in (page, other):
            each.goto(f"{hub.address}?clean")
            each.wait_for_function("() => Number(document.body.dataset.frames) > 5")
        assert len(hub.viewers) == 2
        other.context.close()  # Without a word.
        before = int(page.evaluate("document.body.dataset.frames"))
        page.wait_for_timeout(2000)
        after = int(page.evaluate("document.body.dataset.frames"))
        assert after - before > 20


@contextmanager
def chromium_beside(page: Any) -> Iterator[Any]:
    yield page.context.browser.new_context().new_page()


@pytest.mark.real
def test_a_browsers_camera_is_the_source(tmp_path: Path) -> None:
    with job(tmp_path, camera="browser") as hub, chromium() as page:
        page.context.grant_permissions(["camera"])
        page.goto(hub.address)
        page.click("#camera")
        page.wait_for_function("() => Number(document.body.dataset.frames) > 20", timeout=60_000)
        assert page.evaluate("document.getElementById('stream').videoWidth") > 0
