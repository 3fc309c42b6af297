"""Photographs of telephones and cameras, sent to the server."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.image_files import saved
from helpers.media import Brightness
from helpers.photographs import PHOTOGRAPHS, scene
from helpers.server import Serve, pixels_of
from PIL import Image

from streamcut.core.config import Settings
from streamcut.server import sessions
from streamcut.server.pictures import size_of
from streamcut.server.sessions import Sessions
from streamcut.server.stills import Previews, described

SOME = [
    *("HEIC in tiles lying 6", "AVIF in tiles lying 5", "JPEG lying 7", "JPEG CMYK"),
    *("PNG of 16 bits grey", "TIFF big-endian of 16 bits grey", "TIFF of floats"),
    "PNG palette of 2 bits, one clear",
]
IN_P3 = ["JPEG in Display P3", "HEIC in tiles in Display P3"]


class Everything(Brightness):
    """All of a still is the subject."""

    def predict(self, img: Image.Image, *_: Any, **__: Any) -> list[Image.Image]:
        return [Image.new("L", img.size, 255)]


@pytest.fixture
def whole(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sessions, "new_session", lambda *_, **__: Everything())
    return serve()


@pytest.mark.parametrize("name", SOME)
def test_as_rembg_has_it(whole: Any, name: str) -> None:
    answer = whole.post("/api/remove", files={"file": PHOTOGRAPHS[name].make()})
    PHOTOGRAPHS[name].assert_is(pixels_of(answer.content))


@pytest.mark.parametrize("name", [*SOME[:-1], *IN_P3])
def test_as_remove_bg_has_it(whole: Any, name: str) -> None:
    files = {"image_file": PHOTOGRAPHS[name].make()}
    answer = whole.post("/v1.0/removebg", files=files, data={"size": "full"})
    PHOTOGRAPHS[name].assert_is(pixels_of(answer.content))


@pytest.mark.parametrize("name", SOME + IN_P3)
def test_behind_as_remove_bg_has_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    class Nothing(Everything):
        def predict(self, img: Image.Image, *_: Any, **__: Any) -> list[Image.Image]:
            return [Image.new("L", img.size, 0)]

    monkeypatch.setattr(sessions, "new_session", lambda *_, **__: Nothing())
    black = saved(Image.new("RGB", scene().size), "PNG")
    files = {"image_file": black, "bg_image_file": PHOTOGRAPHS[name].make()}
    answer = serve().post("/v1.0/removebg", files=files, data={"size": "full", "format": "png"})
    PHOTOGRAPHS[name].assert_is(pixels_of(answer.content))


@pytest.mark.parametrize("name", [*SOME[:-1], *IN_P3])
def test_on_the_page(tmp_path: Path, name: str) -> None:
    (tmp_path / "upload").write_bytes(PHOTOGRAPHS[name].make())
    told = described(tmp_path / "upload", "photo", 50, 60)
    assert told["kind"] == "image"
    with Image.open(io.BytesIO(_source(tmp_path / "upload"))) as shown:
        assert (told["width"], told["height"]) == shown.size
        PHOTOGRAPHS[name].assert_is(np.asarray(shown))


def _source(path: Path) -> bytes:
    return Previews(Sessions(Settings())).show(path, 0, "source", Settings())


def test_heic_whose_library_is_absent_is_told(whole: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = PHOTOGRAPHS["HEIC in tiles lying 1"].make()
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    for path, name in (("/api/remove", "file"), ("/v1.0/removebg", "image_file")):
        answer = whole.post(path, files={name: data})
        assert answer.status_code == 501
        assert "pip install 'streamcut[heic]'" in answer.text


def test_sizes_are_upright() -> None:
    for number in range(1, 9):
        image = scene() if number < 5 else scene().transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[0x0112] = number
        assert size_of(saved(image, "JPEG", exif=exif), 10) == scene().size
