"""streamcut.remove beside rembg's: the same pictures, masks and options, equal results.

Where rembg raises or differs on purpose, a test of its own says what streamcut does instead.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numba
import numpy as np
import pytest
from PIL import Image

from streamcut import cutout
from streamcut.core.errors import UsageError

pytest.importorskip("rembg")
bg: Any = pytest.importorskip("rembg.bg")

WIDTH, HEIGHT = 27, 22
RNG = np.random.default_rng(20)


class FixedSession(bg.BaseSession):  # type: ignore[misc]
    """A session of rembg's own class that predicts fixed masks."""

    def __init__(self, *masks: np.ndarray) -> None:
        self.masks = masks

    def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
        return [Image.fromarray(mask).resize(img.size) for mask in self.masks]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """rembg's numba kernels are many times slower where their threads wait for a busy core."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


def blob(x: float, y: float, softness: float) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    distance = np.hypot(columns - x, rows - y)
    values: np.ndarray = np.clip(128 + (8 - distance) * 255 / softness, 0, 255)
    return values.astype(np.uint8)


def block(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[rows, columns] = 255
    return mask


MASKS = {
    "soft": blob(13, 11, 5),
    "off the border": blob(1, 20, 4),
    "binary": block(slice(6, 16), slice(8, 20)),
    "touching": block(slice(0, 22), slice(0, 9)),
    "corner": block(slice(14, 22), slice(20, 27)),
    "noise": RNG.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8),
    "speckle": np.where(RNG.random((HEIGHT, WIDTH)) < 0.8, 255, 0).astype(np.uint8),
    "empty": np.zeros((HEIGHT, WIDTH), np.uint8),
    "full": np.full((HEIGHT, WIDTH), 255, np.uint8),
    "grey": np.full((HEIGHT, WIDTH), 127, np.uint8),
}

BGCOLOR = (10, 200, 30, 140)
PLAIN: list[dict[str, Any]] = [
    {},
    {"only_mask": True},
    {"post_process_mask": True},
    {"only_mask": True, "post_process_mask": True},
    {"bgcolor": BGCOLOR},
    {"bgcolor": [1, 2, 3], "post_process_mask": True},
    {"only_mask": True, "bgcolor": BGCOLOR},
    {"putalpha": True},
    {"putalpha": True, "bgcolor": BGCOLOR},
    {"putalpha": True, "decontaminate": True},
    {"decontaminate": True},
    {"decontaminate": True, "bgcolor": BGCOLOR, "post_process_mask": True},
]
MATTING: list[dict[str, Any]] = [
    {},
    {"alpha_matting_erode_size": 0},
    {"alpha_matting_erode_size": 3},
    {"alpha_matting_erode_size": 2, "alpha_matting_foreground_threshold": 180},
    {"alpha_matting_erode_size": 4, "alpha_matting_background_threshold": 90},
    {"alpha_matting_erode_size": 3, "putalpha": True},
    {"alpha_matting_erode_size": 3, "post_process_mask": True, "bgcolor": BGCOLOR},
    {"alpha_matting_erode_size": 3, "decontaminate": True, "bgcolor": BGCOLOR},
    {"only_mask": True},
]


def named(options: dict[str, Any]) -> str:
    return "+".join(f"{k.removeprefix('alpha_matting_')}={v}" for k, v in options.items()) or "-"


def colours() -> Image.Image:
    smooth = cv2.GaussianBlur(RNG.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8), (0, 0), 1.5)
    return Image.fromarray(cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX))  # type: ignore[call-overload]


RGB = colours()
RGBA = RGB.copy()
RGBA.putalpha(Image.fromarray(RNG.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)))


def encoded(image: Image.Image, kind: str, orientation: int = 0, **options: Any) -> bytes:
    file = io.BytesIO()
    if orientation:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = orientation
    image.save(file, kind, **options)
    return file.getvalue()


DEEP = (np.asarray(RGB.convert("L")).astype(np.uint16) * 257)[:, ::-1]
INPUTS: dict[str, Any] = {
    "png RGB": encoded(RGB, "PNG", dpi=(300, 300)),
    "png RGBA": encoded(RGBA, "PNG"),
    "png L": encoded(RGB.convert("L"), "PNG"),
    "png P": encoded(RGB.quantize(16), "PNG"),
    "png P transparent": encoded(RGB.quantize(16), "PNG", transparency=3),
    "png 1": encoded(RGB.convert("1"), "PNG"),
    **{f"jpeg turned {n}": encoded(RGB, "JPEG", orientation=n) for n in (1, 2, 3, 5, 6, 8)},
    "jpeg L": encoded(RGB.convert("L"), "JPEG"),
    "jpeg CMYK": encoded(RGB.convert("CMYK"), "JPEG"),
    "gif": encoded(RGB.quantize(16), "GIF"),
    "webp": encoded(RGBA, "WEBP", orientation=7, lossless=True),
    **{
        f"image {mode}": RGB.convert(mode)
        for mode in ("RGB", "L", "P", "CMYK", "LA", "1", "F", "I", "YCbCr", "HSV", "RGBX")
    },
    "image RGBA": RGBA,
    "image RGBa": RGBA.convert("RGBa"),
    "image I;16": Image.fromarray(DEEP),
    "image from file": Image.open(io.BytesIO(encoded(RGB, "JPEG", orientation=6))),
    "array RGB": np.asarray(RGB),
    "array RGBA": np.asarray(RGBA),
    "array grey": np.asarray(RGB.convert("L")),
    "array grey with alpha": np.asarray(RGBA.convert("LA")),
    "array bool": np.asarray(RGB.convert("1")),
    "array float": np.asarray(RGB.convert("L"), dtype=np.float64),
    "array not contiguous": np.asarray(RGB)[:, ::-1],
}


def theirs(data: Any, session: Any, **options: Any) -> Any:
    """Run rembg; its warnings are its own. Ours runs with warnings as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bg.remove(data, session=session, **options)


