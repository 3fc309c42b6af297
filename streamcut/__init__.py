"""streamcut: a streaming background remover.

``remove``, ``new_session`` and ``BaseSession`` are those that rembg's users know;
``remove_video`` does for a video what ``remove`` does for a picture.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from streamcut.core.errors import (
    ConfigError,
    MissingDependencyError,
    ModelError,
    OutputClosedError,
    OutputExistsError,
    ResourcesError,
    SinkError,
    SourceError,
    StreamcutError,
    UsageError,
)

if TYPE_CHECKING:
    from streamcut.core.config import Settings
    from streamcut.cutout import remove
    from streamcut.jobs.file import Job, remove_video
    from streamcut.jobs.frames import CutoutFrame, Frames, frames
    from streamcut.jobs.matter import Matter
    from streamcut.jobs.report import Summary
    from streamcut.jobs.still import remove_image
    from streamcut.sessions import BaseSession, new_session

__version__ = "0.1.0"

# ONNX Runtime sends telemetry (since 1.29 on Linux, too) unless this is set before its import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = [
    "BaseSession",
    "ConfigError",
    "CutoutFrame",
    "Frames",
    "Job",
    "Matter",
    "MissingDependencyError",
    "ModelError",
    "OutputClosedError",
    "OutputExistsError",
    "ResourcesError",
    "Settings",
    "SinkError",
    "SourceError",
    "StreamcutError",
    "Summary",
    "UsageError",
    "frames",
    "new_session",
    "remove",
    "remove_image",
    "remove_video",
]

# Imported when first used: the command line must answer before ONNX Runtime has loaded.
_HOMES = {
    "BaseSession": "sessions",
    "CutoutFrame": "jobs.frames",
    "Frames": "jobs.frames",
    "Job": "jobs.file",
    "Matter": "jobs.matter",
    "Settings": "core.config",
    "Summary": "jobs.report",
    "frames": "jobs.frames",
    "new_session": "sessions",
    "remove": "cutout",
    "remove_image": "jobs.still",
    "remove_video": "jobs.file",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
