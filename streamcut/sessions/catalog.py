"""The models that streamcut knows by name or by checksum: one row each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from streamcut.sessions.weights import Weights

Triple = tuple[float, float, float]

IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Model:
    """How one model is fed and read.

    A pixel enters as ``(value / scale - mean) / std`` in the given channel order.

    Attributes:
        name: what ``--model`` takes.
        purpose: what it is for, in a few words.
        licence: SPDX identifier of the weights' licence.
        architecture: which session class runs it.
        file: file name inside the package, or None where it is given by path.
        sha256: of the file, by which a model given by path is recognised.
        bytes: size of the file.
        weights: the files that are fetched on first use; empty for what is inside the package
            or given by path.
        conditions: what the licence asks of whoever downloads it, shown before that, or None.
        size: input (width, height), or None where the graph or ``area`` decides.
        area: wanted input area in pixels where any aspect ratio fits, or None.
        stride: what width and height must be multiples of.
        bgr: whether blue comes first.
        scale: what code values 0..255 are divided by.
        mean: subtracted from each channel (in RGB order).
        std: divides each channel (in RGB order).
        activation: what turns the output into 0..1; "auto" looks at the values.
        channel: which output channel is the subject.
        stretch: whether still pictures are normalised as rembg does: divided by their own
            maximum, and the mask stretched to 0..1. Never for video, where it would flicker.
    """

    name: str
    purpose: str
    licence: str
    architecture: Literal["map", "recurrent"] = "map"
    file: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    weights: tuple[Weights, ...] = ()
    conditions: str | None = None
    size: tuple[int, int] | None = None
    area: int | None = None
    stride: int = 1
    bgr: bool = False
    scale: float = 255.0
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    activation: Literal["none", "sigmoid", "softmax", "auto"] = "none"
    channel: int = 0
    stretch: bool = False


CATALOG: tuple[Model, ...] = (
    Model(
        name="portrait",
        purpose="people, any framing; inside the package, needs no download",
        licence="MIT",
        architecture="recurrent",
        file="portrait.onnx",
    ),
    Model(
        name="mediapipe",
        purpose="video calls, landscape (Google Meet)",
        licence="Apache-2.0",
        sha256="7f785cf032261a07af7b845f891cab30da3f0757c7b362310e089e3aa8e8860a",
        bytes=781_150,
        size=(256, 144),
        activation="softmax",
        channel=1,
    ),
    Model(
        name="selfie_segmentation",
        purpose="selfies (MediaPipe)",
        licence="Apache-2.0",
        sha256="1511ab5564cb0ae179cba9bcad6ad931003ccc71656f11fd270967023678c6a5",
        bytes=447_596,
        size=(256, 256),
    ),
    Model(
        name="sinet",
        purpose="portraits, small and old (SINet)",
        licence="MIT",
        sha256="17a75acc69747e443717dfaef152ee3c4615f2d81b0269f7c0224c47584af46a",
        bytes=395_434,
        size=(320, 320),
        bgr=True,
        scale=1.0,
        mean=(126.91212, 111.25247, 102.890434),
        std=(66.355705 * 255, 62.82138 * 255, 62.93292 * 255),
        channel=1,
    ),
)

UNKNOWN = Model(
    name="custom",
    purpose="any .onnx with one picture in and one map out",
    licence="its own",
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    activation="auto",
    stretch=True,
)
"""How a model is read that nothing is known about: as rembg reads its custom U2-Net."""

OWN = Model(
    name="own",
    purpose="a network trained with streamcut.training",
    licence="its own",
    architecture="recurrent",
)
"""How a network is read that was trained with this project."""

_METADATA_BYTES = 65_536


def by_name(name: str) -> Model | None:
    """Return the row of that name."""
    return next((model for model in CATALOG if model.name == name), None)


def by_file(path: Path) -> Model:
    """Return the row of a model file, recognised by its checksum, or :data:`UNKNOWN`."""
    size = path.stat().st_size
    for model in CATALOG:
        if model.bytes == size and model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest():
            return model
    if _says_states(path):
        return replace(OWN, name=path.stem)
    return replace(UNKNOWN, name=path.stem)


def _says_states(path: Path) -> bool:
    """Whether a file has the metadata of this project's networks, which ends an ONNX file."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _METADATA_BYTES))
        return b"streamcut.states" in file.read()
