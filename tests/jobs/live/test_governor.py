"""How much is asked of the network: less when pictures are lost, more when there is room."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamcut.jobs.live.governor import Governor

WEIGHTS = [1.0, 0.5, 0.25, 0.125]
INTERVAL = 1 / 30


class Machine:
    """A machine whose network takes ``full`` seconds at the first level, in simulated time."""

    def __init__(self, full: float) -> None:
        self.full = full
        self.governor = Governor(WEIGHTS, INTERVAL)
        self.now = 0.0
        self.lost = 0
        self.levels = [0]

    def run(self, seconds: float, losing: Callable[[], bool] | None = None) -> int:
        """Run, losing each picture for which there is no time; return the level reached."""
        end = self.now + seconds
        while self.now < end:
            work = self.full * WEIGHTS[self.governor.level]
            late = max(0, int(work / INTERVAL))
            late += bool(losing and losing())
            self.now += max(INTERVAL, work)
            self.lost += late
            self.governor.observe(self.now, self.lost, work)
            if self.governor.level != self.levels[-1]:
                self.levels.append(self.governor.level)
        return self.governor.level


def test_a_machine_that_keeps_up_is_left_alone() -> None:
    assert Machine(0.9 * INTERVAL).run(30) == 0


@pytest.mark.parametrize(("full", "level"), [(1.5, 1), (3.0, 2), (6.0, 3), (60.0, 3)])
def test_work_falls_until_it_fits(full: float, level: int) -> None:
    machine = Machine(full * INTERVAL)
    machine.run(12)
    assert machine.governor.level == level
    assert machine.levels == list(range(level + 1))
    assert machine.governor.helpless == (full > 10)


def test_it_comes_back_when_there_is_room() -> None:
    machine = Machine(6 * INTERVAL)
    assert machine.run(12) == 3
    machine.full = 0.2 * INTERVAL
    assert machine.run(20) == 0
    assert machine.levels == [0, 1, 2, 3, 2, 1, 0]


def test_a_hiccup_is_no_overload() -> None:
    machine = Machine(0.9 * INTERVAL)
    machine.run(5)
    machine.lost += 20
    assert machine.run(10) == 0


def test_between_two_levels_it_settles_instead_of_swinging() -> None:
    """What the measure of room promises and the machine does not keep is tried ever less often."""
    machine = Machine(0.6 * INTERVAL)
    machine.run(200, losing=lambda: machine.governor.level == 0)
    ups = sum(b < a for a, b in zip(machine.levels, machine.levels[1:], strict=False))
    assert 2 <= ups <= 6
    assert len(machine.levels) <= 14


def test_losses_that_are_not_the_network_s_do_not_lessen_it() -> None:
    machine = Machine(0.1 * INTERVAL)
    assert machine.run(10, losing=lambda: True) == 0
    assert machine.governor.helpless
