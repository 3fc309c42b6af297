"""``/v1/videos``: what is sent is done, whatever happens meanwhile."""

from __future__ import annotations

import io
import json
import os
import signal
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.media import shown
from helpers.server import Serve, photo, pixels_of
from helpers.servers import serving

from streamcut.core.config import Settings
from streamcut.server.app import create_app
from streamcut.server.fetching import Fetcher
from streamcut.server.jobs.pool import tidy
from streamcut.server.jobs.store import VideoStore

Clip = Callable[..., Path]


def until(client: Any, video: str, *states: str, seconds: float = 120) -> Any:
    """Wait until a video is in one of some states; return what is known of it then."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        answer = client.get(f"/v1/videos/{video}").json()
        if answer["state"] in states:
            return answer
        assert answer["state"] != "failed", answer["error"]
        time.sleep(0.05)
    raise AssertionError(f"it is still {answer}")


def announced(client: Any, **facts: Any) -> str:
    answer = client.post("/v1/videos", json=facts)
    assert answer.status_code == 201, answer.text
    name: str = answer.json()["id"]
    return name


@pytest.fixture
def idle(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server that only takes videos in."""
    from streamcut.server.jobs.pool import WorkerPool

    monkeypatch.setattr(WorkerPool, "start", lambda _: None)
    return serve


