"""MODNet (Ke et al., "MODNet: Real-Time Trimap-Free Portrait Matting", 2022)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from PIL import Image

from streamcut.sessions.networks.saliency import MapSession

_SIDE, _STRIDE = 512, 32


class ModnetSession(MapSession):
    """Runs MODNet, whose frames keep their aspect ratio.

    Takes what :class:`~streamcut.sessions.networks.saliency.MapSession` takes.
    """

    @classmethod
    def name(cls, *args: Any, **kwargs: Any) -> str:
        """Return the name of the architecture."""
        return "modnet"

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size that MODNet's own ``inference_onnx.py`` chooses.

        The shorter side becomes 512 where both sides are longer, or neither is; both are cut down
        to a multiple of 32. A graph of fixed size keeps that.
        """
        fixed = self._graph_size()
        if fixed is not None:
            return fixed
        factor = 1.0
        if max(width, height) < _SIDE or min(width, height) > _SIDE:
            factor = _SIDE / min(width, height)
        return _floored(width * factor), _floored(height * factor)

    def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
        """Return the one mask of an image: mode "L", at its size; scaled as by its script."""
        size = self.input_size(*img.size)
        pixels = cv2.resize(np.asarray(img.convert("RGB")), size, interpolation=cv2.INTER_AREA)
        codes = (self._matte(np.asarray(pixels, np.uint8)) * 255).astype(np.uint8)
        return [Image.fromarray(cv2.resize(codes, img.size, interpolation=cv2.INTER_AREA))]


def _floored(pixels: float) -> int:
    return max(_STRIDE, int(pixels) // _STRIDE * _STRIDE)
