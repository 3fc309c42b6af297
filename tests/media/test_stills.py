"""Stills: upright, in RGB, with their profile and resolution; faults in one line."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.image_files import display_p3
from helpers.photographs import PHOTOGRAPHS, scene
from PIL import Image, ImageCms

from streamcut.core.errors import MissingDependencyError, SourceError
from streamcut.media.limits import Limits
from streamcut.media.stills import in_srgb, read_still

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def gradient(height: int = 6, width: int = 9) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.dstack([20 * x, 30 * y, 5 * (x + y)]).astype(np.uint8)


def saved(ending: str, image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, ending, **options)
    return file.getvalue()


@pytest.mark.parametrize("given", ["path", "bytes", "file"])
def test_pixels_arrive_exactly(tmp_path: Path, given: str) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(gradient()).save(path, icc_profile=PROFILE, dpi=(300, 300))
    with path.open("rb") as file:
        forms: dict[str, Any] = {"path": path, "bytes": path.read_bytes(), "file": file}
        read = read_still(forms[given])
    np.testing.assert_array_equal(read.pixels, gradient())
    assert read.icc == PROFILE
    assert read.dpi == pytest.approx((300, 300), abs=0.1)
    assert read.size == (9, 6)


def test_it_is_turned_as_exif_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # The top of the scene is at the right.
    data = saved("PNG", Image.fromarray(gradient()), exif=exif)
    np.testing.assert_array_equal(read_still(data).pixels, np.rot90(gradient(), -1))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_alpha_is_kept(mode: str) -> None:
    rgba = np.dstack([gradient(), np.full((6, 9), 77, np.uint8)])
    image = Image.fromarray(rgba)
    image = image.convert("LA") if mode == "LA" else image
    data = saved("PNG", image.convert(mode) if mode != "PA" else image)
    assert (read_still(data).pixels[..., 3] == 77).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image: Any = Image.fromarray(gradient())
    image = (
        ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
        if mode == "LAB"
        else image.convert(mode)
    )
    read = read_still(saved("TIFF", image))
    assert read.pixels.shape == (6, 9, 3)
    if mode not in ("1", "L", "P"):
        assert np.abs(read.pixels.astype(int) - gradient()).mean() < 12


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs(name: str) -> None:
    still = read_still(PHOTOGRAPHS[name].make())
    PHOTOGRAPHS[name].assert_is(in_srgb(still).pixels)
    assert still.icc == (display_p3() if "P3" in name else None)


def test_colours_of_the_same_profile_stay_exactly() -> None:
    still = read_still(saved("PNG", Image.fromarray(gradient()), icc_profile=PROFILE))
    made = in_srgb(still)
    np.testing.assert_array_equal(made.pixels, gradient())
    assert made.icc is None


def test_a_broken_profile_is_passed_over() -> None:
    still = read_still(saved("PNG", Image.fromarray(gradient()), icc_profile=b"no profile" * 20))
    np.testing.assert_array_equal(in_srgb(still).pixels, gradient())


def test_what_is_not_kept_is_told() -> None:
    images = [Image.fromarray(gradient()) for _ in range(3)]
    images[1].putpixel((0, 0), (9, 9, 9))
    data = saved("WEBP", images[0], save_all=True, append_images=images[1:], lossless=True)
    assert read_still(data).notes == ("one of its 3 images is taken",)
    assert read_still(PHOTOGRAPHS["JPEG with its preview"].make()).notes == ()


def test_a_large_image_is_read_no_larger_than_is_of_use() -> None:
    image = scene().resize((960, 640), Image.Resampling.NEAREST)
    for kind in ("JPEG", "PNG"):
        read = read_still(saved(kind, image), enough=100)
        assert 100 <= min(read.size) < 200
        PHOTOGRAPHS["JPEG progressive"].assert_is(read.pixels)


def test_the_preview_of_a_raw_image_is_refused() -> None:
    data = saved("TIFF", Image.fromarray(gradient()), tiffinfo={254: 1})
    with pytest.raises(SourceError, match=r"a.dng cannot be read: it begins with a preview"):
        read_still(data, "a.dng")


def test_deep_grey_is_scaled_not_clipped() -> None:
    deep = np.linspace(0, 65535, 54).reshape(6, 9).astype(np.uint16)
    read = read_still(saved("PNG", Image.fromarray(deep)))
    np.testing.assert_array_equal(read.pixels[..., 0], np.rint(deep / 257))
    assert read.notes == ("its 16-bit colour becomes 8-bit",)


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_deep_colour_is_told(tmp_path: Path, ending: str) -> None:
    import cv2

    path = tmp_path / f"a{ending}"
    cv2.imwrite(str(path), (gradient().astype(np.uint16) * 257)[..., ::-1])
    read = read_still(path)
    np.testing.assert_array_equal(read.pixels, gradient())
    assert read.notes == ("its 16-bit colour becomes 8-bit",)


def test_heic_is_read(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    heif.from_pillow(Image.fromarray(np.full((64, 64, 3), (200, 30, 60), np.uint8))).save(path)
    read = read_still(path)
    assert np.abs(read.pixels.astype(int) - (200, 30, 60)).max() < 8


def test_heic_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'streamcut\[heic\]'"):
        read_still(b"\0\0\0\x18ftypheic" + b"\0" * 64, "a.heic")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an image"),
        (b"hello", "not an image"),
        (saved("PNG", Image.fromarray(gradient()))[:60], "cannot be read|no image"),
        (saved("JPEG", Image.new("RGB", (64, 64)))[:300], "cannot be read"),
    ],
)
def test_faults_are_one_line(data: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        read_still(data, "a.png")
    assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_still(tmp_path / "none.png")
    with pytest.raises(SourceError, match="is a folder"):
        read_still(tmp_path)


def test_a_giant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamcut.media.limits.MOST_IMAGE", 50)
    data = saved("PNG", Image.fromarray(gradient()))
    with pytest.raises(SourceError, match=r"a.png is 9x6, more than 64 megapixels"):
        read_still(data, "a.png")
    assert read_still(data, "a.png", Limits(large=True)).size == (9, 6)
