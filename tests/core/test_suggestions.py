"""What was meant is told where it is close, and never else."""

from __future__ import annotations

import pytest

from streamcut.core.suggestions import did_you_mean, nearest

KNOWN = ("bench", "devices", "pipe", "video", "webcam")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("vido", "video"),
        ("VIDEO", "video"),
        ("webcma", "webcam"),
        ("pip", "pipe"),
        ("benhc", "bench"),
    ],
)
def test_a_slip_is_recognised(typed: str, meant: str) -> None:
    assert nearest(typed, KNOWN) == meant
    assert did_you_mean(typed, KNOWN) == f"; did you mean {meant}?"


@pytest.mark.parametrize("typed", ["in", "photo", "rm", "xyz", "", "remove-background"])
def test_what_is_like_nothing_is_answered_with_nothing(typed: str) -> None:
    assert nearest(typed, KNOWN) is None
    assert did_you_mean(typed, KNOWN) == ""
