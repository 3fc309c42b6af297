"""Sets with soft mattes become a pack, and figures say which source is the worst."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.figures import figure
from helpers.graphs import node, save

NEEDS = "training needs the extra: pip install 'streamcut[train]'"
pytest.importorskip("torch", reason=NEEDS)
pytest.importorskip("pymatting", reason=NEEDS)

from streamcut.training.__main__ import main  # noqa: E402
from streamcut.training.casting import Casting, Mixture  # noqa: E402
from streamcut.training.clips import random_clip  # noqa: E402
from streamcut.training.losses import veil_loss  # noqa: E402
from streamcut.training.pack import PERSON, PLACE, SCENE, Pack  # noqa: E402
from streamcut.training.people import PeopleSources, prepare_people  # noqa: E402
from streamcut.training.scenes import random_sample, squash  # noqa: E402
from streamcut.training.sources import keep_report, report, table  # noqa: E402


@pytest.fixture(scope="module")
def people(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Three sets of two images, two clips, cutouts by masks and places."""
    root = tmp_path_factory.mktemp("sets")
    trust: dict[str, float] = {}
    for seed, name in enumerate(f"{group}/{i}" for group in ("near", "flat", "far") for i in "ab"):
        image, mask = figure(seed)
        for kind, end, plane in (("photos", "png", image[..., ::-1]), ("mattes", "webp", mask)):
            path = root / kind / f"{name}.{end}"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), plane)
        trust[name] = 0.99 if name.endswith("a") else 0.4
    (root / "mattes" / "trust.json").write_text(json.dumps(trust))
    (root / "clips").mkdir()
    for name in ("near__one", "far__two", "far__bad"):
        frames, mattes = zip(*[figure(seed) for seed in range(4)], strict=True)
        np.savez(root / "clips" / f"{name}.npz", frames=np.stack(frames), alpha=np.stack(mattes))
    prepare_people(
        PeopleSources(
            root / "photos",
            (root / "mattes",),
            held_out=frozenset({"far"}),
            squashed=frozenset({"flat"}),
            skipped=frozenset({"far/bad"}),
            places=folders / "places",
            clips=root / "clips",
            masked=(folders / "photos", folders / "masks"),
            views_per_place=2,
        ),
        root / "pack",
    )
    return Pack(root / "pack")


def test_a_set_is_learned_from_or_held_out_whole(people: Pack) -> None:
    held = {record.source for record in people.records if record.held_out and record.kind != PLACE}
    learned = {record.source for record in people.records if not record.held_out}
    assert held == {"far"}
    assert "far" not in learned
    assert len(people.select(PLACE, held_out=True)) == 2


def test_only_trusted_people_of_true_shape_are_cut_out(people: Pack) -> None:
    cut = {record.name for record in people.records if record.kind == PERSON and record.labelled}
    assert cut == {"near/a", "far/a"}
    squashed = {record.name for record in people.records if record.squashed}
    assert squashed == {"flat/a", "flat/b"}


def test_people_of_hard_masks_are_cutouts_and_never_shown_as_filmed(people: Pack) -> None:
    cast = Casting(people)
    masked = {record.name for record in cast.cutouts if not record.labelled}
    assert len(masked) == 10
    assert not masked & {record.name for record in cast.labelled}


def test_judges_doubt_labels_and_find_empty_places(
    tmp_path: Path,
) -> None:
    """One sees nobody: what is labelled as a large person is not taught, unless held out."""
    for kind, end, number in (("photos", "png", 0), ("mattes", "webp", 1)):
        for name in ("near/a", "far/a"):
            path = tmp_path / kind / f"{name}.{end}"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), figure(0)[number])
    (tmp_path / "mattes" / "trust.json").write_text(json.dumps({"near/a": 0.8, "far/a": 0.8}))
    blind = tmp_path / "blind.onnx"
    shapes: dict[str, Any] = {"x": ("n", 3, "h", "w")}
    nodes = [node("ReduceMean", "x", "m", axes=[1], keepdims=1), node("Mul", "m,none", "y")]
    save(blind, shapes, {"y": ("n", 1, "h", "w")}, nodes, {"none": np.float32(0)})
    sources = PeopleSources(
        tmp_path / "photos",
        (tmp_path / "mattes",),
        held_out=frozenset({"far"}),
        judges=(blind,),
    )
    prepare_people(sources, tmp_path / "pack")
    pack = Pack(tmp_path / "pack")
    near, far = (
        next(r for r in pack.records if r.name == name and r.kind == SCENE)
        for name in ("near/a", "far/a")
    )
    assert (pack.person(near).weight[pack.person(near).alpha > 200] == 0).all()
    assert pack.person(near).weight[:5].min() == 255
    assert pack.person(far).weight.min() == 255
    assert [r.name for r in pack.records if r.kind == PLACE] == ["near/a"]


