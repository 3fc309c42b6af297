"""How much a live job asks of its network: less when frames are lost, more when there is room."""

from __future__ import annotations

from collections.abc import Sequence

# Seconds that are judged together; so many in a row must be bad, or good, before a step.
_WINDOW = 1.0
_BAD, _GOOD = 2, 5
# Share of the frames that may be lost without a step down: a hiccup is not an overload.
_LOSS = 0.1
# The network's share of the time between two frames: below the first it is not to blame for
# what is lost; a step up must stay below the second.
_BLAMELESS, _ROOM = 0.25, 0.7
# A step up that is taken back makes the next one wait longer, up to so many windows.
_MOST_PATIENCE = 80


class Governor:
    """Chooses among levels of work, the most first.

    It steps down after two seconds in which more than a tenth of the frames were lost, and up
    after five without loss in which the level above would have taken less than 0.7 of the time.
    After a step up that did not last it waits twice as long before the next.

    Args:
        weights: the work of each level beside the first one's, falling.
        interval: seconds from one frame to the next.

    Attributes:
        level: the index of the level chosen.
        helpless: frames are lost and less work for the network would not help.
    """

    def __init__(self, weights: Sequence[float], interval: float) -> None:
        self.level = 0
        self.helpless = False
        self._weights, self._interval = weights, interval
        self._began: float | None = None
        self._lost_before = 0
        self._frames, self._work = 0, 0.0
        self._bad = self._good = 0
        self._patience = _GOOD
        self._tried = False

    def observe(self, now: float, lost: int, work: float) -> bool:
        """Note a frame, and return whether the level has changed.

        Args:
            now: seconds on any clock that never goes back.
            lost: frames given up so far, in all.
            work: seconds that this frame's matte took.
        """
        if self._began is None:
            self._begin(now, lost)
        self._frames += 1
        self._work += work
        assert self._began is not None
        if now - self._began < _WINDOW:
            return False
        before = self.level
        self._judge(lost - self._lost_before, self._work / self._frames)
        self._begin(now, lost)
        return self.level != before

    def _begin(self, now: float, lost: int) -> None:
        self._began, self._lost_before = now, lost
        self._frames, self._work = 0, 0.0

    def _judge(self, lost: int, work: float) -> None:
        """Step down or up after enough seconds of the same kind."""
        share = work / self._interval
        bad = lost > _LOSS * (lost + self._frames)
        self._bad = self._bad + 1 if bad else 0
        self._good = self._good + 1 if not lost and self._fits_above(share) else 0
        overloaded = self._bad >= _BAD
        lowest = self.level == len(self._weights) - 1
        self.helpless = overloaded and (lowest or share < _BLAMELESS)
        if overloaded and not self.helpless:
            if self._tried:
                self._patience = min(2 * self._patience, _MOST_PATIENCE)
            self._step(1)
        elif self._good >= self._patience and self.level:
            self._step(-1)
            self._tried = True
        elif self._good >= self._patience:
            self._patience, self._tried = _GOOD, False

    def _fits_above(self, share: float) -> bool:
        above = self._weights[max(0, self.level - 1)]
        return share * above / self._weights[self.level] < _ROOM

    def _step(self, by: int) -> None:
        self.level += by
        self._bad = self._good = 0
