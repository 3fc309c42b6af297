"""The portrait network on an encoder that already knows what people look like.

The encoder is MobileNetV2 (Sandler 2018) up to its block of 160 channels, with
the weights of MoveNet Lightning (Google, Apache-2.0), which finds the joints of
people. They come out of a TensorFlow.js graph model, where normalisation is
already folded into the convolutions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from streamcut.training.arrays import Floats
from streamcut.training.network import PortraitNet, Widths

# Of every block: channels out, stride, whether its input is expanded sixfold.
BLOCKS = (
    (16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1),
    (96, 1), (96, 1), (96, 1), (160, 2), (160, 1), (160, 1),
)  # fmt: skip
TAPS = (0, 2, 5, 12, 15)
"""The last blocks at strides 2, 4, 8, 16 and 32."""
WIDTHS = Widths(encoder=(16, 24, 32, 96, 160))


class Same(nn.Conv2d):
    """A 3x3 convolution padded as TensorFlow's SAME: at stride 2 below and to the right only."""

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride, 1 if stride == 1 else 0, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Height and width divided by the stride, rounded up."""
        if self.stride[0] == 2:  # One more than an even side needs, and exports as a constant.
            x = functional.pad(x, (0, 2, 0, 2))
        return super().forward(x)


class Bottleneck(nn.Module):
    """Expand, filter each channel, project; a shortcut where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = nn.Conv2d(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = Same(inner, inner, stride, groups=inner)
        self.project = nn.Conv2d(inner, outputs, 1)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, h, w] to [N, outputs, h / stride, w / stride]."""
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depthwise(y)))
        return x + y if self.shortcut else y


class Encoder(nn.Module):
    """MobileNetV2 without its last block."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Same(3, 32, 2)
        widths = [32, *(channels for channels, _ in BLOCKS)]
        self.blocks = nn.ModuleList(
            Bottleneck(inputs, outputs, stride, 6 if number else 1)
            for number, (inputs, (outputs, stride)) in enumerate(zip(widths, BLOCKS, strict=False))
        )

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """The maps at strides 2 to 32 of RGB 0..1."""
        x = functional.relu6(self.first(rgb))
        maps = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in TAPS:
                maps.append(x)
        return maps


class MobilePortraitNet(PortraitNet):
    """As `PortraitNet`, on the other encoder."""

    def __init__(self, widths: Widths | None = None) -> None:
        super().__init__(widths or WIDTHS)
        for name in ("stem", "quarter", "eighth", "sixteenth", "coarse"):
            delattr(self, name)
        self.encoder = Encoder()

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Maps at strides 2, 4, 8, 16 and 32 of images [N, 3, H, W]."""
        half, quarter, eighth, sixteenth, coarse = self.encoder(x)
        return half, quarter, eighth, sixteenth, coarse


# -- the published weights -------------------------------------------------------------------


def adopt_movenet(encoder: Encoder, graph: Path) -> None:
    """Copy the encoder of `movenet-lightning.json` (TensorFlow.js) and its .bin beside it."""
    arrays = _arrays(graph)
    with torch.no_grad():
        _adopt(encoder.first, arrays, "Conv1/Conv2D")
        _rescale(encoder.first)
        for number, block in enumerate(encoder.blocks):
            assert isinstance(block, Bottleneck)
            name = f"block_{number}_" if number else "expanded_conv_"
            if block.expand is not None:
                _adopt(block.expand, arrays, f"{name}expand/Conv2D")
            _adopt(block.depthwise, arrays, f"{name}depthwise/depthwise")
            _adopt(block.project, arrays, f"{name}project/Conv2D")


def _adopt(layer: nn.Conv2d, arrays: dict[str, Floats], name: str) -> None:
    weight, bias = (arrays[f"{name}_{part}"] for part in ("weights", "bn_offset"))
    order = (2, 3, 0, 1) if layer.groups > 1 else (3, 2, 0, 1)
    layer.weight.copy_(torch.tensor(weight.transpose(order).copy()))
    assert layer.bias is not None
    layer.bias.copy_(torch.tensor(bias.reshape(-1)))


def _rescale(layer: nn.Conv2d) -> None:
    """MoveNet is fed -1..1, this network 0..1: y = w (2x - 1) + b."""
    assert layer.bias is not None
    layer.bias -= layer.weight.sum((1, 2, 3))
    layer.weight *= 2.0


def _arrays(graph: Path) -> dict[str, Floats]:
    """Every weight of a TensorFlow.js graph model by the end of its name."""
    manifest: list[dict[str, Any]] = json.loads(graph.read_text())["weightsManifest"]
    found: dict[str, Floats] = {}
    for group in manifest:
        data, at = b"".join((graph.parent / path).read_bytes() for path in group["paths"]), 0
        for entry in group["weights"]:
            kind = np.dtype(entry.get("quantization", {}).get("dtype", entry["dtype"]))
            count = int(np.prod(entry["shape"], dtype=np.int64))
            array = np.frombuffer(data, kind, count, at).reshape(entry["shape"])
            found[entry["name"].rsplit("/model/", 1)[-1]] = array.astype(np.float32)
            at += count * kind.itemsize
    return found
