"""Ctrl-C that stops a job between two frames and never in the middle of writing one."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from streamcut.pipeline import Channel

T = TypeVar("T")

_POLL = 0.1
# Programs that run others (timeout, uv, npm) pass on a Ctrl-C that the terminal sent as well.
_ONE_PRESS = 2.0


class Interrupts:
    """Holds Ctrl-C back within its ``with`` block; it rises where the block asks for it or ends.

    The handler only takes a note: an exception that rises anywhere could strike inside an
    import, a lock or a file's trailer. A Ctrl-C that comes two seconds after the first is not
    held back, so that a job that hangs can be left. Outside the main thread, or where the
    program has its own handler, nothing is changed.

    Example::

        with Interrupts() as interrupts, sink:
            for frame in interrupts.between(frames):
                sink.write(frame)
    """

    def __init__(self) -> None:
        self._installed = False
        self._pressed: float | None = None

    def __enter__(self) -> Self:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt if there was a Ctrl-C."""
        if self._pressed is not None:
            raise KeyboardInterrupt

    def between(self, items: Channel[T]) -> Iterator[T]:
        """Yield a channel's items; Ctrl-C rises here, before the next one."""
        while True:
            while not items.wait(_POLL):
                self.check()
            self.check()
            try:
                item = next(items)
            except StopIteration:
                return
            yield item

    def _handle(self, _: int, __: FrameType | None) -> None:
        now = time.monotonic()
        if self._pressed is None:
            self._pressed = now
        elif now - self._pressed > _ONE_PRESS:
            raise KeyboardInterrupt
