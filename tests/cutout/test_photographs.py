"""Photographs of telephones and cameras for ``remove``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.image_files import display_p3
from helpers.photographs import PHOTOGRAPHS
from PIL import Image

from streamcut import BaseSession, remove
from streamcut.core.errors import MissingDependencyError

READ = [name for name in PHOTOGRAPHS if "P3" not in name]


class Everything(BaseSession):
    def __init__(self) -> None:
        self.model_name = "everything"

    def predict(self, img: Image.Image, *_: Any, **__: Any) -> list[Image.Image]:
        return [Image.new("L", img.size, 255)]


@pytest.mark.parametrize("name", READ)
def test_photographs(tmp_path: Path, name: str) -> None:
    (tmp_path / "photo").write_bytes(PHOTOGRAPHS[name].make())
    made = remove(tmp_path / "photo", session=Everything())
    PHOTOGRAPHS[name].assert_is(np.asarray(made.convert("RGBA")))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "HEIF"])
def test_the_profile_stays(kind: str) -> None:
    """rembg leaves it out, and the colours fade."""
    made = remove(PHOTOGRAPHS[f"{kind} in Display P3"].make(), session=Everything())
    with Image.open(io.BytesIO(made)) as image:
        assert image.info["icc_profile"] == display_p3()


def test_a_profile_of_other_values_does_not() -> None:
    image = Image.new("CMYK", (8, 8))
    image.info["icc_profile"] = b"of CMYK"
    assert "icc_profile" not in remove(image, session=Everything()).info


def test_heic_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    data = PHOTOGRAPHS["HEIC in tiles lying 1"].make()
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'streamcut\[heic\]'"):
        remove(data, session=Everything())