def described(result: Any) -> tuple[Any, ...]:
    """What has to be equal: type, mode or dtype, size, every value."""
    if isinstance(result, Image.Image):
        return ("image", result.mode, result.size, result.tobytes())
    if isinstance(result, np.ndarray):
        return ("array", result.dtype, result.shape, result.tobytes())
    image = Image.open(io.BytesIO(result))
    return ("bytes", image.format, image.mode, image.size, image.tobytes(), image.info, result)


def assert_equal(data: Any, session: Any, **options: Any) -> None:
    expected = described(theirs(data, session, **options))
    assert described(cutout.remove(data, session=session, **options)) == expected


def assert_equal_or_answered(data: Any, session: Any, **options: Any) -> None:
    """Like ``assert_equal``, but where rembg raises, streamcut has to give a picture."""
    found = described(cutout.remove(data, session=session, **options))
    try:
        expected = described(theirs(data, session, **options))
    except (ValueError, OSError, AssertionError):
        assert found[-1]
    else:
        assert found == expected


RGB_MATTING = {"array grey with alpha", "image LA", "image RGBX", "image RGBa"}
"""What rembg mattes without turning it into RGB: the compiled code refuses four channels or two."""

CHANNEL_MATTING = {"image YCbCr", "image HSV"}
"""What rembg mattes as if these channels were RGB; see test_cutout for what streamcut does."""


@pytest.mark.parametrize("options", PLAIN, ids=named)
@pytest.mark.parametrize("name", INPUTS)
def test_every_input_and_option(name: str, options: dict[str, Any]) -> None:
    check = assert_equal_or_answered if "putalpha" in options else assert_equal
    for mask in ("soft", "noise"):
        check(INPUTS[name], FixedSession(MASKS[mask]), **options)


