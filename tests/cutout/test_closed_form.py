"""streamcut.cutout.closed_form, pymatting's part, on arrays small enough to work out by hand."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from streamcut.core.errors import StreamcutError, UsageError
from streamcut.cutout import closed_form
from streamcut.cutout.closed_form import closed_form_alpha, estimate_foreground
from streamcut.matting.closed_form import MattingError


def row(*values: float, dtype: type = np.uint8) -> np.ndarray:
    return np.array([values], dtype=dtype)


def scene(height: int = 24, width: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """A red subject left, a blue background right, mixed evenly over columns 12 to 19."""
    alpha = np.tile(np.clip((20 - np.arange(width)) / 8.0, 0, 1), (height, 1))
    red, blue = np.array([220.0, 30, 20]), np.array([10.0, 40, 200])
    picture = alpha[..., None] * red + (1 - alpha[..., None]) * blue
    return np.rint(picture).astype(np.uint8), alpha


def test_closed_form_recovers_a_linear_mix() -> None:
    picture, alpha = scene()
    known = np.full(alpha.shape, 128, np.uint8)
    known[:, :11] = 255
    known[:, 22:] = 0
    found = closed_form_alpha(picture, known)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, alpha, atol=0.02)
    assert (found[:, :11] == 1).all()
    assert (found[:, 22:] == 0).all()


def test_closed_form_takes_floats_too() -> None:
    picture, alpha = scene()
    known = np.where(alpha == 1, 255, np.where(alpha == 0, 0, 128)).astype(np.uint8)
    floats = closed_form_alpha(picture / 255.0, known / 255.0)
    np.testing.assert_array_equal(floats, closed_form_alpha(picture, known))


@pytest.mark.parametrize(
    "known",
    [
        np.full((8, 8), 0),
        np.full((8, 8), 255),
        np.full((8, 8), 128),
        np.repeat([[0, 255]], 8, axis=0).repeat(4, axis=1),
    ],
    ids=["background", "foreground", "unknown", "nothing unknown"],
)
def test_closed_form_without_an_answer(known: np.ndarray) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    with pytest.raises(MattingError, match="found no alpha") as caught:
        closed_form_alpha(picture, known.astype(np.uint8))
    assert isinstance(caught.value, StreamcutError)
    assert isinstance(caught.value, ValueError)


def test_unknown_pixels_out_of_reach_of_the_foreground_have_no_answer() -> None:
    known = np.zeros((12, 12), np.uint8)
    known[0, 0], known[9, 9] = 255, 128
    picture = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    with pytest.raises(MattingError, match="tied to the known foreground"):
        closed_form_alpha(picture, known)


def test_a_solver_in_trouble_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 3, 3), dtype=np.uint8)
    with pytest.raises(MattingError):
        closed_form_alpha(picture, row(255, 128, 0))
    assert capfd.readouterr() == ("", "")


def test_foreground_is_free_of_the_background() -> None:
    picture, alpha = scene()
    found = estimate_foreground(picture, alpha)
    assert found.dtype == np.float32
    assert found.shape == picture.shape
    visible = alpha > 0.1
    expected = np.broadcast_to(np.array([220, 30, 20]) / 255, picture.shape)
    np.testing.assert_allclose(found[visible], expected[visible], atol=0.05)


def test_foreground_where_alpha_is_one_is_the_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    found = estimate_foreground(picture, np.ones((6, 5)))
    np.testing.assert_allclose(found, picture / 255, atol=1e-4)


def test_integers_are_scaled_by_their_range() -> None:
    picture, alpha = scene()
    mask = np.rint(alpha * 255).astype(np.uint8)
    expected = estimate_foreground(picture, mask / 255.0)
    np.testing.assert_array_equal(estimate_foreground(picture, mask), expected)
    deep = picture.astype(np.uint16) * 257
    np.testing.assert_allclose(estimate_foreground(deep, mask), expected, atol=1e-6)


def test_foreground_of_one_pixel_is_the_pixel() -> None:
    pixel = np.array([[[255, 0, 51]]], np.uint8)
    np.testing.assert_allclose(estimate_foreground(pixel, row(128)), [[[1.0, 0.0, 0.2]]], rtol=1e-6)


@pytest.mark.parametrize("function", [closed_form_alpha, estimate_foreground])
@pytest.mark.parametrize(
    ("picture", "plane"),
    [((4, 4, 3), (4, 5)), ((4, 4, 3), (4, 4, 1)), ((4, 4), (4, 4)), ((4, 4, 4), (4, 4))],
)
def test_shapes_that_do_not_fit(function, picture, plane) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match="shape"):
        function(np.zeros(picture, np.uint8), np.zeros(plane, np.uint8))


def test_empty_picture() -> None:
    with pytest.raises(UsageError, match="shape"):
        estimate_foreground(np.zeros((0, 4, 3), np.uint8), np.zeros((0, 4), np.uint8))


THREADS = """
import threading
import numpy as np
from streamcut.cutout.closed_form import estimate_foreground

picture, alpha = np.full((200, 200, 3), 0.5), np.full((200, 200), 0.5)
work = lambda: [estimate_foreground(picture, alpha) for _ in range(5)]
threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("survived")
"""


def test_threads_survive_numbas_simplest_threading_layer() -> None:
    """That layer aborts the process when two threads enter parallel kernels at once."""
    environment = {**os.environ, "NUMBA_THREADING_LAYER": "workqueue"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    run = subprocess.run(
        [sys.executable, "-c", THREADS],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "survived\n", run.stderr


@pytest.mark.parametrize("kept", [True, False])
def test_the_compiler_is_announced_where_nothing_is_compiled_yet(
    kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(closed_form, "find_spec", lambda _: None)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    if kept:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "cf_laplacian._cf_laplacian-5.py311.nbi").touch()
    closed_form.announce_compiler.cache_clear()
    with caplog.at_level(logging.WARNING):
        closed_form.announce_compiler()
        closed_form.announce_compiler()
    assert len(caplog.messages) == (not kept)
