"""Clothes: a U2-Net with four classes, background, upper, lower and full-body clothes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from streamcut.core.errors import UsageError
from streamcut.sessions.base import Matte
from streamcut.sessions.files.model import Model
from streamcut.sessions.networks.saliency import MapSession, softmax

CATEGORIES: dict[str, tuple[int, ...]] = {
    "upper": (1,),
    "lower": (2,),
    "full": (3,),
    "attire": (1, 2, 3),
}
"""The classes of each category."""

_CLASSES = 4


class ClothSession(MapSession):
    """Finds clothes: three masks of an image, or one category.

    Args:
        model: how it is fed and read.
        path: the model file.
        sess_opts: as for :class:`~streamcut.sessions.networks.saliency.MapSession`.
        *args: likewise.
        cloth_category: "upper", "lower", "full" or "attire" (all of them); None means three
            masks of an image, and "attire" in a video.
        cc: the same.
        **kwargs: likewise.

    Raises:
        UsageError: if there is no such category.
    """

    def __init__(
        self,
        model: Model,
        path: Path | None,
        sess_opts: ort.SessionOptions | None = None,
        *args: Any,
        cloth_category: str | None = None,
        cc: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._category = _checked(cc or cloth_category)
        super().__init__(model, path, sess_opts, *args, **kwargs)

    @classmethod
    def name(cls, *args: Any, **kwargs: Any) -> str:
        """Return the name of the architecture."""
        return "cloth"

    def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
        """Return a mask of upper, of lower and of full-body clothes, or that of one category.

        As rembg does it: the map of the classes' numbers is what is enlarged, by Lanczos.

        Args:
            img: the image.
            *args: not used.
            **kwargs: ``cc`` or ``cloth_category``, as for the session.
        """
        asked = _checked(kwargs.get("cc") or kwargs.get("cloth_category")) or self._category
        feed = self.normalize(img, self.model.mean, self.model.std, self.input_size(*img.size))
        classes = np.argmax(self._maps(feed[self._input.name]), axis=0).astype(np.uint8)
        numbers = Image.fromarray(classes).resize(img.size, Image.Resampling.LANCZOS)
        return [_mask(numbers, name) for name in ([asked] if asked else ["upper", "lower", "full"])]

    def _read(self, maps: NDArray[np.float32]) -> Matte:
        shares = softmax(maps)
        chosen = shares[list(CATEGORIES[self._category or "attire"])].sum(axis=0)
        return np.asarray(np.clip(chosen, 0, 1), np.float32)


def _mask(numbers: Image.Image, category: str) -> Image.Image:
    """Return white where the class is one of the category's."""
    chosen = numbers.copy()
    chosen.putpalette(
        [
            value
            for number in range(_CLASSES)
            for value in [255 * (number in CATEGORIES[category])] * 3
        ]
    )
    return chosen.convert("RGB").convert("L")


def _checked(category: str | None) -> str | None:
    if category and category not in CATEGORIES:
        raise UsageError(f"{category!r} is not a category of clothes: {', '.join(CATEGORIES)}")
    return category or None
