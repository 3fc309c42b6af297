"""streamcut.cutout without rembg: expected pixels worked out by hand."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from streamcut import cutout
from streamcut.core.errors import SourceError, StreamcutError, UsageError
from streamcut.cutout import kept_session, remove


class Fixed:
    """A session that predicts the same masks for every picture and notes what it was asked."""

    def __init__(self, *masks: Image.Image) -> None:
        self.masks = masks
        self.calls: list[tuple[Image.Image, tuple[Any, ...], dict[str, Any]]] = []

    def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
        self.calls.append((img, args, kwargs))
        return list(self.masks)


def picture(mode: str = "RGB", size: tuple[int, int] = (2, 1), color: Any = (200, 100, 50)) -> Any:
    return Image.new("RGB", size, color).convert(mode)


def mask(*values: int) -> Image.Image:
    return Image.fromarray(np.array([values], np.uint8))


def png(img: Image.Image) -> bytes:
    file = io.BytesIO()
    img.save(file, "PNG")
    return file.getvalue()


def pixels(img: Image.Image) -> list[Any]:
    return [img.getpixel((x, y)) for y in range(img.height) for x in range(img.width)]


HALF = Fixed(mask(255, 128))
NAIVE = [(200, 100, 50, 255), (100, 50, 25, 128)]


def test_naive_fades_into_transparent_black() -> None:
    found = remove(picture(), session=HALF)
    assert found.mode == "RGBA"
    assert pixels(found) == NAIVE


def test_naive_multiplies_alpha() -> None:
    source = Image.new("RGBA", (2, 1), (200, 100, 50, 100))
    assert pixels(remove(source, session=HALF)) == [(200, 100, 50, 100), (100, 50, 25, 50)]


def test_bytes_give_png_bytes() -> None:
    found = remove(png(picture()), session=HALF)
    assert isinstance(found, bytes)
    decoded = Image.open(io.BytesIO(found))
    assert decoded.format == "PNG"
    assert pixels(decoded) == NAIVE


def test_array_gives_a_writable_array() -> None:
    found = remove(np.asarray(picture()), session=HALF)
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.uint8
    assert found.flags.writeable
    assert found.tolist() == [[list(pixel) for pixel in NAIVE]]


@pytest.mark.parametrize(
    "data",
    [
        picture(),
        np.asarray(picture()),
        png(picture()),
        bytearray(png(picture())),
        memoryview(png(picture())),
    ],
    ids=lambda data: type(data).__name__,
)
def test_force_return_bytes(data: Any) -> None:
    found = remove(data, session=HALF, force_return_bytes=True)
    assert pixels(Image.open(io.BytesIO(found))) == NAIVE


def test_positional_order_is_rembgs_of_many_years() -> None:
    session = Fixed(mask(255, 0))
    found: Any = remove(
        np.asarray(picture()), False, 240, 10, 10, session, False, False, (1, 2, 3, 255), True, 7
    )
    assert pixels(Image.open(io.BytesIO(found))) == [(200, 100, 50, 255), (1, 2, 3, 255)]
    assert session.calls[0][1] == (7,)


def test_predict_gets_the_upright_picture_and_the_other_options() -> None:
    session = Fixed()
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise"
    source = Image.new("RGB", (2, 1))
    source.putpixel((0, 0), (255, 0, 0))
    file = io.BytesIO()
    source.save(file, "PNG", exif=exif)
    remove(file.getvalue(), session=session, prompt="chair", only_mask=True)
    seen, args, kwargs = session.calls[0]
    assert (seen.size, args, kwargs) == ((1, 2), (), {"prompt": "chair"})
    assert pixels(seen) == [(255, 0, 0), (0, 0, 0)]


def test_only_mask() -> None:
    found = remove(picture(), session=HALF, only_mask=True, bgcolor=(1, 2, 3, 4))
    assert (found.mode, pixels(found)) == ("L", [255, 128])


def test_several_masks_are_stacked() -> None:
    session = Fixed(mask(255, 0), mask(0, 255))
    masks = remove(picture(), session=session, only_mask=True)
    white, black = (255, 255, 255, 255), (0, 0, 0, 255)
    assert (masks.mode, masks.size) == ("RGBA", (2, 2))
    assert pixels(masks) == [white, black, black, white]
    shown, hidden = (200, 100, 50, 255), (0, 0, 0, 0)
    assert pixels(remove(picture(), session=session)) == [shown, hidden, hidden, shown]


def test_no_mask_gives_the_picture_back() -> None:
    source = picture()
    found = remove(source, session=Fixed())
    assert found is not source
    assert pixels(found) == pixels(source)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "F", "PA"])
def test_no_mask_gives_png_of_modes_that_png_lacks(mode: str) -> None:
    source = picture("P").convert("PA") if mode == "PA" else picture(mode)
    found = remove(source, session=Fixed(), force_return_bytes=True)
    assert Image.open(io.BytesIO(found)).size == (2, 1)


def test_background_color_is_blended_in() -> None:
    # 128/255 of the naive (100, 50, 25) over 127/255 of white: 177.2, 152.1, 139.5
    found = remove(picture(), session=HALF, bgcolor=(255, 255, 255, 255))
    assert pixels(found) == [(200, 100, 50, 255), (177, 152, 140, 255)]


@pytest.mark.parametrize("color", [[1, 2, 3, 9], np.array([1, 2, 3, 9]), (1, 2, 3, 9)])
def test_background_color_of_any_sequence(color: Any) -> None:
    found = cutout.apply_background_color(Image.new("RGBA", (1, 1)), color)
    assert pixels(found) == [(1, 2, 3, 9)]


@pytest.mark.parametrize("color", ["red", (1, 2), (1, 2, 3, 4, 5), (0.5, 1, 1, 1), 7])
def test_background_color_that_is_none(color: Any) -> None:
    with pytest.raises(UsageError, match="colour"):
        remove(picture(), session=HALF, bgcolor=color)


def test_putalpha_leaves_colours_and_the_callers_picture() -> None:
    source = picture()
    found = remove(source, session=HALF, putalpha=True)
    assert pixels(found) == [(200, 100, 50, 255), (200, 100, 50, 128)]
    assert source.mode == "RGB"
    direct = cutout.putalpha_cutout(source, mask(1, 2))
    assert source.mode == "RGB"
    assert pixels(direct) == [(200, 100, 50, 1), (200, 100, 50, 2)]


def test_putalpha_gives_each_mask_its_own_cutout() -> None:
    found = remove(picture(), session=Fixed(mask(1, 2), mask(3, 4)), putalpha=True)
    assert [pixel[3] for pixel in pixels(found)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("L", "LA"), ("1", "LA"), ("P", "PA"), ("CMYK", "RGBA"), ("YCbCr", "RGBA"), ("F", "RGBA")],
)
def test_putalpha_modes(mode: str, expected: str) -> None:
    found = remove(picture(mode), session=HALF, putalpha=True)
    assert (found.mode, found.getpixel((1, 0))[-1]) == (expected, 128)
    encoded = remove(picture(mode), session=HALF, putalpha=True, force_return_bytes=True)
    assert Image.open(io.BytesIO(encoded)).mode in {"LA", "RGBA"}


def test_bgcolor_after_putalpha_on_grey() -> None:
    found = remove(picture("L"), session=HALF, putalpha=True, bgcolor=(0, 0, 0, 255))
    assert found.mode == "RGBA"


def test_decontaminate_frees_the_edge_of_the_old_background() -> None:
    alpha = np.tile(np.clip((20 - np.arange(32)) / 8, 0, 1), (24, 1))[..., None]
    mixed = alpha * [220, 30, 20] + (1 - alpha) * [10, 40, 200]
    masks = Fixed(Image.fromarray(np.rint(alpha[..., 0] * 255).astype(np.uint8)))
    found = np.asarray(
        remove(Image.fromarray(mixed.astype(np.uint8)), session=masks, decontaminate=True)
    )
    assert np.abs(found[..., 3] - alpha[..., 0] * 255).max() <= 1
    np.testing.assert_allclose(found[:, 12:18, :3], np.full((24, 6, 3), [220, 30, 20]), atol=12)


def half_red_half_blue() -> tuple[Image.Image, Fixed]:
    """Columns 0 to 19 red, 20 to 39 blue; the mask is off by two columns and soft."""
    colours = np.zeros((24, 40, 3), np.uint8)
    colours[:, :20, 0], colours[:, 20:, 2] = 255, 255
    ramp = np.clip((24 - np.arange(40)) * 32, 0, 255).astype(np.uint8)
    return Image.fromarray(colours), Fixed(Image.fromarray(np.tile(ramp, (24, 1))))


def test_alpha_matting_finds_the_true_edge() -> None:
    source, session = half_red_half_blue()
    found = np.asarray(remove(source, True, 240, 10, 5, session))
    middle = found[12, :, 3]
    assert middle[:19].min() >= 250
    assert middle[21:].max() <= 5
    np.testing.assert_allclose(found[12, 10], [255, 0, 0, 255], atol=1)


@pytest.mark.parametrize("value", [0, 255, 128])
def test_alpha_matting_without_an_answer_decontaminates(value: int) -> None:
    session = Fixed(Image.new("L", (12, 9), value))
    source = picture(size=(12, 9))
    matted = remove(source, session=session, alpha_matting=True)
    assert pixels(matted) == pixels(remove(source, session=session, decontaminate=True))
    kept = remove(source, session=session, alpha_matting=True, putalpha=True)
    assert pixels(kept)[0] == (200, 100, 50, value)


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "LA"])
def test_alpha_matting_looks_at_colours_not_channels(mode: str) -> None:
    source, session = half_red_half_blue()
    same = source.convert(mode).convert("RGB")
    found = remove(source.convert(mode), session=session, alpha_matting=True)
    assert pixels(found) == pixels(remove(same, session=session, alpha_matting=True))


def test_post_process_of_the_mask() -> None:
    # A lone pixel and a one-pixel line are opened away; a block of 9 stays, less its corners.
    source = np.zeros((21, 21), np.uint8)
    source[1, 1] = source[0, 5:20] = 255
    source[6:15, 6:15] = 255
    expected = np.zeros((21, 21), np.uint8)
    expected[6:15, 6:15] = 255
    found = cutout.post_process(source)
    assert found.dtype == np.uint8
    assert set(np.unique(found)) == {0, 255}
    assert not found[:4].any()
    assert found[8:13, 8:13].all()
    assert np.abs(found.astype(int) - expected)[4:17, 4:17].sum() <= 12 * 255
    session = Fixed(Image.fromarray(source))
    only = remove(picture(size=(21, 21)), session=session, only_mask=True, post_process_mask=True)
    np.testing.assert_array_equal(np.asarray(only), found)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (126, 0), (127, 255), (255, 255)])
def test_post_process_of_flat_masks(value: int, expected: int) -> None:
    assert (cutout.post_process(np.full((9, 9), value, np.uint8)) == expected).all()


def test_orientation_is_applied_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    file = io.BytesIO()
    source = Image.new("RGB", (2, 1))
    source.putpixel((0, 0), (255, 0, 0))
    source.save(file, "PNG", exif=exif)
    once = cutout.fix_image_orientation(Image.open(file))
    assert pixels(once) == [(0, 0, 0), (255, 0, 0)]
    assert pixels(cutout.fix_image_orientation(once)) == pixels(once)


def test_unreadable_exif_is_ignored() -> None:
    file = io.BytesIO()
    picture().save(file, "PNG", exif=b"Exif\x00\x00no TIFF at all")
    assert pixels(Image.open(io.BytesIO(remove(file.getvalue(), session=HALF)))) == NAIVE


@pytest.mark.parametrize("data", [None, 7, [[1, 2]], bytearray(b"x")])
def test_unsupported_type(data: Any) -> None:
    with pytest.raises(UsageError, match=r"Input type .* is not supported") as caught:
        remove(data, session=HALF)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [None, 7])
def test_unsupported_type_as_bytes(data: Any) -> None:
    with pytest.raises(UsageError, match="is not supported"):
        remove(data, session=HALF, force_return_bytes=True)


@pytest.mark.parametrize("given", [str, Path])
def test_a_path_gives_an_image(tmp_path: Path, given: Any) -> None:
    path = tmp_path / "photo.png"
    picture().save(path)
    found = remove(given(path), session=HALF)
    assert pixels(found) == NAIVE
    assert remove(given(path), session=HALF, force_return_bytes=True) == png(found)


def test_an_open_file_is_read_on_and_left_open(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"head" + png(picture()))
    with path.open("rb") as file:
        file.seek(4)
        assert pixels(remove(file, session=HALF)) == NAIVE
        assert not file.closed
    with pytest.raises(SourceError, match="closed file"):
        remove(file, session=HALF)
    assert pixels(remove(io.BytesIO(png(picture())), session=HALF)) == NAIVE


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"absent\.jpg' cannot be read: No such file"):
        remove(tmp_path / "absent.jpg", session=HALF)
    with pytest.raises(SourceError, match="cannot be read"):
        remove(str(tmp_path), session=HALF)
    (tmp_path / "text.txt").write_text("hello")
    with (tmp_path / "text.txt").open() as file, pytest.raises(UsageError, match="binary mode"):
        remove(cast(Any, file), session=HALF)
    with pytest.raises(SourceError, match="no known image format"):
        remove(tmp_path / "text.txt", session=HALF)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((4, 4, 3)),
        np.array([None]),
    ],
    ids=lambda array: f"{array.shape}{array.dtype}",
)
def test_array_that_is_no_picture(array: np.ndarray) -> None:
    with pytest.raises(UsageError, match="is not an image"):
        remove(array, session=HALF)


@pytest.mark.parametrize("data", [np.zeros((0, 4, 3), np.uint8), Image.new("RGB", (3, 0))])
def test_empty_picture(data: Any) -> None:
    with pytest.raises(UsageError, match="empty"):
        remove(data, session=HALF)


@pytest.mark.parametrize("data", [b"", b"hello", png(picture())[:40], png(picture())[:-25]])
def test_undecodable_bytes(data: bytes) -> None:
    with pytest.raises(SourceError, match=r"^cannot decode the image: [^\n]*$") as caught:
        remove(data, session=HALF)
    assert isinstance(caught.value, OSError)


def test_damaged_image_object() -> None:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG")
    damaged = Image.open(io.BytesIO(file.getvalue()[:-200]))
    with pytest.raises(SourceError, match="truncated"):
        remove(damaged, session=HALF)


def test_decompression_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(SourceError, match="cannot decode"):
        remove(png(Image.new("L", (9, 9))), session=HALF)


def test_vitmatte_is_refused_before_any_work() -> None:
    session = Fixed(mask(255))
    with pytest.raises(UsageError, match="vitmatte is not offered"):
        remove(picture(), session=session, vitmatte=True)
    assert not session.calls


def test_mask_of_another_size() -> None:
    session = Fixed(Image.new("L", (5, 5)))
    for name in ("only_mask", "putalpha", "decontaminate", "alpha_matting"):
        options: dict[str, Any] = {name: name != "only_mask"}
        with pytest.raises(ValueError, match=r"match|size|shape"):
            remove(picture(), session=session, **options)


def test_wide_masks_do_not_matter_to_the_stack() -> None:
    found = cutout.stack_vertically([mask(9), mask(1, 2), mask(3)])
    assert found.size == (1, 3)
    assert [pixel[0] for pixel in pixels(found)] == [9, 1, 3]


def test_errors_are_streamcuts() -> None:
    with pytest.raises(StreamcutError):
        remove(b"", session=HALF)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What sessions were made of; none is kept from before, and none for later."""
    sessions = pytest.importorskip("streamcut.sessions")
    made: list[dict[str, Any]] = []

    def making(**options: Any) -> Any:
        made.append(options)
        return HALF

    monkeypatch.setattr(sessions, "new_session", making)
    kept_session._kept.forget()
    yield made
    kept_session._kept.forget()


def test_the_default_session_is_made_once(asked: list[dict[str, Any]]) -> None:
    assert pixels(remove(picture())) == NAIVE
    remove(picture())
    remove(picture(), sam_prompt=[{"type": "point"}])
    assert asked == [{}]


def test_other_options_are_another_session(asked: list[dict[str, Any]]) -> None:
    for options in ({}, {"providers": ["CPUExecutionProvider"]}, {"plate": np.zeros(3)}):
        remove(picture(), **options)
        remove(picture(), **options)
    assert [set(options) for options in asked[:2]] == [set(), {"providers"}]
    assert {"plate"} in [set(options) for options in asked]


def test_threads_share_one_default_session(asked: list[dict[str, Any]]) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: pixels(remove(picture())), range(8)))
    assert found == [NAIVE] * 8
    assert asked == [{}]


def test_import_is_light() -> None:
    code = """
import sys
import streamcut.cutout
heavy = {"pymatting", "scipy", "numba", "onnxruntime", "skimage", "streamcut.sessions"}
print(sorted(heavy & set(sys.modules)))
"""
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "[]\n"
