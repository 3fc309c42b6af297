"""Tiny generated people, places and a pack made of them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.figures import figure


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """PyTorch's threads wait for each other, which takes ages where other programs run."""
    if find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photos/, masks/ and places/, as a user would have them."""
    root = tmp_path_factory.mktemp("images")
    for name in ("photos", "masks", "places"):
        (root / name).mkdir()
    for seed in range(10):
        image, mask = figure(seed)
        cv2.imwrite(str(root / "photos" / f"{seed}.png"), image[..., ::-1])
        cv2.imwrite(str(root / "masks" / f"{seed}.png"), mask)
    ramp = np.linspace(0.05, 2.0, 64 * 32 * 3, dtype=np.float32).reshape(32, 64, 3)
    for name in ("a", "b", "c"):
        cv2.imwrite(str(root / "places" / f"{name}.hdr"), ramp)
    return root


@pytest.fixture(scope="session")
def pack(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack of these images."""
    from streamcut.training.prepare import Sources, prepare

    folder = tmp_path_factory.mktemp("pack")
    sources = Sources(
        folders / "photos",
        folders / "masks",
        folders / "places",
        height=96,
        views_per_place=2,
        processes=1,
    )
    prepare(sources, folder)
    return folder
