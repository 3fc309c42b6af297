"""What decoders attach to frames is read, and freed once."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.media import run, shown
from PIL import Image, ImageCms

from streamcut.sources import open_source

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "I;16"])
def test_a_png_with_a_profile_and_exif(tmp_path: Path, mode: str) -> None:
    """FFmpeg names the profile, and PyAV frees the name twice: the process would end here."""
    grey = np.full((32, 48), 0xFFFF, np.uint16)
    image = Image.fromarray(grey) if mode == "I;16" else Image.new("L", (48, 32), 255).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "in.png", icc_profile=PROFILE, exif=exif)
    for _ in range(3):
        with open_source(str(tmp_path / "in.png")) as source:
            [frame] = source
        assert (frame.source.width, frame.source.height) == (32, 48)
        del frame, source
        gc.collect()


@pytest.mark.parametrize("name", ["%d.png", "in.apng"])
def test_moving_pngs_with_profiles(tmp_path: Path, name: str) -> None:
    images = [Image.new("RGB", (48, 32), (40 * i, 200, 90)) for i in range(4)]
    beside: dict[str, Any] = {"icc_profile": PROFILE}
    if name == "in.apng":
        beside |= {"save_all": True, "append_images": images[1:], "format": "PNG"}
        images[0].save(tmp_path / name, **beside)
    else:
        for number, image in enumerate(images):
            image.save(tmp_path / f"{number}.png", **beside)
    run(tmp_path / name, tmp_path / "out.mkv")
    assert len(shown(tmp_path / "out.mkv").pictures) == 4
