"""Labels that other networks doubt, and packs that show more of what a network does badly."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.figures import figure
from numpy.typing import NDArray

from streamcut.training.casting import Casting
from streamcut.training.doubt import trusted
from streamcut.training.harden import harden, times_of
from streamcut.training.pack import Pack, PackWriter

Levels = NDArray[np.uint8]
SHAPE = (100, 100)
PERSON, POSTER = (slice(10, 90), slice(5, 35)), (slice(20, 80), slice(60, 95))


def plane(value: float, *boxes: tuple[slice, slice]) -> NDArray[np.float32]:
    made = np.zeros(SHAPE, np.float32)
    for box in boxes:
        made[box] = value
    return made


def label(*boxes: tuple[slice, slice]) -> Levels:
    return (plane(255, *boxes)).astype(np.uint8)


def test_without_judges_all_is_taught() -> None:
    assert trusted(label(PERSON), []).min() == 255


def test_what_no_network_sees_is_not_taught_as_a_person() -> None:
    weight = trusted(label(PERSON, POSTER), [plane(0.9, PERSON), plane(0.7, PERSON)])
    assert (weight[POSTER] == 0).all()
    assert (weight[PERSON] == 255).all()
    assert (weight[:5] == 255).all()


def test_one_network_that_sees_a_person_is_enough() -> None:
    weight = trusted(label(PERSON, POSTER), [plane(0.9, PERSON), plane(0.9, POSTER)])
    assert weight.min() == 255


def test_people_far_away_are_believed() -> None:
    small = (slice(40, 52), slice(70, 76))
    weight = trusted(label(PERSON, small), [plane(0.9, PERSON)])
    assert weight.min() == 255


def test_a_person_whom_all_see_is_not_taught_as_background() -> None:
    weight = trusted(label(PERSON), [plane(0.9, PERSON, POSTER), plane(0.9, PERSON, POSTER)])
    assert (weight[POSTER] == 0).all()
    assert (weight[PERSON] == 255).all()
    unsure = trusted(label(PERSON), [plane(0.9, PERSON, POSTER), plane(0.4, PERSON)])
    assert unsure.min() == 255


@pytest.mark.parametrize(
    ("iou", "trust", "times"),
    [
        (0.5, 0.9, 3),
        (0.8, 0.9, 2),
        (0.95, 0.9, 1),
        (0.5, 0.6, 2),
        (0.9, 0.6, 1),
        (0.1, 0.4, 1),
    ],
)
def test_what_is_done_badly_though_teachers_agree_is_shown_more(
    iou: float, trust: float, times: int
) -> None:
    assert times_of(iou, trust) == times


def seen(image: Levels) -> NDArray[np.float32]:
    """A network that sees what is red in the figures, but for the third of them."""
    matte = (image[..., 0] > 160).astype(np.float32)
    return matte * (image[..., 1].min() != 60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photographs, one that is missed, one that is missed and held out; clips; places."""
    with PackWriter(tmp_path / "pack") as pack:
        for seed, held_out in ((0, False), (2, False), (2, True)):
            image, mask = figure(seed)
            pack.add_scene(f"set/{seed}{held_out}", image, mask, held_out=held_out)
        image, mask = figure(2)
        weight = np.where(mask > 0, 0, 255).astype(np.uint8)
        pack.add_scene("set/doubted", image, mask, held_out=False, weight=weight)
        pack.add_scene("made/2", image, mask, held_out=False)
        for seed, clip in ((0, "set/good"), (2, "set/bad")):
            for _ in range(3):
                pack.add_scene(clip, *figure(seed), held_out=False, clip=clip)
        pack.add_place("room", figure(4)[0], held_out=False)
        pack.add_place("wall", np.full((64, 64, 3), 90, np.uint8), held_out=False)
    for number in range(3):
        panorama = np.full((32, 64, 3), 0.2, np.float32)
        panorama[12:20, 30:34, 2] = 9.0
        panorama[12:20, 30:34, :2] = 0.01
        (tmp_path / "places").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "places" / f"{number}.hdr"), panorama)
    return tmp_path / "pack"


def shown_as_often(folder: Path) -> dict[str, int]:
    return {r.clip or r.name: r.times for r in Pack(folder).records}


def test_a_pack_is_hardened(folder: Path) -> None:
    done = harden(folder, seen, once=frozenset({"made"}))
    often = {name: times for name, times in shown_as_often(folder).items() if times > 1}
    assert often == {"set/2False": 3, "set/bad": 3, "room": 3}
    assert done.repeated == 5
    assert done.views == 0
    cast = Casting(Pack(folder))
    assert [record.name for record in cast.labelled].count("set/2False") == 3
    assert [clip[0].clip for clip in cast.clips] == ["set/good", *["set/bad"] * 3]
    assert [record.name for record in cast.places] == [*["room"] * 3, "wall"]


def test_views_that_fool_the_network_are_added_and_replaced(folder: Path) -> None:
    before = len(Pack(folder).records)
    places = folder.parent / "places"
    done = harden(folder, seen, places=places, tried=12, most=4)
    assert 2 <= done.views <= 8  # Of two panoramas: the third is held out.
    pack = Pack(folder)
    mined = [record for record in pack.records if record.name.endswith("_hard")]
    assert {record.name for record in mined} <= {"panorama/0_hard", "panorama/1_hard"}
    assert all(seen(pack.place(record)).mean() > 0.004 for record in mined)
    harden(folder, seen, places=places, tried=12, most=1)
    assert len(Pack(folder).records) == before + 2
    harden(folder, lambda image: (image[..., 0] > 160).astype(np.float32))
    assert set(shown_as_often(folder).values()) == {1, 3}
    assert shown_as_often(folder)["set/2False"] == 1


def test_what_is_doubted_is_kept_in_the_pack(folder: Path) -> None:
    pack = Pack(folder)
    doubted = next(record for record in pack.records if record.name == "set/doubted")
    person = pack.person(doubted)
    assert doubted.weighed
    assert ((person.weight == 0) == (person.alpha > 0)).all()
    assert (person.image == figure(2)[0]).all()
