"""Frames made what an encoder takes; untouched wherever they already are."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import av
from av.filter import Graph
from av.video.stream import VideoStream

from streamcut.media.colour import Colour, Matrix, Range
from streamcut.media.convert import Converter
from streamcut.media.frame import StreamInfo
from streamcut.media.pixel_formats import depth, has_alpha, nearest_format
from streamcut.media.planes import cropped
from streamcut.sinks.file.formats import Codec


class Fit:
    """Brings frames to an encoder's pixel format and, cropping, to its size.

    Args:
        source: pixel format of the frames that come.
        codec: what encodes them; of its pixel formats, the nearest one is chosen.
        info: of the stream.

    ``notes`` says in words what the encoder cannot hold.
    """

    def __init__(self, source: str, codec: Codec, info: StreamInfo) -> None:
        offered = codec.alpha if has_alpha(source) else codec.opaque
        self._target = nearest_format(source, offered)
        self._colour = _colour_in(self._target, source, codec, info)
        self._keeps_codes = source == self._target and (
            self._colour in (info.colour, _grey(info.colour))
        )
        self._convert = Converter(
            self._target,
            self._colour.resolved(info.height),
            untagged=Colour().known_matrix(info.height),
        )
        self.notes = _other_depth(depth(source), depth(self._target), codec)

    def describe(self, stream: VideoStream) -> None:
        """Tell the encoder, and through it the file, what the frames are."""
        context = stream.codec_context
        stream.pix_fmt = self._target
        context.color_primaries = self._colour.primaries
        context.color_trc = self._colour.transfer
        context.colorspace = self._colour.matrix
        context.color_range = self._colour.range

    def __call__(self, video_frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
        """Return the frame, its edges cropped to ``width`` x ``height``, as the encoder wants."""
        if (video_frame.width, video_frame.height) != (width, height):
            video_frame = cropped(video_frame, width, height)
        if self._keeps_codes:
            return video_frame
        return self._colour.apply(self._convert(video_frame))


class Palette:
    """Gives each frame of a GIF 255 colours of its own and a transparent one."""

    pixel_format = "pal8"

    def __init__(self) -> None:
        self._graph: Graph | None = None

    def __call__(self, video_frame: av.VideoFrame) -> av.VideoFrame:
        """Return an RGB(A) frame as pal8; alpha of a half and more is opaque."""
        if self._graph is None:
            self._graph = _palette_graph(video_frame)
        self._graph.push(video_frame)
        return cast(av.VideoFrame, self._graph.pull())


def _palette_graph(video_frame: av.VideoFrame) -> Graph:
    graph = Graph()
    start = graph.add_buffer(
        width=video_frame.width,
        height=video_frame.height,
        format=video_frame.format,
        time_base=video_frame.time_base,
    )
    split = graph.add("split")
    colours = graph.add("palettegen", "stats_mode=single:reserve_transparent=1")
    used = graph.add("paletteuse", "new=1:dither=sierra2_4a:alpha_threshold=128")
    start.link_to(split)
    split.link_to(colours, 0)
    split.link_to(used, 1, 0)
    colours.link_to(used, 0, 1)
    used.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def _colour_in(target: str, source: str, codec: Codec, info: StreamInfo) -> Colour:
    """Return the colour tags of what the encoder is given."""
    tags = info.colour
    if av.VideoFormat(target).is_rgb or target.startswith("pal"):
        return replace(tags, matrix=Matrix.RGB, range=Range.FULL)
    if target.startswith("gray"):
        return _grey(tags)
    if source.startswith(("gbr", "gray")):
        tags = replace(tags, matrix=tags.known_matrix(info.height), range=Range.LIMITED)
    if codec.limited and tags.full_range:
        tags = replace(tags, range=Range.LIMITED)
    return tags if codec.matrix is None else replace(tags, matrix=codec.matrix)


def _other_depth(source: int, target: int, codec: Codec) -> list[str]:
    if target < source:
        return [f"{source}-bit colour becomes {target}-bit: {codec.name} holds no more"]
    if target > source and codec.name == "ffv1":
        return [f"{source}-bit colour is written as {target}-bit, which older players can decode"]
    return []


def _grey(tags: Colour) -> Colour:
    return replace(tags, matrix=Matrix.UNSPECIFIED, range=Range.FULL)
