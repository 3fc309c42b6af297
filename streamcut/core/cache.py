"""Small facts kept between runs, in the user's cache folder: losing them costs time, no more."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import platformdirs


def folder() -> Path:
    """Return where the facts are kept."""
    return Path(platformdirs.user_cache_dir("streamcut", appauthor=False))


def recall(name: str) -> dict[str, Any]:
    """Return the facts of that name; none where they are absent or unreadable."""
    try:
        facts = json.loads((folder() / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def remember(name: str, key: str, fact: Any) -> None:
    """Add a fact, where the folder can be written; what stands there stays whole throughout."""
    path = folder() / f"{name}.json"
    own = path.with_name(f"{name}.{os.getpid()}.{threading.get_ident()}.tmp")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(json.dumps(recall(name) | {key: fact}, indent=1), encoding="utf-8")
        os.replace(own, path)
