"""What FFmpeg attaches to a frame: its display matrix, HDR metadata and the like."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, cast

import av
from av.filter import Graph
from av.sidedata.sidedata import SideDataContainer, Type

# What FFmpeg's PNG decoder makes. It gives ICC profiles a name, which PyAV 18 frees twice: the
# process crashes, now or later.
_FROM_PNG = frozenset(
    {
        *("rgb24", "rgba", "pal8", "gray", "ya8", "monob"),
        *("rgb48be", "rgba64be", "gray16be", "ya16be"),
    }
)
# AV_FRAME_DATA_EXIF, which photos have and PyAV 18 does not know.
_EXIF = "31"


def side_data_of(frame: av.VideoFrame) -> SideDataContainer:
    """Return a frame's side data, without the frame's knowing of it, nor EXIF.

    ``frame.side_data`` is kept by the frame and refers back to it: such a frame lives until
    Python's collector comes, which at 1080p makes fifty megabytes of frames that nobody needs.

    Raises:
        ValueError: if PyAV does not know a kind of it.
    """
    if frame.format.name in _FROM_PNG:
        return _read(_without(frame, "ICC_PROFILE", _EXIF))
    try:
        return _read(frame)
    except ValueError:
        return _read(_without(frame, _EXIF))


def bytes_of(frame: av.VideoFrame) -> dict[Type, bytes]:
    """Return a frame's side data by its type; nothing where PyAV does not know one's type."""
    try:
        # A mapping by type, which iterates over its values.
        sides: Iterable[Any] = side_data_of(frame)
    except ValueError:
        return {}
    return {data.type: bytes(data) for data in sides}


def _read(frame: av.VideoFrame) -> SideDataContainer:
    return SideDataContainer(frame)  # type: ignore[call-arg]


def _without(frame: av.VideoFrame, *kinds: str) -> av.VideoFrame:
    """Return the same frame without some kinds of side data."""
    graph = Graph()
    graph.link_nodes(
        graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base or Fraction(1, 1000),
        ),
        *(graph.add("sidedata", f"mode=delete:type={kind}") for kind in kinds),
        graph.add("buffersink"),
    ).configure()
    graph.push(frame)
    return cast(av.VideoFrame, graph.pull())
