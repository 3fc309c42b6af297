"""Loads a model where it is to run, and says so loudly when a GPU sits idle instead."""

from __future__ import annotations

import difflib
import logging
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime as ort

from streamcut.core.cpu import wanted_threads
from streamcut.core.errors import ModelError
from streamcut.sessions.runtime import cuda
from streamcut.sessions.runtime.device import (
    CPU,
    DEVICES,
    KINDS,
    Device,
    Spec,
    obstacle,
    provider_of,
    reason,
)

_log = logging.getLogger(__name__)

_FOR_NVIDIA = ("tensorrt", "cuda", "directml")
_CODE = re.compile(r"\d+ : [A-Z_]+ : ")
_FULL = ("out of memory", "failed to allocate", "bad_alloc")  # As CUDA and the arena say it.


def load(
    path: Path,
    options: ort.SessionOptions,
    providers: Sequence[Any] | None = None,
    device: Device | None = None,
    *,
    bound: bool = False,
    on_cpu: Path | None = None,
) -> ort.InferenceSession:
    """Load an ONNX file where it runs fastest; never leave a GPU idle in silence.

    Args:
        path: the file.
        options: ONNX Runtime's; where they leave the threads open, ``OMP_NUM_THREADS`` decides.
        providers: execution providers in order, as rembg takes them: they win over ``device``.
        device: where it is to run; None is ``auto``.
        bound: every run will be a :class:`~.runner.Runner`'s, so that CUDA graphs are
            allowed.
        on_cpu: the file to take where the CPU runs it, such as one of 8-bit integers; None is
            ``path``.

    Raises:
        ModelError: if the device cannot be used, though it was asked for by name or a GPU is
            required, or if ``providers`` is not a list of provider names.
        Exception: ONNX Runtime's own, if the file is not a graph that it can run.
    """
    device = device or Device()
    options.intra_op_num_threads = options.intra_op_num_threads or wanted_threads()
    wanted = _given(providers) if providers else _chosen(device)
    file = on_cpu if on_cpu and wanted[0][0] == CPU[0] else path
    session, complaints = _try(file, options, _tries(wanted, bound and device.cuda_graphs))
    if on_cpu and file is path and session.get_providers()[0] == CPU[0]:
        file, session = on_cpu, _start(on_cpu, options, [CPU])
    if not providers and not _is_meant(device, session.get_providers()[0]):
        raise ModelError("; ".join(complaints))
    for text in complaints:
        _warn(text)
    _log.info("loaded %s on %s", file.name, session.get_providers()[0])
    return session


def usable(device: Device) -> str:
    """Return which of the devices is taken; known before there is a model's file.

    Raises:
        ModelError: if it cannot be used, though it was asked for by name or a GPU is required.
    """
    name = _first_usable() if device.name == "auto" else device.name
    if device.require_gpu and name == "cpu":
        likely = "coreml" if sys.platform == "darwin" else "cuda"
        raise ModelError(f"a GPU is required and none can be used: {obstacle(likely)}")
    if not _worth_trying(name):
        raise ModelError(f"the device {name} cannot be used: {obstacle(name)}")
    return name


def first_words(error: Exception) -> str:
    """Return what ONNX Runtime says went wrong, without its file names and codes."""
    [first, *more] = str(error).splitlines() or [type(error).__name__]
    line = first.rpartition("failed:")[2].rpartition("[ONNXRuntimeError] : ")[2]
    line = _CODE.sub("", line)
    if line.endswith("indices"):  # Which they are, with what they are and should be, follows.
        line = " ".join([f"{line}:", *(text.strip() for text in more if " Got: " in text)])
    return line[:200]


def _chosen(device: Device) -> list[Spec]:
    """Return the providers for a device, the CPU last.

    Raises:
        ModelError: if it cannot be used, though it was asked for by name or a GPU is required.
    """
    name = usable(device)
    if name not in _FOR_NVIDIA and device.name == "auto" and cuda.driver() is not None:
        _warn(f"an NVIDIA GPU sits idle, the network runs on {name}: {obstacle('cuda')}")
    names = {"tensorrt": ["tensorrt", "cuda"], "cpu": []}.get(name, [name])
    if device.half and not any(device.half_options(name) for name in names):
        _warn(f"on {name}, 16 bits are up to the model's file: the setting half does nothing there")
    if "cuda" in names:
        cuda.obstacle()  # Loads the libraries that pip has put where nobody looks.
    return [*((provider_of(n) or "", device.options(n)) for n in names), CPU]


