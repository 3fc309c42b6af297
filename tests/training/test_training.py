"""A few steps of training, a resumed run, and the exported file against PyTorch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest
from helpers.figures import figure

NEEDS = "training needs the extra: pip install 'streamcut[train]'"
torch = pytest.importorskip("torch", reason=NEEDS)
pytest.importorskip("onnx", reason=NEEDS)

from streamcut.training.batches import BatchPlan  # noqa: E402
from streamcut.training.export import export  # noqa: E402
from streamcut.training.loop import (  # noqa: E402
    Trainer,
    TrainingStage,
    _start_helper,
    load_average,
    load_network,
    train,
)
from streamcut.training.losses import LossWeights  # noqa: E402
from streamcut.training.network import PortraitNet, Widths, full_size  # noqa: E402

SMALL = Widths(encoder=(16, 16, 16, 16, 32), decoder=(16, 16, 16), bridge=16, memory=(8, 8, 8))
PLANS = (
    BatchPlan(batch_size=4, sizes=((64, 96),)),
    BatchPlan(batch_size=2, frames=3, sizes=((64, 64),)),
)


def quick(steps: int) -> TrainingStage:
    return TrainingStage(
        steps=steps,
        warmup=2,
        rate=2e-3,
        plans=PLANS,
        workers=0,
        bfloat16=False,
        losses=LossWeights(steady=0.5),
    )


@pytest.fixture(scope="module")
def trained(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint after twelve steps."""
    torch.manual_seed(0)
    checkpoint = tmp_path_factory.mktemp("run") / "small.pt"
    train(Trainer(PortraitNet(SMALL), quick(12)), pack, checkpoint)
    return checkpoint


@pytest.fixture(scope="module")
def network(trained: Path) -> PortraitNet:
    result = PortraitNet(SMALL).eval()
    load_average(result, trained)
    return result


@pytest.fixture(scope="module")
def exported(network: PortraitNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "small.onnx"
    export(network, path)
    return path


def test_the_loss_falls(pack: Path) -> None:
    from streamcut.training.batches import batches

    torch.manual_seed(0)
    trainer = Trainer(PortraitNet(SMALL), quick(40))
    batch = next(batches(pack, PLANS, seed=1, workers=0))
    first = trainer.learn(batch)
    for _ in range(29):
        last = trainer.learn(batch)
    assert last < 0.9 * first


def test_a_stopped_run_resumes(pack: Path, trained: Path) -> None:
    trainer = Trainer(PortraitNet(SMALL), quick(14))
    train(trainer, pack, trained)
    assert trainer.step == 14


def test_a_slim_copy_resumes_too(pack: Path, trained: Path, tmp_path: Path) -> None:
    from streamcut.training.loop import slim

    slim(trained, tmp_path / "slim.pt")
    assert (tmp_path / "slim.pt").stat().st_size < trained.stat().st_size
    trainer = Trainer(PortraitNet(SMALL), quick(16))
    train(trainer, pack, tmp_path / "slim.pt")
    assert trainer.step == 16


def test_a_helper_learns_on_the_same_weights(pack: Path, tmp_path: Path) -> None:
    trainer = Trainer(PortraitNet(SMALL), replace(quick(2), helpers=1))
    before = trainer.network.head.weight.clone()
    helper = _start_helper(trainer, pack, 0)
    helper.join()
    assert helper.exitcode == 0
    assert not torch.equal(before, trainer.network.head.weight)


def test_onnx_agrees_with_pytorch_over_a_clip(network: PortraitNet, exported: Path) -> None:
    session = ort.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    frames = torch.rand(4, 1, 3, 48, 80, generator=torch.Generator().manual_seed(1))
    states = network.zero_states()
    fed = {f"r{i + 1}i": state.numpy() for i, state in enumerate(states)}
    for frame in frames:
        with torch.no_grad():
            logits, _, states = network(frame, states)
        alpha, *new = session.run(None, {"rgb": frame.numpy(), **fed})
        fed = {f"r{i + 1}i": state for i, state in enumerate(new)}
        expected = torch.sigmoid(full_size(logits)).numpy()
        assert alpha.shape == (1, 1, 48, 80)
        assert np.abs(alpha - expected).max() < 5e-3


def test_metadata_tells_how_to_feed_it(exported: Path) -> None:
    metadata = ort.InferenceSession(str(exported)).get_modelmeta().custom_metadata_map
    assert metadata["streamcut.stride"] == "16"
    assert json.loads(metadata["streamcut.states"]) == [["r1", 8, 16], ["r2", 8, 8], ["r3", 8, 4]]


def test_a_clip_is_the_same_at_once_and_frame_by_frame(network: PortraitNet) -> None:
    clip = torch.rand(2, 3, 3, 48, 64)
    with torch.no_grad():
        together, _, last = network(clip)
        states = network.zero_states(2)
        for t in range(3):
            logits, _, states = network(clip[:, t], states)
    assert torch.allclose(together.view(2, 3, *logits.shape[1:])[:, -1], logits, atol=1e-4)
    assert torch.allclose(last[0], states[0], atol=1e-4)


def test_grading_and_the_card(pack: Path, exported: Path, tmp_path: Path) -> None:
    from streamcut.training.card import load_scores, save_scores, write_card
    from streamcut.training.evaluate import grade_all, make_exam
    from streamcut.training.teachers import Teacher

    exam = make_exam(pack, clips=1, frames=4, stills=2)
    scores = grade_all([Teacher(exported)], exam)
    save_scores(tmp_path / "scores.json", scores)
    assert load_scores(tmp_path / "scores.json") == scores
    card = tmp_path / "small.md"
    write_card(card, scores)
    card.write_text("Ours.\n" + card.read_text())
    write_card(card, scores)
    assert card.read_text().startswith("Ours.")
    assert card.read_text().count("| small |") == 1


def test_help_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    from streamcut.training.__main__ import main

    with pytest.raises(SystemExit):
        main(["--help"])
    assert "photos/NAME.jpg" in capsys.readouterr().out


def test_the_weights_to_start_from_are_those_of_the_embedded_network(tmp_path: Path) -> None:
    from streamcut.sessions import new_session
    from streamcut.sessions.files.model import PACKAGED
    from streamcut.sessions.networks.recurrent import RecurrentSession
    from streamcut.training.__main__ import EMBEDDED

    export(load_network(EMBEDDED), tmp_path / "again.onnx")
    floats = PACKAGED / "portrait-float.onnx"
    embedded, again = new_session(floats), new_session(tmp_path / "again.onnx")
    assert isinstance(again, RecurrentSession)
    image = np.random.default_rng(0).integers(0, 256, (144, 256, 3), np.uint8)
    one, two = embedded.stream(), again.stream()
    for _ in range(3):
        assert np.abs(one(image).alpha - two(image).alpha).max() < 0.01


def test_processors_run_the_same_network_in_integers() -> None:
    from streamcut.sessions import new_session
    from streamcut.sessions.files.model import PACKAGED

    image = np.asarray(cv2.resize(figure(3)[0], (160, 240)), np.uint8)
    floats, integers = (
        new_session("portrait", model_path=PACKAGED / name).stream()(image).alpha
        for name in ("portrait-float.onnx", "portrait.onnx")
    )
    chosen = new_session("portrait", device="cpu").stream()(image).alpha
    assert np.array_equal(chosen, integers)
    assert 0 < np.abs(floats - integers).mean() < 0.05
