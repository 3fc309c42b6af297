"""Processors, GPUs, and where the network runs."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from streamcut.core.cpu import cpu_count
from streamcut.diagnostics.doctor.finding import Finding

_PATIENCE = 5.0


def cpu() -> Iterator[Finding]:
    """Find the processors, and how many threads a job would use."""
    from streamcut.sessions import session_options

    network_threads = session_options().intra_op_num_threads
    yield Finding.ok(
        f"{_cpu_name()}: {cpu_count()} processors; a job's network uses {network_threads}, its "
        "decoder and its encoder take what suits them (setting threads)"
    )


def gpus() -> Iterator[Finding]:
    """Find NVIDIA's GPUs, as its own tool shows them."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        yield Finding.ok("no nvidia-smi: no NVIDIA driver, or not in the PATH")
        return
    query = ("--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
    try:
        ran = subprocess.run([tool, *query], capture_output=True, text=True, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding.problem(f"nvidia-smi does not answer: {error}", "restart, or see dmesg")
        return
    if ran.returncode:
        said = (ran.stderr or ran.stdout).strip().partition("\n")[0]
        yield Finding.problem(f"nvidia-smi: {said}", "install NVIDIA's driver again")
    for line in ran.stdout.splitlines() if not ran.returncode else ():
        yield Finding.ok(line.strip())


def devices() -> Iterator[Finding]:
    """Find which devices ONNX Runtime can use here, and what stands in the way of the others."""
    from streamcut.sessions.runtime.cuda import driver
    from streamcut.sessions.runtime.device import DEVICES, obstacle

    for name in DEVICES:
        why = obstacle(name)
        if why is None:
            yield Finding.ok(f"{name} can be used")
        elif name == "cuda" and driver() is not None:
            yield Finding.problem(f"{name} cannot be used: {why}")
        elif name in ("cuda", "tensorrt", "coreml" if sys.platform == "darwin" else ""):
            yield Finding.note(f"{name} cannot be used: {why}")


def network() -> Iterator[Finding]:
    """Find where the package's own network runs, by loading it."""
    from streamcut.core.errors import ModelError
    from streamcut.sessions import new_session

    try:
        session = new_session()
    except ModelError as error:
        yield Finding.problem(str(error), "pip install --force-reinstall streamcut", fatal=True)
        return
    provider = session.inner_session.get_providers()[0].removesuffix("ExecutionProvider")
    yield Finding.ok(f"{session.model_name} is loaded and runs on {provider}")


def _cpu_name() -> str:
    """Return what the processor calls itself."""
    facts = Path("/proc/cpuinfo")
    for line in facts.read_text().splitlines() if facts.is_file() else ():
        if line.startswith(("model name", "Hardware", "Model")):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
