"""Bounded channels between threads, and the one place where threads are made.

A stage is a plain generator; :meth:`Pipeline.spawn` runs it on a thread of its
own and returns the :class:`Channel` that it fills. The end of the stream, an
error and a cancellation are states of the channel, never items in it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from streamcut.core.errors import ResourcesError

T = TypeVar("T")

# Waits are sliced: on Windows a lock that waits forever cannot be interrupted by Ctrl-C, and
# who shows the progress sees the counters of a long wait grow.
_WAIT_SLICE = 0.1


class Cancelled(BaseException):
    """Raised at both ends of a cancelled channel. A BaseException, so that no stage swallows it."""


class Channel(Generic[T]):
    """A bounded queue with one producer, one consumer and a stated end.

    Iterating yields what was put, in order, then ends or raises the error that
    the producer closed it with. A full channel blocks its producer
    (back-pressure), or with ``drop_oldest`` gives up its oldest item and counts
    it in ``dropped`` (freshness, for live sources).

    Attributes:
        delivered: items handed to the consumer so far.
        dropped: items given up because the channel was full.
        blocked: seconds that the producer waited for room.
        starved: seconds that the consumer waited for an item.
    """

    def __init__(self, capacity: int = 4, *, drop_oldest: bool = False) -> None:
        if capacity < 1:
            raise ValueError("a channel holds at least one item")
        self.capacity = capacity
        self.drop_oldest = drop_oldest
        self.delivered = 0
        self.dropped = 0
        self.blocked = 0.0
        self.starved = 0.0
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._cancelled = False
        self._error: BaseException | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Add an item; block while the channel is full, unless it drops its oldest.

        Raises:
            Cancelled: if the channel was cancelled.
        """
        with self._changed:
            if self.drop_oldest and len(self._items) >= self.capacity:
                self._items.popleft()
                self.dropped += 1
            while not self._has_room():
                self.blocked += self._sleep(_WAIT_SLICE)
            if self._closed:
                raise ValueError("put on a closed channel")
            self._items.append(item)
            self._changed.notify_all()

    def close(self, error: BaseException | None = None) -> None:
        """End the channel: what is queued is still delivered, then ``error`` if there is one."""
        with self._changed:
            self._closed = True
            self._error = error
            self._changed.notify_all()

    def cancel(self) -> None:
        """Drop what is queued and wake both ends, which then raise :class:`Cancelled`."""
        with self._changed:
            self._cancelled = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        return self

    def wait(self, timeout: float) -> bool:
        """Wait for an item or the end, ``timeout`` seconds at most; return whether one is there.

        Raises:
            Cancelled: if the channel was cancelled.
        """
        with self._changed:
            if not self._has_next():
                self.starved += self._sleep(timeout)
            return self._has_next()

    def __next__(self) -> T:
        with self._changed:
            while not self._has_next():
                self.starved += self._sleep(_WAIT_SLICE)
            if not self._items:
                self._raise_end()
            item = self._items.popleft()
            self.delivered += 1
            self._changed.notify_all()
            return item

    def _raise_end(self) -> None:
        error, self._error = self._error, None
        raise StopIteration if error is None else error

    def _has_room(self) -> bool:
        self._check()
        return len(self._items) < self.capacity or self._closed

    def _has_next(self) -> bool:
        self._check()
        return bool(self._items) or self._closed

    def _check(self) -> None:
        if self._cancelled:
            raise Cancelled

    def _sleep(self, timeout: float) -> float:
        """Wait, lock held, until something changes; return the seconds it took."""
        began = time.perf_counter()
        self._changed.wait(timeout)
        return time.perf_counter() - began


