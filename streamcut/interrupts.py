"""Ctrl-C that stops a job between two frames and never in the middle of writing one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Self, TypeVar

T = TypeVar("T")


class Interrupts:
    """Holds Ctrl-C back within its ``with`` block, except while waiting for the next item.

    A second Ctrl-C is not held back, so that a job that hangs can be left. Outside the main
    thread, or where the program has its own handler, nothing is changed.

    Example::

        with Interrupts() as interrupts, sink:
            for frame in interrupts.between(frames):
                sink.write(frame)
    """

    def __init__(self) -> None:
        self._installed = False
        self._waiting = False
        self._pending = False

    def __enter__(self) -> Self:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if self._pending and kind is None:
                raise KeyboardInterrupt

    def between(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items; Ctrl-C rises here, before the next one."""
        iterator = iter(items)
        while True:
            try:
                item = self._next(iterator)
            except StopIteration:
                return
            yield item

    def _next(self, iterator: Iterator[T]) -> T:
        self._waiting = True
        try:
            if self._pending:
                self._pending = False
                raise KeyboardInterrupt
            return next(iterator)
        finally:
            self._waiting = False

    def _handle(self, _: int, __: FrameType | None) -> None:
        if self._waiting or self._pending:
            self._pending = False
            raise KeyboardInterrupt
        self._pending = True
