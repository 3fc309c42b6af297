"""From a trained network to an ONNX file that the product can run.

    inputs   rgb [1, 3, H, W] float32 0..1, r1i, r2i, r3i
    outputs  alpha [1, 1, H, W] float32 0..1, r1o, r2o, r3o

H and W are multiples of the stride. A state is [1, C, H/s, W/s]; the first frame
of a stream, and a single photograph, pass zeros of [1, C, 1, 1], which are
broadcast. The metadata says `streamcut.stride`, `streamcut.area` (how many
pixels to feed), `streamcut.still_area` (how many of an image) and
`streamcut.states`, JSON [[name, channels, stride], ...].

Weights are kept as float16; ONNX Runtime turns them back into float32 once,
while it loads the file, so they halve the size and cost no time.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from streamcut.training.network import STRIDE, PortraitNet, full_size

AREA = 320 * 176
"""Pixels for live work: as many as take less than 6 ms on one thread in 8-bit integers."""
STILL_AREA = 432 * 240
"""Pixels for images, and for files by way of the catalogue."""
OPSET = 17
NAMES = ("r1", "r2", "r3")
STRIDES = (16, 8, 4)


class Deployed(nn.Module):
    """The network as the product calls it: alpha at full size, states one by one."""

    def __init__(self, network: PortraitNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, rgb: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """RGB and states in, alpha and new states out."""
        logits, _, new = self.network(rgb, states)
        return (torch.sigmoid(full_size(logits)), *new)


def export(network: PortraitNet, path: Path, *, area: int = AREA, half: bool = True) -> None:
    """Write the ONNX file."""
    inputs = [f"{name}i" for name in NAMES]
    outputs = [f"{name}o" for name in NAMES]
    moving = {name: {2: f"{name}_h", 3: f"{name}_w"} for name in (*inputs, *outputs)}
    moving |= {name: {2: "height", 3: "width"} for name in ("rgb", "alpha")}
    example = (torch.zeros(1, 3, 96, 128), *_states(network, 96, 128))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Deployed(network).eval(),
            example,
            str(path),
            input_names=["rgb", *inputs],
            output_names=["alpha", *outputs],
            dynamic_axes=moving,
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load(str(path))
    _fold_pads(model)
    if half:
        _halve(model)
    helper.set_model_props(model, _metadata(network, area))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _states(network: PortraitNet, height: int, width: int) -> list[Tensor]:
    return [
        torch.zeros(1, channels, height // stride, width // stride)
        for channels, stride in zip(network.widths.memory, STRIDES, strict=True)
    ]


def _metadata(network: PortraitNet, area: int) -> dict[str, str]:
    states = [list(row) for row in zip(NAMES, network.widths.memory, STRIDES, strict=True)]
    return {
        "streamcut.stride": str(STRIDE),
        "streamcut.area": str(area),
        "streamcut.still_area": str(max(area, STILL_AREA)),
        "streamcut.states": json.dumps(states),
    }


def _fold_pads(model: onnx.ModelProto) -> None:
    """Give convolutions the padding before them: the only pads are `mobile.Same`'s (0, 2, 0, 2).

    Left apart, each of them costs a change of memory layout and back.
    """
    graph = model.graph
    pads = {node.output[0]: node for node in graph.node if node.op_type == "Pad"}
    for node in graph.node:
        if node.op_type == "Conv" and node.input[0] in pads:
            before = pads[node.input[0]]
            node.input[0] = before.input[0]
            kept = [a for a in node.attribute if a.name != "pads"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("pads", [0, 0, 2, 2])])
    drop_unused(graph)


def drop_unused(graph: onnx.GraphProto) -> None:
    """Leave out the nodes and weights that no output depends on."""
    needed, kept = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    weights = [weight for weight in graph.initializer if weight.name in needed]
    del graph.node[:]
    graph.node.extend(kept[::-1])
    del graph.initializer[:]
    graph.initializer.extend(weights)


def _halve(model: onnx.ModelProto) -> None:
    """Keep large weights as float16 behind a Cast that the runtime folds away."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < 256:
            continue
        name, array = weight.name, numpy_helper.to_array(weight)
        weight.CopyFrom(numpy_helper.from_array(array.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