def _is_meant(device: Device, provider: str) -> bool:
    """Whether a model that runs on a provider runs where it has to."""
    if device.name != "auto":
        return provider in KINDS[device.name].providers
    return not device.require_gpu or provider != CPU[0]


def _first_usable() -> str:
    """Return the first device that may work; the CPU always does."""
    return next(name for name in DEVICES if _worth_trying(name))


def _worth_trying(name: str) -> bool:
    """Whether a device may work. Of CUDA more is known when it was tried, which costs little."""
    if provider_of(name) is None:  # Why not takes longer to tell.
        return False
    return cuda.driver() is not None if name == "cuda" else obstacle(name) is None


def _given(providers: Sequence[Any]) -> list[Spec]:
    """Return a caller's own list of providers, checked, the CPU last.

    Raises:
        ModelError: if it is not a list of provider names, or of names with their options.
    """
    if isinstance(providers, str) or not isinstance(providers, Sequence):
        raise ModelError(f"providers is a list of names such as {[CPU[0]]}, not {providers!r}")
    specs = dict(_spec(entry) for entry in providers)
    here = ort.get_available_providers()
    for name in [name for name in specs if name not in here]:
        del specs[name]
        _warn(f"{name} cannot be used: {reason(name) or 'this ONNX Runtime lacks it'}")
    if "CUDAExecutionProvider" in specs:
        cuda.obstacle()
    return list((specs | {CPU[0]: specs.pop(CPU[0], {})}).items())


def _spec(entry: Any) -> Spec:
    """Return one entry of a caller's list as a name and its options."""
    name, options = entry if isinstance(entry, tuple) and len(entry) == 2 else (entry, {})
    if not isinstance(name, str) or not isinstance(options, dict):
        raise ModelError(
            f"{entry!r} is not an execution provider: give its name, or (name, options)"
        )
    known = {*ort.get_all_providers(), *(n for kind in KINDS.values() for n in kind.providers)}
    if name not in known:
        spelt = {known_name.lower(): known_name for known_name in known}
        [near] = difflib.get_close_matches(name.lower(), spelt, 1, cutoff=0.0)
        raise ModelError(f"no execution provider is called {name!r}; the nearest is {spelt[near]}")
    return name, options


def _tries(wanted: list[Spec], graphs: bool) -> list[list[Spec]]:
    """Return the lists to try in turn: each leaves out what the one before it put first."""
    tries = [wanted[start:] for start in range(len(wanted))]
    for place, [(name, options), *rest] in enumerate(tries):
        if graphs and name == "CUDAExecutionProvider":
            tries.insert(place, [(name, {**options, "enable_cuda_graph": "1"}), *rest])
            break
    return tries


def _try(
    path: Path, options: ort.SessionOptions, tries: list[list[Spec]]
) -> tuple[ort.InferenceSession, list[str]]:
    """Load a file with the first list that takes it; say what was not as it was wanted.

    Where none does, the file is to blame, and the CPU's error is raised.
    """
    complaints = []
    *others, last = tries
    for chain in others:
        try:
            session = _start(path, options, chain)
        except Exception as error:  # ONNX Runtime's errors share no base of their own.
            complaints.append(_failure(chain[0], error))
        else:
            return session, complaints + _refusal(chain[0], session.get_providers())
    return _start(path, options, last), complaints


def _start(path: Path, options: ort.SessionOptions, chain: list[Spec]) -> ort.InferenceSession:
    """Load a file; ONNX Runtime's own fallback, which prints, stays off."""
    return ort.InferenceSession(str(path), options, providers=chain, enable_fallback=0)


def _failure(spec: Spec, error: Exception) -> str:
    """Return why a provider did not take a model."""
    name, options = spec
    words = first_words(error)
    if "enable_cuda_graph" in options:
        return f"the model does not run as a CUDA graph: {words}"
    if any(sign in str(error).lower() for sign in _FULL):
        return f"the GPU's memory is full, {name} cannot take the model: {words}"
    return f"{name} does not take the model: {reason(name, options) or words}"


def _refusal(spec: Spec, got: Sequence[str]) -> list[str]:
    """Return that ONNX Runtime took another provider than the one it was asked for, if it did."""
    name, options = spec
    if name in got:
        return []
    why = reason(name, options) or "STREAMCUT_DEBUG=1 shows what ONNX Runtime says"
    idle = "" if cuda.driver() is None else "an NVIDIA GPU sits idle: "
    return [f"{idle}{got[0]} was taken instead of {name}: {why}"]


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=5)
