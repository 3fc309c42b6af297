"""The page: it needs nothing from elsewhere, and what it shows is compared as pixels."""

from __future__ import annotations

import base64
import io
import os
import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.media import pictures, write
from helpers.server import Serve, chromium, photo, pixels_of, running
from numpy.typing import NDArray
from PIL import Image

from streamcut.server.page import PAGE

SAMPLES = Path(__file__).parents[2] / "samples"
SHOTS = os.environ.get("STREAMCUT_SHOTS")
"""A folder for screenshots, to look at."""


def test_the_page_is_served_and_asks_nobody_else(serve: Serve) -> None:
    client = serve()
    assert "<title>streamcut" in client.get("/").text
    for file in PAGE.iterdir():
        answer = client.get(f"/page/{file.name}")
        assert answer.status_code == 200
        outside = re.findall(r"https?://(?!www\.w3\.org/2000/svg)\S+", answer.text)
        assert not outside, f"{file.name}: {outside}"
    assert client.get("/page/../state.py").status_code == 404
    assert client.get("/page/%2e%2e/state.py").status_code == 404
    told = client.get("/v1/about").json()
    assert "portrait" in told["models"]
    assert {"feather", "model"} <= {row["name"] for row in told["settings"]}


def canvas(page: Any) -> NDArray[np.uint8]:
    """The pixels that the preview shows."""
    url = page.evaluate("document.getElementById('view').toDataURL('image/png')")
    return pixels_of(base64.b64decode(url.partition(",")[2]))[..., :3]


def settled(page: Any, **wanted: Any) -> None:
    """Wait until the preview shows what is wanted."""
    page.wait_for_function(
        """(wanted) => {
            const shown = JSON.parse(document.getElementById('view').dataset.shown ?? '{}');
            return Object.entries(wanted).every(
                ([name, value]) => JSON.stringify(shown[name]) === JSON.stringify(value));
        }""",
        arg=wanted,
    )


def slide(page: Any, name: str, value: float) -> None:
    page.eval_on_selector(
        f"#{name}",
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }",
        value,
    )


def rgb(data: bytes) -> NDArray[Any]:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("RGB")).astype(int)


@pytest.fixture
def site(tmp_path: Path) -> Any:
    with running(tmp_path / "data") as (address, _):
        yield address


def presenter() -> bytes:
    """A frame of the sample with somebody in it, 480x270, as PNG."""
    if not (SAMPLES / "presenter.mp4").is_file():
        pytest.skip("samples/presenter.mp4 is not there")
    with av.open(str(SAMPLES / "presenter.mp4")) as video:
        image = next(video.decode(video=0)).to_image().resize((480, 270))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.real
