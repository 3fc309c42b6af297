"""Real cameras and virtual cameras, in a guest that has them; ``pytest -m real -n 0`` runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.guest import in_guest
from helpers.jobs import Ran

pytestmark = pytest.mark.real

# Waits until what a file of JSON lines says (reports ``r``, the latest last) is as wanted.
UNTIL = """
import json, sys, time
path, wanted = sys.argv[1:]
for _ in range(600):
    time.sleep(0.2)
    with open(path) as lines:
        r = [json.loads(line) for line in lines if line.endswith("\\n")]
    if len(r) > 1 and eval(wanted):
        sys.exit(0)
sys.exit("never: " + wanted)
"""

READER = """
import av
with av.open("/dev/video0", format="v4l2") as camera:
    for index, frame in enumerate(camera.decode(video=0)):
        if index == 15:
            break
    rgb = frame.to_ndarray(format="rgb24", src_colorspace="ITU601")
    print(frame.width, frame.height, *rgb[5, 5], *rgb[-5, -5])
"""

BROWSER = """
from playwright.sync_api import sync_playwright
SEEN = '''async () => {
    const video = document.createElement("video");
    video.srcObject = await navigator.mediaDevices.getUserMedia({video: true});
    await video.play();
    for (let left = 10; left; left--)
        await new Promise(done => video.requestVideoFrameCallback(done));
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const at = (x, y) => [...context.getImageData(x, y, 1, 1).data.slice(0, 3)];
    const size = [canvas.width, canvas.height];
    return [...size, ...at(5, 5), ...at(size[0] - 5, size[1] - 5)];
}'''
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path="/usr/bin/chromium",
        args=["--no-sandbox", "--use-fake-ui-for-media-stream", "--disable-gpu"],
        timeout=120_000,
    )
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.route("**/*", lambda route: route.fulfill(body="<p>call</p>", content_type="text/html"))
    page.goto("https://call.test/")
    print(*page.evaluate(SEEN))
"""


def run(folder: Path, script: str) -> Ran:
    """Run a script in the guest; ``await EXPRESSION`` waits for a report in /out/lines."""
    (folder / "until.py").write_text(UNTIL)
    (folder / "reader.py").write_text(READER)
    (folder / "browser.py").write_text(BROWSER)
    ran = in_guest(folder, 'await() { $PYTHON /out/until.py /out/lines "$1"; }\n' + script)
    errors = (folder / "err").read_text() if (folder / "err").exists() else ""
    assert ran.code == 0, f"{ran.code}: {ran.out} {errors}"
    assert "Traceback" not in errors
    return ran


def reports(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_devices_names_the_nodes_and_what_they_deliver(tmp_path: Path) -> None:
    run(tmp_path, "$STREAMCUT devices --json > /out/devices")
    found = {camera["path"]: camera for camera in json.loads((tmp_path / "devices").read_text())}
    assert [found[f"/dev/video{n}"]["virtual"] for n in (0, 1, 8)] == [True, True, False]
    assert not found["/dev/video0"]["readable"]
    modes = found["/dev/video8"]["modes"]
    # What vivid's source (vivid-vid-cap.c) lists for a webcam.
    sizes = [mode["largest"] for mode in modes if mode["format"] == "YUYV"]
    assert sizes[:4] == [[320, 180], [640, 360], [640, 480], [1280, 720]]
    assert {mode["fps"] for mode in modes if mode["largest"] == [640, 360]} == {40.0}


def test_a_camera_that_is_unplugged_is_waited_for_and_opened_again(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        $STREAMCUT webcam --camera vivid --size 640x360 --json-lines -b red --to /out/o.mkv \
            > /out/lines 2> /out/err & job=$!
        await 'r[-1]["frames"] > 5' || exit 1
        driver=/sys/bus/platform/drivers/vivid
        echo vivid.0 > $driver/unbind
        await '"waiting for it to come back" in r[-1]["camera"]' || exit 2
        echo vivid.0 > $driver/bind
        await 'not r[-1]["camera"] and r[-1]["fps_in"] > 5' || exit 3
        kill -TERM $job; wait $job || exit 4
        """,
    )


def test_a_virtual_camera_is_read_in_the_right_colours_and_fed_only_while_it_is(
    tmp_path: Path,
) -> None:
    run(
        tmp_path,
        """
        $STREAMCUT webcam --camera vivid --size 640x360 --json-lines -b '#4080c0' \
            --to camera:/dev/video0 > /out/lines 2> /out/err & job=$!
        await 'r[-1]["paused"] > 10' || exit 1
        cp /out/lines /out/unwatched
        $PYTHON /out/reader.py > /out/read || exit 2
        await 'r[-1]["paused"] > r[-2]["paused"] + 5' || exit 3
        kill -TERM $job; wait $job || exit 4
        """,
    )
    assert reports(tmp_path / "unwatched")[-1]["frames"] <= 2
    assert reports(tmp_path / "lines")[-1]["frames"] >= 10
    check_colours(tmp_path / "read")


def check_colours(read: Path) -> None:
    """The size, and the background's colour in two corners, as a reader printed them."""
    width, height, *colours = map(int, read.read_text().split())
    assert (width, height) == (640, 360)
    for seen, meant in zip(colours, (0x40, 0x80, 0xC0) * 2, strict=True):
        assert abs(seen - meant) <= 4


def test_a_browser_s_video_call_sees_the_right_colours(tmp_path: Path) -> None:
    pytest.importorskip("playwright", reason="Playwright is not installed")
    if not Path("/usr/bin/chromium").is_file():
        pytest.skip("Chromium is not installed")
    run(
        tmp_path,
        """
        $STREAMCUT webcam --camera vivid --size 640x360 --json-lines -b '#4080c0' \
            --to camera:/dev/video0 > /out/lines 2> /out/err & job=$!
        await 'r[-1]["paused"] > 10' || exit 1
        $PYTHON /out/browser.py > /out/read || exit 2
        kill -TERM $job; wait $job || exit 4
        """,
    )
    check_colours(tmp_path / "read")
