"""Who watches: each viewer has a queue of its own, so that none holds up another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import av
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpsender import RTCRtpSender

from streamcut.server.errors import Busy
from streamcut.server.live.encoding import CODECS

Packet: TypeAlias = "av.Packet[av.VideoStream]"

_QUEUED = 15  # Packets that a viewer may be behind before it waits for the next keyframe.
_MOST = 8
"""Viewers at a time."""


class PacketTrack(MediaStreamTrack):
    """A viewer's stream of packets that were encoded for all.

    Args:
        ask: asks the encoder for a keyframe.
    """

    kind = "video"

    def __init__(self, ask: Callable[[], None]) -> None:
        super().__init__()
        self._ask = ask
        self._queue: asyncio.Queue[Packet] = asyncio.Queue(_QUEUED)
        self._behind = True
        self.lost = 0

    def offer(self, packet: Packet) -> None:
        """Take a packet; a viewer that is behind waits for a keyframe instead of growing old."""
        if self._behind and not packet.is_keyframe:
            self.lost += 1
            self._ask()
            return
        if self._queue.full():
            while not self._queue.empty():
                self._queue.get_nowait()
            self._behind = True
            self._ask()
            return
        self._behind = False
        self._queue.put_nowait(packet)

    async def recv(self) -> Packet:
        """Return the next packet.

        Raises:
            MediaStreamError: if the stream has ended.
        """
        if self.readyState != "live":
            raise MediaStreamError
        return await self._queue.get()


class Viewers:
    """The connections of browsers.

    Args:
        took: is given each track that a browser sends.
    """

    def __init__(self, took: Callable[[MediaStreamTrack], None]) -> None:
        self._took = took
        self._tracks: dict[RTCPeerConnection, tuple[str, PacketTrack]] = {}
        self.wanted: set[str] = set()

    def __len__(self) -> int:
        return len(self._tracks)

    @property
    def codecs(self) -> set[str]:
        """What has to be encoded."""
        return {codec for codec, _ in self._tracks.values()}

    def show(self, codec: str, packet: Packet) -> None:
        """Hand a packet to all who watch that codec."""
        for kind, track in list(self._tracks.values()):
            if kind == codec:
                track.offer(packet)

    async def answer(self, sdp: str) -> str:
        """Return the answer to a browser's offer.

        Raises:
            Busy: if too many watch.
            ValueError: if the offer makes no sense.
        """
        if len(self._tracks) >= _MOST:
            raise Busy(f"{_MOST} are watching already")
        connection = RTCPeerConnection()
        try:
            return await self._connected(connection, sdp)
        except BaseException:
            await self._left(connection)
            raise

    async def _connected(self, connection: RTCPeerConnection, sdp: str) -> str:
        @connection.on("connectionstatechange")
        async def changed() -> None:
            if connection.connectionState in ("failed", "closed"):
                await self._left(connection)

        connection.on("track", self._took)
        await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        sending = [t for t in connection.getTransceivers() if t.kind == "video"]
        if not sending:
            raise ValueError("the offer has no video")
        known = RTCRtpSender.getCapabilities("video").codecs
        liked = [c for name in CODECS for c in known if c.mimeType == f"video/{name}"]
        sending[0].setCodecPreferences(liked)
        track = PacketTrack(lambda: None)
        sending[0].sender.replaceTrack(track)
        sending[0].direction = "sendrecv" if "a=sendrecv" in sdp else "sendonly"
        await connection.setLocalDescription(await connection.createAnswer())
        codec = _agreed(connection.localDescription.sdp)
        track._ask = lambda: self.wanted.add(codec)
        # What a browser asks for after a loss.
        setattr(sending[0].sender, "_send_keyframe", track._ask)  # noqa: B010
        self._tracks[connection] = codec, track
        self.wanted.add(codec)
        answer: str = connection.localDescription.sdp
        return answer

    async def _left(self, connection: RTCPeerConnection) -> None:
        _, track = self._tracks.pop(connection, ("", None))
        if track is not None:
            track.stop()
        await connection.close()

    async def close(self) -> None:
        """Leave all."""
        await asyncio.gather(*(self._left(each) for each in list(self._tracks)))


def _agreed(sdp: str) -> str:
    """Return the first codec of a description: the one that is used."""
    lines = [line for line in sdp.splitlines() if line.startswith("a=rtpmap:")]
    for line in lines:
        name = line.split()[1].partition("/")[0]
        if name in CODECS:
            return name
    raise ValueError("the browser takes neither H.264 nor VP8")