def gathered(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield items one by one, or ``most`` together where so many already wait; wait for none.

    Args:
        items: a channel; of anything else nobody knows what waits, so that it comes one by one.
        most: as many as a channel can hold and one, at most.
    """
    flow = iter(items)
    for item in flow:
        waiting = len(flow) if isinstance(flow, Channel) else 0
        yield [item, *islice(flow, most - 1 if waiting >= most - 1 else 0)]


@dataclass(frozen=True)
class StageReport:
    """Where one stage's time went, in seconds of wall clock since it started."""

    name: str
    busy: float
    starved: float
    blocked: float


class _Stage(Generic[T]):
    """One iterable on its thread, with the channels before and after it."""

    def __init__(
        self, name: str, items: Iterable[T], before: Channel[Any] | None, out: Channel[T]
    ) -> None:
        self.name = name
        self.before = before
        self.out = out
        self.began = time.perf_counter()
        self.ended: float | None = None
        # A daemon only so that a read that hangs cannot keep the program from ending; otherwise
        # leaving the pipeline has joined it.
        self.thread = threading.Thread(
            target=self._run, args=(items,), name=f"streamcut-{name}", daemon=True
        )

    def _run(self, items: Iterable[T]) -> None:
        try:
            self._fill(iter(items))
        except Cancelled:
            end = self.out.cancel
        except BaseException as error:
            end = partial(self.out.close, error)
        else:
            end = self.out.close
        self.ended = time.perf_counter()  # Before anybody can see the end and ask for a report.
        end()

    def _fill(self, items: Iterator[T]) -> None:
        """Put the items; a generator that is left early cleans up here, on its own thread."""
        try:
            for item in items:
                self.out.put(item)
        finally:
            if isinstance(items, Generator):
                items.close()

    def report(self) -> StageReport:
        elapsed = (self.ended or time.perf_counter()) - self.began
        starved = 0.0 if self.before is None else self.before.starved
        busy = max(0.0, elapsed - starved - self.out.blocked)
        return StageReport(self.name, busy, starved, self.out.blocked)


class Pipeline:
    """Runs stages on threads; leaving its ``with`` block cancels and joins them all.

    Args:
        patience: seconds to wait for each thread at the end; None waits for ever. Only for
            threads that hold nothing which must be finished.

    Example::

        with Pipeline() as pipeline:
            frames = pipeline.spawn("decode", source)
            frames = pipeline.spawn("matte", matte(frames, session), after=frames)
            for frame in frames:
                sink.write(frame)
    """

    def __init__(self, patience: float | None = None) -> None:
        self._patience = patience
        self._stages: list[_Stage[Any]] = []

    def spawn(
        self,
        name: str,
        items: Iterable[T],
        *,
        after: Channel[Any] | None = None,
        capacity: int = 4,
        drop_oldest: bool = False,
    ) -> Channel[T]:
        """Run ``items`` on a thread of its own and return the channel that it fills.

        Args:
            name: what the stage is called in reports and as a thread.
            items: the generator; its exception arrives at the channel's reader.
            after: the channel that the generator reads, for the stage's report.
            capacity: how many items may wait in the channel.
            drop_oldest: give up the oldest item instead of blocking when full.

        Raises:
            ResourcesError: if the machine has no thread to spare.
        """
        channel: Channel[T] = Channel(capacity, drop_oldest=drop_oldest)
        stage = _Stage(name, items, after, channel)
        self._stages.append(stage)
        try:
            stage.thread.start()
        except RuntimeError as error:  # "can't start new thread".
            raise ResourcesError(
                f"no thread can be started to {name}: too little memory, or too many processes "
                "(ulimit -u)"
            ) from error
        return channel

    def reports(self) -> list[StageReport]:
        """Return where each stage's time went so far, in the order they were spawned."""
        return [stage.report() for stage in self._stages]

    def dropped(self) -> int:
        """Return how many items all channels gave up so far."""
        return sum(stage.out.dropped for stage in self._stages)

    def cancel(self) -> None:
        """Cancel every channel, so that every stage ends at its next item."""
        for stage in self._stages:
            stage.out.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel()
        for stage in self._stages:
            if stage.thread.ident is not None:
                stage.thread.join(self._patience)
