"""Images worked on at a time, and how many may wait: memory stays flat, whoever comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, Semaphore, to_thread

from streamcut.server.errors import Busy

P = ParamSpec("P")
T = TypeVar("T")


class ImageQueue:
    """Lets a few calls run on threads at a time, and more of them wait, in order.

    Args:
        at_once: calls that run.
        waiting: calls that wait; one more is refused.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._room = Semaphore(at_once)
        self._threads = CapacityLimiter(at_once)
        self._most = at_once + waiting
        self._inside = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what ``work`` returns, on a thread.

        Raises:
            Busy: if too many wait.
        """
        if self._inside >= self._most:
            raise Busy("too many images are waiting: try again in a moment", 2)
        self._inside += 1
        try:
            async with self._room:
                return await to_thread.run_sync(
                    lambda: work(*args, **kwargs), limiter=self._threads
                )
        finally:
            self._inside -= 1
