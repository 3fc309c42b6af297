"""Model sessions: :func:`new_session` makes the right one for a name or an .onnx file."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import onnxruntime as ort

from streamcut.errors import ModelError
from streamcut.sessions.base import BaseSession, Matte, MatteStream, Picture
from streamcut.sessions.catalog import CATALOG, Model, by_file, by_name
from streamcut.sessions.device import DEVICES, Device, obstacle, session_options
from streamcut.sessions.map import MapSession
from streamcut.sessions.recurrent import RecurrentSession

__all__ = ["CATALOG", "BaseSession", "MapSession", "Matte", "MatteStream", "Model", "Picture"]
__all__ += ["DEVICES", "Device", "new_session", "obstacle", "session_options"]

DEFAULT_MODEL = "portrait"
_SESSIONS = {"map": MapSession, "recurrent": RecurrentSession}
_PACKAGED = Path(__file__).parent.parent / "models"


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
            :class:`Device`, where no providers are given), ``model_path`` (the file of a
            catalogue model that is not inside the package).

    Raises:
        ModelError: if the name is unknown or the file unusable.
    """
    model, path = _locate(os.fspath(model_name), kwargs.pop("model_path", None))
    return _SESSIONS[model.architecture](model, path, sess_opts, *args, **kwargs)


def _locate(name: str, path: str | Path | None) -> tuple[Model, Path]:
    """Return how a model is read, and its file."""
    model = by_name(name)
    if path is not None:
        return model or by_file(_existing(path)), _existing(path)
    if model is None:
        return _unlisted(name)
    if model.file is None:
        raise ModelError(f"{name} is not inside the package: give the path of its .onnx file")
    return model, _PACKAGED / model.file


def _unlisted(name: str) -> tuple[Model, Path]:
    if name.endswith(".onnx") or Path(name).is_file():
        return by_file(_existing(name)), Path(name)
    names = [model.name for model in CATALOG if model.file]
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}, or a .onnx file"
    raise ModelError(f"no model is called {name!r}; {hint}")


def _existing(path: str | Path) -> Path:
    if not Path(path).is_file():
        raise ModelError(f"no such model file: {path}")
    return Path(path)
