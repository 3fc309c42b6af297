"""Percentiles of durations."""

from __future__ import annotations

import numpy as np
import pytest

from streamcut.jobs.live.latency import Latency


def test_percentiles_are_numpy_s_to_the_millisecond() -> None:
    values = np.random.default_rng(0).gamma(4, 0.01, 5000)
    latency = Latency()
    for value in values:
        latency.add(float(value))
    for percent in (50, 95):
        assert latency.overall(percent) == pytest.approx(
            np.percentile(values, percent) * 1000, abs=1
        )
        assert latency.recent(percent) == pytest.approx(np.percentile(values[-300:], percent) * 1e3)


def test_nothing_is_known_without_values() -> None:
    assert Latency().overall(50) is Latency().recent(50) is None


def test_what_is_beyond_measure_counts_as_the_most_and_less_than_nothing_as_nothing() -> None:
    latency = Latency()
    latency.add(1e6)
    assert latency.overall(50) == 9999.5
    latency.add(-1)
    latency.add(-1)
    assert latency.overall(50) == 0.5
