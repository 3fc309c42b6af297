"""What FFmpeg attaches to a frame: its display matrix, HDR metadata and the like."""

from __future__ import annotations

import av
from av.sidedata.sidedata import SideDataContainer


def side_data_of(frame: av.VideoFrame) -> SideDataContainer:
    """Return a frame's side data, without the frame's knowing of it.

    ``frame.side_data`` is kept by the frame and refers back to it: such a frame lives until
    Python's collector comes, which at 1080p makes fifty megabytes of frames that nobody needs.

    Raises:
        ValueError: if PyAV does not know a kind of it.
    """
    return SideDataContainer(frame)  # type: ignore[call-arg]
