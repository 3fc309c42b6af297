"""Ctrl-C that stops a job between two frames and never in the middle of writing one."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from streamcut.core.pipeline import Channel

T = TypeVar("T")
Handler = Callable[[int, FrameType | None], None] | int | None

_POLL = 0.1
# Programs that run others (timeout, uv, npm) pass on a Ctrl-C that the terminal sent as well.
_ONE_PRESS = 2.0


class Interrupts:
    """Holds Ctrl-C back within its ``with`` block; it rises where the block asks for it or ends.

    The handler only takes a note: an exception that rises anywhere could strike inside a lock,
    a file's trailer, or an import, where it may be lost. A Ctrl-C that comes two seconds after
    the first is not held back, so that a job that hangs can be left. A block within another
    shares its note, and holds back also where the other one does not. Outside the main thread,
    or where the program has its own handler, nothing is changed.

    Args:
        afterwards: the handler that the block leaves behind.
        also: further signals that count as Ctrl-C, where nobody handles or ignores them.

    Attributes:
        number: of the signal that came first; SIGINT where none has come.

    Example::

        with Interrupts() as interrupts, sink:
            for frame in interrupts.between(frames):
                sink.write(frame)
    """

    def __init__(
        self, afterwards: Handler = signal.default_int_handler, also: Collection[int] = ()
    ) -> None:
        self.number: int = signal.SIGINT
        self._afterwards, self._also = afterwards, also
        self._outermost = self
        self._handled: list[int] = []
        self._held = self._held_before = True
        self._pressed: float | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            outer = _in_charge()
            if outer is not None:
                self._outermost = outer
                self._held_before, outer._held = outer._held, True
            else:
                self._install()
        return self

    def _install(self) -> None:
        for number in (signal.SIGINT, *self._also):
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            if signal.getsignal(number) == usual:
                signal.signal(number, self._handle)
                self._handled.append(number)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for number in self._handled:
            left = number != signal.SIGINT and self._afterwards is signal.default_int_handler
            signal.signal(number, signal.SIG_DFL if left else self._afterwards)
        self._outermost._held = self._held_before
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt if there was a Ctrl-C."""
        if self._outermost._pressed is not None:
            raise KeyboardInterrupt

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let Ctrl-C rise at once within: for a question to the user, who may not answer."""
        self._outermost._held = False
        try:
            self.check()
            yield
        finally:
            self._outermost._held = True

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

    def _handle(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self._pressed is None:
            self._pressed, self.number = now, number
            if not self._held:
                raise KeyboardInterrupt
        elif now - self._pressed > _ONE_PRESS:
            raise KeyboardInterrupt


def _in_charge() -> Interrupts | None:
    """Return the block that handles signals at the moment, if any."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        handler = signal.getsignal(getattr(signal, name, signal.SIGINT))
        owner = getattr(handler, "__self__", None)
        if isinstance(owner, Interrupts):
            return owner
    return None