@pytest.mark.parametrize("options", PLAIN, ids=named)
def test_deep_greys_of_files_look_as_they_are(options: dict[str, Any]) -> None:
    """rembg makes white of them; what it makes of the same greys in 8 bits is right."""
    deep = encoded(Image.fromarray(DEEP), "PNG")
    grey = encoded(Image.fromarray((DEEP // 257).astype(np.uint8)), "PNG")
    found = described(cutout.remove(deep, session=FixedSession(MASKS["soft"]), **options))
    assert found == described(cutout.remove(grey, session=FixedSession(MASKS["soft"]), **options))


@pytest.mark.parametrize("name", ["png RGB", "png L", "jpeg turned 6", "image RGB", "image RGBA"])
def test_putalpha_is_equal_where_rembg_can(name: str) -> None:
    for mask in MASKS.values():
        assert_equal(INPUTS[name], FixedSession(mask), putalpha=True)


@pytest.mark.parametrize("options", PLAIN, ids=named)
@pytest.mark.parametrize("mask", MASKS)
def test_every_mask_and_option(mask: str, options: dict[str, Any]) -> None:
    for name in ("image RGB", "array RGBA", "png RGB"):
        assert_equal(INPUTS[name], FixedSession(MASKS[mask]), **options)


@pytest.mark.parametrize("options", MATTING, ids=named)
@pytest.mark.parametrize("mask", MASKS)
def test_alpha_matting_of_every_mask(mask: str, options: dict[str, Any]) -> None:
    assert_equal(RGB, FixedSession(MASKS[mask]), alpha_matting=True, **options)


@pytest.mark.parametrize("name", [name for name in INPUTS if name not in CHANNEL_MATTING])
def test_alpha_matting_of_every_input(name: str) -> None:
    check = assert_equal_or_answered if name in RGB_MATTING else assert_equal
    for mask in ("soft", "empty"):
        session = FixedSession(MASKS[mask])
        check(INPUTS[name], session, alpha_matting=True, alpha_matting_erode_size=3)


@pytest.mark.parametrize(
    "options",
    [o for o in PLAIN if "putalpha" not in o]
    + [{"alpha_matting": True, "alpha_matting_erode_size": 3}],
    ids=named,
)
def test_several_masks(options: dict[str, Any]) -> None:
    session = FixedSession(MASKS["soft"], MASKS["noise"], MASKS["empty"])
    for name in ("image RGB", "png P", "array grey"):
        assert_equal(INPUTS[name], session, **options)


def test_several_masks_with_putalpha() -> None:
    """rembg sets each mask on one and the same picture and so shows the last in all cutouts."""
    session = FixedSession(MASKS["soft"], MASKS["noise"])
    last = theirs(RGB, FixedSession(MASKS["noise"]), putalpha=True)
    first = theirs(RGB, FixedSession(MASKS["soft"]), putalpha=True)
    expected = theirs(RGB, session, putalpha=True)
    assert described(expected) == described(bg.get_concat_v_multi([last, last]))
    found = cutout.remove(RGB, session=session, putalpha=True)
    assert described(found) == described(bg.get_concat_v_multi([first, last]))


@pytest.mark.parametrize("options", [{}, {"only_mask": True}, {"putalpha": True}], ids=named)
def test_no_masks(options: dict[str, Any]) -> None:
    for name in ("image RGB", "jpeg turned 6", "array grey", "image P"):
        assert_equal(INPUTS[name], FixedSession(), **options)


def test_bytes_like_objects_when_bytes_are_forced() -> None:
    session = FixedSession(MASKS["soft"])
    for like in (bytes, bytearray, memoryview):
        assert_equal(like(INPUTS["jpeg turned 6"]), session, force_return_bytes=True)


@pytest.mark.parametrize("name", ["image RGB", "array RGB"])
def test_forced_bytes_of_decoded_pictures(name: str) -> None:
    """rembg tries to decode them and fails; the answer is that for the same picture as PNG."""
    session = FixedSession(MASKS["soft"])
    with pytest.raises((TypeError, OSError)):
        theirs(INPUTS[name], session, force_return_bytes=True)
    found = cutout.remove(INPUTS[name], session=session, force_return_bytes=True)
    assert described(found) == described(theirs(encoded(RGB, "PNG"), session))


@pytest.mark.parametrize("data", [None, 7, [1, 2], bytearray(b"x")])
def test_unsupported_types_raise_alike(data: Any) -> None:
    with pytest.raises(ValueError, match="is not supported"):
        theirs(data, FixedSession())
    with pytest.raises(UsageError, match="is not supported"):
        cutout.remove(data, session=FixedSession())


@pytest.mark.parametrize("data", [b"", b"hello", INPUTS["png RGB"][:100]])
def test_undecodable_bytes_raise_alike(data: bytes) -> None:
    for run in (bg.remove, cutout.remove):
        with pytest.raises(OSError):  # noqa: PT011, rembg's own wording says nothing
            run(data, session=FixedSession())


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 2), (3, 5)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    session = FixedSession(np.full(size[::-1], 200, np.uint8))
    tiny = RGB.crop((0, 0, *size))
    assert_equal(tiny, session, post_process_mask=True)
    for name in ("decontaminate", "alpha_matting"):
        options: dict[str, Any] = {name: True}
        if size == (1, 1):  # pymatting divides by zero
            assert cutout.remove(tiny, session=session, **options).mode == "RGBA"
        else:
            assert_equal(tiny, session, **options)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (40, 31), (64, 64)])
