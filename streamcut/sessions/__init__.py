"""Model sessions: :func:`new_session` makes the right one for a name or an .onnx file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import onnxruntime as ort

from streamcut.core.errors import ModelError
from streamcut.sessions.base import (
    RGB,
    BaseSession,
    BatchStream,
    Matte,
    MatteStream,
    Prediction,
    as_prediction,
)
from streamcut.sessions.files.catalog import CATALOG, Model, by_file, by_name, unknown
from streamcut.sessions.files.model import Architecture
from streamcut.sessions.keyers.chroma import ChromaSession
from streamcut.sessions.keyers.difference import DifferenceSession
from streamcut.sessions.networks.cloth import ClothSession
from streamcut.sessions.networks.modnet import ModnetSession
from streamcut.sessions.networks.recurrent import RecurrentSession
from streamcut.sessions.networks.rvm import RvmSession
from streamcut.sessions.networks.saliency import MapSession
from streamcut.sessions.networks.sam import SamSession
from streamcut.sessions.runtime.device import DEVICES, Device, obstacle, place_of, session_options

__all__ = [
    "CATALOG",
    "RGB",
    "BaseSession",
    "BatchStream",
    "MapSession",
    "Matte",
    "MatteStream",
    "Model",
    "Prediction",
]
__all__ += [
    "DEVICES",
    "Device",
    "as_prediction",
    "new_session",
    "obstacle",
    "place_of",
    "session_options",
]

DEFAULT_MODEL = "portrait"
_SESSIONS: dict[Architecture, Any] = {
    "map": MapSession,
    "recurrent": RecurrentSession,
    "modnet": ModnetSession,
    "cloth": ClothSession,
    "sam": SamSession,
    "rvm": RvmSession,
    "chroma": ChromaSession,
    "difference": DifferenceSession,
}


def new_session(
    model_name: str | os.PathLike[str] = DEFAULT_MODEL,
    *args: Any,
    sess_opts: ort.SessionOptions | None = None,
    **kwargs: Any,
) -> BaseSession:
    """Make the session for a model.

    Args:
        model_name: a name from the catalogue, or the path of an .onnx file. A file is
            recognised by its checksum; an unknown one is read as rembg reads a custom U2-Net.
        *args: passed on to the session.
        sess_opts: ONNX Runtime's session options; None chooses them for this machine.
        **kwargs: ``providers`` (execution providers in order, as rembg takes them), ``device`` (a
            :class:`Device` or its text, such as "cuda:1", where no providers are given),
            ``model_path`` (a file to use for a model of the catalogue instead of fetching it),
            ``mirror`` (an address to fetch from in place of the model's own); and what
            single models take: ``prompt``, ``sam_model``, ``sam_quant``, ``cloth_category`` or
            ``cc``, ``screen``, ``plate``.

    Raises:
        ModelError: if the name is unknown, or the file unusable or not to be had.
        UsageError: if what a single model takes is not what it should be, or no device has
            that text.
    """
    if isinstance(kwargs.get("device"), str):
        kwargs["device"] = Device.parse(kwargs["device"])
    model, path = _locate(os.fspath(model_name), kwargs.pop("model_path", None))
    made: BaseSession = _SESSIONS[model.architecture](model, path, sess_opts, *args, **kwargs)
    return made


def _locate(name: str, path: str | os.PathLike[str] | None) -> tuple[Model, Path | None]:
    """Return how a model is read, and its file, or None where that is its own affair."""
    model = by_name(name)
    if path is not None:
        return model or by_file(_existing(path)), _existing(path)
    return (model, None) if model is not None else _unlisted(name)


def _unlisted(name: str) -> tuple[Model, Path]:
    if name.endswith(".onnx") or os.path.isfile(name):
        return by_file(_existing(name)), Path(name)
    raise unknown(name)


def _existing(path: str | os.PathLike[str]) -> Path:
    if not os.path.isfile(path):
        raise ModelError(f"no such model file: {path}")
    return Path(path)
