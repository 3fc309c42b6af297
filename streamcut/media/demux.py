"""The packets of an open input, one after the other, past what is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import av
from av.container import InputContainer
from av.stream import Stream

_MAX_BROKEN_READS = 1000


def packets(
    source: InputContainer, streams: Sequence[Stream], broken: Callable[[], None]
) -> Iterator[av.Packet[Any]]:
    """Yield the packets of some streams; reads that find broken data are told and passed.

    Args:
        source: the input.
        streams: of it.
        broken: called for each such read. After a thousand in a row, that is the end.

    Raises:
        FFmpegError: if reading stops for another reason.
    """
    in_a_row = 0
    while in_a_row < _MAX_BROKEN_READS:
        try:
            for packet in source.demux(*streams):
                if packet.size:
                    in_a_row = 0
                    yield packet
            return
        except av.error.InvalidDataError:
            in_a_row += 1
            broken()
