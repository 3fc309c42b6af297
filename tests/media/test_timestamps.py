"""Timestamps that jump go on; what only looks like a jump stays as it is."""

from __future__ import annotations

from fractions import Fraction

import pytest

from streamcut.media.timestamps import Clock, is_free

MS = Fraction(1, 1000)


@pytest.mark.parametrize(
    ("form", "stamps", "joined", "jumps"),
    [
        ("mov,mp4", [0, 40, 80, 120], [0, 40, 80, 120], 0),
        ("mpegts", [0, 40, 200, 0, 40, 200], [0, 40, 200, 240, 280, 440], 1),
        ("matroska", [0, 40, 200, 0, 40], [0, 40, 200, 240, 280], 1),
        ("mpegts", [0, 200, 0, 200, 0], [0, 200, 240, 440, 480], 2),
        ("mpegts", [0, 40, 20_000, 20_040], [0, 40, 80, 120], 1),
        ("mpegts", [0, 40, 9000, 9040], [0, 40, 9000, 9040], 0),
        ("matroska", [0, 40, 20_000, 20_040], [0, 40, 20_000, 20_040], 0),
        ("mpegts", [0, 120, 40, 80, 160], [0, 120, 40, 80, 160], 0),
        ("mpegts", [-2000, -1960, 0], [-2000, -1960, 0], 0),
    ],
)
def test_clock(form: str, stamps: list[int], joined: list[int], jumps: int) -> None:
    clock = Clock(form, MS)
    assert [clock(stamp, 40) for stamp in stamps] == joined
    assert clock.jumps == jumps


def test_free_clocks() -> None:
    assert is_free("mpegts")
    assert not is_free("mov,mp4,m4a,3gp,3g2,mj2")