def test_an_image_before_and_after(site: str, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(presenter())
    with chromium(viewport={"width": 1400, "height": 900}) as page:
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.goto(site)
        page.set_input_files("#pick", str(tmp_path / "photo.png"))
        settled(page, view="cutout")
        source = rgb(presenter())
        slide(page, "split", 100)
        assert np.array_equal(canvas(page), source), "all of it is the original"
        slide(page, "split", 0)
        page.select_option("#behind", "colour")
        slide(page, "colour", "#102030")  # type: ignore[arg-type]
        video = page.evaluate("JSON.parse(document.getElementById('view').dataset.shown).id")
        cut = pixels_of(page.request.get(f"{site}v1/videos/{video}/frame").body()).astype(float)
        over = cut[..., :3] * cut[..., 3:] / 255 + np.array([16, 32, 48]) * (1 - cut[..., 3:] / 255)
        assert np.abs(canvas(page) - over).max() <= 3, "the cutout over the colour"
        slide(page, "split", 50)
        half = canvas(page)
        assert np.array_equal(half[:, :240], source[:, :240])
        assert np.abs(half[:, 240:] - over[:, 240:]).max() <= 3
        page.check("[name=show][value=matte]")
        settled(page, view="matte")
        slide(page, "split", 0)
        answer = page.request.get(f"{site}v1/videos/{video}/frame?view=matte")
        assert np.array_equal(canvas(page), rgb(answer.body()))
        before = canvas(page)
        slide(page, "set-border", 20)
        settled(page, settings={"expand": 20})
        assert canvas(page).astype(int).sum() > before.astype(int).sum(), "grown at once"
        page.select_option("#format", "png")
        page.click("#make")
        page.wait_for_selector("#save:visible", timeout=60_000)
        with page.expect_download() as caught:
            page.click("#save")
        assert caught.value.suggested_filename == "photo.cutout.png"
        made = pixels_of(Path(caught.value.path()).read_bytes())
        assert made.shape[:2] == (270, 480)
        assert not faults


@pytest.mark.real
def test_a_video_from_preview_to_playing(site: str, tmp_path: Path) -> None:
    clip = SAMPLES / "presenter.mp4"
    part = tmp_path / "clip.mp4"
    if clip.is_file():
        part.write_bytes(clip.read_bytes())
    else:
        write(part, pictures(50, 320, 240), codec="libx264", pixel_format="yuv420p")
    with chromium(viewport={"width": 1400, "height": 900}) as page:
        page.goto(site)
        page.set_input_files("#pick", str(part))
        settled(page, view="cutout")
        page.wait_for_function("() => document.querySelectorAll('#strip canvas').length >= 3")
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/desktop.png")
        page.focus("#split")
        page.keyboard.press("ArrowRight")
        assert page.input_value("#split") == "51", "the slider obeys the keyboard"
        slide(page, "time", 1.2)
        settled(page, time="1.2")
        page.select_option("#behind", "blur")
        page.select_option("#format", "mp4")
        page.click("#make")
        page.wait_for_selector("#progress:visible")
        page.wait_for_selector("#save:visible", timeout=300_000)
        page.check("[name=show][value=result]")
        page.wait_for_function("() => document.getElementById('player').videoWidth > 0")
        page.evaluate("document.getElementById('player').currentTime = 1.0")
        page.wait_for_function("() => !document.getElementById('player').seeking")
        assert abs(page.evaluate("document.getElementById('player').currentTime") - 1) < 0.01


@pytest.mark.real
def test_a_transparent_result_plays_over_what_lies_behind(site: str, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    if not (SAMPLES / "presenter.mp4").is_file():
        pytest.skip("samples/presenter.mp4 is not there")
    clip.write_bytes((SAMPLES / "presenter.mp4").read_bytes())
    with chromium(viewport={"width": 1400, "height": 900}) as page:
        page.goto(site)
        page.set_input_files("#pick", str(clip))
        settled(page, view="cutout")
        page.click("#make")
        page.wait_for_selector("#save:visible", timeout=300_000)
        page.check("[name=show][value=result]")
        page.wait_for_function("() => document.getElementById('player').videoWidth > 0")
        page.evaluate("document.getElementById('player').currentTime = 1.0")
        page.wait_for_function("() => !document.getElementById('player').seeking")
        page.wait_for_timeout(300)
        alpha = page.evaluate(
            """() => {
                const player = document.getElementById('player');
                const canvas = new OffscreenCanvas(player.videoWidth, player.videoHeight);
                const pen = canvas.getContext('2d');
                pen.drawImage(player, 0, 0);
                const at = (x, y) => pen.getImageData(
                    canvas.width * x, canvas.height * y, 1, 1).data[3];
                return [at(0.95, 0.5), at(0.45, 0.9)];
            }"""
        )
        assert alpha[0] < 10, "beside the presenter nothing"
        assert alpha[1] > 245, "the presenter is opaque"


@pytest.mark.real
def test_on_a_phone(site: str, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(photo(480, 320))
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with chromium(**phone) as page:
        page.goto(site)
        if SHOTS:
            page.wait_for_selector("body[data-ready]")
            page.screenshot(path=f"{SHOTS}/phone-empty.png")
        page.set_input_files("#pick", str(tmp_path / "photo.png"))
        settled(page, view="cutout")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/phone.png")
        names = page.evaluate(
            """[...document.querySelectorAll('input, select, button')]
                .filter((one) => one.offsetParent)
                .filter((one) => !one.labels?.length && !one.textContent.trim()
                    && !one.getAttribute('aria-label'))
                .map((one) => one.outerHTML)"""
        )
        assert names == [], "all controls have names for screen readers"
