"""Where models can run: the devices, what stands in the way of each, and how each is set up."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import onnxruntime as ort
import platformdirs

from streamcut.core.cpu import cpu_count, wanted_threads
from streamcut.core.errors import UsageError
from streamcut.sessions.runtime import cuda

# Its errors arrive as exceptions; its log is for who looks for the reason of one.
_LOG_NOTHING, _LOG_WARNINGS = 4, 2
_SEVERITY = _LOG_WARNINGS if os.environ.get("STREAMCUT_DEBUG") else _LOG_NOTHING
ort.set_default_logger_severity(_SEVERITY)

Spec = tuple[str, dict[str, Any]]
"""An execution provider's name and its options, as ONNX Runtime takes them."""

CPU: Spec = ("CPUExecutionProvider", {})


@dataclass(frozen=True, slots=True)
class Kind:
    """One value of the setting ``device``.

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


KINDS = {
    "tensorrt": Kind(("TensorrtExecutionProvider",), "", half={"trt_fp16_enable": "1"}),
    "cuda": Kind(("CUDAExecutionProvider",), "onnxruntime-gpu"),
    "coreml": Kind(("CoreMLExecutionProvider",), "onnxruntime", index=None, system="darwin"),
    "directml": Kind(("DmlExecutionProvider",), "onnxruntime-directml", system="win32"),
    "openvino": Kind(
        ("OpenVINOExecutionProvider",),
        "onnxruntime-openvino",
        index=("device_type", "GPU.{}"),
        half={"precision": "FP16"},
    ),
    "rocm": Kind(("ROCMExecutionProvider", "MIGraphXExecutionProvider"), "onnxruntime-migraphx"),
    "cpu": Kind(("CPUExecutionProvider",), "onnxruntime", index=None),
}
_SYSTEMS = {"darwin": "Macs", "win32": "Windows"}

DEVICES = tuple(KINDS)
"""Values of the setting ``device`` beside ``auto``, which takes the first that can be used."""


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
        if colon and not (digits.isascii() and digits.isdecimal() and len(digits) < 5):
            raise UsageError(f"{text!r} is not a device: write {name} or {name}:0")
        if colon and (name == "auto" or KINDS[name].index is None):
            raise UsageError(f"the device {name} takes no number")
        if require_gpu and name == "cpu":
            raise UsageError("a GPU is required and the device is cpu: leave one of them out")
        return cls(name, int(digits) if colon else None, require_gpu, half, cuda_graphs)

    @property
    def on_gpu(self) -> bool:
        """Whether it has to be something else than the CPU."""
        return self.require_gpu or self.name not in ("auto", "cpu")

    def options(self, name: str) -> dict[str, Any]:
        """Return the options of the provider behind one of :data:`DEVICES`."""
        kind, made = KINDS[name], {}
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
        if provider_of(name) == "MIGraphXExecutionProvider":
            return {"migraphx_fp16_enable": "1"}
        return KINDS[name].half


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
    if provider_of(name) is not None:
        return None
    kind, here = KINDS[name], " ".join(cuda.installed())
    if kind.system not in (None, sys.platform):
        return f"it is for {_SYSTEMS[kind.system]}"
    remove = f"pip uninstall -y {here} && " if here else ""
    return f"the ONNX Runtime installed here lacks it: {remove}pip install {kind.package}"


def place_of(session: object) -> str:
    """Return where a session runs: CPU, CUDA ...; what has no network runs on the CPU."""
    network: Any = getattr(session, "inner_session", None)
    providers = network.get_providers() if hasattr(network, "get_providers") else [CPU[0]]
    return str(providers[0]).removesuffix("ExecutionProvider")


def reason(provider: str, options: Mapping[str, Any] = MappingProxyType({})) -> str | None:
    """Return what stands in a provider's way, if that is known."""
    names = [name for name, kind in KINDS.items() if provider in kind.providers]
    index = str(options.get("device_id", 0))
    return obstacle(names[0], int(index) if index.isdecimal() else 0) if names else None


def provider_of(name: str) -> str | None:
    """Return ONNX Runtime's name for a device, or None where it lacks it."""
    here = ort.get_available_providers()
    return next((provider for provider in KINDS[name].providers if provider in here), None)


def _engine_cache() -> dict[str, str]:
    """Return where TensorRT keeps its engines and timings, which take it minutes to make."""
    folder = Path(platformdirs.user_cache_dir("streamcut", appauthor=False)) / "tensorrt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # Nowhere to keep them: they are made anew each time.
        return {}
    if not any(folder.glob("*.engine")):
        told = f"TensorRT builds an engine first, which takes minutes; {folder} keeps it"
        warnings.warn(told, RuntimeWarning, stacklevel=5)
    kept = {"trt_engine_cache_enable": "1", "trt_timing_cache_enable": "1"}
    return kept | {f"trt_{what}_cache_path": str(folder) for what in ("engine", "timing")}
