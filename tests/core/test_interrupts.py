# ruff: noqa: PT012 -- what is tested here is what blocks do.
"""Ctrl-C within a program: when it rises, when it is held back, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.media import Brightness, shown

from streamcut.core import interrupts
from streamcut.core.interrupts import Interrupts
from streamcut.core.pipeline import Channel, Pipeline
from streamcut.jobs.file import remove_video
from streamcut.jobs.report import JobState

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX has them")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Have Python's own handler in place, and see that it and no thread is left."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    threads = set(threading.enumerate())
    yield
    after = signal.signal(signal.SIGINT, kept)
    assert after is signal.default_int_handler
    assert set(threading.enumerate()) == threads


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_rises_before_the_next_item_and_not_while_one_is_used() -> None:
    channel: Channel[int] = Channel()
    for item in range(4):
        channel.put(item)
    used = []
    with pytest.raises(KeyboardInterrupt), Interrupts() as held:
        for item in held.between(channel):
            if item == 1:
                press()
                time.sleep(0.01)
            used.append(item)
    assert used == [0, 1]


def test_ctrl_c_is_noticed_while_waiting_for_an_item() -> None:
    later = threading.Timer(0.15, press)
    later.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Interrupts() as held:
        next(held.between(Channel()))
    assert time.monotonic() - began < 0.6
    later.join()


def test_ctrl_c_that_nobody_asked_for_rises_at_the_end_of_the_block() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), Interrupts():
        press()
        reached = True
    assert reached


def test_an_error_of_the_block_is_not_hidden_by_ctrl_c() -> None:
    with pytest.raises(ValueError, match="mine"), Interrupts():
        press()
        raise ValueError("mine")


def test_pressing_twice_in_a_row_is_pressing_once() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts() as held:
        press()
        press()
        for _ in range(3):
            time.sleep(0)
        with pytest.raises(KeyboardInterrupt):
            held.check()


def test_pressing_again_later_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "_ONE_PRESS", 0.05)
    reached = False
    with pytest.raises(KeyboardInterrupt), Interrupts():
        press()
        time.sleep(0.1)
        press()
        reached = True
    assert not reached


def test_a_block_within_another_shares_its_note() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts():
        with pytest.raises(KeyboardInterrupt), Interrupts():
            press()
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler


def test_a_question_may_be_answered_with_ctrl_c_at_once() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), Interrupts() as held:
        with held.released():
            pass
        with Interrupts() as inner, inner.released():
            press()
            reached.append("never")
    assert not reached


def test_a_block_within_a_question_holds_back_again() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), Interrupts() as held, held.released():
        with pytest.raises(KeyboardInterrupt), Interrupts():
            press()
            reached.append("held")
        held.check()
    assert reached == ["held"]


def test_a_press_before_a_question_spares_it() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), Interrupts() as held:
        press()
        with held.released():
            reached.append("never")
    assert not reached


def test_a_block_may_leave_another_handler_behind() -> None:
    with Interrupts(afterwards=signal.SIG_IGN):
        pass
    press()
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is signal.SIG_IGN


def test_a_program_s_own_handler_stays() -> None:
    pressed = []
    signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    with Interrupts():
        press()
    assert pressed == [1]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_are_left_alone() -> None:
    def use() -> None:
        with Interrupts():
            handlers.append(signal.getsignal(signal.SIGINT))

    handlers: list[object] = []
    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


def test_items_pass_with_their_end_and_their_error() -> None:
    with Interrupts() as held, Pipeline() as pipeline:
        assert list(held.between(pipeline.spawn("source", iter(range(5))))) == list(range(5))
    channel: Channel[int] = Channel()
    channel.close(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError), Interrupts() as held:
        list(held.between(channel))


@pytest.mark.parametrize("ending", [".mkv", ".webm", ".mov"])
def test_a_library_call_stops_with_a_file_that_plays(
    clip: Callable[..., Path], tmp_path: Path, ending: str
) -> None:
    def tick(state: JobState) -> None:
        if state.frames == 5:
            press()

    output = tmp_path / f"out{ending}"
    with pytest.raises(KeyboardInterrupt):
        remove_video(clip(count=40), output, session=Brightness(), tick=tick)
    assert len(shown(output).pictures) == 5


def test_a_call_in_another_thread_is_not_stopped_by_ctrl_c(
    clip: Callable[..., Path], tmp_path: Path
) -> None:
    source, done = clip(count=30), []

    def convert() -> None:
        done.append(remove_video(source, tmp_path / "out.mkv", session=Brightness()).frames)

    thread = threading.Thread(target=convert)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        press()
        time.sleep(1)
    thread.join()
    assert done == [30]
