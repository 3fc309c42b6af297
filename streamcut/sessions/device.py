"""Where models run: the choice of an execution provider, and what is said when a GPU sits idle."""

from __future__ import annotations

import difflib
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import onnxruntime as ort
import platformdirs

from streamcut.cpu import cpu_count, wanted_threads
from streamcut.errors import ModelError, UsageError
from streamcut.sessions import cuda

# Its errors arrive as exceptions; its log is for who looks for the reason of one.
_LOG_NOTHING, _LOG_WARNINGS = 4, 2
_SEVERITY = _LOG_WARNINGS if os.environ.get("STREAMCUT_DEBUG") else _LOG_NOTHING
ort.set_default_logger_severity(_SEVERITY)

Spec = tuple[str, dict[str, Any]]
"""An execution provider's name and its options, as ONNX Runtime takes them."""

CPU: Spec = ("CPUExecutionProvider", {})


@dataclass(frozen=True, slots=True)
class _Kind:
    """One value of ``--device``.

    Attributes:
        providers: ONNX Runtime's names for it; the first that is there is taken.
        package: what ONNX Runtime's package is called that has it.
        index: the option that takes a GPU's number, its value with "{}" for that, or None.
        half: the options that make it compute in 16 bits; none where the graph alone decides.
        system: what ``sys.platform`` is where alone it exists, or None.
    """

    providers: tuple[str, ...]
    package: str
    index: tuple[str, str] | None = ("device_id", "{}")
    half: dict[str, str] = field(default_factory=dict)
    system: str | None = None


_KINDS = {
    "tensorrt": _Kind(("TensorrtExecutionProvider",), "", half={"trt_fp16_enable": "1"}),
    "cuda": _Kind(("CUDAExecutionProvider",), "onnxruntime-gpu"),
    "coreml": _Kind(("CoreMLExecutionProvider",), "onnxruntime", index=None, system="darwin"),
    "directml": _Kind(("DmlExecutionProvider",), "onnxruntime-directml", system="win32"),
    "openvino": _Kind(
        ("OpenVINOExecutionProvider",),
        "onnxruntime-openvino",
        index=("device_type", "GPU.{}"),
        half={"precision": "FP16"},
    ),
    "rocm": _Kind(("ROCMExecutionProvider", "MIGraphXExecutionProvider"), "onnxruntime-migraphx"),
    "cpu": _Kind(("CPUExecutionProvider",), "onnxruntime", index=None),
}
_SYSTEMS = {"darwin": "Macs", "win32": "Windows"}
_FOR_NVIDIA = ("tensorrt", "cuda", "directml")
_FULL = ("out of memory", "failed to allocate", "bad_alloc")  # As CUDA and the arena say it.

DEVICES = tuple(_KINDS)
"""What ``--device`` may name beside ``auto``; ``auto`` takes the first that can be used."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where a model is to run.

    Attributes:
        name: one of :data:`DEVICES`, or "auto".
        index: which of several GPUs.
        require_gpu: refuse to run on the CPU, instead of warning that a GPU sits idle.
        half: compute in 16 bits where the provider can.
        cuda_graphs: replay the frames of a video as one CUDA graph, where the model allows it.
    """

    name: str = "auto"
    index: int | None = None
    require_gpu: bool = False
    half: bool = False
    cuda_graphs: bool = False

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        require_gpu: bool = False,
        half: bool = False,
        cuda_graphs: bool = False,
    ) -> Device:
        """Return the device of a text such as ``auto``, ``cpu`` or ``cuda:1``.

        Raises:
            UsageError: if it names none, or none that the rest allows.
        """
        name, colon, digits = text.strip().lower().partition(":")
        if name not in ("auto", *DEVICES):
            raise UsageError(f"device is one of auto, {', '.join(DEVICES)}, not {text!r}")
        if colon and not (digits.isascii() and digits.isdecimal()):
            raise UsageError(f"{text!r} is no device: write {name} or {name}:0")
        if colon and (name == "auto" or _KINDS[name].index is None):
            raise UsageError(f"the device {name} takes no number")
        if require_gpu and name == "cpu":
            raise UsageError("a GPU is required and the device is cpu: leave one of them out")
        return cls(name, int(digits) if colon else None, require_gpu, half, cuda_graphs)

    def options(self, name: str) -> dict[str, Any]:
        """Return the options of the provider behind one of :data:`DEVICES`."""
        kind, made = _KINDS[name], {}
        if kind.index is not None and self.index is not None:
            option, value = kind.index
            made[option] = value.format(self.index)
        if name == "openvino" and self.require_gpu:
            made.setdefault("device_type", "GPU")
        return made | (_engine_cache() if name == "tensorrt" else {}) | self.half_options(name)

    def half_options(self, name: str) -> dict[str, str]:
        """Return what makes a provider compute in 16 bits."""
        if not self.half:
            return {}
        if _provider_of(name) == "MIGraphXExecutionProvider":
            return {"migraphx_fp16_enable": "1"}
        return _KINDS[name].half


