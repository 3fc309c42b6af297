"""The pretrained encoder: its weights arrive, and the exported file agrees with PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

NEEDS = "training needs the extra: pip install 'streamcut[train]'"
torch = pytest.importorskip("torch", reason=NEEDS)

from streamcut.training.export import export  # noqa: E402
from streamcut.training.loop import Trainer, TrainingStage, load_network  # noqa: E402
from streamcut.training.mobile import (  # noqa: E402
    BLOCKS,
    Bottleneck,
    Encoder,
    MobilePortraitNet,
    Same,
    adopt_movenet,
)
from streamcut.training.network import full_size  # noqa: E402


def names() -> dict[str, tuple[int, ...]]:
    """Every weight that MoveNet's file has of the encoder, by name, with its shape there."""
    found: dict[str, tuple[int, ...]] = {"Conv1/Conv2D": (3, 3, 3, 32)}
    inputs = 32
    for number, (outputs, _) in enumerate(BLOCKS):
        block = f"block_{number}_" if number else "expanded_conv_"
        inner = inputs * (6 if number else 1)
        if number:
            found[f"{block}expand/Conv2D"] = (1, 1, inputs, inner)
        found[f"{block}depthwise/depthwise"] = (3, 3, inner, 1)
        found[f"{block}project/Conv2D"] = (1, 1, inner, outputs)
        inputs = outputs
    return found


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TensorFlow.js graph model with random weights in 16 bits."""
    folder, rng = tmp_path_factory.mktemp("movenet"), np.random.default_rng(0)
    rows, data = [], b""
    for name, shape in names().items():
        channels = shape[2] if name.endswith("/depthwise") else shape[3]
        for end, size in (("_weights", shape), ("_bn_offset", (channels,))):
            values = rng.normal(0, 0.05, size).astype(np.float16)
            row = {"name": f"a/model/{name}{end}", "shape": list(size), "dtype": "float32"}
            rows.append(row | {"quantization": {"dtype": "float16"}})
            data += values.tobytes()
    (folder / "movenet.bin").write_bytes(data)
    path = folder / "movenet.json"
    path.write_text(json.dumps({"weightsManifest": [{"paths": ["movenet.bin"], "weights": rows}]}))
    return path


@pytest.fixture(scope="module")
def network(graph: Path) -> MobilePortraitNet:
    torch.manual_seed(0)
    made = MobilePortraitNet().eval()
    adopt_movenet(made.encoder, graph)
    return made


def test_the_maps_have_the_strides_of_the_decoder(network: MobilePortraitNet) -> None:
    maps = network.encoder(torch.rand(1, 3, 96, 160))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (16, 48, 80), (24, 24, 40), (32, 12, 20), (96, 6, 10), (160, 3, 5),
    ]  # fmt: skip


def test_every_weight_is_taken(network: MobilePortraitNet, graph: Path) -> None:
    fresh = Encoder()
    with torch.no_grad():
        for weight in fresh.parameters():
            weight.fill_(float("nan"))
    adopt_movenet(fresh, graph)
    assert all(bool(torch.isfinite(weight).all()) for weight in fresh.parameters())


def test_the_first_layer_is_fed_zero_to_one(graph: Path, network: MobilePortraitNet) -> None:
    data = np.frombuffer((graph.parent / "movenet.bin").read_bytes(), np.float16)
    weight = torch.tensor(data[:864].reshape(3, 3, 3, 32).transpose(3, 2, 0, 1).astype(np.float32))
    bias = torch.tensor(data[864:896].astype(np.float32))
    rgb = torch.rand(1, 3, 8, 8)
    expected = torch.nn.functional.conv2d(2 * rgb - 1, weight, bias, stride=2)
    assert torch.allclose(network.encoder.first(rgb)[..., :3, :3], expected[..., :3, :3], atol=1e-5)


@pytest.mark.parametrize("side", [9, 10])
def test_same_padding_rounds_up(side: int) -> None:
    assert Same(2, 2, 2)(torch.rand(1, 2, side, side)).shape[-1] == 5


def test_a_shortcut_needs_equal_shapes() -> None:
    assert Bottleneck(8, 8, 1, 6).shortcut
    assert not Bottleneck(8, 16, 1, 6).shortcut
    assert not Bottleneck(8, 8, 2, 6).shortcut


def test_the_exported_file_agrees(network: MobilePortraitNet, tmp_path: Path) -> None:
    path = tmp_path / "mobile.onnx"
    export(network, path, half=False)
    assert all(node.op_type != "Pad" for node in onnx.load(str(path)).graph.node)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    states = {
        f"r{n + 1}i": np.zeros((1, c, 1, 1), np.float32)
        for n, c in enumerate(network.widths.memory)
    }
    for size in ((96, 128), (144, 80)):
        rgb = np.random.default_rng(0).random((1, 3, *size), np.float32)
        alpha = session.run(["alpha"], {"rgb": rgb, **states})[0]
        with torch.no_grad():
            expected = torch.sigmoid(full_size(network(torch.tensor(rgb))[0])).numpy()
        assert np.abs(alpha - expected).max() < 1e-4


def test_frozen_blocks_stay_and_the_others_learn_at_their_share(graph: Path) -> None:
    network = MobilePortraitNet()
    trainer = Trainer(network, TrainingStage(frozen=4, encoder_share=0.25, rate=1e-3, warmup=0))
    still = [*network.encoder.first.parameters(), *network.encoder.blocks[3].parameters()]
    assert not any(weight.requires_grad for weight in still)
    assert all(weight.requires_grad for weight in network.encoder.blocks[4].parameters())
    trainer._set_rate()
    rates = [group["lr"] for group in trainer.optimiser.param_groups]
    assert rates[1] == pytest.approx(0.25 * rates[0])


def test_a_checkpoint_says_which_network_it_is(tmp_path: Path) -> None:
    network = MobilePortraitNet()
    torch.save({"average": network.state_dict()}, tmp_path / "one.pt")
    assert isinstance(load_network(tmp_path / "one.pt"), MobilePortraitNet)
