"""What the sessions that need no model have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from streamcut.core.errors import Named, UsageError
from streamcut.sessions.base import RGB, BaseSession, Matte
from streamcut.sessions.files.model import Model
from streamcut.sessions.runtime.device import Device

_LONGEST = 640
"""Pixels of the longer side: keys cost little, so that they may see more than networks do."""


class KeyerSession(BaseSession):
    """A session without a network: it has no ``inner_session`` and no file.

    A subclass gives :meth:`stream` and :meth:`still`.

    Args:
        model: the catalogue's row.
        device: where it is asked to run.

    Raises:
        UsageError: if that is a GPU.
    """

    def __init__(self, model: Model, device: Device | None = None) -> None:
        if device is not None and device.on_gpu:
            raise UsageError(
                f"{model.name} has no network and runs on the CPU: leave the GPU out, or give ",
                Named("device", "auto"),
            )
        self.model, self.model_name = model, model.name

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the frame's size, shrunk where its longer side is above 640 pixels."""
        factor = min(1.0, _LONGEST / max(width, height))
        return max(1, round(width * factor)), max(1, round(height * factor))

    def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
        """Return the one mask of an image: mode "L", at its size, computed at that size."""
        matte = self.still(np.asarray(img.convert("RGB")))
        return [Image.fromarray(np.rint(matte * 255).astype(np.uint8))]

    def still(self, frame: RGB) -> Matte:
        """Return the matte of a single frame, RGB uint8 [h, w, 3]: float32 [h, w], 0..1."""
        raise NotImplementedError
