"""What is measured: the sample, or a clip of the user's, at the size that is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from streamcut.core.errors import SourceError
from streamcut.media.convert import Converter
from streamcut.media.frame import StreamInfo
from streamcut.sources import Size, open_source

_SAMPLE = "presenter.mp4"
_PIXEL_FORMAT = "yuv420p"
_CRF = "18"  # As a camera's file: with its noise, which is what costs an encoder time.


def sample() -> Path:
    """Return the sample: beside this module in a wheel, else in the repository's ``samples/``.

    Raises:
        SourceError: if it is in neither.
    """
    here = Path(__file__)
    for folder in (here.parent, here.parents[3] / "samples"):
        if (folder / _SAMPLE).is_file():
            return folder / _SAMPLE
    raise SourceError(f"the sample {_SAMPLE} is not there: name a clip")


def scaled(clip: str, path: Path, height: int, frames: int) -> None:
    """Write the first frames of a clip at another height: H.264, 8 bits, 4:2:0, without sound.

    Args:
        clip: a video.
        path: of the MP4 file that is written.
        height: pixels, even.
        frames: how many at most.

    Raises:
        StreamcutError: if the clip cannot be read.
    """
    with open_source(clip) as source:
        size = 2 * round(source.info.width * height / source.info.height / 2), height
    with open_source(clip, size=Size(*size)) as source, av.open(str(path), "w") as output:
        stream = _stream(output, source.info)
        convert = Converter(_PIXEL_FORMAT, source.info.colour)
        for frame in islice(source, frames):
            output.mux(stream.encode(convert(frame.source)))
        output.mux(stream.encode(None))


def _stream(output: av.container.OutputContainer, info: StreamInfo) -> VideoStream:
    stream = output.add_stream("libx264", rate=info.rate, options={"crf": _CRF})
    stream.width, stream.height, stream.pix_fmt = info.width, info.height, _PIXEL_FORMAT
    context, colour = stream.codec_context, info.colour
    context.time_base = info.time_base
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    context.colorspace, context.color_range = colour.matrix, colour.range
    return stream


def drawn(width: int, height: int, count: int) -> Iterator[NDArray[np.uint8]]:
    """Yield frames of a drawn person who sways before a moving, grainy background.

    They are for measuring speed where no clip is at hand; what they show means nothing.

    Yields:
        RGB, uint8 [height, width, 3].
    """
    texture = _texture(width * 2, height * 2)
    for index in range(count):
        x, y = index % width, (index // 2) % height
        frame = texture[y : y + height, x : x + width].copy()
        _draw_person(frame, index)
        yield frame


def _texture(width: int, height: int) -> NDArray[np.uint8]:
    """Return clouds of colour under fine grain, RGB."""
    random = np.random.default_rng(0)
    coarse = random.integers(40, 200, (9, 16, 3), np.uint8)
    clouds = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = random.normal(0, 4, (height, width, 1))
    return np.clip(clouds + grain, 0, 255).astype(np.uint8)


def _draw_person(frame: NDArray[np.uint8], index: int) -> None:
    """Draw head, hair, neck and shoulders, swaying with the frame's index."""
    height, width = frame.shape[:2]
    unit = height / 10
    centre = width / 2 + unit * np.sin(index / 15)

    def ellipse(y: float, across: float, down: float, colour: tuple[int, int, int]) -> None:
        axes = (int(across * unit), int(down * unit))
        cv2.ellipse(frame, (int(centre), int(y * unit)), axes, 0, 0, 360, colour, -1, cv2.LINE_AA)

    ellipse(3.3, 1.75, 2.0, (62, 42, 30))
    ellipse(9.5, 4.2, 3.4, (40, 60, 120))
    ellipse(6.0, 0.7, 1.2, (205, 160, 135))
    ellipse(3.9, 1.35, 1.8, (224, 180, 155))
