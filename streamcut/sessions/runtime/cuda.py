"""What stands between NVIDIA's GPUs and ONNX Runtime here, and what to type about it."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import onnxruntime as ort

_WINDOWS = sys.platform == "win32"
_DRIVER = "nvcuda.dll" if _WINDOWS else "libcuda.so.1"
_SEARCH_PATH = 0  # On Windows: look also where PATH says, as ONNX Runtime does.
_NO_DEVICE, _STUB = 100, 34  # Of CUDA's error codes: those that mean that there is no GPU.
_GET = "pip install 'streamcut[cuda]'"

# All of these are one Python module: each overwrites the files of the one before it.
_PACKAGES = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-migraphx",
    "onnxruntime-rocm",
)


@dataclass(frozen=True, slots=True)
class Driver:
    """An NVIDIA driver that is loaded.

    Attributes:
        gpus: how many GPUs it shows to this process.
        cuda: the CUDA version that it can run, 1000 x major + 10 x minor.
        fault: CUDA's error code where it does not start, else 0.
    """

    gpus: int = 0
    cuda: int = 0
    fault: int = 0


@cache
def driver() -> Driver | None:
    """Return the NVIDIA driver, or None where there is none or it has no GPU to show."""
    try:
        library = ctypes.CDLL(_DRIVER)
    except OSError:
        return None
    fault = library.cuInit(0)
    if fault in (_NO_DEVICE, _STUB):
        return None
    count, version = ctypes.c_int(), ctypes.c_int()
    library.cuDriverGetVersion(ctypes.byref(version))
    if fault:
        return Driver(cuda=version.value, fault=fault)
    library.cuDeviceGetCount(ctypes.byref(count))
    return Driver(count.value, version.value) if count.value else None


def obstacle(index: int = 0) -> str | None:
    """Return why CUDA cannot be used and what to type; None if it can.

    Where it can, its libraries are loaded afterwards, wherever pip has put them.

    Args:
        index: of the GPU that is wanted.
    """
    here = driver()
    if here is None:
        return f"there is no NVIDIA GPU, or no driver for it ({_DRIVER})"
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return _packages()
    return _driver(here, index) or _libraries()


def tensorrt_obstacle(index: int = 0) -> str | None:
    """Return why TensorRT cannot be used and what to type; None if it can.

    Asking ONNX Runtime itself would cost seconds and end in a page of its log.
    """
    if "TensorrtExecutionProvider" not in ort.get_available_providers():
        return "the ONNX Runtime installed here has no TensorRT"
    why = obstacle(index)
    if why is not None:
        return why
    version = _tensorrt_version()
    form = "{}_{}.dll" if _WINDOWS else "lib{}.so.{}"
    missing = _missing([form.format(name, version) for name in ("nvinfer", "nvonnxparser")])
    if missing:  # NVIDIA's package loads its libraries when it is imported.
        with contextlib.suppress(ImportError, OSError):
            importlib.import_module("tensorrt_libs")
        missing = _missing(missing)
    get = f"pip install 'tensorrt-cu{_built_for()}=={version}.*'"
    return f"{missing[0]} of TensorRT is missing: {get}" if missing else None


def installed() -> list[str]:
    """Return which packages of ONNX Runtime are installed; more than one spoil each other."""
    from importlib import metadata  # slow, and seldom wanted

    found = []
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            metadata.version(name)
            found.append(name)
    return found


def _packages() -> str:
    """Return why ONNX Runtime has no CUDA although there is a GPU."""
    here = installed()
    if len(here) > 1:
        what = f"{' and '.join(here)} are installed together and overwrite each other"
    else:
        what = f"the package {' '.join(here) or 'onnxruntime'} has no CUDA"
        if platform.machine().lower() not in ("x86_64", "amd64"):
            return f"{what}, and none with CUDA is published for {platform.machine()}"
    return f"{what}: pip uninstall -y {' '.join(here)} && {_GET}"


def _driver(here: Driver, index: int) -> str | None:
    """Return why a driver cannot run what ONNX Runtime was built for."""
    if here.fault:
        return f"the NVIDIA driver does not start (CUDA error {here.fault}): does nvidia-smi work?"
    if here.cuda // 1000 < _built_for():
        return (
            f"the NVIDIA driver knows CUDA {here.cuda // 1000}.{here.cuda % 1000 // 10}, ONNX "
            f"Runtime {ort.__version__} needs CUDA {_built_for()}: update the driver"
        )
    if index >= here.gpus:
        return f"there is no GPU {index}: the driver shows {here.gpus}, counted from 0"
    return None


def _libraries() -> str | None:
    """Load CUDA's libraries; return which is missing, and what to type."""
    missing = _missing(_wanted())
    preload = getattr(ort, "preload_dlls", None)  # Since 1.21.
    if missing and preload is not None:
        with contextlib.redirect_stdout(io.StringIO()):  # It prints what it does not find.
            preload()
        missing = _missing(missing)
    return f"{', '.join(missing)} cannot be loaded: {_GET}" if missing else None


def _wanted() -> list[str]:
    """Return the libraries that ONNX Runtime's CUDA provider is linked with, and cuDNN."""
    major = _built_for()
    if _WINDOWS:
        names = ("cublasLt64_{}", "cublas64_{}", "cudart64_{}")
        return [f"{name.format(major)}.dll" for name in names] + ["cudnn64_9.dll"]
    names = ("libcublasLt.so.{}", "libcublas.so.{}", "libcudart.so.{}")
    others = ["libcurand.so.10", "libcudnn.so.9"] + ["libcufft.so.11"] * (major == 12)
    return [name.format(major) for name in names] + others


def _missing(names: Sequence[str]) -> list[str]:
    """Return those of some libraries that cannot be loaded; what can be is loaded afterwards."""
    return [name for name in names if not _loads(name)]


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name, winmode=_SEARCH_PATH)
    except OSError:
        return False
    return True


def _tensorrt_version() -> str:
    """Return the major version of TensorRT that ONNX Runtime's provider is linked with."""
    name = "onnxruntime_providers_tensorrt"
    file = f"{name}.dll" if _WINDOWS else f"lib{name}.so"
    try:
        linked = (Path(ort.__file__).parent / "capi" / file).read_bytes()
    except OSError:
        linked = b""
    found = re.search(rb"nvinfer(?:\.so\.|_)(\d+)", linked)
    return found[1].decode() if found else "10"


def _built_for() -> int:
    """Return the major version of CUDA that this ONNX Runtime was built for."""
    version = str(getattr(ort, "cuda_version", "") or "12")
    return int(version.split(".")[0])
