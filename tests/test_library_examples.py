"""The examples of docs/library.md, as they stand there, on files and cameras of our own."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from helpers.media import pictures, shown, write
from PIL import Image

PAGE = Path(__file__).parents[1] / "docs" / "library.md"
Example = Callable[[str], dict[str, Any]]


def code(heading: str) -> str:
    """The Python code that follows a heading."""
    found = re.search(rf"^#+ {heading}\n.*?```python\n(.*?)```", PAGE.read_text(), re.M | re.S)
    assert found, heading
    return found[1]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Example:
    """Run an example in a folder that holds in.mp4 and photo.jpg; return its names."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in.mp4", pictures(6), codec="libx264", rate=25)
    rgb = pictures(1)[0].to_ndarray(format="rgb24")
    Image.fromarray(rgb).save(tmp_path / "photo.jpg")

    def run(heading: str) -> dict[str, Any]:
        names: dict[str, Any] = {"__name__": "example"}
        exec(compile(code(heading), f"{PAGE.name}: {heading}", "exec"), names)
        return names

    return run


def test_the_overview(example: Example, tmp_path: Path) -> None:
    names = example("Library")
    assert names["cutout"].mode == "RGBA"
    assert names["mask"].mode == "L"
    assert names["summary"].frames == len(shown(tmp_path / "out.mov").pictures) == 6
    assert names["image"].shape == (64, 96, 3)


def test_a_bar_of_their_own(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    tqdm = pytest.importorskip("tqdm")
    monkeypatch.setattr(tqdm.tqdm, "monitor_interval", 0)  # Else it leaves a thread behind.
    bar = example("Progress")["bar"]
    assert bar.n == bar.total == 6


def test_the_webcam(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    capture = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda _: capture(str(tmp_path / "in.mp4")))
    monkeypatch.setattr(cv2, "imshow", lambda _, frame: seen.append(frame), raising=False)
    monkeypatch.setattr(cv2, "waitKey", lambda _: -1, raising=False)
    example("A webcam with OpenCV")
    assert [frame.shape for frame in seen] == [(64, 96, 3)] * 6
    assert all(frame.dtype == np.uint8 for frame in seen)


def test_many_files(example: Example, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "c"):
        write(tmp_path / "in" / f"{name}.mkv", pictures(2))
    (tmp_path / "in" / "b.txt").write_text("no video")
    example("Many files")
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("in/a.mkv: 2 frames")
    assert second.startswith("in/b.txt: ")
    assert third.startswith("in/c.mkv: 2 frames")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.webm", "c.webm"]


def test_the_endpoint(example: Example, tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("multipart")
    testing = pytest.importorskip("fastapi.testclient")
    client = testing.TestClient(example("A FastAPI endpoint")["app"])
    files = {"file": ("photo.jpg", (tmp_path / "photo.jpg").read_bytes())}
    answer = client.post("/remove", files=files)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(BytesIO(answer.content)).mode == "RGBA"
    refused = client.post("/remove", files={"file": ("photo.jpg", b"no image")})
    assert refused.status_code == 415
    assert "no known image format" in refused.json()["detail"]


def test_frames_with_pyav(example: Example, tmp_path: Path) -> None:
    example("Writing frames with PyAV")
    with av.open(str(tmp_path / "out.mov")) as written:
        stream = written.streams.video[0]
        made = list(written.decode(stream))
        assert len(made) == 6
        assert stream.average_rate == 25
        assert made[0].format.name.startswith("yuva444p")
        assert [float(frame.time or 0) for frame in made] == pytest.approx(
            [index / 25 for index in range(6)]
        )