def test_a_form_a_job_events_and_ranges(serve: Serve, clip: Clip, tmp_path: Path) -> None:
    client, data = serve(), clip("in.mkv", count=12).read_bytes()
    sent = {"format": "webm", "settings": json.dumps({"feather": 2, "quality": "fast"})}
    answer = client.post("/v1/videos", files={"file": ("../../in.mkv", data)}, data=sent)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["state"], made["name"], made["kind"]) == ("queued", "in.mkv", "video")
    assert (made["width"], made["height"], made["expected"]) == (96, 64, 12)
    with client.stream("GET", f"/v1/videos/{made['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    assert [each["state"] for each in told][-1] == "done"
    assert told[-1]["frames"] == 12
    assert told[-1]["progress"] == 1
    address = f"/v1/videos/{made['id']}/result"
    whole = client.get(address)
    assert whole.headers["content-type"] == "video/webm"
    (tmp_path / "out.webm").write_bytes(whole.content)
    assert len(shown(tmp_path / "out.webm").pictures) == 12
    part = client.get(address, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.content == whole.content[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    far = client.get(address, headers={"Range": f"bytes={len(whole.content)}-"})
    assert far.status_code == 416
    kept = client.get(address, params={"download": True})
    assert 'filename="in.cutout.webm"' in kept.headers["content-disposition"]
    assert client.delete(f"/v1/videos/{made['id']}").status_code == 204
    assert client.get(address).status_code == 404
    assert [each.name for each in (tmp_path / "data").iterdir() if each.is_dir()] == []


def test_an_upload_goes_on_where_it_stopped(idle: Serve, clip: Clip) -> None:
    client, data = idle(), clip().read_bytes()
    video = announced(client, name="in.mkv", size=len(data))
    half = len(data) // 2

    def send(first: int, last: int, **headers: str) -> Any:
        told = {"Content-Range": f"bytes {first}-{last - 1}/{len(data)}"} | headers
        return client.put(f"/v1/videos/{video}/input", content=data[first:last], headers=told)

    answer = send(0, half).json()
    assert (answer["state"], answer["received"]) == ("uploading", half)
    wrong = send(half + 5, len(data))
    assert wrong.status_code == 409
    assert wrong.headers["upload-offset"] == str(half)
    assert send(0, half, **{"Content-Range": "bytes 5-2/9"}).status_code == 400
    assert send(0, half, **{"Content-Range": "nonsense"}).status_code == 400
    answer = send(half, len(data)).json()
    assert (answer["state"], answer["received"]) == ("queued", len(data))
    assert client.get(f"/v1/videos/{video}/source").content == data
    assert send(half, len(data)).status_code == 409


def test_a_restart_takes_up_the_queue_and_what_ran(tmp_path: Path) -> None:
    store = VideoStore(tmp_path)
    names = [store.add(name="x", state=state).id for state in ("queued", "running", "done")]
    store.change(names[1], frames=7, attempts=1)
    (tmp_path / "lost").mkdir()
    del store
    again = VideoStore(tmp_path)
    states = [record.state for record in again]
    assert states == ["queued", "queued", "done"]
    assert again.get(names[1]).attempts == 1  # type: ignore[union-attr]
    assert not (tmp_path / "lost").exists()
    assert os.name != "posix" or tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_server_that_ends_goes_on_at_its_next_start(
    serve: Serve, clip: Clip, tmp_path: Path
) -> None:
    data = clip("in.mkv", count=40).read_bytes()
    from fastapi.testclient import TestClient

    app = create_app(Settings().with_options({"data": str(tmp_path / "data")}))
    with TestClient(app, "http://127.0.0.1:7000") as client:
        video = announced(client, name="in.mkv")
        client.put(f"/v1/videos/{video}/input", content=data)
        until(client, video, "running", "done")
    later = serve()
    assert until(later, video, "done")["frames"] == 40


def test_a_killed_worker_costs_nothing(serve: Serve, clip: Clip) -> None:
    client = serve()
    pool = client.app.state.server.pool
    video = announced(client, name="in.mkv")
    client.put(f"/v1/videos/{video}/input", content=clip("in.mkv", count=60).read_bytes())
    until(client, video, "running")
    while video not in pool._processes:
        time.sleep(0.01)
    os.kill(pool._processes[video].pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    assert until(client, video, "done")["frames"] == 60


def test_an_address_and_its_limits(idle: Serve, clip: Clip) -> None:
    with serving(clip().read_bytes()) as site:
        open_to_all = Fetcher(allowed=lambda _: True)
        answer = idle(fetcher=open_to_all).post("/v1/videos", json={"url": site.url})
        assert answer.json()["state"] == "queued", answer.text
        refused = idle().post("/v1/videos", json={"url": site.url})
        assert refused.status_code == 400
        assert idle(addresses=False).post("/v1/videos", json={"url": site.url}).status_code == 403


def test_the_queue_has_an_end(idle: Serve, clip: Clip) -> None:
    client, data = idle(queue=2), clip().read_bytes()
    for _ in range(2):
        assert client.post("/v1/videos", files={"file": data}).json()["state"] == "queued"
    full = client.post("/v1/videos", files={"file": data})
    assert full.status_code == 429
    assert int(full.headers["retry-after"]) > 0
    assert len(client.get("/v1/videos").json()) == 2


def test_results_expire(tmp_path: Path) -> None:
    store = VideoStore(tmp_path)
    done, waits = (store.add(name="x", state=state).id for state in ("done", "queued"))
    tidy(store, 1000)
    assert store.get(done)
    tidy(store, -1)
    assert store.get(done) is None
    assert store.get(waits), "what waits is kept"
    assert not store.folder(done).exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"background": "/etc/passwd"},
        {"background": "../input"},
        {"background": "blur:x"},
        {"background": "own"},
        {"model": "/etc/passwd.onnx"},
        {"plate": "/etc/passwd"},
        {"device": "cuda"},
        {"mirror": "http://127.0.0.1/"},
        {"feather": -1},
        {"feather": "much"},
        {"nonsense": 1},
        {"only_mask": True, "stacked": True},
        {"expand": 2, "contract": 2},
    ],
)
def test_settings_that_are_refused(idle: Serve, clip: Clip, settings: dict[str, Any]) -> None:
    client = idle()
    video = announced(client, start=False)
    client.put(f"/v1/videos/{video}/input", content=clip().read_bytes())
    answer = client.post(f"/v1/videos/{video}/start", json={"settings": settings})
    assert answer.status_code in (400, 404), answer.text
    assert "/etc" not in answer.text


def test_what_is_no_video_is_told(idle: Serve) -> None:
    client = idle()
    answer = client.post("/v1/videos", files={"file": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd"})
    assert answer.json()["state"] == "failed"
    assert "no video or image" in answer.json()["error"]
    assert client.post("/v1/videos", content=b"[]").status_code == 400
    assert client.post("/v1/videos", json={"format": "exe"}).status_code == 400
    assert client.post("/v1/videos", json={"size": -1}).status_code == 400
    assert client.get("/v1/videos/..%2f..%2fetc%2fpasswd/source").status_code == 404


def test_limits_of_length_size_and_disk(idle: Serve, clip: Clip) -> None:
    long = clip("long.mkv", count=50).read_bytes()
    answer = idle(duration_limit=1).post("/v1/videos", files={"file": long})
    assert "longer than 1" in answer.json()["error"]
    client = idle(upload_limit=1)
    assert client.post("/v1/videos", json={"size": 2_000_000}).status_code == 413
    client = idle(disk_limit=1, upload_limit=4000)
    assert client.post("/v1/videos", json={"size": 2_000_000_000}).status_code == 507


def test_frames_for_a_preview(idle: Serve, clip: Clip) -> None:
    client = idle()
    video = announced(client, start=False)
    answer = client.put(f"/v1/videos/{video}/input", content=clip().read_bytes())
    assert answer.json()["state"] == "ready"

    def seen(**query: str) -> Any:
        answer = client.get(f"/v1/videos/{video}/frame", params=query)
        assert answer.status_code == 200, answer.text
        return pixels_of(answer.content)

    assert seen(view="source").shape == (64, 96, 3)
    assert seen(view="cutout").shape == (64, 96, 4)
    matte = seen(view="matte", settings='{"invert": true}').astype(int)
    assert np.abs(matte + seen(view="matte") - 255).mean() < 2
    assert not np.array_equal(seen(view="source", time="0.1"), seen(view="source"))
    assert seen(view="source", time="99").shape == (64, 96, 3)
    bad = client.get(f"/v1/videos/{video}/frame", params={"settings": "[]"})
    assert bad.status_code == 400


def test_images_and_own_backgrounds(serve: Serve) -> None:
    client = serve()
    video = announced(client, name="photo.png", start=False, format="png")
    made = client.put(f"/v1/videos/{video}/input", content=photo()).json()
    assert (made["kind"], made["state"]) == ("image", "ready")
    answer = client.put(f"/v1/videos/{video}/background", content=b"nothing")
    assert answer.status_code == 400
    answer = client.put(f"/v1/videos/{video}/background", content=photo(30, 20))
    assert answer.json()["background"]
    wanted = {"format": "jpg", "settings": {"background": "own"}}
    assert client.post(f"/v1/videos/{video}/start", json=wanted).status_code == 200
    until(client, video, "done")
    assert pixels_of(client.get(f"/v1/videos/{video}/result").content).shape == (64, 96, 3)


def test_a_sequence_of_png_is_a_zip(serve: Serve, clip: Clip) -> None:
    client = serve()
    answer = client.post(
        "/v1/videos", files={"file": clip(count=3).read_bytes()}, data={"format": "png"}
    )
    video = answer.json()["id"]
    until(client, video, "done")
    data = client.get(f"/v1/videos/{video}/result").content
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == 3
        assert pixels_of(archive.read(archive.namelist()[0])).shape == (64, 96, 4)
