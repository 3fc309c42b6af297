"""What the routes of one server share."""

from __future__ import annotations

import os

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException

from streamcut.core.config import ServerSettings, Settings
from streamcut.server.fetching import Fetcher
from streamcut.server.gate import ImageQueue
from streamcut.server.jobs.pool import WorkerPool, folder_of
from streamcut.server.jobs.store import VideoStore
from streamcut.server.sessions import Sessions
from streamcut.server.stills import Previews

IMAGE_MB = 50
"""The largest encoded image, in megabytes: what rembg's server takes."""

_WAITING = 256  # Images that may wait: their uploads lie on disk.
_FETCHES = 8


class Server:
    """Everything that requests have in common.

    Args:
        settings: all that there are.
        fetcher: of other people's addresses; None takes the careful one.
    """

    def __init__(self, settings: Settings, fetcher: Fetcher | None = None) -> None:
        self.settings = settings
        self.sessions = Sessions(settings)
        self.gate = ImageQueue(max(1, (os.cpu_count() or 1) // 2), _WAITING)
        self.previews = Previews(self.sessions)
        self.store = VideoStore(folder_of(settings))
        self.pool = WorkerPool(self.store, settings, self.sessions)
        self._fetcher = fetcher or Fetcher()
        self._fetches = CapacityLimiter(_FETCHES)

    @property
    def limits(self) -> ServerSettings:
        """What the server allows."""
        return self.settings.server

    @property
    def fetcher(self) -> Fetcher:
        """What fetches other people's addresses.

        Raises:
            HTTPException: if the server fetches none.
        """
        if not self.limits.addresses:
            raise HTTPException(403, "this server fetches no addresses: send the file itself")
        return self._fetcher

    async def fetched(self, url: str, megabytes: int) -> bytes:
        """Return what lies at an address.

        Raises:
            HTTPException: if it may not be fetched, is too large, or does not come.
        """
        fetch, most = self.fetcher.fetch, megabytes * 1_000_000
        return await to_thread.run_sync(fetch, url, most, limiter=self._fetches)
