"""How long frames take from capture to hand-over: percentiles without keeping every value."""

from __future__ import annotations

from collections import deque

import numpy as np

_RECENT = 300
_MOST_MS = 10_000


class Latency:
    """Collects durations; of the latest exactly, of all of them to the millisecond."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._counts = np.zeros(_MOST_MS, np.int64)

    def add(self, seconds: float) -> None:
        """Note one duration."""
        self._recent.append(seconds)
        self._counts[min(max(0, int(seconds * 1000)), _MOST_MS - 1)] += 1

    def recent(self, percent: float) -> float | None:
        """Return a percentile of the last 300 durations, milliseconds; None without any."""
        latest = list(self._recent)
        return float(np.percentile(latest, percent)) * 1000 if latest else None

    def overall(self, percent: float) -> float | None:
        """Return a percentile of all durations, milliseconds, to half of one."""
        total = self._counts.sum()
        if not total:
            return None
        return float(np.searchsorted(self._counts.cumsum(), total * percent / 100)) + 0.5