@pytest.mark.parametrize("kind", ["noise", "binary", "dense", "sparse", "flat"])
def test_post_process(shape: tuple[int, int], kind: str) -> None:
    rng = np.random.default_rng(shape)
    for _ in range(20):
        noise = rng.random(shape)
        mask = {
            "noise": noise * 256,
            "binary": np.where(noise < 0.5, 255, 0),
            "dense": np.where(noise < 0.97, 255, 0),
            "sparse": np.where(noise < 0.1, 255, 0),
            "flat": np.full(shape, noise.flat[0] * 256),
        }[kind].astype(np.uint8)
        np.testing.assert_array_equal(cutout.post_process(mask), bg.post_process(mask))


def test_the_parts_are_equal() -> None:
    mask = Image.fromarray(MASKS["soft"])
    for name in ("naive_cutout", "decontaminate_cutout"):
        expected = getattr(bg, name)(RGBA, mask)
        assert described(getattr(cutout, name)(RGBA, mask)) == described(expected)
    found = cutout.alpha_matting_cutout(RGBA, mask, 240, 10, 3)
    assert described(found) == described(bg.alpha_matting_cutout(RGBA, mask, 240, 10, 3))
    found = cutout.putalpha_cutout(RGB, mask)
    assert described(found) == described(bg.putalpha_cutout(RGB.copy(), mask))
    found = cutout.apply_background_color(RGBA, BGCOLOR)
    assert described(found) == described(bg.apply_background_color(RGBA, BGCOLOR))
    found = cutout.stack_vertically([RGB, RGBA.crop((3, 0, 13, 7)), mask])
    expected = bg.get_concat_v_multi([RGB, RGBA.crop((3, 0, 13, 7)), mask])
    assert described(found) == described(expected)


def averaging_model(path: Path) -> Path:
    """An ONNX model of the shape that rembg's u2net classes load: the mean over the channels."""
    onnx = pytest.importorskip("onnx")
    helper, single = onnx.helper, onnx.TensorProto.FLOAT
    given = helper.make_tensor_value_info("x", single, [1, 3, 320, 320])
    made = helper.make_tensor_value_info("y", single, [1, 1, 320, 320])
    node = helper.make_node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=1)
    graph = helper.make_graph([node], "mean", [given], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def test_a_real_session_of_rembg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    model = averaging_model(tmp_path / "mean.onnx")
    session = bg.new_session(
        "u2net_custom", model_path=str(model), providers=["CPUExecutionProvider"]
    )
    for options in ({}, {"post_process_mask": True}, {"decontaminate": True}):
        assert_equal(RGB, session, **options)


def test_our_session_in_rembg() -> None:
    sessions = pytest.importorskip("streamcut.sessions")
    if not hasattr(sessions, "new_session"):
        pytest.skip("streamcut.sessions offers no new_session")
    session = sessions.new_session()
    assert_equal(RGB, session)
    assert_equal(INPUTS["jpeg turned 6"], session, only_mask=True)
