"""A virtual camera, taken for a webcam by other programs: v4l2loopback, elsewhere OBS's.

Frames go out as they are, in the planes of I420, limited range and BT.601, which is what
programs take a webcam's frames for.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np

from streamcut.core.errors import MissingDependencyError, SinkError
from streamcut.media.colour import Colour, Matrix, Range
from streamcut.media.convert import Converter
from streamcut.media.frame import OutputFrame
from streamcut.media.planes import planes
from streamcut.sinks.base import LiveBase

_LOOK_EVERY = 0.5  # Seconds between two looks at who reads.
_WEBCAM = Colour(matrix=Matrix.BT601, range=Range.LIMITED)
_LOAD = "sudo modprobe v4l2loopback exclusive_caps=1 card_label=streamcut"
_RELOAD = f"sudo modprobe -r v4l2loopback && {_LOAD}"


class CameraSink(LiveBase):
    """Shows frames on a virtual camera.

    Args:
        size: (width, height) that every frame is made, whatever comes later; odd sides lose
            a pixel.
        rate: frames per second that the camera claims.
        device: which one, such as ``/dev/video2`` or ``OBS Virtual Camera``; empty takes the
            first.

    Raises:
        MissingDependencyError: if pyvirtualcam is not installed.
        SinkError: if there is no such camera or it cannot be used; says what to type.
    """

    def __init__(self, *, size: tuple[int, int], rate: Fraction, device: str = "") -> None:
        super().__init__()
        width, height = (max(2, side & ~1) for side in size)
        self._made = Converter("yuv420p", _WEBCAM, size=(width, height))
        self._camera = _opened(width, height, float(rate), device)
        self.device: str = self._camera.device
        self._bytes = np.empty(width * height * 3 // 2, np.uint8)
        luma, chroma = width * height, width * height // 4
        self._planes = [
            self._bytes[:luma].reshape(height, width),
            self._bytes[luma : luma + chroma].reshape(height // 2, width // 2),
            self._bytes[luma + chroma :].reshape(height // 2, width // 2),
        ]
        self._readers = Readers(self.device)

    @property
    def watched(self) -> bool:
        """Whether a program has the camera open, found out twice a second; True off Linux."""
        return self._readers()

    @property
    def state(self) -> str:
        """Where it is and whether anybody watches."""
        if not self._readers.known:
            return self.device
        return f"{self.device}: {'watched' if self.watched else 'nobody watching'}"

    def write(self, frame: OutputFrame) -> None:
        """Show one frame.

        Raises:
            SinkError: if the camera is gone.
        """
        for source, target in zip(planes(self._made(frame.output)), self._planes, strict=True):
            target[:] = source
        try:
            self._camera.send(self._bytes)
        except RuntimeError as error:
            raise SinkError(f"the virtual camera {self.device} is gone: {error}") from error
        self.written += 1

    def close(self) -> None:
        """Let the camera go."""
        self._camera.close()


class Readers:
    """Whether another program has a device open, as Linux tells of the programs it lets us see.

    Args:
        device: its path.
        every: seconds for which an answer is good enough.

    ``known`` says whether there is any telling.
    """

    def __init__(self, device: str, every: float = _LOOK_EVERY) -> None:
        self.known = sys.platform == "linux" and os.path.exists(device)
        self._device = os.path.realpath(device)
        self._every = every
        self._due = 0.0
        self._last = ""  # The program that was seen last is the first to look at.
        self._watched = True

    def __call__(self) -> bool:
        """Return whether somebody reads; True where that cannot be told."""
        now = time.monotonic()
        if self.known and now >= self._due:
            self._due = now + self._every
            self._last = self._found()
            self._watched = bool(self._last)
        return self._watched

    def _found(self) -> str:
        """Return the id of a process that has the device open, or nothing."""
        if self._last and self._opened_by(self._last):
            return self._last
        own = str(os.getpid())
        with suppress(OSError), os.scandir("/proc") as entries:
            for entry in entries:
                name = entry.name
                if name.isdecimal() and name != own and self._opened_by(name):
                    return name
        return ""

    def _opened_by(self, process: str) -> bool:
        with suppress(OSError), os.scandir(f"/proc/{process}/fd") as descriptors:
            for descriptor in descriptors:
                with suppress(OSError):
                    if os.readlink(descriptor.path) == self._device:
                        return True
        return False


def _opened(width: int, height: int, rate: float, device: str) -> Any:
    try:
        import pyvirtualcam
    except ImportError as error:
        raise MissingDependencyError(
            "a virtual camera needs pyvirtualcam, which has no package for this system: "
            "pip install pyvirtualcam"
        ) from error
    try:
        return pyvirtualcam.Camera(
            width, height, rate, fmt=pyvirtualcam.PixelFormat.I420, device=device or None
        )
    except (RuntimeError, KeyError) as error:
        raise SinkError(what_to_type(str(error), device, sys.platform)) from error


def what_to_type(message: str, device: str, platform: str) -> str:
    """Return what pyvirtualcam's message means, and what helps, in one line."""
    where = device or "a virtual camera"
    if platform != "linux":
        return (
            f"{where} cannot be opened: install OBS Studio (obsproject.com), press Start Virtual "
            "Camera in it once and stop it again; nothing else may be using it"
        )
    if "missing permissions" in message:
        return f"{where} may not be written to: sudo usermod -aG video $USER, then log in again"
    if "is not a video output device" in message:
        return (
            f"{where} takes no images: it is a real camera, or a v4l2loopback before 0.13, which "
            f"with exclusive_caps=1 can be used only once: {_RELOAD}"
        )
    if "busy" in message or "in use" in message or "configured" in message:
        return (
            f"{where} is used by another program: close it, or name another device "
            "(camera:/dev/video3)"
        )
    if "is not a V4L2 device" in message or "could not be queried" in message:
        return f"{where} is not a camera: streamcut devices lists those that are"
    found = f"there is no {device}" if device else "there is no virtual camera"
    return f"{found}: {_LOAD} (on Debian and Ubuntu after: sudo apt install v4l2loopback-dkms)"
