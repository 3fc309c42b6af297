# ruff: noqa: PT012 -- what is tested here is what blocks do.
"""Channels and the pipeline: order, completeness, errors, back-pressure, and no thread left."""

from __future__ import annotations

import itertools
import random
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from helpers.waiting import until

from streamcut.core.errors import ResourcesError
from streamcut.core.pipeline import Cancelled, Channel, Pipeline, gathered

pytestmark = pytest.mark.usefixtures("no_thread_left")


def dawdling(items: Iterable[int], seed: int, longest: float = 0.002) -> Iterator[int]:
    """Pass items on, each after a random delay."""
    chance = random.Random(seed)
    for item in items:
        time.sleep(chance.uniform(0, longest) * (chance.random() < 0.5))
        yield item


def failing(items: Iterable[int], after: int, error: BaseException) -> Iterator[int]:
    for index, item in enumerate(items):
        if index == after:
            raise error
        yield item


# --- several together ----------------------------------------------------------------------


def filled(count: int, error: Exception | None = None) -> Channel[int]:
    channel: Channel[int] = Channel(9)
    for number in range(count):
        channel.put(number)
    channel.close(error)
    return channel


@pytest.mark.parametrize(
    ("count", "most", "groups"),
    [
        (3, 3, [[0, 1, 2]]),
        (3, 2, [[0, 1], [2]]),
        (3, 1, [[0], [1], [2]]),
        (2, 3, [[0], [1]]),
        (0, 3, []),
        (6, 3, [[0, 1, 2], [3, 4, 5]]),
        (5, 3, [[0, 1, 2], [3], [4]]),
    ],
)
def test_what_waits_is_taken_together_or_singly(
    count: int, most: int, groups: list[list[int]]
) -> None:
    assert list(gathered(filled(count), most)) == groups


def test_nothing_is_waited_for_to_fill_a_group() -> None:
    channel: Channel[int] = Channel(3)
    channel.put(0)
    assert next(gathered(channel, 4)) == [0]
    channel.close()


def test_what_says_nothing_about_waiting_comes_one_by_one() -> None:
    assert list(gathered([0, 1, 2], 3)) == [[0], [1], [2]]
    assert list(gathered(iter(range(2)), 2)) == [[0], [1]]


def test_a_groups_channel_ends_with_its_error() -> None:
    groups = gathered(filled(5, ValueError("broken")), 2)
    assert [next(groups) for _ in range(3)] == [[0, 1], [2, 3], [4]]
    with pytest.raises(ValueError, match="broken"):
        next(groups)


@pytest.mark.parametrize("most", [2, 4])
def test_groups_lose_nothing_whatever_the_pace(most: int) -> None:
    with Pipeline() as pipeline:
        items = pipeline.spawn("source", dawdling(range(150), 1), capacity=3)
        groups = list(gathered(items, most))
    assert list(itertools.chain(*groups)) == list(range(150))
    assert {len(group) for group in groups} <= {1, most}


# --- order and completeness -----------------------------------------------------------------


@pytest.mark.parametrize("capacity", [1, 3, 50])
@pytest.mark.parametrize("seed", range(4))
def test_everything_arrives_once_and_in_order_whatever_the_pace(capacity: int, seed: int) -> None:
    with Pipeline() as pipeline:
        items = pipeline.spawn("source", dawdling(range(150), seed), capacity=capacity)
        for stage in range(3):
            items = pipeline.spawn(f"{stage}", dawdling(items, seed + stage), capacity=capacity)
        assert list(dawdling(items, seed + 9)) == list(range(150))


def test_a_stage_may_look_ahead_and_flush() -> None:
    def pairs(items: Iterable[int]) -> Iterator[int]:
        held = list(itertools.islice(items, 5))
        for item in items:
            yield held.pop(0)
            held.append(item)
        yield from held

    with Pipeline() as pipeline:
        items = pipeline.spawn("source", iter(range(20)))
        assert list(pipeline.spawn("ahead", pairs(items))) == list(range(20))


def test_an_ended_channel_stays_ended() -> None:
    channel: Channel[int] = Channel()
    channel.put(1)
    channel.close()
    assert list(channel) == [1]
    assert list(channel) == []


def test_nothing_can_be_put_after_the_end() -> None:
    channel: Channel[int] = Channel(1)
    channel.put(1)
    channel.close()
    with pytest.raises(ValueError, match="closed"):
        channel.put(2)


def test_a_channel_holds_at_least_one_item() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Channel(0)


# --- errors ---------------------------------------------------------------------------------