def session_options(threads: int = 0) -> ort.SessionOptions:
    """Return ONNX Runtime's options for running beside a decoder and an encoder.

    Args:
        threads: for one network run; 0 takes ``OMP_NUM_THREADS`` as rembg does, else half of
            the processors, four at most, because small networks gain little from more and the
            encoder wants the rest.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or wanted_threads() or max(1, min(4, cpu_count() // 2))
    options.inter_op_num_threads = 1
    # A spinning worker takes the time that the encoder needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _SEVERITY
    return options


def obstacle(name: str, index: int = 0) -> str | None:
    """Return why one of :data:`DEVICES` cannot be used here and what to type; None if it can.

    That it can be used is not to say that it will take every model.
    """
    if name == "cuda":
        return cuda.obstacle(index)
    if name == "tensorrt":
        return cuda.tensorrt_obstacle(index)
    if _provider_of(name) is not None:
        return None
    kind, here = _KINDS[name], " ".join(cuda.installed())
    if kind.system not in (None, sys.platform):
        return f"it is for {_SYSTEMS[kind.system]}"
    remove = f"pip uninstall -y {here} && " if here else ""
    return f"the ONNX Runtime installed here lacks it: {remove}pip install {kind.package}"


def load(
    path: Path,
    options: ort.SessionOptions,
    providers: Sequence[Any] | None = None,
    device: Device | None = None,
    *,
    bound: bool = False,
) -> ort.InferenceSession:
    """Load an ONNX file where it runs fastest; never leave a GPU idle in silence.

    Args:
        path: the file.
        options: ONNX Runtime's; where they leave the threads open, ``OMP_NUM_THREADS`` decides.
        providers: execution providers in order, as rembg takes them: they win over ``device``.
        device: where it is to run; None is ``auto``.
        bound: every run will be a :class:`~streamcut.sessions.runner.Runner`'s, so that CUDA
            graphs are allowed.

    Raises:
        ModelError: if the device cannot be used, though it was asked for by name or a GPU is
            required, or if ``providers`` is no list of provider names.
        Exception: ONNX Runtime's own, if the file is no graph that it can run.
    """
    device = device or Device()
    options.intra_op_num_threads = options.intra_op_num_threads or wanted_threads()
    wanted = _given(providers) if providers else _chosen(device)
    session, complaints = _try(path, options, _tries(wanted, bound and device.cuda_graphs))
    if not providers and not _is_meant(device, session.get_providers()[0]):
        raise ModelError("; ".join(complaints))
    for text in complaints:
        _warn(text)
    return session


def place_of(session: object) -> str:
    """Return where a session runs: CPU, CUDA ...; what has no network runs on the CPU."""
    network: Any = getattr(session, "inner_session", None)
    providers = network.get_providers() if hasattr(network, "get_providers") else [CPU[0]]
    return str(providers[0]).removesuffix("ExecutionProvider")


def first_words(error: Exception) -> str:
    """Return what ONNX Runtime says went wrong, without its file names and codes."""
    [first, *_] = str(error).splitlines() or [type(error).__name__]
    line = first.rpartition("failed:")[2]
    return line.rpartition("[ONNXRuntimeError] : ")[2][:200]


def _chosen(device: Device) -> list[Spec]:
    """Return the providers for a device, the CPU last.

    Raises:
        ModelError: if it cannot be used, though it was asked for by name or a GPU is required.
    """
    name = _first_usable() if device.name == "auto" else device.name
    if name not in _FOR_NVIDIA:
        _mind_idle(device, name)
    if not _worth_trying(name):
        raise ModelError(f"the device {name} cannot be used: {obstacle(name)}")
    names = {"tensorrt": ["tensorrt", "cuda"], "cpu": []}.get(name, [name])
    if device.half and not any(device.half_options(name) for name in names):
        _warn(f"16 bits on {name} are a matter of the model's file: --half does nothing there")
    if "cuda" in names:
        cuda.obstacle()  # Loads the libraries that pip has put where nobody looks.
    return [*((_provider_of(n) or "", device.options(n)) for n in names), CPU]


def _is_meant(device: Device, provider: str) -> bool:
    """Whether a model that runs on a provider runs where it has to."""
    if device.name != "auto":
        return provider in _KINDS[device.name].providers
    return not device.require_gpu or provider != CPU[0]


def _first_usable() -> str:
    """Return the first device that may work; the CPU always does."""
    return next(name for name in DEVICES if _worth_trying(name))


def _worth_trying(name: str) -> bool:
    """Whether a device may work. Of CUDA more is known when it was tried, which costs little."""
    if name == "cuda":
        return _provider_of(name) is not None and cuda.driver() is not None
    return obstacle(name) is None


def _mind_idle(device: Device, name: str) -> None:
    """Say that an NVIDIA GPU is here that the chosen device leaves idle."""
    if device.require_gpu and name == "cpu":
        likely = "coreml" if sys.platform == "darwin" else "cuda"
        raise ModelError(f"a GPU is required and none can be used: {obstacle(likely)}")
    if device.name == "auto" and cuda.driver() is not None:
        _warn(f"an NVIDIA GPU sits idle, the network runs on {name}: {obstacle('cuda')}")


def _given(providers: Sequence[Any]) -> list[Spec]:
    """Return a caller's own list of providers, checked, the CPU last.

    Raises:
        ModelError: if it is no list of provider names, or of names with their options.
    """
    if isinstance(providers, str) or not isinstance(providers, Sequence):
        raise ModelError(f"providers is a list of names such as {[CPU[0]]}, not {providers!r}")
    specs = dict(_spec(entry) for entry in providers)
    here = ort.get_available_providers()
    for name in [name for name in specs if name not in here]:
        del specs[name]
        _warn(f"{name} cannot be used: {_reason(name) or 'this ONNX Runtime lacks it'}")
    if "CUDAExecutionProvider" in specs:
        cuda.obstacle()
    return list((specs | {CPU[0]: specs.pop(CPU[0], {})}).items())


def _spec(entry: Any) -> Spec:
    """Return one entry of a caller's list as a name and its options."""
    name, options = entry if isinstance(entry, tuple) and len(entry) == 2 else (entry, {})
    if not isinstance(name, str) or not isinstance(options, dict):
        raise ModelError(f"{entry!r} is no execution provider: give its name, or (name, options)")
    known = {*ort.get_all_providers(), *(n for kind in _KINDS.values() for n in kind.providers)}
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
    return f"{name} does not take the model: {_reason(name, options) or words}"


