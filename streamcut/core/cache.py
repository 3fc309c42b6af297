"""Small facts kept between runs, in the user's cache folder: losing them costs time, no more."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import platformdirs


def folder() -> Path:
    """Return where the facts are kept."""
    return Path(platformdirs.user_cache_dir("streamcut", appauthor=False))


def recall(name: str) -> dict[str, Any]:
    """Return the facts of that name; none where they are absent or unreadable."""
    if not folder().is_absolute():  # There is no home.
        return {}
    try:
        facts = json.loads((folder() / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def remember(name: str, key: str, fact: Any) -> None:
    """Add a fact, where the folder can be written; what stands there stays whole throughout."""
    if not folder().is_absolute():
        return
    path = folder() / f"{name}.json"
    own = path.with_name(f"{name}.{os.getpid()}.{threading.get_ident()}.tmp")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(json.dumps(recall(name) | {key: fact}, indent=1), encoding="utf-8")
        os.replace(own, path)


def make_room_for_numba() -> None:
    """Give numba a folder of this run's own where it has no other for what it compiles.

    It refuses to compile at all where neither its packages' folders nor the user's cache can be
    written. Called before it is imported. Nobody else can have put code into the folder.
    """
    compiled = importlib.util.find_spec("pymatting")
    places = [*(compiled.submodule_search_locations or [] if compiled else []), str(folder())]
    if "NUMBA_CACHE_DIR" in os.environ or any(map(_writable, places)):
        return
    with contextlib.suppress(OSError):
        made = tempfile.mkdtemp(prefix="streamcut-numba-")
        atexit.register(shutil.rmtree, made, ignore_errors=True)
        os.environ["NUMBA_CACHE_DIR"] = made


def _writable(path: str) -> bool:
    """Whether a folder can be written, or made where it is not there yet."""
    if not os.path.isabs(path):
        return False
    while not os.path.lexists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK)
