"""The models that streamcut knows by name or by checksum: one row each.

Addresses, checksums and numbers of rembg's models are those of rembg's own session classes
(https://github.com/danielgatis/rembg), and so are the names of the files in its cache.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamcut.core.errors import ModelError
from streamcut.sessions.files.model import IMAGENET_MEAN, IMAGENET_STD, Model, Weights

__all__ = ["CATALOG", "OWN", "UNKNOWN", "Model", "by_file", "by_name", "sam_weights", "unknown"]

_REMBG = "https://github.com/danielgatis/rembg/releases/download/v0.0.0/"
_RVM = "https://github.com/PeterL1n/RobustVideoMatting/releases/download/v1.0.0/"
_ZOO = "https://github.com/opencv/opencv_zoo/raw/main/models/human_segmentation_pphumanseg/"

_MB = 1_000_000

_GPL = "GPL-3.0: what you distribute with it has to be under the GPL too"
_BRIA = "BRIA RMBG-2.0: non-commercial use only (CC BY-NC 4.0), unless you have BRIA's licence"

# How rembg feeds its three kinds of networks, and stretches what comes out.
_U2NET: dict[str, Any] = {
    "size": (320, 320),
    "mean": IMAGENET_MEAN,
    "std": IMAGENET_STD,
    "stretch": True,
}
_DIS: dict[str, Any] = {
    "size": (1024, 1024),
    "mean": (0.5, 0.5, 0.5),
    "activation": "auto",
    "stretch": True,
}
_BIREFNET: dict[str, Any] = {
    "size": (1024, 1024),
    "mean": IMAGENET_MEAN,
    "std": IMAGENET_STD,
    "activation": "sigmoid",
    "stretch": True,
}


def _rembg(
    name: str,
    purpose: str,
    licence: str,
    tail: str,
    checksum: str,
    how: Mapping[str, Any],
    most: int,
    **more: Any,
) -> Model:
    """Return the row of a model that rembg's releases hold as one file, of ``most`` MB."""
    weights = (Weights(f"{name}.onnx", _REMBG + tail, checksum, most=most * _MB),)
    return Model(name, purpose, licence, weights=weights, **{**how, **more})


def _birefnet(kind: str, purpose: str, tail: str, md5: str) -> Model:
    name = f"birefnet-{kind}"
    return _rembg(name, purpose, "MIT", f"BiRefNet-{tail}.onnx", f"md5:{md5}", _BIREFNET, 1200)


def _rvm(backbone: str, precision: str, purpose: str) -> Model:
    file = f"rvm_{backbone}_{precision}.onnx"
    return Model(
        name=f"rvm-{backbone}" + ("-fp16" if precision == "fp16" else ""),
        purpose=purpose,
        licence="GPL-3.0-only",
        architecture="rvm",
        weights=(Weights(file, _RVM + file, most=200 * _MB),),
        conditions=_GPL,
    )


_SAM_MD5 = {
    "sam_vit_b_01ec64.encoder.onnx": "a780f8ba09bceceaa1435724ed354848",
    "sam_vit_b_01ec64.decoder.onnx": "c4218b16ec1cb09889fcd6eb7a42a7c9",
    "sam_vit_b_01ec64.encoder.quant.onnx": "26fc0e01d2fa34ed2d3f91259118482d",
    "sam_vit_b_01ec64.decoder.quant.onnx": "45391530307d1aee79b2a1507769e6c7",
    "sam_vit_l_0b3195.encoder.onnx": "6e7c5e3e97b50a9e833e55062ae35182",
    "sam_vit_l_0b3195.decoder.onnx": "dc760a2912862c05ec3ac2658162a1b5",
    "sam_vit_l_0b3195.encoder.quant.onnx": "83f7fe08c2f8b94b6d08c3e44cf1de0e",
    "sam_vit_l_0b3195.decoder.quant.onnx": "e78ca201f5ae92288945623f48088b7c",
    "sam_vit_h_4b8939.encoder.onnx": "2630bbbf7f256ff82455ecce70467734",
    "sam_vit_h_4b8939.decoder.onnx": "2241a15c7c5e5b6ac018223d1a795a94",
    "sam_vit_h_4b8939.encoder.quant.onnx": "391503beb5e5d7d1ae6f55d0cecabd50",
    "sam_vit_h_4b8939.decoder.quant.onnx": "4c86ebeecbe2e6325203b641b8702a5b",
    "sam_vit_h_4b8939.encoder_data.1.bin": "22316455879cd64f1414bc2cc84772ab",
    "sam_vit_h_4b8939.encoder_data.2.bin": "3ca4efe12cd9a686e60364a628546440",
    "sam_vit_h_4b8939.encoder_data.3.bin": "635041e6eac1c3e6ac7eceeef1ed1f38",
}
SAM_MODELS = tuple(sorted({name.partition(".")[0] for name in _SAM_MD5}))