def _refusal(spec: Spec, got: Sequence[str]) -> list[str]:
    """Return that ONNX Runtime took another provider than the one it was asked for, if it did."""
    name, options = spec
    if name in got:
        return []
    why = _reason(name, options) or "STREAMCUT_DEBUG=1 shows what ONNX Runtime says"
    idle = "" if cuda.driver() is None else "an NVIDIA GPU sits idle: "
    return [f"{idle}{got[0]} was taken instead of {name}: {why}"]


def _reason(provider: str, options: Mapping[str, Any] = MappingProxyType({})) -> str | None:
    """Return what stands in a provider's way, if that is known."""
    names = [name for name, kind in _KINDS.items() if provider in kind.providers]
    index = str(options.get("device_id", 0))
    return obstacle(names[0], int(index) if index.isdecimal() else 0) if names else None


def _provider_of(name: str) -> str | None:
    """Return ONNX Runtime's name for a device, or None where it lacks it."""
    here = ort.get_available_providers()
    return next((provider for provider in _KINDS[name].providers if provider in here), None)


def _engine_cache() -> dict[str, str]:
    """Return where TensorRT keeps its engines and timings, which take it minutes to make."""
    folder = Path(platformdirs.user_cache_dir("streamcut", appauthor=False)) / "tensorrt"
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.glob("*.engine")):
        _warn(f"TensorRT builds an engine first, which takes minutes; {folder} keeps it")
    kept = {"trt_engine_cache_enable": "1", "trt_timing_cache_enable": "1"}
    return kept | {f"trt_{what}_cache_path": str(folder) for what in ("engine", "timing")}


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=5)
