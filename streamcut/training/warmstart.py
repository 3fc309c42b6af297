"""Starting from other weights than random ones.

The first network was started from the project's stateless pilot (an ONNX file
of dense convolutions, twice as slow): its encoder is copied, the channels that
matter least are dropped where this network is narrower, and the decoder's wide
convolutions are split into a narrowing 1x1 and a 3x3 by their singular values.
What has no counterpart keeps its fresh start. None of it has to be exact: it is
a better place to begin than noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from streamcut.training.arrays import Floats
from streamcut.training.network import Conv, Gate, PortraitNet, Residual

Index = NDArray[np.intp]


@dataclass(frozen=True)
class ConvLayer:
    """A convolution's weight [out, in, k, k] and bias [out]."""

    weight: Floats
    bias: Floats

    def rows(self, index: Index) -> ConvLayer:
        """Keep these outputs."""
        return ConvLayer(self.weight[index], self.bias[index])

    def columns(self, index: Index | slice) -> ConvLayer:
        """Keep these inputs."""
        return ConvLayer(self.weight[:, index], self.bias)

    def use(self) -> Floats:
        """How strongly each input channel is used."""
        return np.asarray(np.abs(self.weight).sum(axis=(0, 2, 3)), np.float32)


def adopt_pilot(network: PortraitNet, path: Path) -> None:
    """Copy what fits of the pilot's weights into the network."""
    layers = _layers(path)
    with torch.no_grad():
        kept = _adopt_encoder(network, layers)
        _adopt_decoder(network, layers, kept)


def _layers(path: Path) -> list[ConvLayer]:
    """Every convolution and dense layer in graph order; normalisation folded into the first."""
    graph = onnx.load(str(path)).graph
    arrays = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    layers = []
    for node in graph.node:
        if node.op_type in {"Conv", "Gemm"}:
            weight, bias = (arrays[name] for name in node.input[1:3])
            layers.append(ConvLayer(weight.reshape(*weight.shape[:2], *weight.shape[2:]), bias))
    mean, deviation = (np.resize(_constant(graph, op), 3) for op in ("Sub", "Div"))
    first = layers[0].weight / deviation.reshape(1, 3, 1, 1)
    shift = (first * mean.reshape(1, 3, 1, 1)).sum(axis=(1, 2, 3))
    layers[0] = ConvLayer(first, layers[0].bias - shift)
    return layers


def _constant(graph: onnx.GraphProto, operator: str) -> Floats:
    """The constant operand of the first node of this kind."""
    node = next(n for n in graph.node if n.op_type == operator)
    source = next(n for n in graph.node if n.output[0] == node.input[1])
    return np.asarray(numpy_helper.to_array(source.attribute[0].t))


def _adopt_encoder(network: PortraitNet, layers: list[ConvLayer]) -> Index:
    stem, quarter, _, _, eighth, *rest = layers
    _fill(_first(network.stem), stem)
    _fill(_first(network.quarter), quarter)
    _fill(_first(network.eighth[0]), eighth)
    _residual(network.eighth[1], rest[0], rest[1], None)
    sixteenth, coarse = rest[2], rest[7]
    width = _first(network.sixteenth[0]).weight.shape[0]
    kept = np.sort(np.argsort(-coarse.use() * _gain(sixteenth))[:width])
    _fill(_first(network.sixteenth[0]), sixteenth.rows(kept))
    _residual(network.sixteenth[1], rest[3], rest[4], kept)
    _residual(network.sixteenth[2], rest[5], rest[6], kept)
    _fill(_first(network.coarse[0]), coarse.columns(kept))
    _residual(network.coarse[1], rest[8], rest[9], None)
    _residual(network.coarse[2], rest[10], rest[11], None)
    gate = network.coarse[3]
    assert isinstance(gate, Gate)
    _fill(gate.squeeze, _pointwise(rest[12]))
    _fill(gate.excite, _pointwise(rest[13]))
    return kept


def _adopt_decoder(network: PortraitNet, layers: list[ConvLayer], kept: Index) -> None:
    up16, up8, up4, up2, head = layers[-5:]
    coarse, sixteenth, eighth, quarter = 112, 72, 48, 24
    out16, out8, out4 = network.widths.decoder
    keep16 = _strongest(up8.use()[:sixteenth], out16)
    keep8 = _strongest(up4.use()[:eighth], out8)
    keep4 = _strongest(up2.use()[:quarter], out4)
    columns = np.concatenate([np.arange(coarse), coarse + kept])
    _fill(_first(network.decode16), up16.rows(keep16).columns(columns))
    _split(network.narrow16, _first(network.decode8), up8.rows(keep8), keep16, sixteenth)
    _split(network.narrow8, _first(network.decode4), up4.rows(keep4), keep8, eighth)
    above, beside = up2.columns(keep4).weight, up2.columns(slice(quarter, None))
    _fill(network.narrow4, ConvLayer(above.sum(axis=(2, 3), keepdims=True), 0 * up2.bias))
    _fill(network.detail, beside)
    _fill(network.head, ConvLayer(head.weight.sum(axis=(2, 3), keepdims=True), head.bias))


def _split(narrow: nn.Conv2d, wide: nn.Conv2d, layer: ConvLayer, kept: Index, above: int) -> None:
    """The best low-rank stand-in for the part of a layer that reads the map from below."""
    rank, width = narrow.out_channels, layer.weight.shape[0]
    part = layer.columns(kept).weight.transpose(0, 2, 3, 1).reshape(-1, kept.size)
    left, strength, right = np.linalg.svd(part, full_matrices=False)
    root = np.sqrt(strength[:rank])
    expand = (left[:, :rank] * root).reshape(width, 3, 3, rank).transpose(0, 3, 1, 2)
    reduce = (root[:, None] * right[:rank])[:, :, None, None]
    _fill(narrow, ConvLayer(reduce, np.zeros(rank, np.float32)))
    beside = layer.columns(slice(above, None)).weight
    _fill(wide, ConvLayer(np.concatenate([expand, beside], axis=1), layer.bias))


def _residual(block: nn.Module, first: ConvLayer, second: ConvLayer, kept: Index | None) -> None:
    assert isinstance(block, Residual)
    if kept is not None:
        inner = _strongest(second.use() * _gain(first), kept.size)
        first = first.rows(inner).columns(kept)
        second = second.rows(kept).columns(inner)
    _fill(_first(block.first), first)
    _fill(block.second, second)


def _fill(target: nn.Conv2d, layer: ConvLayer) -> None:
    """Copy into the leading channels; the others keep a faint fresh start."""
    rows, columns = layer.weight.shape[:2]
    target.weight[:, columns:] *= 0.1
    target.weight[:rows, :columns] = torch.tensor(layer.weight)
    assert target.bias is not None
    target.bias[:rows] = torch.tensor(layer.bias)


def _first(block: nn.Module) -> nn.Conv2d:
    assert isinstance(block, Conv)
    convolution = block[0]
    assert isinstance(convolution, nn.Conv2d)
    return convolution


def _pointwise(layer: ConvLayer) -> ConvLayer:
    return ConvLayer(layer.weight[:, :, None, None], layer.bias)


def _gain(layer: ConvLayer) -> Floats:
    return np.asarray(np.abs(layer.weight).sum(axis=(1, 2, 3)), np.float32)


def _strongest(strength: Floats, count: int) -> Index:
    return np.sort(np.argsort(-strength)[:count])
