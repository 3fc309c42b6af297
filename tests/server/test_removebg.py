"""``/v1.0/removebg``: what remove.bg documents."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

import numpy as np
import pytest
from helpers.media import Brightness
from helpers.server import Serve, photo, pixels_of
from helpers.servers import serving
from PIL import Image

from streamcut.server import sessions
from streamcut.server.fetching import Fetcher


class Bright(Brightness):
    """Whatever is bright is the subject, in stills too."""

    def predict(self, img: Image.Image, *_: Any, **__: Any) -> list[Image.Image]:
        return [img.convert("L").point(lambda level: 255 if level > 128 else 0)]


@pytest.fixture
def bright(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """A server whose model is known to the pixel."""
    monkeypatch.setattr(sessions, "new_session", lambda *_, **__: Bright())
    return serve


def ask(client: Any, data: bytes | None = None, **form: Any) -> Any:
    files = {"image_file": data or photo(100, 60)}
    return client.post("/v1.0/removebg", files=files, data=form)


def test_a_cutout_with_its_headers(bright: Serve) -> None:
    answer = ask(bright(), size="auto")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    shown = pixels_of(answer.content)
    assert shown.shape == (60, 100, 4)
    assert tuple(shown[30, 50]) == (230, 200, 180, 255)
    assert shown[2, 2, 3] == 0
    rows, columns = np.nonzero(shown[..., 3])
    told = {name: int(answer.headers[f"x-{name}"]) for name in ("width", "height")}
    assert told == {"width": 100, "height": 60}
    assert int(answer.headers["x-foreground-top"]) == rows.min()
    assert int(answer.headers["x-foreground-left"]) == columns.min()
    assert int(answer.headers["x-foreground-height"]) == np.ptp(rows) + 1
    assert int(answer.headers["x-foreground-width"]) == np.ptp(columns) + 1
    assert answer.headers["x-credits-charged"] == "0"


def test_json_is_answered_where_json_is_accepted(bright: Serve) -> None:
    client = bright(headers={"Accept": "application/json"})
    data = ask(client).json()["data"]
    assert pixels_of(base64.b64decode(data["result_b64"])).shape == (60, 100, 4)
    assert data["foreground_top"] > 0


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_an_image_in_base64_in_json(bright: Serve, prefix: str) -> None:
    body = {"image_file_b64": prefix + base64.b64encode(photo()).decode(), "channels": "alpha"}
    answer = bright().post("/v1.0/removebg", json=body)
    assert pixels_of(answer.content).shape == (64, 96)


def test_an_address_and_a_background_s(bright: Serve) -> None:
    file = io.BytesIO()
    Image.new("RGB", (10, 10), (1, 2, 250)).save(file, "PNG")
    with serving(photo()) as subject, serving(file.getvalue()) as behind:
        client = bright(fetcher=Fetcher(allowed=lambda _: True))
        body = {"image_url": subject.url, "bg_image_url": behind.url, "format": "png"}
        shown = pixels_of(client.post("/v1.0/removebg", data=body).content)
    assert tuple(shown[0, 0]) == (1, 2, 250, 255)
    assert tuple(shown[32, 48]) == (230, 200, 180, 255)


@pytest.mark.parametrize(
    ("size", "large"),
    [("preview", 0.25), ("regular", 0.25), ("hd", 4.0)],
)
def test_sizes(bright: Serve, size: str, large: float) -> None:
    answer = ask(bright(), photo(2500, 1700, "JPEG"), size=size, format="webp")
    height, width = pixels_of(answer.content).shape[:2]
    assert large * 0.99 < width * height / 1e6 <= large
    assert abs(width / height - 2500 / 1700) < 0.01


@pytest.mark.parametrize("name", ["full", "4k", "auto", "50MP"])
def test_whole_sizes(bright: Serve, name: str) -> None:
    assert pixels_of(ask(bright(), photo(900, 700), size=name).content).shape == (700, 900, 4)


def test_formats(bright: Serve) -> None:
    client = bright()
    for form, kind in (("jpg", "image/jpeg"), ("webp", "image/webp"), ("png", "image/png")):
        assert ask(client, format=form).headers["content-type"] == kind
    assert tuple(pixels_of(ask(client, format="jpg").content)[1, 1]) == (255, 255, 255)
    answer = ask(client, format="auto", bg_color="0000ff")
    assert answer.headers["content-type"] == "image/jpeg", "nothing is transparent"
    with zipfile.ZipFile(io.BytesIO(ask(client, format="zip").content)) as archive:
        assert sorted(archive.namelist()) == ["alpha.png", "color.jpg"]
        assert pixels_of(archive.read("alpha.png"))[30, 50] == 255


@pytest.mark.parametrize("colour", ["0af", "00aaff", "#00aaff", "00aaffff", "rgb(0,170,255)"])
def test_background_colours(bright: Serve, colour: str) -> None:
    shown = pixels_of(ask(bright(), bg_color=colour, format="png").content)
    assert tuple(shown[0, 0]) == (0, 170, 255, 255)


def test_crop_with_margins(bright: Serve) -> None:
    client = bright()
    close = ask(client, crop="true")
    height, width = pixels_of(close.content).shape[:2]
    assert int(close.headers["x-foreground-width"]) == width < 100
    around = ask(client, crop="true", crop_margin="5px 10px")
    assert pixels_of(around.content).shape[:2] == (height + 10, width + 20)
    assert around.headers["x-foreground-left"] == "10"
    shares = ask(client, crop="true", crop_margin="10% 0 0 0")
    assert pixels_of(shares.content).shape[:2] == (height + round(height / 10), width)
    most = ask(client, crop="true", crop_margin="400px")
    assert pixels_of(most.content).shape[0] == height + 2 * round(height / 2), (
        "half of the subject at most"
    )


def test_region_of_interest(bright: Serve) -> None:
    left = pixels_of(ask(bright(), roi="0% 0% 50% 100%").content)[..., 3]
    assert left[30, 40] == 255
    assert not left[:, 50:].any()
    pixels = pixels_of(ask(bright(), roi="0 0 50px 60px").content)[..., 3]
    assert np.array_equal(left, pixels)


def test_scale_and_position(bright: Serve) -> None:
    answer = ask(bright(), scale="50%")
    box = {n: int(answer.headers[f"x-foreground-{n}"]) for n in ("top", "left", "height", "width")}
    assert box["height"] == 30
    assert abs(box["left"] - (100 - box["width"]) / 2) <= 1
    corner = ask(bright(), position="0% 100%")
    assert corner.headers["x-foreground-left"] == "0"
    top, height = (int(corner.headers[f"x-foreground-{name}"]) for name in ("top", "height"))
    assert top + height == 60
    assert pixels_of(corner.content)[59 - height // 2, 20, 3] == 255


def test_a_hard_matte(bright: Serve) -> None:
    shown = pixels_of(ask(bright(), semitransparency="false").content)[..., 3]
    assert set(np.unique(shown)) == {0, 255}


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"size": "huge"}, "invalid_size"),
        ({"type": "ghost"}, "invalid_type"),
        ({"format": "tiff"}, "invalid_format"),
        ({"crop": "perhaps"}, "invalid_crop"),
        ({"channels": "cmyk"}, "invalid_channels"),
        ({"bg_color": "no colour"}, "invalid_parameter"),
        ({"roi": "1 2 3"}, "invalid_parameter"),
        ({"roi": "50% 0% 50% 100%"}, "invalid_parameter"),
        ({"crop_margin": "-3px"}, "invalid_parameter"),
        ({"scale": "5%"}, "invalid_parameter"),
        ({"scale": "nan%"}, "invalid_parameter"),
        ({"position": "left"}, "invalid_parameter"),
        ({"image_url": "http://example.org/a.png"}, "multiple_sources"),
        ({"bg_color": "red", "bg_image_url": "http://example.org"}, "multiple_backgrounds"),
    ],
)
def test_errors_have_titles_and_codes(bright: Serve, form: dict[str, Any], code: str) -> None:
    answer = ask(bright(), **form)
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["code"] == code
    assert error["title"]


def test_errors_of_the_source(bright: Serve) -> None:
    client = bright()
    for body, code in (
        ({}, "missing_source"),
        ({"image_file_b64": "***"}, "invalid_image_file_b64"),
        ({"image_file": "text"}, "invalid_image_file"),
        ({"image_url": "http://127.0.0.1/x"}, "invalid_image_url"),
        ({"image_url": "file:///etc/passwd"}, "invalid_image_url"),
        ({"image_file_b64": base64.b64encode(b"no image").decode()}, "invalid_parameter"),
    ):
        answer = client.post("/v1.0/removebg", json=body)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == code
    assert client.post("/v1.0/removebg", content=b"[1").status_code == 400


def test_the_token_is_remove_bg_s_key(bright: Serve) -> None:
    client = bright(token="secret")
    answer = ask(client)
    assert answer.status_code == 403
    assert answer.json() == {"errors": [{"title": "API Key invalid", "code": "auth_failed"}]}
    client.headers["X-Api-Key"] = "secret"
    assert ask(client).status_code == 200
