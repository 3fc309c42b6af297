"""The pack, the scenes and the clips: sizes, ranges, and mattes that fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.figures import figure

SIZE = (64, 96)

pytest.importorskip("scipy", reason="training needs the extra: pip install 'streamcut[train]'")


def test_pack_holds_people_and_places(pack: Path) -> None:
    from streamcut.training.pack import PERSON, PLACE, Pack

    opened = Pack(pack)
    people = opened.select(PERSON, held_out=False)
    assert len(people) == 9
    assert len(opened.select(PERSON, held_out=True)) == 1
    assert {r.name for r in opened.select(PLACE, held_out=True)} >= {"c"}
    person = opened.person(people[0])
    assert person.image.shape == (96, 64, 3) == person.foreground.shape
    assert person.alpha.max() == 255
    assert person.alpha.min() == 0


def test_closed_form_alpha_keeps_what_is_known() -> None:
    from streamcut.training.soften import closed_form_alpha, trimap_of_mask

    image, mask = figure(1)
    trimap = trimap_of_mask(mask > 0)
    alpha = closed_form_alpha(image, trimap)
    assert alpha[trimap == 255].min() == 1.0
    assert alpha[trimap == 0].max() == 0.0
    assert np.abs(alpha - (mask > 0)).mean() < 0.02


def test_samples_have_one_size(pack: Path) -> None:
    from streamcut.training.casting import Casting, Mixture
    from streamcut.training.pack import Pack
    from streamcut.training.scenes import random_sample

    cast, rng = Casting(Pack(pack)), np.random.default_rng(0)
    for _ in range(30):
        sample = random_sample(cast, SIZE, rng, Mixture())
        assert sample.image.shape == (*SIZE, 3)
        assert sample.alpha.shape == sample.weight.shape == SIZE
        assert sample.image.dtype == sample.alpha.dtype == np.uint8


def test_an_empty_place_has_an_empty_matte(pack: Path) -> None:
    from streamcut.training.casting import Casting, Mixture
    from streamcut.training.pack import Pack
    from streamcut.training.scenes import random_sample

    cast, rng = Casting(Pack(pack)), np.random.default_rng(0)
    sample = random_sample(cast, SIZE, rng, Mixture(labelled=0, unlabelled=0, empty=1))
    assert sample.alpha.max() == 0


def test_things_are_put_behind_people(pack: Path) -> None:
    from streamcut.training.casting import Casting
    from streamcut.training.pack import Pack
    from streamcut.training.places import clutter

    cast, rng = Casting(Pack(pack)), np.random.default_rng(1)
    wall = np.full((*SIZE, 3), 90, np.uint8)
    changed = [(clutter(wall, rng, cast) != wall).any(2).mean() for _ in range(20)]
    assert max(changed) > 0.05
    assert wall.min() == wall.max() == 90


def test_blending_is_exact_at_both_ends() -> None:
    from streamcut.training.blending import blend, union

    front, back = np.full((1, 2, 3), 200, np.uint8), np.full((1, 2, 3), 40, np.uint8)
    alpha = np.array([[0, 255]], np.uint8)
    assert blend(front, back, alpha)[0, :, 0].tolist() == [40, 200]
    assert union(alpha, alpha).tolist() == [[0, 255]]


def test_a_clip_moves_its_matte_with_its_frames(pack: Path) -> None:
    from streamcut.training.casting import Casting, Mixture
    from streamcut.training.clips import random_clip
    from streamcut.training.pack import Pack

    cast, rng = Casting(Pack(pack)), np.random.default_rng(3)
    for _ in range(6):
        clip = random_clip(cast, SIZE, 4, rng, Mixture(occluder=0.5))
        assert [s.image.shape for s in clip] == [(*SIZE, 3)] * 4
        assert [s.alpha.shape for s in clip] == [SIZE] * 4


def test_codec_keeps_frames_apart() -> None:
    from streamcut.training.clips import through_codec

    frames = [np.full((64, 96, 3), level, np.uint8) for level in (40, 120, 200)]
    decoded = through_codec(frames, 400_000)
    assert [round(float(f.mean()) / 40) for f in decoded] == [1, 3, 5]


@pytest.mark.parametrize("degrees", [0.0, 30.0])
def test_placement_carries_the_point(degrees: float) -> None:
    from streamcut.training.geometry import placement

    matrix = placement(0.5, (10.0, 20.0), (3.0, 4.0), degrees=degrees, mirror=True)
    assert np.allclose(matrix @ [10.0, 20.0, 1.0], [3.0, 4.0])
