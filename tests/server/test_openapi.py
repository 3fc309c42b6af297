"""What OpenAPI says of the server holds, whatever is asked: by schemathesis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.server import Serve, photo

from streamcut.core.config import Settings
from streamcut.server.app import create_app

_HOST = {"Host": "127.0.0.1:7000"}


@pytest.mark.real
@pytest.mark.filterwarnings("ignore")
def test_every_answer_is_as_described(tmp_path: Path) -> None:
    """Of a server that fetches nothing and works on nothing: no 5xx, and no surprises."""
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    known = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
        checks.response_headers_conformance,
    ]
    wanted = {"data": str(tmp_path), "addresses": False, "queue": 3}
    app = create_app(Settings().with_options(wanted))
    videos = app.state.server.store
    ready = videos.add(name="x.png", state="ready", kind="image", received=1).id
    videos.input(ready).write_bytes(photo())
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers=_HOST)
    faults, asked = [], 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            if "video" in case.path_parameters and case.method != "DELETE":
                case.path_parameters["video"] = ready
            case.call_and_validate(headers=_HOST, checks=known)

        try:
            ask()
        except BaseException as error:
            faults.append(f"{operation.label}: {error}")
    assert not faults, "\n".join(faults)
    assert asked > 150


def test_all_requests_are_described(serve: Serve) -> None:
    paths = serve().get("/openapi.json").json()["paths"]
    wanted = {"/api/remove", "/v1.0/removebg", "/v1/videos", "/v1/videos/{video}/result"}
    assert wanted <= set(paths)
