"""MODNet: the sizes and the scaling of its authors' script."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.graphs import WEIGHTS, modnet
from PIL import Image

from streamcut.sessions import new_session


def scripted(width: int, height: int) -> tuple[int, int]:
    """The rule of MODNet's onnx/inference_onnx.py, which puts what it scales to apart by shape."""
    reference = 512
    if max(height, width) < reference or min(height, width) > reference:
        if width >= height:
            new_height, new_width = reference, int(width / height * reference)
        else:
            new_width, new_height = reference, int(height / width * reference)
    else:
        new_height, new_width = height, width
    return new_width - new_width % 32, new_height - new_height % 32


@pytest.mark.parametrize(
    "size",
    [(1920, 1080), (1080, 1920), (640, 360), (360, 640), (320, 180), (512, 512), (513, 700)],
)
def test_the_size_is_that_of_the_script(size: tuple[int, int], tmp_path: Path) -> None:
    session = new_session("modnet", model_path=modnet(tmp_path / "modnet.onnx"))
    assert session.input_size(*size) == scripted(*size)


def test_a_graph_of_fixed_size_keeps_it(tmp_path: Path) -> None:
    session = new_session("modnet", model_path=modnet(tmp_path / "modnet.onnx", side=512))
    assert session.input_size(1920, 1080) == (512, 512)


def test_a_picture_is_fed_and_read_as_by_the_script(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (600, 700, 3), np.uint8)
    session = new_session("modnet", model_path=modnet(tmp_path / "modnet.onnx"))
    small = cv2.resize(pixels, scripted(700, 600), interpolation=cv2.INTER_AREA)
    logits = ((small.astype(np.float64) - 127.5) / 127.5) @ WEIGHTS.astype(np.float64)
    codes = (1 / (1 + np.exp(-logits)) * 255).astype(np.uint8)
    expected = cv2.resize(codes, (700, 600), interpolation=cv2.INTER_AREA)
    [mask] = session.predict(Image.fromarray(pixels))
    assert np.abs(np.asarray(mask).astype(int) - expected).max() <= 1
