"""Where a network looks: around the people, and where they go; and at who comes in."""

from __future__ import annotations

import numpy as np
import pytest

from streamcut.matting.region import Region, bounds
from streamcut.media.matte import RGB, Matte
from streamcut.media.rect import WHOLE, Rect

SHAPE = 90, 160
PERSON = Rect(0.4, 0.3, 0.5, 0.7)


def matte(*people: Rect, opacity: float = 1.0) -> Matte:
    made = np.zeros(SHAPE, np.float32)
    for person in people:
        made[person.inside(*SHAPE)] = opacity
    return made


def frame(*people: Rect) -> RGB:
    return np.repeat((matte(*people)[..., None] * 200).astype(np.uint8), 3, axis=2)


def begun(*people: Rect) -> Region:
    region = Region(SHAPE)
    region.begun(matte(*people), frame(*people))
    return region


def part(whole: Matte, box: Rect) -> Matte:
    """What a network says of a part, at its own size."""
    return np.ascontiguousarray(whole[box.inside(*SHAPE)])


def until_due(region: Region, shot: RGB) -> int:
    """Return after how many frames the whole is to be glanced at."""
    return next(count for count in range(1, 100) if region.is_due(shot))


def test_somebody_small_is_looked_at_with_room_around() -> None:
    box = begun(PERSON).box
    assert box.holds(PERSON)
    assert box.area < 0.5
    room = min(
        (PERSON.left - box.left) * 16 / 9,
        PERSON.top - box.top,
        (box.right - PERSON.right) * 16 / 9,
        box.bottom - PERSON.bottom,
    )
    assert room > 0.08
    assert begun(Rect(0, 0.3, 0.1, 0.7)).box.left == 0


@pytest.mark.parametrize(
    "people",
    [
        [],
        [Rect(0.1, 0.1, 0.9, 1)],
        [Rect(0, 0.3, 0.1, 0.7), Rect(0.9, 0, 1, 0.9)],
        [Rect(0.5, 0.5, 0.506, 0.51)],
    ],
    ids=["nobody", "large", "at both sides", "a speck"],
)
def test_else_the_frame_is_looked_at_whole(people: list[Rect]) -> None:
    region = begun(*people)
    assert region.box == WHOLE
    assert region.followed(matte(*people)) == (WHOLE, False)


def test_somebody_tiny_still_has_a_third_of_the_frame() -> None:
    box = begun(Rect(0.5, 0.5, 0.54, 0.58)).box
    assert min(box.width, box.height) >= 0.32


def test_a_part_is_never_slimmer_than_half() -> None:
    box = begun(Rect(0.5, 0, 0.54, 1)).box
    assert box.width * 16 / 9 >= 0.49
    assert box.height == 1


def test_who_keeps_still_is_not_followed() -> None:
    region = begun(PERSON)
    before = region.box
    assert region.followed(part(matte(PERSON), before)) == (before, False)


def test_who_walks_is_followed_before_he_is_cut_off() -> None:
    region = begun(PERSON)
    for step in range(1, 40):
        where = PERSON._replace(left=PERSON.left + 0.01 * step, right=PERSON.right + 0.01 * step)
        _, cut_off = region.followed(part(matte(where), region.box))
        assert not cut_off
        assert region.box.holds(where)
    assert region.box.area < 0.5


def test_who_leaps_to_the_side_is_looked_at_again() -> None:
    region = begun(PERSON)
    far = region.box.right
    leapt = PERSON._replace(left=far - 0.05, right=far + 0.05)
    box, cut_off = region.followed(part(matte(leapt), region.box))
    assert cut_off
    assert box.right > leapt.right


def test_who_moves_in_is_seen_at_once() -> None:
    region, comer = begun(PERSON), Rect(0.9, 0.3, 1, 0.9)
    shot = frame(PERSON, comer)
    assert until_due(region, shot) == 1
    box, came = region.glanced(matte(PERSON, comer), shot, matte(PERSON))
    assert came
    assert box == WHOLE or box.holds(comer)


def test_what_keeps_still_outside_does_not_come_in() -> None:
    coat = Rect(0.9, 0.3, 1, 0.9)
    region = Region(SHAPE)
    shot = frame(PERSON, coat)
    before = region.begun(matte(PERSON), shot)  # The coat hangs there; nobody is seen in it.
    for _ in range(20):
        assert until_due(region, shot) > 5
        assert region.glanced(matte(PERSON, coat), shot, matte(PERSON)) == (before, False)


def test_what_moves_outside_without_end_costs_less_and_less() -> None:
    region = begun(PERSON)
    tree = [frame(PERSON, Rect(0.9, 0, 1, 0.2 + 0.1 * (k % 2))) for k in range(2)]
    waits = []
    for glances in range(6):
        waits.append(until_due(region, tree[glances % 2]))
        region.glanced(matte(PERSON), tree[glances % 2], matte(PERSON))
    assert waits[0] == 1
    assert waits == sorted(waits)
    assert waits[-1] == 10


def test_the_part_becomes_smaller_only_after_two_glances() -> None:
    region = begun(Rect(0.3, 0.1, 0.6, 0.9))
    large = region.box
    for expected in (True, False):
        until_due(region, frame(PERSON))
        region.glanced(matte(PERSON), frame(PERSON), matte(PERSON))
        assert (region.box == large) is expected
    assert region.box.holds(PERSON)
    assert region.box.area < 0.6 * large.area


def test_a_part_that_did_not_do_is_not_soon_tried_again() -> None:
    region, wide = begun(Rect(0.3, 0.1, 0.6, 0.9)), Rect(0.3, 0.1, 0.6, 0.9)
    waits = []
    for _ in range(3):
        glances = 0
        before = region.box
        while region.box == before and glances < 40:
            until_due(region, frame(PERSON))
            region.glanced(matte(PERSON), frame(PERSON), matte(PERSON))
            glances += 1
        waits.append(glances)
        region.followed(part(matte(wide), region.box))  # And there he is again, all of him.
        until_due(region, frame(wide))
        region.glanced(matte(wide), frame(wide), matte(wide))
    assert waits[0] == 2
    assert waits[-1] > waits[0]


def test_when_everybody_has_left_the_frame_is_looked_at_whole() -> None:
    region = begun(PERSON)
    for _ in range(2):
        assert region.box != WHOLE
        until_due(region, frame())
        region.glanced(matte(), frame(), matte())
    assert region.box == WHOLE


def test_whom_a_closer_look_loses_is_looked_at_in_the_whole_frame() -> None:
    region, shot = begun(PERSON), frame(PERSON)
    until_due(region, shot)
    half = matte(PERSON._replace(top=0.5))
    assert region.glanced(matte(PERSON), shot, half) == (WHOLE, True)
    waited = 0
    while region.box == WHOLE:
        until_due(region, shot)
        region.glanced(matte(PERSON), shot, matte(PERSON))
        waited += 1
    assert waited > 2


def test_ghosts_are_nobody() -> None:
    region = Region(SHAPE)
    seen = np.maximum(matte(PERSON), matte(Rect(0, 0, 0.15, 0.6), opacity=0.4))
    assert region.begun(seen, frame(PERSON)).left > 0.1


def test_bounds_are_of_what_is_more_than_a_speck() -> None:
    mask = matte(PERSON) > 0
    mask[2, 2] = True
    assert bounds(mask) == pytest.approx(PERSON, abs=0.02)
    assert bounds(matte() > 0) is None
