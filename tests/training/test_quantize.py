"""8-bit integers: what is learned with is what the file does, and the file is the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

NEEDS = "training needs the extra: pip install 'streamcut[train]'"
torch = pytest.importorskip("torch", reason=NEEDS)

from streamcut.training import quantize as module  # noqa: E402
from streamcut.training.arrays import Floats  # noqa: E402
from streamcut.training.export import export  # noqa: E402
from streamcut.training.loop import Trainer, TrainingStage, load_network  # noqa: E402
from streamcut.training.mobile import MobilePortraitNet  # noqa: E402
from streamcut.training.quantize import calibration, quantize  # noqa: E402
from streamcut.training.recipe import stage_named  # noqa: E402
from streamcut.training.rounding import Rounded, imitate  # noqa: E402

SIZE = (64, 96)


@pytest.fixture(scope="module")
def embedded() -> MobilePortraitNet:
    from streamcut.training.__main__ import EMBEDDED

    network = load_network(EMBEDDED)
    assert isinstance(network, MobilePortraitNet)
    return network.eval()


@pytest.fixture(scope="module")
def files(
    embedded: MobilePortraitNet, pack: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The network as floats and as integers."""
    folder = tmp_path_factory.mktemp("integers")
    plain, rounded = folder / "plain.onnx", folder / "rounded.onnx"
    export(embedded, plain)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SIZES", (SIZE,))
        quantize(plain, calibration(plain, pack, batches_of_each=1), rounded)
    return plain, rounded


def figures(pack: Path) -> Floats:
    from streamcut.training.batches import BatchPlan, batches

    batch = next(batches(pack, (BatchPlan(6, sizes=(SIZE,)),), 3, 0))
    return np.asarray(batch.frames.numpy()[:, 0], np.float32)


def alphas(path: Path, frames: Floats) -> Floats:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    states = {
        f"r{scale}i": np.zeros((1, channels, 1, 1), np.float32)
        for scale, channels in zip((1, 2, 3), (32, 16, 8), strict=True)
    }
    made = [session.run(["alpha"], {"rgb": frame[None], **states})[0][0, 0] for frame in frames]
    return np.asarray(made, np.float32)


def test_the_file_of_integers_says_and_does_the_same(files: tuple[Path, Path], pack: Path) -> None:
    plain, rounded = (onnx.load(str(path)) for path in files)
    assert rounded.metadata_props == plain.metadata_props
    assert {i.name for i in rounded.graph.input} == {i.name for i in plain.graph.input}
    integers = [w for w in rounded.graph.initializer if w.data_type == onnx.TensorProto.INT8]
    weights = [weight for weight in integers if len(weight.dims) == 4]  # Others are zero points.
    assert len(weights) == sum(node.op_type == "Conv" for node in plain.graph.node)
    for weight in weights:
        assert np.abs(onnx.numpy_helper.to_array(weight).astype(int)).max() <= 64
    frames = figures(pack)
    apart = np.abs(np.subtract(*(alphas(path, frames) for path in files)))
    assert 0 < apart.mean() < 0.02


def test_nothing_unused_is_left_in_the_file(files: tuple[Path, Path]) -> None:
    graph = onnx.load(str(files[1])).graph
    used = {name for node in graph.node for name in node.input}
    assert {weight.name for weight in graph.initializer} <= used


def test_what_is_learned_with_is_nearer_to_the_file(
    embedded: MobilePortraitNet, files: tuple[Path, Path], pack: Path
) -> None:
    frames = figures(pack)
    integers = alphas(files[1], frames)

    def apart(network: MobilePortraitNet) -> float:
        from streamcut.training.network import full_size

        with torch.no_grad():
            for _ in range(2):  # The first time it only sees how far values go.
                made = torch.sigmoid(full_size(network(torch.from_numpy(frames))[0]))
        return float(np.abs(made[:, 0].numpy() - integers).mean())

    rounded = MobilePortraitNet().eval()
    rounded.load_state_dict(embedded.state_dict())
    imitate(rounded)
    assert apart(rounded) < apart(embedded)


def test_a_map_is_rounded_to_256_values_within_its_range() -> None:
    rounds = Rounded(0.0, 6.0)
    x = torch.linspace(-3.0, 9.0, 5000, requires_grad=True)
    y = rounds.rounded(x)
    values = np.unique(y.detach().numpy())
    assert len(values) == 256
    assert (values[0], values[-1]) == (0.0, pytest.approx(6.0))
    y.sum().backward()  # type: ignore[no-untyped-call]
    inside = (x.detach() > 0) & (x.detach() < 6)
    assert x.grad is not None
    assert torch.equal(x.grad, inside.float())


def test_learning_rounded_leaves_weights_whole_and_in_their_order(pack: Path) -> None:
    network = MobilePortraitNet()
    names = [name for name, _ in network.named_parameters()]
    stage = TrainingStage(steps=2, bfloat16=False, quantized=True)
    trainer = Trainer(network, stage)
    imitate(trainer.network)  # A second time changes nothing.
    before = network.head.weight.detach().clone()
    from streamcut.training.batches import BatchPlan, batches

    trainer.learn(next(batches(pack, (BatchPlan(2, sizes=(SIZE,)),), 1, 0)))
    assert [name for name, _ in network.named_parameters()] == names
    assert not torch.equal(network.head.weight, before)
    assert len(np.unique(network.head.weight.detach().numpy())) > 8  # Not rounded themselves.


def test_the_stage_learns_with_integers() -> None:
    stage = stage_named("rounded")
    assert stage.quantized
    assert max(height * width for height, width in stage.plans[1].sizes) >= 288 * 512
