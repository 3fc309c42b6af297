"""What is known about one model: a row of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PACKAGED = Path(__file__).parents[1] / "embedded"
"""The folder of the models that come with the package."""

Triple = tuple[float, float, float]
Architecture = Literal["map", "recurrent", "modnet", "cloth", "sam", "rvm", "chroma", "difference"]

IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of a model.

    Attributes:
        file: its name in the cache, which is rembg's, so that nobody downloads twice.
        url: where it is fetched from.
        checksum: ``md5:...`` or ``sha256:...``, or None where nobody has published one.
        bytes: its size, or None where it is not known.
        most: bytes that it has at most, where its size is not known.
    """

    file: str
    url: str
    checksum: str | None = None
    bytes: int | None = None
    most: int = 1 << 31


@dataclass(frozen=True, slots=True)
class Model:
    """How one model is fed and read.

    A pixel enters as ``(value / scale - mean) / std`` in the given channel order.

    Attributes:
        name: what the setting ``model`` takes.
        purpose: what it is for, in a few words.
        licence: SPDX identifier of the weights' licence.
        architecture: which session class runs it.
        file: file name inside the package, or None where it is fetched or given by path.
        cpu_file: name of the one to take where the CPU runs it, or None for the same.
        sha256: of the file, by which a model given by path is recognised.
        bytes: size of the file.
        weights: the files that are fetched on first use; empty for what is inside the package,
            given by path or needs no file.
        conditions: what the licence asks of whoever downloads it, shown before that, or None.
        options: the settings that only this model takes, by name.
        size: input (width, height), or None where the graph or ``area`` decides.
        area: wanted input area in pixels where any aspect ratio fits, or None.
        stride: what width and height must be multiples of.
        bgr: whether blue comes first.
        scale: what code values 0..255 are divided by.
        mean: subtracted from each channel (in RGB order).
        std: divides each channel (in RGB order).
        activation: what turns the output into 0..1; "auto" looks at the values, for video alone:
            images of a model that is stretched keep rembg's arithmetic.
        channel: which output channel is the subject.
        stretch: whether images are normalised as rembg does: divided by their own
            maximum, and the mask stretched to 0..1. Never for video, where it would flicker.
    """

    name: str
    purpose: str
    licence: str
    architecture: Architecture = "map"
    file: str | None = None
    cpu_file: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    weights: tuple[Weights, ...] = ()
    conditions: str | None = None
    options: tuple[str, ...] = ()
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

    @property
    def needs_file(self) -> bool:
        """Whether it runs from a model file; a keyer does not."""
        return self.architecture not in ("chroma", "difference")
