"""Clips with exact mattes, written as files: what the camera saw, and the truth beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import cv2
from av.video.stream import VideoStream

from streamcut.core.errors import UsageError
from streamcut.media.colour import Colour, Matrix, Range
from streamcut.media.convert import BILINEAR, Converter
from streamcut.training.arrays import Bytes, Size
from streamcut.training.pack import PERSON, PLACE, Pack
from streamcut.training.script import RATE, SCENES, Scene
from streamcut.training.truth import Moment, film


def write_clips(
    pack: Pack, folder: Path, *, size: Size, frames: int, names: Sequence[str] = ()
) -> None:
    """Write clips of the people and places that a pack holds out.

    Args:
        pack: where people and places are taken from.
        folder: made if it is not there.
        size: (height, width), even.
        frames: of each clip.
        names: which clips; none means all.

    Raises:
        UsageError: if a name is unknown, a side odd, or nobody is held out.
    """
    scenes = [scene for scene in SCENES if scene.name in names or not names]
    if unknown := set(names) - {scene.name for scene in SCENES}:
        raise UsageError(f"no clip is called {min(unknown)!r}")
    if size[0] % 2 or size[1] % 2:
        raise UsageError("H.264 wants even sides")
    people = [pack.person(r) for r in pack.select(PERSON, held_out=True) if r.labelled]
    places = [pack.place(r) for r in pack.select(PLACE, held_out=True)]
    if not people or not places:
        raise UsageError("the pack holds nobody out, or no place")
    cv2.setNumThreads(1)
    folder.mkdir(parents=True, exist_ok=True)
    for scene in scenes:
        with Reel(folder, scene, size) as reel:
            for moment in film(scene, people, places, size, frames):
                reel.write(moment)
        print(f"{scene.name}: {frames} frames", flush=True)


class Reel:
    """The three files of one clip; use it as a context manager."""

    def __init__(self, folder: Path, scene: Scene, size: Size) -> None:
        x264 = {"crf": str(scene.crf), "preset": "medium"}
        self._tracks = [
            _ReelFile(folder / f"{scene.name}.mp4", "libx264", "yuv420p", size, x264),
            _ReelFile(folder / f"{scene.name}_matte.mkv", "ffv1", "gray", size, {}),
            _ReelFile(folder / f"{scene.name}_foreground.mkv", "ffv1", "bgr0", size, {}),
        ]

    def write(self, moment: Moment) -> None:
        """Append one frame, its matte and the colours of its people."""
        planes = (moment.frame, moment.matte, moment.foreground)
        for track, plane in zip(self._tracks, planes, strict=True):
            track.write(plane)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for track in self._tracks:
            track.close()


class _ReelFile:
    """One video file."""

    def __init__(
        self, path: Path, codec: str, pixel_format: str, size: Size, options: dict[str, str]
    ) -> None:
        self._container = av.open(str(path), "w")
        stream = self._container.add_stream(codec, rate=RATE, options=options)
        self._stream = cast(VideoStream, stream)
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = pixel_format
        colour = Colour(matrix=Matrix.BT709, range=Range.LIMITED)
        self._convert = Converter(pixel_format, colour, how=BILINEAR)
        if pixel_format.startswith("yuv"):
            context = self._stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = Matrix.BT709
            context.color_range = Range.LIMITED

    def write(self, plane: Bytes) -> None:
        kind = "rgb24" if plane.ndim == 3 else "gray"
        frame = av.VideoFrame.from_ndarray(plane, format=kind)
        if self._stream.pix_fmt != kind:
            frame = self._convert(frame)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()
