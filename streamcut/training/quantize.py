"""From a network of floats to one of 8-bit integers, for processors.

ONNX Runtime runs the integers in half the time, so that the same time pays for twice the
pixels. Weights are rounded to 7 bits a channel, -64..64: processors without VNNI add two
products in 16 bits, and 8 bits might overflow there. Maps are rounded to 0..255 between the
least and the greatest value that they take over the calibration's frames.
"""

from __future__ import annotations

import itertools
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from streamcut.training.arrays import Floats
from streamcut.training.batches import BatchPlan, batches
from streamcut.training.export import drop_unused
from streamcut.training.recipe import (
    FILMED_ROOMS,
    QUANTIZED_FILE_SIZES,
    QUANTIZED_LIVE_SIZES,
    ROOMS,
)
from streamcut.training.teachers import no_states

_SIZES = (*QUANTIZED_LIVE_SIZES, *QUANTIZED_FILE_SIZES)
_SEED = 99


def quantize(network: Path, feeds: Sequence[Mapping[str, Floats]], out: Path) -> None:
    """Write a graph of floats again as one of 8-bit integers.

    Args:
        network: what `export` wrote.
        feeds: what it is fed, of `calibration`: they decide the range of every map.
        out: the file to write; its metadata is the first one's.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        onnx.save(_full(onnx.load(str(network))), str(plain))
        with _quiet():
            quantize_static(
                str(plain),
                str(out),
                _Feeds(feeds),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=_in_floats(onnx.load(str(plain))),
            )
    model = onnx.load(str(out))
    drop_unused(model.graph)
    helper.set_model_props(model, {p.key: p.value for p in onnx.load(str(network)).metadata_props})
    onnx.checker.check_model(model)
    onnx.save(model, str(out))


def calibration(network: Path, pack: Path, *, batches_of_each: int = 8) -> list[dict[str, Floats]]:
    """Frames to learn from, alone and in clips, with the states that they meet.

    Args:
        network: what `export` wrote.
        pack: of images and clips; what it holds out is not shown.
        batches_of_each: batches of eight images, and of two clips of four frames.
    """
    session = ort.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    plans = (BatchPlan(8, sizes=_SIZES, mixture=ROOMS), BatchPlan(2, 4, _SIZES, FILMED_ROOMS))
    feeds = []
    for batch in itertools.islice(batches(pack, plans, _SEED, 0), 2 * batches_of_each):
        for clip in batch.frames.numpy():
            states = no_states(session)
            for frame in clip:
                feed = {"rgb": frame[None], **states}
                feeds.append(feed)
                states = dict(zip(states, session.run(None, feed)[1:], strict=True))
    return feeds


def _full(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with weights of float32 where `export` has put float16 behind a Cast."""
    graph = model.graph
    halves = {w.name: w for w in graph.initializer if w.data_type == TensorProto.FLOAT16}
    for node in [n for n in graph.node if n.op_type == "Cast" and n.input[0] in halves]:
        weight = halves[node.input[0]]
        array = numpy_helper.to_array(weight).astype(np.float32)
        weight.CopyFrom(numpy_helper.from_array(array, node.output[0]))
        graph.node.remove(node)
    return model


def _in_floats(model: onnx.ModelProto) -> list[str]:
    """The nodes that keep to floats: the memory's arithmetic, and the matte after its logits."""
    alpha = model.graph.output[0].name
    last = {node.output[0]: node for node in model.graph.node}
    sigmoid = last[alpha]
    kept = [sigmoid.name, last[sigmoid.input[0]].name]
    return kept + [n.name for n in model.graph.node if "/memory/" in n.name and n.op_type != "Conv"]


class _Feeds(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, feeds: Sequence[Mapping[str, Floats]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Mapping[str, Floats] | None:
        return next(self._feeds, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without ONNX Runtime's advice to preprocess: there is nothing left to fold."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
