"""A server in this process, asked without a network."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from helpers.server import Serve

from streamcut.core.config import Settings

collect_ignore_glob = []
if not all(map(find_spec, ("fastapi", "python_multipart", "httpx"))):
    collect_ignore_glob = ["test_*.py"]  # The extra "server" is not installed.


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a server with settings by name; ``headers`` and ``fetcher`` are taken too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Starlette would rather have another client.
        from fastapi.testclient import TestClient

    from streamcut.server.app import create_app

    with ExitStack() as clients:

        def started(
            *, fetcher: Any = None, headers: dict[str, str] | None = None, **options: Any
        ) -> TestClient:
            settings = Settings().with_options({"data": str(tmp_path / "data")} | options)
            app = create_app(settings, fetcher=fetcher)
            client = TestClient(app, "http://127.0.0.1:7000", headers=headers)
            return clients.enter_context(client)

        yield started