def test_clips_keep_their_frames_together_and_skipped_ones_are_absent(people: Pack) -> None:
    clips = {record.clip for record in people.records if record.clip}
    assert clips == {"near/one", "far/two"}
    assert [len(clip) for clip in Casting(people).clips] == [4]


def test_samples_and_filmed_clips_have_one_size(people: Pack) -> None:
    cast, rng = Casting(people), np.random.default_rng(0)
    mixture = Mixture(labelled=0.6, unlabelled=0.0, empty=0.1, beside=0.5)
    for _ in range(40):
        sample = random_sample(cast, (48, 64), rng, mixture)
        assert sample.image.shape == (48, 64, 3)
        assert sample.alpha.shape == sample.weight.shape == (48, 64)
    for _ in range(6):
        clip = random_clip(cast, (48, 64), 5, rng, Mixture(labelled=1.0, unlabelled=0.0))
        assert [sample.image.shape for sample in clip] == [(48, 64, 3)] * 5


def test_what_was_squashed_is_drawn_in_any_shape(people: Pack) -> None:
    rng = np.random.default_rng(0)
    flat = next(r for r in people.records if r.squashed)
    near = next(r for r in people.records if r.kind == SCENE and not r.squashed)
    widths = [[squash(record, rng) for _ in range(200)] for record in (flat, near)]
    assert np.std(widths[0]) > 2 * np.std(widths[1])


def test_the_worst_source_is_named(people: Pack) -> None:
    truths = {
        people.person(r).image.tobytes(): people.person(r).alpha / np.float32(255)
        for r in people.records
        if r.held_out and r.kind in (PERSON, SCENE)
    }
    perfect = report(lambda rgb: truths[rgb.tobytes()], lambda: None, people)
    assert perfect.worst_still == 1.0
    assert perfect.worst_clip == 0.0
    blind = report(lambda rgb: np.zeros(rgb.shape[:2], np.float32), lambda: None, people)
    assert blind.worst_still == 0.0
    assert blind.worst_clip > 50
    text = table("blind", blind)
    assert "| far |" in text
    assert text.count("| far |") == 2


def test_reports_become_the_tables_of_a_card(people: Pack, tmp_path: Path) -> None:
    figures, card = tmp_path / "figures.json", tmp_path / "card.md"
    blind = report(lambda rgb: np.zeros(rgb.shape[:2], np.float32), lambda: None, people)
    full = report(lambda rgb: np.ones(rgb.shape[:2], np.float32), lambda: None, people)
    keep_report(figures, "blind", blind)
    keep_report(figures, "full", blind)
    keep_report(figures, "full", full)
    command = ["card", "--sources", str(figures), "--out", str(card)]
    assert main(command) == 0
    card.write_text(f"Ours.\n{card.read_text()}Theirs.\n")
    assert main(command) == 0
    text = card.read_text()
    assert text.startswith("Ours.")
    assert text.endswith("Theirs.\n")
    rows = [line.split(" | ") for line in text.splitlines() if " | far | " in line]
    assert [row[0] for row in rows] == ["| blind", "| full", "| blind", "| full"]
    assert rows[0][2] == "0.000"
    assert float(rows[1][2]) == pytest.approx(full.stills["far"]["iou"], abs=0.001)
    assert float(rows[3][2]) == pytest.approx(full.clips["far"]["mad"], abs=0.1)


def test_a_veil_costs_where_the_truth_is_certain() -> None:
    import torch

    alpha = torch.zeros(1, 1, 32, 32)
    alpha[..., 16:] = 1.0
    weight = torch.ones_like(alpha)
    soft = alpha.clone()
    soft[..., 14:18] = 0.5
    assert float(veil_loss(soft, alpha, weight)) == 0.0
    assert float(veil_loss(alpha * 0.5, alpha, weight)) > 0.3
    assert float(veil_loss(alpha * 0.5, alpha, weight * 0)) == 0.0
