"""Small ONNX files that take and give what the published models take and give.

Their inputs and outputs have the published files' names, types and shapes, as far as the exporters'
sources and the files themselves tell them; of U2-Net's relatives only the shapes are known.
What lies between is arithmetic simple enough to be checked: :func:`score` says how much a pixel
is the subject.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

Shape = tuple[int | str, ...]
FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
WEIGHTS = np.array([1.5, -0.75, -0.25], np.float32)
"""How much red, green and blue make a pixel the subject."""


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    return helper.make_node(operator, inputs.split(","), outputs.split(","), **attributes)


def save(
    path: Path,
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    nodes: Sequence[Any],
    values: Mapping[str, Any] | None = None,
    types: Mapping[str, int] | None = None,
) -> Path:
    kinds = types or {}
    describe = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [describe(name, kinds.get(name, FLOAT), shape) for name, shape in inputs.items()],
        [describe(name, kinds.get(name, FLOAT), shape) for name, shape in outputs.items()],
        [
            onnx.numpy_helper.from_array(np.asarray(value), name)
            for name, value in (values or {}).items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def redness(source: str, target: str = "logit", gain: float = 1.0) -> tuple[list[Any], Any]:
    """Nodes that weigh the channels of [1, 3, h, w]; and their weights."""
    weights = gain * WEIGHTS.reshape(1, 3, 1, 1)
    return [node("Conv", f"{source},w", target)], {"w": weights.astype(np.float32)}


def plain(
    path: Path,
    source: str,
    target: str,
    side: int | None,
    last: str = "Sigmoid",
    more: Sequence[str] = (),
    gain: float = 1.0,
) -> Path:
    """One picture in; one map out, and perhaps side outputs that are something else.

    Without ``side`` it takes any number of pictures of any size.
    """
    nodes, values = redness(source, gain=gain)
    nodes += [node(last, "logit", target), *(node("Neg", "logit", name) for name in more)]
    batch, *sides = (1, side, side) if side else ("batch_size", "height", "width")
    outputs = dict.fromkeys((target, *more), (batch, 1, *sides))
    return save(path, {source: (batch, 3, *sides)}, outputs, nodes, values)


def cloth(path: Path) -> Path:
    """Four classes by which channel is strongest; the background where all are weak."""
    names = ["logits", *(f"side{number}" for number in range(6))]
    nodes = [
        node("Concat", "quarter,input", "logits", axis=1),
        *(node("Neg", "logits", name) for name in names[1:]),
    ]
    return save(
        path,
        {"input": (1, 3, 768, 768)},
        dict.fromkeys(names, (1, 4, 768, 768)),
        nodes,
        {"quarter": np.full((1, 1, 768, 768), 0.25, np.float32)},
    )


def modnet(path: Path, side: int | None = None) -> Path:
    return plain(path, "input", "output", side)


def classes(
    path: Path, source: str, target: str, height: int, width: int, *, last: bool, softmax: bool
) -> Path:
    """Two classes, the subject second; channels last or not, as logits or as shares."""
    nodes, values = redness("first" if last else source)
    if last:
        nodes = [node("Transpose", source, "first", perm=[0, 3, 1, 2]), *nodes]
    nodes += [
        node("Neg", "logit", "other"),
        node("Concat", "other,logit", "both", axis=1),
        node(
            "Softmax" if softmax else "Identity", "both", "made", **({"axis": 1} if softmax else {})
        ),
        node("Transpose", "made", target, perm=[0, 2, 3, 1] if last else [0, 1, 2, 3]),
    ]
    inside: Shape = (1, height, width, 3) if last else (1, 3, height, width)
    outside: Shape = (1, height, width, 2) if last else (1, 2, height, width)
    return save(path, {source: inside}, {target: outside}, nodes, values)


def selfie(path: Path) -> Path:
    nodes, values = redness("first")
    nodes = [
        node("Transpose", "input_1:0", "first", perm=[0, 3, 1, 2]),
        *nodes,
        node("Sigmoid", "logit", "map"),
        node("Transpose", "map", "activation_10", perm=[0, 2, 3, 1]),
    ]
    shapes: Shape = (1, 256, 256, 3)
    return save(path, {"input_1:0": shapes}, {"activation_10": (1, 256, 256, 1)}, nodes, values)


RVM_CHANNELS = {"mobilenetv3": (16, 20, 40, 64), "resnet50": (16, 32, 64, 128)}


def rvm(path: Path, backbone: str = "mobilenetv3", half: bool = False) -> Path:
    """RobustVideoMatting's graph: ``pha`` is half the brightness and a quarter of the memory.

    The memory is the brightness of the shrunk picture and half of the memory before.
    """
    nodes = [
        node("Cast", "src", "x", to=FLOAT),
        node("Concat", "ones,downsample_ratio,downsample_ratio", "scales", axis=0),
        node("Resize", "x,,scales", "small", mode="linear"),
        node("ReduceMean", "x", "bright", axes=[1], keepdims=1),
        node("ReduceMean", "small", "dim", axes=[1], keepdims=1),
    ]
    values: dict[str, Any] = {"ones": np.ones(2, np.float32), "half": np.float32(0.5)}
    for level, channels in enumerate(RVM_CHANNELS[backbone], 1):
        values[f"spread{level}"] = np.ones((channels, 1, 1, 1), np.float32)
        step = 2**level
        nodes += [
            node(
                "AveragePool",
                "dim",
                f"p{level}",
                kernel_shape=[step] * 2,
                strides=[step] * 2,
                ceil_mode=1,
            ),
            node("Conv", f"p{level},spread{level}", f"n{level}"),
            node("Cast", f"r{level}i", f"b{level}", to=FLOAT),
            node("Mul", f"b{level},half", f"h{level}"),
            node("Add", f"n{level},h{level}", f"s{level}"),
            node("Cast", f"s{level}", f"r{level}o", to=HALF if half else FLOAT),
        ]
    nodes += [
        node("ReduceMean", "s1", "memory", axes=[1], keepdims=1),
        node("Shape", "bright", "sizes"),
        node("Resize", "memory,,,sizes", "grown", mode="linear"),
        node("Mul", "grown,half", "quarter"),
        node("Add", "quarter,bright", "sum"),
        node("Mul", "sum,half", "alpha"),
        node("Clip", "alpha,zero,one", "clipped"),
        node("Cast", "clipped", "pha", to=HALF if half else FLOAT),
        node("Identity", "src", "fgr"),
    ]
    values |= {"zero": np.float32(0), "one": np.float32(1)}
    states = {f"r{level}": f"r{level}" for level in (1, 2, 3, 4)}
    inputs: dict[str, Shape] = {"src": ("batch_size", 3, "height", "width")}
    inputs |= {f"{n}i": ("batch_size", f"{n}c", f"{n}h", f"{n}w") for n in states}
    outputs: dict[str, Shape] = {"fgr": ("batch_size", 3, "height", "width")}
    outputs["pha"] = ("batch_size", 1, "height", "width")
    outputs |= {f"{n}o": ("batch_size", f"{n}oc", f"{n}oh", f"{n}ow") for n in states}
    types = dict.fromkeys([*inputs, *outputs], HALF if half else FLOAT)
    inputs["downsample_ratio"] = (1,)
    return save(path, inputs, outputs, nodes, values, types)


def sam(folder: Path, name: str = "sam_vit_b_01ec64") -> Path:
    """Segment Anything's two graphs; return the encoder's path, the decoder's lies beside it.

    The subject is what has the colour at the prompt's centre: the embedding holds the picture's
    colours on a grid of 64 x 64, and a mask's logits fall with the distance of colours.
    """
    channels = 256
    encoder = [
        node("Transpose", "input_image", "chw", perm=[2, 0, 1]),
        node("Unsqueeze", "chw,first", "one"),
        node("Shape", "one", "shape"),
        node("Sub", "square,shape", "missing"),
        node("Concat", "nothing,missing", "pads", axis=0),
        node("Pad", "one,pads", "padded"),
        node("AveragePool", "padded", "grid", kernel_shape=[16, 16], strides=[16, 16]),
        node("Conv", "grid,spread", "image_embeddings"),
    ]
    spread = np.zeros((channels, 3, 1, 1), np.float32)
    spread[:3, :, 0, 0] = np.eye(3) / 255
    path = save(
        folder / f"{name}.encoder.onnx",
        {"input_image": ("image_height", "image_width", 3)},
        {"image_embeddings": (1, channels, 64, 64)},
        encoder,
        {
            "first": np.array([0]),
            "square": np.array([1, 3, 1024, 1024]),
            "nothing": np.zeros(4, np.int64),
            "spread": spread,
        },
    )
    decoder = [
        node("Greater", "point_labels,zero", "meant"),
        node("Cast", "meant", "weight", to=FLOAT),
        node("ReduceSum", "weight", "count", keepdims=1),
        node("Unsqueeze", "weight,last", "weights"),
        node("Mul", "point_coords,weights", "weighed"),
        node("ReduceSum", "weighed,axis", "sum", keepdims=0),  # [1, 2]
        node("Div", "sum,count", "centre"),
        node("Div", "centre,sixteen", "cell"),
        node("Floor", "cell", "floored"),
        node("Cast", "floored", "xy", to=TensorProto.INT64),
        node("Split", "xy", "x,y", axis=1),
        node("Concat", "y,x", "yx", axis=1),
        node("Transpose", "image_embeddings", "hwc", perm=[2, 3, 1, 0]),
        node("Squeeze", "hwc,lastaxis", "cells"),
        node("GatherND", "cells,yx", "colour"),  # [1, 256]
        node("Reshape", "colour,as_map", "wanted"),
        node("Sub", "image_embeddings,wanted", "off"),
        node("ReduceL2", "off", "distance", axes=[1], keepdims=1),
        node("Sub", "near,distance", "close"),
        node("Mul", "close,gain", "low_res_masks"),
        node("Resize", "low_res_masks,,scales", "large", mode="linear"),
        node("Cast", "orig_im_size", "sides", to=TensorProto.INT64),
        node("Slice", "large,corner,sides,axes", "masks"),
        node("ReduceMax", "masks", "iou_predictions", axes=[2, 3], keepdims=0),
    ]
    save(
        folder / f"{name}.decoder.onnx",
        {
            "image_embeddings": (1, channels, 64, 64),
            "point_coords": (1, "num_points", 2),
            "point_labels": (1, "num_points"),
            "mask_input": (1, 1, 256, 256),
            "has_mask_input": (1,),
            "orig_im_size": (2,),
        },
        {
            "masks": ("a", "b", "c", "d"),
            "iou_predictions": ("e", "f"),
            "low_res_masks": ("g", "h", "i", "j"),
        },
        decoder,
        {
            "zero": np.float32(0),
            "last": np.array([2]),
            "axis": np.array([1]),
            "sixteen": np.float32(16),
            "lastaxis": np.array([3]),
            "as_map": np.array([1, channels, 1, 1]),
            "near": np.float32(0.35),
            "gain": np.float32(20),
            "scales": np.array([1, 1, 16, 16], np.float32),
            "corner": np.array([0, 0]),
            "axes": np.array([2, 3]),
        },
    )
    return path


def _u2net(path: Path) -> Path:
    return plain(path, "input.1", "1959", 320, more=[str(n) for n in range(1960, 1966)])


def _isnet(path: Path) -> Path:
    return plain(path, "input_image", "output_image", 1024)


def _birefnet(path: Path) -> Path:
    return plain(path, "input_image", "output_image", 1024, "Identity", gain=3)


def _bria(path: Path) -> Path:
    return plain(path, "pixel_values", "alphas", 1024)


_PEOPLE: dict[str, Callable[[Path], Path]] = {
    "modnet": modnet,
    "pphumanseg": partial(
        classes,
        source="x",
        target="save_infer_model/scale_0.tmp_1",
        height=192,
        width=192,
        last=False,
        softmax=True,
    ),
    "mediapipe": partial(
        classes,
        source="input_1:0",
        target="segment:0",
        height=144,
        width=256,
        last=True,
        softmax=False,
    ),
    "selfie_segmentation": selfie,
    "sinet": partial(
        classes,
        source="data",
        target="Softmax/1",
        height=320,
        width=320,
        last=False,
        softmax=True,
    ),
    "rvm-mobilenetv3": rvm,
    "rvm-mobilenetv3-fp16": partial(rvm, half=True),
    "rvm-resnet50": partial(rvm, backbone="resnet50"),
    "rvm-resnet50-fp16": partial(rvm, backbone="resnet50", half=True),
}

REMBG: dict[str, Callable[[Path], Path]] = {
    **dict.fromkeys(("u2net", "u2netp", "u2net_human_seg", "silueta", "u2net_custom"), _u2net),
    "u2net_cloth_seg": cloth,
    **dict.fromkeys(("isnet-general-use", "isnet-anime", "dis_custom", "ben_custom"), _isnet),
    **dict.fromkeys(
        [
            f"birefnet-{kind}"
            for kind in ("general", "general-lite", "portrait", "dis", "hrsod", "cod", "massive")
        ],
        _birefnet,
    ),
    "bria-rmbg": _bria,
}
"""What writes the graph of each of rembg's models that is one file."""

FILES: dict[str, Callable[[Path], Path]] = {**_PEOPLE, **REMBG}
"""The same of every model that is one file."""


def model_file(name: str, folder: Path) -> Path:
    """Write the graph of a model of the catalogue into a folder."""
    return sam(folder) if name == "sam" else FILES[name](folder / f"{name}.onnx")


def graph(
    path: Path, *operators: Any, shape: tuple[Any, ...] = (1, 3, 8, 8), **values: Any
) -> Path:
    """Write an ONNX file that takes ``x`` and gives ``y``."""
    nodes = [helper.make_node(*operator[:3], **operator[3]) for operator in operators]
    initial = [onnx.numpy_helper.from_array(np.array(v), k) for k, v in values.items()]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        initial,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def mean_graph(path: Path, *more: Any, **options: Any) -> Path:
    """Write a graph that averages the channels, perhaps followed by another operator."""
    last = "m" if more else "y"
    average = ("ReduceMean", ["x"], [last], {"axes": [1], "keepdims": 1})
    return graph(path, average, *more, **options)
