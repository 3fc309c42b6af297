"""Images that FFmpeg cannot read, or reads a part of, decoded by Pillow for it.

FFmpeg knows no animated WebP, takes each tile of a HEIC or AVIF image for a stream, loses the
alpha of AVIF, does not look at ICC profiles, and makes black or nothing of many a TIFF. Here
Pillow's frames are handed to it one by one as PNGs, so that whatever reads videos reads them:
with their own times, sizes and alpha.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from PIL import ExifTags, Image

from streamcut.core.errors import MissingDependencyError, SourceError
from streamcut.media import heif
from streamcut.media.colour import Colour, Matrix, Primaries, Range, Transfer
from streamcut.media.light import is_hdr
from streamcut.media.limits import Limits
from streamcut.media.stills import (
    FAULTS,
    decoded,
    in_srgb,
    is_animated,
    is_deep,
    is_other_than_srgb,
)

_MS = Fraction(1, 1000)
_AT_ONCE, _USUAL = 10, 100  # Browsers show what asks for up to 10 ms for 100.
_NUMBERED = 40  # Milliseconds of each of some numbered images, as FFmpeg has it.
_HEADS = (b"RIFF", b"II", b"MM", b"\x89PNG", b"\xff\xd8\xff")
# Of TIFFs; of others it makes black, nothing, or noise.
_FFMPEGS_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B")
_FFMPEGS_COMPRESSIONS = (
    *("raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate"),
    *("tiff_ccitt", "group3", "group4"),
)
_BIG_TIFF = (b"II+\0", b"MM\0+")
_DAMAGED = b"\0"  # A packet that no decoder takes: it counts as damage.
_SRGB = Colour(Primaries.BT709, Transfer.SRGB, Matrix.RGB, Range.FULL)


def is_for_pillow(path: str, *, numbered: bool = False) -> bool:
    """Whether Pillow reads a local image better than FFmpeg, as far as its head tells.

    Args:
        path: of a file, or of anything else.
        numbered: whether it is the first of several; FFmpeg cannot read HEIC and AVIF so.
    """
    try:
        if not os.path.isfile(path):  # A pipe can be read only once.
            return False
        with open(path, "rb") as file:
            is_heif = heif.is_heif(file)
            head = file.read(4)
    except (OSError, ValueError):
        return False
    if head in _BIG_TIFF or (is_heif and numbered):
        return True
    return (is_heif or head.startswith(_HEADS)) and _is_misread(path)


def _is_misread(path: str) -> bool:
    try:
        with Limits(large=True).image(path) as image:
            if image.format == "TIFF" and not _is_plain_tiff(image):
                return True
            if is_animated(image):
                return image.format == "WEBP"
            return is_other_than_srgb(image) and not is_deep(image)
    except (MissingDependencyError, *FAULTS):
        return False


def _is_plain_tiff(image: Image.Image) -> bool:
    """Whether FFmpeg reads a TIFF as it is."""
    tags: Any = image
    known = image.info.get("compression") in _FFMPEGS_COMPRESSIONS
    premultiplied = tags.tag_v2.get(ExifTags.Base.ExtraSamples) == (1,)
    return known and image.mode in _FFMPEGS_MODES and not premultiplied


def is_in_parts(path: str, container: InputContainer) -> bool:
    """Whether FFmpeg reads only a part of a local image that it has opened.

    Args:
        path: of the file.
        container: as FFmpeg opened it.
    """
    videos = container.streams.video
    if len(videos) < 2 or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        if not heif.is_heif(file):
            return False
        try:
            heif.support(file, path)
        except MissingDependencyError:  # What is no tile is the whole, but for its alpha.
            return _is_tiled(container)
    return True


def _is_tiled(container: InputContainer) -> bool:
    tile = av.stream.Disposition.dependent
    return any(stream.disposition & tile for stream in container.streams.video)


def open_by_pillow(
    paths: Sequence[str], limits: Limits, like: InputContainer | None = None
) -> InputContainer:
    """Open a local image, animated or not, or numbered ones, as a video.

    Args:
        paths: of the files.
        limits: of their size.
        like: the same as FFmpeg opened it, whose colour it has.

    Raises:
        SourceError: if it is too large, or cannot be read.
    """
    path = paths[0]
    colour = _SRGB if like is None else _colour_of(like)
    try:
        with limits.image(path) as image:
            limits.check_frame(path, *image.size)
        images = _Images(_shown(paths, limits, colour))
        return av.open(images, "r", format="nut", metadata_errors="replace")
    except MissingDependencyError as error:
        tiled = f"{path} is made of tiles: {str(error).removeprefix(f'{path}: ')}"
        raise SourceError(tiled if like else str(error)) from error


def _colour_of(container: InputContainer) -> Colour:
    tile: Any = container.streams.video[0].codec_context
    return Colour(int(tile.color_primaries), int(tile.color_trc), Matrix.RGB, Range.FULL)


class _Shown(NamedTuple):
    """A frame, and for how many milliseconds it is shown; None is damaged."""

    frame: av.VideoFrame | None
    length: int


def _shown(paths: Sequence[str], limits: Limits, colour: Colour) -> Iterator[_Shown]:
    """Yield each frame; a damaged first one is an error, for a later one None stands."""
    if len(paths) > 1:
        for number, path in enumerate(paths):
            yield _Shown(_numbered(path, limits, colour, number == 0), _NUMBERED)
        return
    [path] = paths
    if is_hdr(colour.transfer) and (deep := _deep_heif(path)) is not None:
        yield _Shown(colour.apply(deep), _NUMBERED)
        return
    with limits.image(path) as image:
        if is_animated(image):
            yield from _moving(image, colour)
        else:
            yield _Shown(_frame(image, colour), _NUMBERED)


def _numbered(path: str, limits: Limits, colour: Colour, first: bool) -> av.VideoFrame | None:
    try:
        with limits.image(path) as image:
            limits.check_frame(path, *image.size)
            return _frame(image, colour)
    except SourceError:
        raise
    except FAULTS:
        if first:
            raise
        return None


def _moving(image: Image.Image, colour: Colour) -> Iterator[_Shown]:
    """Yield the frames of an animation; it ends where it is damaged."""
    for number in range(getattr(image, "n_frames", 1)):
        try:
            image.seek(number)
            frame = _frame(image, colour)
        except FAULTS:
            if not number:
                raise
            yield _Shown(None, _USUAL)
            return
        length = round(image.info.get("duration", 0) or 0)
        yield _Shown(frame, _USUAL if length <= _AT_ONCE else length)


def _frame(image: Image.Image, colour: Colour) -> av.VideoFrame:
    still = decoded(image)
    tags = _SRGB if still.icc else colour
    pixels = np.ascontiguousarray(in_srgb(still).pixels)
    name = "rgb24" if pixels.shape[2] == 3 else "rgba"
    return tags.apply(av.VideoFrame.from_ndarray(pixels, name))


def _deep_heif(path: str) -> av.VideoFrame | None:
    """Return a HEIC image with all its bits, or None for another."""
    try:
        import pillow_heif

        library: Any = pillow_heif
        image = library.open_heif(path, convert_hdr_to_8bit=False)
        values = np.asarray(image)
    except (ImportError, OSError, ValueError, SyntaxError):
        return None
    if values.dtype != np.uint16:
        return None
    name = "rgba64le" if values.shape[2] == 4 else "rgb48le"
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(values), name)


class _Images:
    """Frames as bytes of a video, made as they are read."""

    def __init__(self, shown: Iterator[_Shown]) -> None:
        self._made = bytearray()
        self._written = self._muxed(shown)

    def read(self, count: int) -> bytes:
        """Return ``count`` bytes at most, nothing at the end; PyAV calls it."""
        while not self._made and next(self._written, None) is not None:
            pass
        part = bytes(self._made[:count])
        del self._made[:count]
        return part

    def take(self, data: bytes) -> int:
        """Take bytes from the muxer."""
        self._made += data
        return len(data)

    def _muxed(self, shown: Iterator[_Shown]) -> Iterator[bool]:
        """Mux one frame after the other."""
        output = av.open(_Written(self), "w", format="nut", options={"write_index": "0"})
        stream: Any = output.add_stream("png", rate=25)
        stream.codec_context.time_base = stream.time_base = _MS
        time = 0
        with output:
            for frame, length in shown:
                if frame is not None and not time:
                    stream.width, stream.height = frame.width, frame.height
                    stream.pix_fmt = frame.format.name.replace("le", "be")
                packet = av.Packet(_DAMAGED if frame is None else _png(frame))
                packet.stream, packet.time_base = stream, _MS
                packet.pts = packet.dts = time
                packet.duration, packet.is_keyframe = length, True
                output.mux(packet)
                time += length
                yield True
        yield True


@dataclass(frozen=True, slots=True)
class _Written:
    """The muxer's side of :class:`_Images`: it can only be written to."""

    images: _Images

    def write(self, data: bytes) -> int:
        """Take bytes; PyAV calls it."""
        return self.images.take(data)


def _png(frame: av.VideoFrame) -> bytes:
    """Return a frame as a PNG that takes no time to make: nothing in it is compressed."""
    made = frame.reformat(format=frame.format.name.replace("le", "be"))
    coder: Any = av.CodecContext.create("png", "w")
    coder.width, coder.height, coder.pix_fmt = made.width, made.height, made.format.name
    coder.time_base, coder.options = _MS, {"compression_level": "0", "pred": "none"}
    coder.color_primaries, coder.color_trc = frame.color_primaries, frame.color_trc
    coder.colorspace, coder.color_range = frame.colorspace, frame.color_range
    return b"".join(bytes(packet) for packet in [*coder.encode(made), *coder.encode(None)])
