"""The catalogue: one complete row a model."""

from __future__ import annotations

import re

import pytest

from streamcut.core.config import MatteSettings
from streamcut.sessions import CATALOG, Model

SPDX = {"MIT", "Apache-2.0", "GPL-3.0-only", "CC-BY-NC-4.0", "its own"}


def test_names_are_there_once() -> None:
    names = [model.name for model in CATALOG]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name)
def test_a_row_is_complete(model: Model) -> None:
    assert model.purpose
    assert model.licence in SPDX
    restricted = model.licence in ("GPL-3.0-only", "CC-BY-NC-4.0")
    assert (model.conditions is not None) == restricted
    assert all(hasattr(MatteSettings(), option) for option in model.options)


@pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name)
def test_its_files_can_be_fetched(model: Model) -> None:
    for weights in model.weights:
        assert re.fullmatch(r"[\w.-]+\.onnx", weights.file)
        assert weights.url.startswith("https://")
        assert weights.checksum is None or re.fullmatch(
            r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", weights.checksum
        )
    if not model.needs_file:
        assert (model.weights, model.file) == ((), None)


def test_files_of_different_models_have_different_names() -> None:
    files = [weights.file for model in CATALOG for weights in model.weights]
    assert len(set(files)) == len(files)
