"""What this machine has and what it lacks, as far as streamcut is concerned.

Each probe looks at one thing and yields findings. None may end the others: what it raises is a
finding too. Nothing is imported before its probe runs, since a package that cannot be imported
is just what is looked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator

from streamcut.diagnostics.doctor.finding import Finding
from streamcut.diagnostics.doctor.hardware import cpu, devices, gpus, network
from streamcut.diagnostics.doctor.media import cameras, codecs, virtual_camera
from streamcut.diagnostics.doctor.software import (
    cache,
    configuration,
    environment,
    ffmpeg,
    onnxruntime,
    packages,
    python,
    terminal,
)

__all__ = ["PROBES", "Finding", "examine"]

Probe = Callable[[], Iterable[Finding]]

PROBES: dict[str, Probe] = {
    "python": python,
    "packages": packages,
    "ffmpeg": ffmpeg,
    "codecs": codecs,
    "onnxruntime": onnxruntime,
    "cpu": cpu,
    "gpu": gpus,
    "devices": devices,
    "network": network,
    "models": cache,
    "cameras": cameras,
    "virtual camera": virtual_camera,
    "settings": configuration,
    "environment": environment,
    "terminal": terminal,
}
"""What is looked at, in the order in which it is told."""


def examine() -> Iterator[tuple[str, Finding]]:
    """Yield every finding with the name of its probe."""
    for name, probe in PROBES.items():
        for finding in _guarded(probe):
            yield name, finding


def _guarded(probe: Probe) -> list[Finding]:
    """Run a probe; what it raises, and what it warns of, are findings too."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        findings: list[Finding] = []
        try:
            findings.extend(probe())
        except Exception as error:  # Whatever it is, the other probes shall run.
            text = f"this check itself failed: {type(error).__name__}: {error}"
            findings.append(Finding.problem(text, "please report it"))
    said = dict.fromkeys(str(each.message) for each in warned if _ours(each.category))
    return findings + [Finding.problem(text) for text in said]


def _ours(category: type[Warning]) -> bool:
    return not issubclass(category, (DeprecationWarning, PendingDeprecationWarning))
