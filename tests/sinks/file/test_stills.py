"""Stills into files: what each format holds, and nothing half written."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from streamcut.core.errors import SinkError, UsageError
from streamcut.media.still import Still
from streamcut.sinks.file.stills import (
    STILL_FORMATS,
    encoded,
    is_still_name,
    still_format,
    write_still,
)

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def cutout(channels: int = 4) -> Still:
    y, x = np.mgrid[:40, :60]
    layers = [4 * x, 6 * y, 2 * (x + y), np.where(x > 20, 255, 6 * x)]
    return Still(np.dstack(layers[:channels]).astype(np.uint8), PROFILE, (240, 240))


@pytest.mark.parametrize("ending", [".png", ".webp", ".avif", ".tif", ".tiff"])
@pytest.mark.parametrize("quality", ["fast", "balanced", "best"])
def test_alpha_profile_and_resolution_are_kept(tmp_path: Path, ending: str, quality: str) -> None:
    path = tmp_path / f"a{ending}"
    size = write_still(cutout(), str(path), quality)
    assert size == path.stat().st_size
    with Image.open(path) as image:
        read = np.asarray(image.convert("RGBA")).astype(int)
        assert image.info.get("icc_profile") == PROFILE
        if ending in (".png", ".tif", ".tiff"):
            assert image.info["dpi"] == pytest.approx((240, 240), abs=0.1)
    apart = np.abs(read - cutout().pixels)
    assert apart[..., 3].max() <= (3 if ending == ".avif" else 0)
    assert apart[cutout().pixels[..., 3] == 255].mean() < 4
    assert list(tmp_path.iterdir()) == [path]


def test_jpeg_holds_no_alpha() -> None:
    with pytest.raises(UsageError, match="cannot hold alpha"):
        encoded(cutout(), still_format("a.jpg"))
    with Image.open(io.BytesIO(encoded(cutout(3), still_format(".jpeg")))) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")


@pytest.mark.parametrize("form", STILL_FORMATS, ids=lambda form: form.name)
def test_mattes_are_held_by_all(form) -> None:  # type: ignore[no-untyped-def]
    grey = Still(np.arange(240, dtype=np.uint8).reshape(12, 20), PROFILE)
    with Image.open(io.BytesIO(encoded(grey, form, "best"))) as image:
        read = np.asarray(image.convert("L")).astype(int)
    assert np.abs(read - grey.pixels).mean() < 4


def test_names() -> None:
    assert is_still_name("A.PNG")
    assert not is_still_name("a.mp4")
    with pytest.raises(UsageError, match=r"a.bmp: unknown ending.*\.png \.webp"):
        still_format("a.bmp")


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.mkdir()
    with pytest.raises(SinkError, match="cannot be written"):
        write_still(cutout(), str(path))
    assert list(tmp_path.iterdir()) == [path]