class BrokenError(Exception):
    """The error that is looked for."""


@pytest.mark.parametrize("where", [0, 1, 2])
def test_an_error_arrives_itself_after_all_that_came_before_it(where: int) -> None:
    error = BrokenError("on purpose")
    seen: list[Any] = []
    with pytest.raises(BrokenError) as raised, Pipeline() as pipeline:
        items: Iterable[int] = iter(range(100))
        for stage in range(3):
            made = failing(items, 7, error) if stage == where else dawdling(items, stage)
            items = pipeline.spawn(f"{stage}", made, capacity=2)
        seen.extend(items)
    assert raised.value is error
    assert "in failing" in "".join(traceback.format_tb(raised.value.__traceback__))
    assert seen == list(range(7))


def test_an_error_in_a_generator_s_own_start_arrives() -> None:
    with pytest.raises(BrokenError), Pipeline() as pipeline:
        list(pipeline.spawn("source", failing(iter([1]), 0, BrokenError())))


def test_what_cannot_be_iterated_fails_at_the_reader() -> None:
    with pytest.raises(TypeError), Pipeline() as pipeline:
        list(pipeline.spawn("source", 7))  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), MemoryError()])
def test_no_kind_of_error_is_swallowed(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, Pipeline() as pipeline:
        list(pipeline.spawn("source", failing(iter(range(9)), 2, error)))
    assert raised.value is error


def test_an_error_in_the_consumer_passes_unchanged_and_stops_an_endless_source() -> None:
    error = BrokenError()
    with pytest.raises(BrokenError) as raised, Pipeline() as pipeline:
        items = pipeline.spawn("source", itertools.count())
        for item in pipeline.spawn("stage", dawdling(items, 1)):
            if item == 5:
                raise error
    assert raised.value is error


def test_generators_clean_up_when_they_are_left_early() -> None:
    cleaned = []

    def careful(name: str, items: Iterable[int]) -> Iterator[int]:
        try:
            yield from items
        finally:
            cleaned.append((name, threading.current_thread().name))

    with Pipeline() as pipeline:
        items = pipeline.spawn("source", careful("source", itertools.count()), capacity=1)
        nested = careful("inner", careful("stage", items))
        for item in pipeline.spawn("stage", nested, capacity=1):
            if item == 3:
                break
    assert sorted(cleaned) == [
        ("inner", "streamcut-stage"),
        ("source", "streamcut-source"),
        ("stage", "streamcut-stage"),
    ]


def test_a_source_that_makes_its_own_generator_cleans_up_too() -> None:
    cleaned = threading.Event()

    class Source:
        def __iter__(self) -> Iterator[int]:
            try:
                yield from itertools.count()
            finally:
                cleaned.set()

    source = Source()
    with Pipeline() as pipeline:
        next(pipeline.spawn("source", source, capacity=1))
    assert cleaned.is_set()


def test_a_cleanup_that_fails_leaves_no_thread_and_prints_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def clumsy() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            raise BrokenError

    with Pipeline() as pipeline:
        next(pipeline.spawn("source", clumsy(), capacity=1))
    assert capfd.readouterr() == ("", "")


def test_a_stage_that_swallows_every_exception_still_ends() -> None:
    def stubborn(items: Iterable[int]) -> Iterator[int]:
        for item in items:
            try:
                yield item
            except Exception:
                continue

    with Pipeline() as pipeline:
        items = pipeline.spawn("source", itertools.count(), capacity=1)
        next(pipeline.spawn("stage", stubborn(items), capacity=1))


# --- stopping -------------------------------------------------------------------------------


def test_an_early_break_stops_every_stage() -> None:
    made = []

    def source() -> Iterator[int]:
        for item in itertools.count():
            made.append(item)
            yield item

    with Pipeline() as pipeline:
        items = pipeline.spawn("source", source(), capacity=2)
        for item in pipeline.spawn("stage", dawdling(items, 2), capacity=2):
            if item == 4:
                break
    assert len(made) < 20


def test_leaving_without_reading_anything_stops_every_stage() -> None:
    with Pipeline() as pipeline:
        pipeline.spawn("stage", dawdling(pipeline.spawn("source", itertools.count()), 1))


@pytest.mark.parametrize("end", ["producer", "consumer"])
def test_cancelling_wakes_a_waiting_end_at_once(end: str) -> None:
    channel: Channel[int] = Channel(1)
    woken: list[BaseException] = []
    if end == "producer":
        channel.put(0)

    def wait() -> None:
        try:
            channel.put(1) if end == "producer" else next(channel)
        except BaseException as error:
            woken.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    began = time.monotonic()
    channel.cancel()
    thread.join(5)
    assert [type(error) for error in woken] == [Cancelled]
    assert time.monotonic() - began < 0.09  # Less than a slice of waiting: it was woken.


def test_a_cancelled_channel_gives_and_takes_nothing() -> None:
    channel: Channel[int] = Channel()
    channel.put(1)
    channel.cancel()
    for use in (lambda: next(channel), lambda: channel.put(2), lambda: channel.wait(0)):
        with pytest.raises(Cancelled):
            use()
    assert not len(channel)


# --- pace -----------------------------------------------------------------------------------


def test_a_source_is_never_further_ahead_than_the_channels_hold() -> None:
    made: list[int] = []
    ahead = []

    def source() -> Iterator[int]:
        for item in range(60):
            made.append(item)
            yield item

    with Pipeline() as pipeline:
        first = pipeline.spawn("source", source(), capacity=2)
        second = pipeline.spawn("stage", iter(first), capacity=3)
        for item in second:
            time.sleep(0.002)
            ahead.append(made[-1] - item)
    # Two channels of 2 and 3, and one item in the hand of each of the two stages.
    assert max(ahead) == 2 + 3 + 2


def test_dropping_gives_up_the_oldest_counts_it_and_keeps_the_end() -> None:
    channel: Channel[int] = Channel(3, drop_oldest=True)
    for item in range(10):
        channel.put(item)
    error = BrokenError()
    channel.close(error)
    seen: list[Any] = []
    with pytest.raises(BrokenError):
        seen.extend(channel)
    assert seen == [7, 8, 9]
    assert (channel.dropped, channel.delivered) == (7, 3)


def test_a_dropping_source_is_never_blocked_and_every_item_is_accounted_for() -> None:
    with Pipeline() as pipeline:
        items = pipeline.spawn("live", iter(range(300)), capacity=2, drop_oldest=True)
        seen = []
        for item in items:
            time.sleep(0.001)
            seen.append(item)
        assert seen == sorted(set(seen))
        assert seen[-1] == 299
        assert len(seen) + pipeline.dropped() == 300
        assert pipeline.dropped() > 0
        assert pipeline.reports()[0].blocked == 0


def test_waiting_for_an_item_ends_with_an_item_the_end_or_the_time() -> None:
    channel: Channel[int] = Channel()
    assert not channel.wait(0.01)
    assert channel.starved >= 0.009
    channel.put(1)
    assert channel.wait(0)
    next(channel)
    channel.close()
    assert channel.wait(0)


def test_reports_name_the_slow_stage_and_who_waits_for_it() -> None:
    def slow(items: Iterable[int]) -> Iterator[int]:
        for item in items:
            time.sleep(0.01)
            yield item

    with Pipeline() as pipeline:
        first = pipeline.spawn("source", iter(range(30)), capacity=2)
        second = pipeline.spawn("slow", slow(first), after=first, capacity=2)
        third = pipeline.spawn("quick", iter(second), after=second, capacity=2)
        list(third)
        source, middle, quick = pipeline.reports()
    assert [source.name, middle.name, quick.name] == ["source", "slow", "quick"]
    assert source.blocked > 0.15
    assert source.starved == 0
    assert middle.busy > 0.25
    assert middle.starved + middle.blocked < 0.1
    assert quick.starved > 0.25
    assert quick.busy < 0.1


def test_the_counters_of_a_long_wait_grow_while_it_lasts() -> None:
    never = threading.Event()

    def stalled() -> Iterator[int]:
        never.wait()
        yield 1

    with Pipeline() as pipeline:
        first = pipeline.spawn("source", stalled())
        pipeline.spawn("stage", iter(first), after=first)
        until(lambda: pipeline.reports()[1].starved > 0.15)
        assert pipeline.reports()[1].busy < 0.15
        never.set()


def test_reports_stop_growing_when_a_stage_has_ended() -> None:
    with Pipeline() as pipeline:
        list(pipeline.spawn("source", iter(range(3))))
        until(lambda: not any(t.name == "streamcut-source" for t in threading.enumerate()))
        before = pipeline.reports()
        time.sleep(0.02)
        assert pipeline.reports() == before


def test_a_thread_that_cannot_start_hides_no_other_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.raises(ResourcesError, match="no thread"), Pipeline() as pipeline:
        pipeline.spawn("source", itertools.count())
        monkeypatch.setattr(threading.Thread, "start", refuse)
        pipeline.spawn("stage", itertools.count())
