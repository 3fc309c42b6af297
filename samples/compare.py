"""Make ``streamcut/sessions/embedded/portrait.jpg``, the image in the network's card.

Stills beside what networks make of them, over green: where the embedded network does
well, and where it fails. Other networks are given as files::

    pip install scikit-image
    python samples/compare.py selfie_segmentation.onnx mediapipe.onnx

The photographs come out of the scikit-image package: the presenter's sources are in README.md,
``camera`` (by Lav Varshney) and ``coffee`` (by Rachel Michetti) are CC0.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from streamcut.sessions import RGB, BaseSession, as_prediction, new_session
from streamcut.sources import open_source

HERE = Path(__file__).parent
MADE = HERE.parent / "streamcut" / "sessions" / "embedded" / "portrait.jpg"
HEIGHT, WIDTH, GAP = 150, 270, 4
GREEN = (0, 190, 60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", type=Path, help=".onnx files to show beside it")
    named = [new_session(), new_session("portrait-hd")]
    sessions = [*named, *map(new_session, parser.parse_args().networks)]
    rows = [
        np.hstack([fitted(image), *(fitted(cut(image, session)) for session in sessions)])
        for image in images()
    ]
    sheet = cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(MADE), sheet, [cv2.IMWRITE_JPEG_QUALITY, 84])


def images() -> list[RGB]:
    """The presenter, in bad light and cut off; a photographer behind a tripod; nobody."""
    with open_source(str(HERE / "presenter.mp4"), start=Fraction(3)) as source:
        presenter = np.asarray(next(iter(source)).source.to_ndarray(format="rgb24"), np.uint8)
    noise = np.random.default_rng(0).normal(0, 20, presenter.shape)
    dim = np.clip(presenter * 0.35 + noise, 0, 255).astype(np.uint8)
    photographer = np.repeat(skimage.data.camera()[:, :, None], 3, axis=2)
    return [presenter, dim, presenter[430:], photographer, skimage.data.coffee()]


def cut(image: RGB, session: BaseSession) -> RGB:
    """Return the image over green, as the first frame of a video."""
    height, width, _ = image.shape
    size = session.input_size(width, height)
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    told = as_prediction(session.stream()(small), small)
    matte = cv2.resize(told.alpha, (width, height))[:, :, None]
    return np.asarray(image * matte + np.array(GREEN) * (1 - matte), np.uint8)


def fitted(image: RGB) -> NDArray[np.uint8]:
    """Return the image inside a white tile, a gap around it."""
    scale = min(HEIGHT / image.shape[0], WIDTH / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.full((HEIGHT + GAP, WIDTH + GAP, 3), 255, np.uint8)
    top, left = (HEIGHT - small.shape[0]) // 2, (WIDTH - small.shape[1]) // 2
    tile[top : top + small.shape[0], left : left + small.shape[1]] = small
    return tile


if __name__ == "__main__":
    main()
