"""Where models run: execution providers and thread counts for this machine."""

from __future__ import annotations

import ctypes
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import onnxruntime as ort

from streamcut.cpu import cpu_count

ort.set_default_logger_severity(4)  # Its errors arrive as exceptions; its log is for its authors.

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


def session_options(threads: int = 0) -> ort.SessionOptions:
    """Return ONNX Runtime's options for running beside a decoder and an encoder.

    Args:
        threads: for one network run; 0 takes half of the processors, four at most, because
            small networks gain little from more and the encoder wants the rest.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or max(1, min(4, cpu_count() // 2))
    options.inter_op_num_threads = 1
    # A spinning worker takes the time that the encoder needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    return options


def default_providers() -> list[str]:
    """Return the execution providers to use, in order: CUDA where a driver is present, CPU."""
    if CUDA not in ort.get_available_providers() or not _cuda_driver():
        return [CPU]
    ort.preload_dlls()
    return [CUDA, CPU]


def warn_if_slower(session: ort.InferenceSession, wanted: Sequence[Any]) -> None:
    """Warn when a GPU was there but the session fell back to the CPU."""
    if CUDA in wanted and CUDA not in session.get_providers():
        warnings.warn(
            "an NVIDIA driver is present but ONNX Runtime cannot use it, so the network runs "
            "on the CPU; install the CUDA libraries with: pip install 'streamcut[cuda]'",
            RuntimeWarning,
            stacklevel=3,
        )


@cache
def _cuda_driver() -> bool:
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
