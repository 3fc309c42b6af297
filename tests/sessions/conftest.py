"""Fixtures for sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def clip_of(tmp_path: Path) -> Callable[..., Path]:
    """Write RGB pictures as a lossless clip in YUV 4:2:0, BT.709, limited range."""

    def written(pictures: Sequence[NDArray[np.uint8]], name: str = "in.mkv") -> Path:
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("ffv1", rate=25)
            height, width = pictures[0].shape[:2]
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
            for picture in pictures:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                made = frame.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
                container.mux(stream.encode(made))
            container.mux(stream.encode(None))
        return tmp_path / name

    return written
