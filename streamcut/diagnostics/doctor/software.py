"""Python, packages, the cache of models, the settings, the terminal."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from streamcut.core import config_file
from streamcut.core.errors import ConfigError
from streamcut.diagnostics.doctor.finding import Finding, short
from streamcut.media.urls import public

_WANTED_GB = 2.0
_REINSTALL = "pip install --force-reinstall streamcut"
_SHOWN = (
    *("numpy", "opencv-python-headless", "pillow", "scipy", "pymatting", "click", "rich"),
    *("requests", "platformdirs"),
)
_VARIABLES = (
    *("U2NET_HOME", "XDG_DATA_HOME", "REMBG_HOME", "MODEL_CHECKSUM_DISABLED"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE"),
    *("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "STREAMCUT_DEBUG"),
)


def python() -> Iterator[Finding]:
    """Find the versions of streamcut, Python and the system."""
    yield Finding.ok(
        f"streamcut {_version('streamcut') or 'not installed'}, Python {platform.python_version()} "
        f"({short(sys.executable)}), {platform.platform()}"
    )


def packages() -> Iterator[Finding]:
    """Find the packages that streamcut stands on, and such as spoil each other."""
    found = {name: _version(name) for name in _SHOWN}
    yield Finding.ok(", ".join(f"{name} {version}" for name, version in found.items() if version))
    missing = [name for name, version in found.items() if version is None]
    if missing:
        yield Finding.problem(f"not installed: {', '.join(missing)}", _REINSTALL)
    yield from _rivals("opencv", [name for name in _installed() if name.startswith("opencv-")])


def ffmpeg() -> Iterator[Finding]:
    """Find PyAV and the FFmpeg inside it."""
    try:
        import av
    except ImportError as error:
        yield Finding.problem(f"PyAV cannot be imported: {error}", _REINSTALL, fatal=True)
        return
    libraries = ", ".join(
        f"{name} {'.'.join(map(str, version))}"
        for name, version in av.library_versions.items()
        if name in ("libavcodec", "libavformat", "libswscale")
    )
    inside = getattr(av, "ffmpeg_version_info", "")
    yield Finding.ok(f"PyAV {av.__version__} with FFmpeg {inside} ({libraries})")


def onnxruntime() -> Iterator[Finding]:
    """Find ONNX Runtime, and whether several of its packages overwrite each other."""
    flavours = [name for name in _installed() if re.match(r"onnxruntime(-|$)|ort-", name)]
    flavours = [name for name in flavours if not name.startswith("onnxruntime-extensions")]
    try:
        import onnxruntime as ort
    except ImportError as error:
        advice = f"pip uninstall -y {' '.join(flavours)}; {_REINSTALL}"
        yield Finding.problem(f"ONNX Runtime cannot be imported: {error}", advice, fatal=True)
        return
    named = ", ".join(f"{name} {_version(name)}" for name in flavours) or "not from a package"
    names = [name.removesuffix("ExecutionProvider") for name in ort.get_available_providers()]
    yield Finding.ok(f"ONNX Runtime {ort.__version__} ({named}), built for {', '.join(names)}")
    yield from _rivals("onnxruntime", flavours)


def cache() -> Iterator[Finding]:
    """Find the folder of the models, and whether what is in it is whole."""
    from streamcut.sessions.files.store import cache_folder

    folder = cache_folder()
    if os.path.exists(folder) and not os.path.isdir(folder):
        yield Finding.problem(f"{short(folder)} is not a folder", "remove it, or set U2NET_HOME")
        return
    parent = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    if not os.access(parent, os.W_OK | os.X_OK):
        advice = "let U2NET_HOME name a folder that can be written"
        yield Finding.note(f"{short(folder)} cannot be written: no model can be downloaded", advice)
    free = shutil.disk_usage(parent).free / 1e9
    if free < _WANTED_GB:
        advice = "make room, or let U2NET_HOME name a folder on another disk"
        yield Finding.note(f"{free:.1f} GB free: too little for the largest models", advice)
    yield from _files(folder, f"{free:.1f} GB free")


def configuration() -> Iterator[Finding]:
    """Find the user's configuration file, and whether it is valid."""
    path = config_file.user_file()
    if not os.path.exists(path):
        yield Finding.ok(f"no {short(path)}: the defaults are used")
        return
    try:
        settings = config_file.load(path)
    except ConfigError as error:
        yield Finding.problem(short(error), "correct it; docs/cli.md lists every key")
        return
    mirror = ", models from a mirror" if settings.weights.mirror else ""
    yield Finding.ok(f"{short(path)} is valid{mirror}")


def environment() -> Iterator[Finding]:
    """Find the variables that change what streamcut does."""
    names = [*_VARIABLES, *(name.lower() for name in _VARIABLES if name.endswith("_PROXY"))]
    found = [f"{name}={_shown(os.environ[name])}" for name in names if name in os.environ]
    yield Finding.ok(short(", ".join(found)) or "nothing set that matters here")
    if "MODEL_CHECKSUM_DISABLED" in os.environ:
        yield Finding.note("the checksums of downloaded models are not verified")


def _shown(value: str) -> str:
    """Return a variable without the password of a proxy, which may stand there without scheme."""
    return re.sub(r"^[^/]*@", "***@", public(value))


def terminal() -> Iterator[Finding]:
    """Find what the terminal can show."""
    columns, rows = shutil.get_terminal_size()
    kinds = [name for name in ("stdin", "stdout", "stderr") if getattr(sys, name).isatty()]
    where = f"{', '.join(kinds)} on a terminal" if kinds else "no terminal"
    encoding = sys.stdout.encoding
    yield Finding.ok(f"{where}, {columns}x{rows}, {encoding}, TERM={os.environ.get('TERM', '')}")
    if encoding.lower().replace("-", "") != "utf8":
        yield Finding.note(f"{encoding} cannot show every file name", "set PYTHONUTF8=1")


def _files(folder: Path, free: str) -> Iterator[Finding]:
    """Find the models that are there, downloads that were broken off, and wrong files.

    Checksums are hashed once and remembered: a model that has been used takes no time.
    """
    from streamcut.sessions.files.catalog import CATALOG
    from streamcut.sessions.files.store import fault_of, located

    here = []
    for weights in (weights for model in CATALOG for weights in model.weights):
        path = located(weights)
        if path is None:
            continue
        here.append(path.name)
        if fault := fault_of(weights, path):
            text = f"{short(path)} {fault}"
            yield Finding.problem(text, "remove it; it is fetched again when it is used")
    there = f"{short(folder)}: {', '.join(here) or 'no models yet'}; {free}"
    yield Finding.ok(there)
    parts = sorted(folder.glob("*.part")) if os.access(folder, os.R_OK | os.X_OK) else []
    for part in parts:
        size_there = f"{part.stat().st_size / 1e6:.1f} MB of it are there"
        yield Finding.note(f"{part.stem} was not fetched to its end: {size_there}", "it goes on")


def _rivals(module: str, names: list[str]) -> Iterator[Finding]:
    """Find several packages that hold the same module: the last one installed wins, in parts."""
    if len(names) > 1:
        yield Finding.problem(
            f"{' and '.join(names)} are installed together: both hold {module}, and spoil it",
            f"pip uninstall -y {' '.join(names)}; {_REINSTALL}",
        )


def _installed() -> list[str]:
    names = (each.metadata["Name"] for each in metadata.distributions())
    return sorted({name.lower().replace("_", "-") for name in names if name})


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
