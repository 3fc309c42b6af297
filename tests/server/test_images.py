"""``/api/remove``: what is sent is answered, what is wrong is told, and rembg does the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.media import shared
from helpers.server import Serve, photo, pixels_of
from helpers.servers import serving

from streamcut import remove
from streamcut.core.config import Settings
from streamcut.server.app import create_app
from streamcut.server.fetching import Fetcher

KINDS: list[dict[str, Any]] = [
    {},
    {"om": "true"},
    {"ppm": "true"},
    {"dc": "true"},
    {"bgc": "10,200,30,255"},
    {"om": "true", "ppm": "true"},
    {"extras": json.dumps({"putalpha": True})},
    {"extras": "no json"},
]


def test_an_upload_is_what_remove_makes_of_it(serve: Serve) -> None:
    data = photo()
    answer = serve().post("/api/remove", files={"file": data})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(pixels_of(answer.content), pixels_of(remove(data)))


def test_an_address_is_fetched(serve: Serve) -> None:
    data = photo()
    with serving(data) as site:
        client = serve(fetcher=Fetcher(allowed=lambda _: True))
        answer = client.get("/api/remove", params={"url": site.url, "om": "1"})
    assert np.array_equal(pixels_of(answer.content), pixels_of(remove(data, only_mask=True)))


def test_a_form_may_hold_colour_and_extras(serve: Serve) -> None:
    data, client = photo(), serve()
    form = {"bgc": "1,2,3,255", "extras": '{"putalpha": true}'}
    answer = client.post("/api/remove", files={"file": data}, data=form)
    made = remove(data, bgcolor=(1, 2, 3, 255), putalpha=True)
    assert np.array_equal(pixels_of(answer.content), pixels_of(made))


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"model": "nonsense"}, 404),
        ({"model": "/etc/passwd"}, 404),
        ({"model": "../../x.onnx"}, 404),
        ({"af": "256"}, 422),
        ({"ab": "-1"}, 422),
        ({"a": "perhaps"}, 422),
        ({"bgc": "red"}, 400),
        ({"bgc": "1,2"}, 400),
        ({"bgc": "1,2,3,256"}, 400),
        ({"vm": "true"}, 400),
        ({"extras": '{"model_path": "/etc/passwd"}'}, 400),
        ({"extras": '{"plate": "/etc/passwd"}'}, 400),
        ({"extras": '{"device": "cuda"}'}, 400),
        ({"extras": '{"screen": 5}', "model": "chroma"}, 400),
        ({"extras": '{"screen": "no colour"}', "model": "chroma"}, 400),
    ],
)
def test_what_makes_no_sense_is_told(serve: Serve, form: dict[str, str], status: int) -> None:
    answer = serve().post("/api/remove", files={"file": photo()}, data=form)
    assert answer.status_code == status
    assert "/etc" not in answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize("data", [b"", b"no image", photo()[:60]])
def test_what_is_no_image_is_told(serve: Serve, data: bytes) -> None:
    answer = serve().post("/api/remove", files={"file": data})
    assert answer.status_code == 400
    assert "image" in answer.json()["detail"]


def test_matting_of_large_images_is_refused(serve: Serve) -> None:
    answer = serve().post("/api/remove", files={"file": photo(3000, 2100, "JPEG")}, data={"a": "1"})
    assert answer.status_code == 413


def test_a_model_that_cannot_be_had_is_told(serve: Serve, cache: Path) -> None:
    client = serve(mirror="http://127.0.0.1:9/")
    answer = client.post("/api/remove", files={"file": photo()}, data={"model": "u2net"})
    assert answer.status_code == 502
    assert "cannot be fetched" in answer.json()["detail"]
    assert str(cache.parent) not in answer.text


@pytest.fixture(scope="module")
def rembg_server() -> Any:
    """rembg's own application, in this process."""
    pytest.importorskip("aiohttp")
    pytest.importorskip("asyncer")
    server = pytest.importorskip("rembg.commands.s_command")
    caught: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server.uvicorn, "run", lambda app, **_: caught.append(app))
        patch.setattr(server.webbrowser, "open", lambda _: None)
        patch.setenv("MODEL_CHECKSUM_DISABLED", "1")
        patch.setenv("U2NET_HOME", str(shared("models", "u2netp.onnx").parent))
        server.s_command.callback(7000, "127.0.0.1", "error", None, True)
        from fastapi.testclient import TestClient

        yield TestClient(caught[0], raise_server_exceptions=False)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Our server with the same weights."""
    from fastapi.testclient import TestClient

    weights, data = shared("models", "u2netp.onnx"), tmp_path_factory.mktemp("data")
    settings = Settings().with_options({"model": str(weights), "data": str(data)})
    return TestClient(create_app(settings), "http://127.0.0.1:7000")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("wishes", KINDS, ids=str)
def test_rembgs_own_server_answers_the_same_pixels(
    ours: Any, rembg_server: Any, wishes: dict[str, str]
) -> None:
    query = {name: wishes[name] for name in wishes.keys() & {"bgc", "extras"}}
    form = {name: wishes[name] for name in wishes.keys() - query.keys()}
    files = {"file": photo(120, 80) if form else photo(64, 96, "JPEG", quality=95)}
    theirs = form | {"model": "u2netp"}
    expected = rembg_server.post("/api/remove", files=files, data=theirs, params=query)
    answer = ours.post("/api/remove", files=files, data=form, params=query)
    assert answer.status_code == expected.status_code == 200, answer.text
    assert answer.headers["content-type"] == expected.headers["content-type"]
    assert np.array_equal(pixels_of(answer.content), pixels_of(expected.content))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "form", [{"af": "300"}, {"a": "perhaps"}, {"ab": "x"}, {"ae": "-1"}], ids=str
)
def test_rembgs_own_server_refuses_the_same(
    serve: Serve, rembg_server: Any, form: dict[str, str]
) -> None:
    expected = rembg_server.post("/api/remove", files={"file": photo()}, data=form)
    answer = serve().post("/api/remove", files={"file": photo()}, data=form)
    assert answer.status_code == expected.status_code == 422
    assert answer.json()["detail"][0]["loc"] == expected.json()["detail"][0]["loc"]
    assert answer.json()["detail"][0]["type"] == expected.json()["detail"][0]["type"]


@pytest.mark.filterwarnings("ignore")
def test_every_parameter_of_rembgs_server_is_known(serve: Serve, rembg_server: Any) -> None:
    theirs = rembg_server.get("/openapi.json").json()["paths"]["/api/remove"]
    ours = serve().get("/openapi.json").json()["paths"]["/api/remove"]
    for method in ("get", "post"):
        wanted = {each["name"] for each in theirs[method]["parameters"]}
        assert wanted <= {each["name"] for each in ours[method]["parameters"]}
