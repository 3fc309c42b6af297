"""Make ``result.jpg``, the image in the project's README, from ``presenter.mp4``.

Four views of one moment: as filmed, over checks that stand for transparency, the matte, and
over ``background.jpg``.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.matting.guided_filter import upsample
from streamcut.matting.network import predict
from streamcut.media.planes import planes
from streamcut.sessions import new_session
from streamcut.sources import open_source

HERE = Path(__file__).parent
MOMENT = Fraction(3)
WIDTH, HEIGHT = 640, 360


def main() -> None:
    with open_source(str(HERE / "presenter.mp4"), start=MOMENT) as source:
        frame = next(iter(upsample(predict(source, new_session()), source.info)))
    image = frame.source.to_ndarray(format="bgr24")
    alpha = frame.matte[:, :, None] / 255
    assert planes(frame.source)[0].shape == frame.matte.shape
    behind = cv2.imread(str(HERE / "background.jpg"))
    assert behind is not None
    views = [
        image,
        image * alpha + checks(*frame.matte.shape) * (1 - alpha),
        np.repeat(frame.matte[:, :, None], 3, axis=2),
        image * alpha + behind * (1 - alpha),
    ]
    small = [
        cv2.resize(view.astype(np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        for view in views
    ]
    grid = np.vstack([np.hstack(small[:2]), np.hstack(small[2:])])
    cv2.imwrite(str(HERE / "result.jpg"), grid, [cv2.IMWRITE_JPEG_QUALITY, 86])


def checks(height: int, width: int, side: int = 32) -> NDArray[np.float64]:
    y, x = np.mgrid[:height, :width] // side
    return np.where((x + y) % 2, 204.0, 255.0)[:, :, None]


if __name__ == "__main__":
    main()
