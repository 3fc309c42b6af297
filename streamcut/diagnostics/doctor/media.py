"""Codecs, cameras and virtual cameras."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from streamcut.diagnostics.doctor.finding import Finding

_DECODERS = {"h264", "hevc", "vp8", "vp9", "mpeg4", "prores", "ffv1", "qtrle", "mjpeg", "png"}
_DEVICES, _SYSTEM = Path("/dev"), Path("/sys")
_LOOPBACK = "v4l2loopback"
_OBS_FOR_WINDOWS = r"CLSID\{A3FCE0F5-3493-419F-958A-ABA1250EC20B}"
_OBS_FOR_MACOS = (
    "/Applications/OBS.app",
    "/Library/CoreMediaIO/Plug-Ins/DAL/obs-mac-virtualcam.plugin",
)


def codecs() -> Iterator[Finding]:
    """Find the encoders that the formats need, and the decoders that most videos need."""
    from streamcut.sinks.file.formats import FORMATS

    pictures = {codec.encoder for form in FORMATS for codec in form.codecs}
    sound = {form.audio_encoder for form in FORMATS if form.audio_encoder}
    yield from _codecs("encoders", pictures | sound, "w")
    yield from _codecs("decoders", _DECODERS, "r")


def cameras() -> Iterator[Finding]:
    """Find cameras, and whether they may be read."""
    if sys.platform == "linux":
        yield from _linux_cameras()
        return
    from streamcut.sources import cameras

    found = [camera.name for camera in cameras()]
    yield from map(Finding.ok, found)
    if not found:
        advice = "plug one in, and allow this program to use it in the privacy settings"
        yield Finding.note("no camera", advice)


def virtual_camera() -> Iterator[Finding]:
    """Find what is needed to be a camera for other programs."""
    if find_spec("pyvirtualcam") is None:
        yield Finding.note("the package pyvirtualcam is absent", "pip install pyvirtualcam")
    else:
        yield Finding.ok("pyvirtualcam is installed")
    if sys.platform == "darwin":
        yield _obs(any(Path(place).exists() for place in _OBS_FOR_MACOS))
    elif sys.platform == "win32":
        yield _obs(_registered(_OBS_FOR_WINDOWS))
    else:
        yield from _loopback()


def _codecs(what: str, names: set[str], mode: str) -> Iterator[Finding]:
    absent = sorted(name for name in names if not _has(name, mode))
    there = sorted(names - set(absent))
    if there:
        yield Finding.ok(f"{what}: {', '.join(there)}")
    if absent:
        advice = (
            "the wheels of PyAV have them: pip install --force-reinstall --only-binary :all: av"
        )
        yield Finding.problem(f"{what} missing: {', '.join(absent)}", advice)


def _has(name: str, mode: str) -> bool:
    from av.codec.codec import Codec, UnknownCodecError

    try:
        Codec(name, "w" if mode == "w" else "r")
    except UnknownCodecError:
        return False
    return True


def _nodes() -> dict[Path, str]:
    """Return the video devices with the names that they give themselves.

    Read from the system's files: those that may not be opened are just what is looked for.
    """
    found = {}
    for folder in sorted((_SYSTEM / "class/video4linux").glob("video*"), key=_number):
        index = folder / "index"
        if not index.is_file() or index.read_text().strip() == "0":  # The others hold metadata.
            found[_DEVICES / folder.name] = (folder / "name").read_text(errors="replace").strip()
    return found


def _number(path: Path) -> int:
    digits = path.name.removeprefix("video")
    return int(digits) if digits.isdecimal() else 0


def _is_virtual(node: Path) -> bool:
    return (_SYSTEM / "devices/virtual/video4linux" / node.name).exists()


def _linux_cameras() -> Iterator[Finding]:
    found = {node: name for node, name in _nodes().items() if not _is_virtual(node)}
    if not found:
        yield Finding.note("no camera", "plug one in; in a container, pass --device /dev/video0")
    for node, name in found.items():
        if not node.exists():
            yield Finding.problem(
                f"{node} ({name}) is not there", f"pass --device {node} to the container"
            )
        elif os.access(node, os.R_OK | os.W_OK):
            yield Finding.ok(f"{node}: {name}")
        else:
            advice = "sudo usermod -aG video $USER, then log in again"
            yield Finding.problem(f"{node} ({name}) may not be read", advice)


def _loopback() -> Iterator[Finding]:
    """Find Linux's virtual camera: a kernel module and the devices that it makes."""
    if not (_SYSTEM / "module" / _LOOPBACK).exists():
        advice = f"sudo modprobe {_LOOPBACK} exclusive_caps=1 card_label=streamcut"
        yield Finding.note(f"the kernel module {_LOOPBACK} is not loaded", advice)
        return
    found = {node: name for node, name in _nodes().items() if _is_virtual(node)}
    if not found:
        advice = f"sudo modprobe -r {_LOOPBACK}; sudo modprobe {_LOOPBACK} exclusive_caps=1"
        yield Finding.problem(f"{_LOOPBACK} is loaded, but has made no device", advice)
    for node, name in found.items():
        if os.access(node, os.W_OK):
            yield Finding.ok(f"{node}: {name}")
        else:
            yield Finding.problem(
                f"{node} ({name}) may not be written", "sudo usermod -aG video $USER"
            )


def _obs(there: bool) -> Finding:
    if there:
        return Finding.ok("OBS is installed, and with it its virtual camera")
    return Finding.note(
        "OBS is not installed: its virtual camera is what is used", "obsproject.com"
    )


def _registered(key: str) -> bool:
    """Whether Windows' registry has a key."""
    if sys.platform != "win32":
        return False
    import winreg

    try:
        winreg.OpenKey(winreg.HKEY_CLASSES_ROOT, key).Close()
    except OSError:
        return False
    return True
