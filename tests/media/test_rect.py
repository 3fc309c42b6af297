"""Parts of a frame in shares of its sides."""

from __future__ import annotations

import pytest

from streamcut.media.rect import WHOLE, Rect


def test_a_part_has_rows_and_columns() -> None:
    rows, columns = Rect(0.25, 0.5, 0.75, 1).inside(100, 200)
    assert (rows, columns) == (slice(50, 100), slice(50, 150))
    assert Rect(0.5, 0.5, 0.5, 0.5).inside(10, 10) == (slice(5, 6), slice(5, 6))


def test_it_snaps_to_whole_rows_and_columns() -> None:
    assert Rect(0.26, 0.49, 0.74, 1).snapped(10, 10) == Rect(0.3, 0.5, 0.7, 1)


def test_seen_from_another_and_back_it_is_the_same() -> None:
    box, other = Rect(0.1, 0.2, 0.5, 0.9), Rect(0.3, 0, 0.9, 0.4)
    assert box.seen_from(other).of(other) == pytest.approx(box)
    assert box.seen_from(WHOLE) == box
    assert other.seen_from(other) == pytest.approx(WHOLE)


def test_mirrored_twice_it_is_the_same() -> None:
    box = Rect(0.125, 0.25, 0.5, 0.75)
    assert box.mirrored() == Rect(0.5, 0.25, 0.875, 0.75)
    assert box.mirrored().mirrored() == box


def test_it_holds_what_lies_in_it() -> None:
    box = Rect(0.2, 0.2, 0.6, 0.6)
    assert box.holds(Rect(0.3, 0.2, 0.6, 0.5))
    assert not box.holds(Rect(0.3, 0.2, 0.61, 0.5))
    assert box.holds(Rect(0.3, 0.2, 0.61, 0.5), slack=0.02)
    assert box.area == pytest.approx(0.16)