def sam_weights(model: str = "sam_vit_b_01ec64", quant: bool = False) -> tuple[Weights, ...]:
    """Return the files of a Segment Anything checkpoint: encoder, decoder, parts of its data.

    The encoder of ``vit_h`` keeps its numbers in a file beside it, published in three parts.

    Raises:
        KeyError: if there is no such checkpoint.
    """
    ending = ".quant.onnx" if quant else ".onnx"
    names = [f"{model}.encoder{ending}", f"{model}.decoder{ending}"]
    if not quant:
        names += [name for name in _SAM_MD5 if name.startswith(f"{model}.encoder_data")]
    return tuple(Weights(name, _REMBG + name, f"md5:{_SAM_MD5[name]}") for name in names)


_HD_AREA = 432 * 240  # About 10 ms on one thread.


def _portrait(name: str, purpose: str, area: int | None = None) -> Model:
    return Model(
        name,
        purpose,
        "MIT",
        architecture="recurrent",
        file="portrait-float.onnx",
        cpu_file="portrait.onnx",
        area=area,
    )


CATALOG: tuple[Model, ...] = (
    _portrait("portrait", "people, any framing; inside the package, needs no download"),
    _portrait("portrait-hd", "the same on twice the pixels: what portrait does in files", _HD_AREA),
    # --- RobustVideoMatting ---
    _rvm("mobilenetv3", "fp32", "people in video, real mattes; fast (RobustVideoMatting)"),
    _rvm("mobilenetv3", "fp16", "the same for GPUs, half the memory"),
    _rvm("resnet50", "fp32", "people in video, a little better and much slower"),
    _rvm("resnet50", "fp16", "the same for GPUs, half the memory"),
    # --- portraits and video calls ---
    Model(
        name="modnet",
        purpose="portraits, real mattes (MODNet)",
        licence="Apache-2.0",
        architecture="modnet",
        weights=(
            Weights(
                "modnet.onnx",
                "https://huggingface.co/Xenova/modnet/resolve/main/onnx/model.onnx",
                most=60 * _MB,
            ),
        ),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    ),
    Model(
        name="pphumanseg",
        purpose="people, small and fast (PP-HumanSeg)",
        licence="Apache-2.0",
        sha256="552d8a984054e59b5d773d24b9b12022b22046ceb2bbc4c9aaeaceb36a9ddf24",
        bytes=6_163_938,
        weights=(
            Weights(
                "human_segmentation_pphumanseg_2023mar.onnx",
                _ZOO + "human_segmentation_pphumanseg_2023mar.onnx",
                "sha256:552d8a984054e59b5d773d24b9b12022b22046ceb2bbc4c9aaeaceb36a9ddf24",
                6_163_938,
            ),
        ),
        size=(192, 192),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        activation="auto",
        channel=1,
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
    # --- rembg's ---
    _rembg(
        "u2net",
        "any salient object",
        "Apache-2.0",
        "u2net.onnx",
        "md5:60024c5c889badc19c04ad937298a77b",
        _U2NET,
        300,
    ),
    _rembg(
        "u2netp",
        "u2net, small and fast",
        "Apache-2.0",
        "u2netp.onnx",
        "md5:8e83ca70e441ab06c318d82300c84806",
        _U2NET,
        20,
    ),
    _rembg(
        "u2net_human_seg",
        "people",
        "Apache-2.0",
        "u2net_human_seg.onnx",
        "md5:c09ddc2e0104f800e3e1bb4652583d1f",
        _U2NET,
        300,
    ),
    _rembg(
        "silueta",
        "u2net, reduced to 43 MB",
        "Apache-2.0",
        "silueta.onnx",
        "md5:55e59e0d8062d2f5d013f4725ee84782",
        _U2NET,
        80,
    ),
    _rembg(
        "u2net_cloth_seg",
        "clothes of people: upper, lower, full body",
        "MIT",
        "u2net_cloth_seg.onnx",
        "md5:2434d1f3cb744e0e49386c906e5a08bb",
        _U2NET,
        300,
        architecture="cloth",
        size=(768, 768),
        options=("cloth_category",),
    ),
    _rembg(
        "isnet-general-use",
        "any salient object, fine structures",
        "Apache-2.0",
        "isnet-general-use.onnx",
        "md5:fc16ebd8b0c10d971d3513d564d01e29",
        _DIS,
        300,
    ),
    _rembg(
        "isnet-anime",
        "drawn characters",
        "Apache-2.0",
        "isnet-anime.onnx",
        "md5:6f184e756bb3bd901c8849220a83e38e",
        _DIS,
        300,
        mean=IMAGENET_MEAN,
    ),
    _birefnet("general", "any object", "general-epoch_244", "7a35a0141cbbc80de11d9c9a28f52697"),
    _birefnet(
        "general-lite",
        "any object, smaller",
        "general-bb_swin_v1_tiny-epoch_232",
        "4fab47adc4ff364be1713e97b7e66334",
    ),
    _birefnet("portrait", "portraits", "portrait-epoch_150", "c3a64a6abf20250d090cd055f12a3b67"),
    _birefnet("dis", "fine structures", "DIS-epoch_590", "2d4d44102b446f33a4ebb2e56c051f2b"),
    _birefnet(
        "hrsod", "salient objects", "HRSOD_DHU-epoch_115", "c017ade5de8a50ff0fd74d790d268dda"
    ),
    _birefnet("cod", "camouflaged objects", "COD-epoch_125", "f6d0d21ca89d287f17e7afe9f5fd3b45"),
    _birefnet(
        "massive",
        "any object, trained on the most data",
        "massive-TR_DIS5K_TR_TEs-epoch_420",
        "33e726a2136a3d59eb0fdf613e31e3e9",
    ),
    _rembg(
        "bria-rmbg",
        "any object (BRIA RMBG 2.0)",
        "CC-BY-NC-4.0",
        "bria-rmbg-2.0.onnx",
        "sha256:5b486f08200f513f460da46dd701db5fbb47d79b4be4b708a19444bcd4e79958",
        _BIREFNET,
        1200,
        activation="auto",
        conditions=_BRIA,
    ),
    Model(
        name="sam",
        purpose="whatever a point or a box shows, and on through the video (Segment Anything)",
        licence="Apache-2.0",
        architecture="sam",
        weights=sam_weights(),
        options=("prompt",),
    ),
    Model("u2net_custom", "a U2-Net of your own", "its own", **{**_U2NET, "activation": "auto"}),
    Model("dis_custom", "a DIS network of your own", "its own", **_DIS),
    Model("ben_custom", "a BEN network of your own", "its own", **_DIS),
    # --- without a model ---
    Model(
        name="chroma",
        purpose="a green screen, or one of any colour; no model",
        licence="MIT",
        architecture="chroma",
        options=("screen",),
    ),
    Model(
        name="difference",
        purpose="a camera that stands still, and an image of the empty room; no model",
        licence="MIT",
        architecture="difference",
        options=("plate",),
    ),
)

UNKNOWN = Model(
    name="custom",
    purpose="any .onnx with one image in and one map out",
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

SAM = next(model for model in CATALOG if model.name == "sam")

RVM = Model(
    name="rvm",
    purpose="a RobustVideoMatting network",
    licence="GPL-3.0-only",
    architecture="rvm",
)
"""How a file is read whose graph takes RobustVideoMatting's inputs."""

_METADATA_BYTES = 65_536
_LONGEST_NAME = 200


def by_name(name: str) -> Model | None:
    """Return the row of that name."""
    return next((model for model in CATALOG if model.name == name), None)


def unknown(name: str) -> ModelError:
    """Return what is said of a name that no model has: the nearest, if one is near."""
    near = difflib.get_close_matches(name, [model.name for model in CATALOG], 1)
    hint = f"did you mean {near[0]}?" if near else "'streamcut models' lists them all"
    return ModelError(f"no model is called {name[:_LONGEST_NAME]!r}; {hint}")


def by_file(path: Path) -> Model:
    """Return the row of a model file, recognised by its checksum, or :data:`UNKNOWN`."""
    size = path.stat().st_size
    for model in CATALOG:
        if model.bytes == size and model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest():
            return model
    told = _end_of(path)
    if b"streamcut.states" in told:
        return replace(OWN, name=path.stem)
    if b"image_embeddings" in told and ".encoder" in path.name:
        return SAM
    return replace(RVM if b"downsample_ratio" in told else UNKNOWN, name=path.stem)


def _end_of(path: Path) -> bytes:
    """Return the end of an ONNX file, where the graph's inputs and the metadata stand."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _METADATA_BYTES))
        return file.read()
