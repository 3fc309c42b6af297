"""Colour mappings over whole frames: FFmpeg's three-dimensional lookup table.

The table is laid out in the target's own signals, from which a mapping departs little. From SDR to
HDR it is within a code value of ten bits; into a smaller gamut, colours at its sides are some off.
"""

from __future__ import annotations

import os
import tempfile
from fractions import Fraction
from functools import lru_cache
from typing import cast

import av
import numpy as np
from av.filter import Graph

from streamcut.media.colour import Colour
from streamcut.media.colour_mapping import ColourMapping
from streamcut.media.light import Floats, is_hdr, to_light, to_signal

PIXEL_FORMAT = "gbrp16le"
"""Of the frames that are mapped: full-range RGB."""

_NODES, _MORE_NODES = 33, 65
_SHAPER = 16384
# Of an SDR target's signals: with HDR above it (up to 1071 cd/m2 a channel), and a node at white.
_HEADROOM = 2.0


class Lut:
    """Maps frames in :data:`PIXEL_FORMAT`.

    Args:
        mapping: what is done to every pixel.
    """

    def __init__(self, mapping: ColourMapping) -> None:
        self._mapping = mapping
        self._graph: Graph | None = None
        self._size = 0, 0

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return a frame of the size of ``frame`` with mapped colours."""
        size = frame.width, frame.height
        if self._graph is None or size != self._size:
            self._graph, self._size = self._configured(frame), size
        tags = Colour.of(frame)
        Colour().apply(frame)  # The graph takes frames of one kind of tags only.
        self._graph.push(frame)
        tags.apply(frame)
        return cast(av.VideoFrame, self._graph.pull())

    def _configured(self, frame: av.VideoFrame) -> Graph:
        descriptor, path = tempfile.mkstemp(suffix=".csp")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(cinespace(self._mapping))
            return _graph(frame, path)
        finally:
            os.unlink(path)


def _graph(frame: av.VideoFrame, path: str) -> Graph:
    graph = Graph()
    start = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1, 1000),
    )
    table = graph.add("lut3d", file=path, interp="tetrahedral")
    start.link_to(table)
    table.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


@lru_cache(maxsize=2)
def cinespace(mapping: ColourMapping) -> str:
    """Return a mapping as a CineSpace table: a curve for each channel, then a cube."""
    signal = np.append(np.linspace(0, 1, _SHAPER), 1.0001)
    shaped = np.append(_shaped(signal[:-1], mapping), 1.0)  # FFmpeg scales by the last one.
    curve = f"{len(signal)}\n{_text(signal, len(signal))}{_text(shaped, len(shaped))}"
    nodes = _nodes(signal, shaped, mapping)
    axes = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    cube = mapping(np.stack(axes[::-1], axis=-1))  # Red changes fastest.
    size = "{0} {0} {0}\n".format(len(nodes))
    return "CSPLUTV100\n3D\n\n" + 3 * curve + "\n" + size + _text(cube, 3)


def _text(values: Floats, columns: int) -> str:
    """Return values as lines of so many; one format for all is several times faster."""
    line = " ".join(["%.7f"] * columns) + "\n"
    return line * (values.size // columns) % tuple(values.ravel().tolist())


def _nodes(signal: Floats, shaped: Floats, mapping: ColourMapping) -> Floats:
    """Return the signals at the table's nodes: more where colours come near the gamut's sides."""
    count = _NODES if is_hdr(mapping.target.transfer) else _MORE_NODES
    values, first = np.unique(shaped, return_index=True)
    return np.asarray(np.interp(np.linspace(0, 1, count), values, np.minimum(signal[first], 1)))


def _shaped(signal: Floats, mapping: ColourMapping) -> Floats:
    """Return where signals of one channel lie in the table, 0 to 1: as grey in the target."""
    source, target = mapping.source.transfer, mapping.target.transfer
    light = to_light(np.repeat(signal[:, None], 3, axis=1), source)
    if is_hdr(target):
        light = np.minimum(light, mapping.peak)
    made = to_signal(light, target)[:, 0]
    top = _HEADROOM if is_hdr(source) and not is_hdr(target) else made[-1]
    return np.asarray(np.minimum(made / top, 1))
