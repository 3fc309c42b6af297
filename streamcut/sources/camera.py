"""Cameras on every system: which there are, which one is meant, and how it is best opened."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av

from streamcut.core.errors import Named, SourceError
from streamcut.core.suggestions import nearest
from streamcut.media.colour import Matrix
from streamcut.media.limits import STRICT, Limits
from streamcut.media.names import is_address, local_path
from streamcut.sources import v4l2
from streamcut.sources.live import LiveSource
from streamcut.sources.playback import RealTime
from streamcut.sources.reconnect import Arriving, Feed, LiveInput
from streamcut.sources.size import Size
from streamcut.sources.v4l2 import Mode

SCREEN = "screen"
"""What the setting ``camera`` calls the screen."""

# What is aimed for where no size is asked for: what video calls send.
_USUAL = (1280, 720)
_USUAL_RATE = 30
# V4L2's names of formats and FFmpeg's, the cheapest to take first: raw ones need no decoding.
_FORMATS = {
    "YU12": "yuv420p",
    "NV12": "nv12",
    "YUYV": "yuyv422",
    "UYVY": "uyvy422",
    "422P": "yuv422p",
    "MJPG": "mjpeg",
    "JPEG": "mjpeg",
    "BGR3": "bgr24",
    "RGB3": "rgb24",
    "BGR4": "bgr0",
    "XR24": "bgr0",
    "GREY": "gray",
    "H264": "h264",
}
_ANY = "a camera"
_KINDS = {"darwin": "avfoundation", "win32": "dshow"}


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera or virtual camera.

    Attributes:
        index: what the setting ``camera`` may call it.
        name: what it calls itself.
        path: what FFmpeg opens.
        virtual: programs write to it.
        readable: frames can be read from it now.
        modes: what it delivers; empty where the system tells only when it is opened.
    """

    index: int
    name: str
    path: str
    virtual: bool = False
    readable: bool = True
    modes: list[Mode] = field(default_factory=list)


def cameras() -> list[Camera]:
    """Return the machine's cameras and virtual cameras.

    Raises:
        SourceError: if the system cannot be asked.
    """
    if sys.platform == "linux":
        return [
            Camera(
                _number(node.path), node.name, node.path, node.outputs, node.captures, node.modes
            )
            for node in v4l2.nodes()
        ]
    return _named(_KINDS.get(sys.platform, ""))


def open_live(
    what: str,
    *,
    size: Size | None = None,
    fps: int = 0,
    loop: bool = False,
    threads: int = 0,
    limits: Limits = STRICT,
) -> LiveSource:
    """Open a camera, the screen, an address, or a file played in real time.

    Args:
        what: a camera's index, name or path; ``screen``; an address; a file. Nothing means the
            first camera.
        size: what to scale to; a camera is asked for it.
        fps: frames per second at most; a camera is asked for it.
        loop: begin a file again at its end.
        threads: for the decoder; 0 suits them to the machine.
        limits: of the frames' size, and for playlists.

    Raises:
        SourceError: if it cannot be opened, in one line.
    """
    feed, matrix = _feed(what, size, fps, loop, threads, limits)
    return LiveSource(feed, size=size, fps=fps, matrix=matrix)


def _feed(
    what: str, size: Size | None, fps: int, loop: bool, threads: int, limits: Limits
) -> tuple[Feed, int | None]:
    """Return what delivers the frames, and the matrix of those that are not tagged."""
    if what == SCREEN:
        return Arriving(lambda: _screen(fps or _USUAL_RATE), threads, limits), None
    what = local_path(what)
    if is_address(what):
        return _address(what, loop, threads, limits), None
    if os.path.isfile(what):
        return RealTime(what, loop=loop, threads=threads, limits=limits), None
    # Frames of USB cameras are BT.601 at every size (USB Video Class, Color Matching Descriptor).
    feed = Arriving(lambda: _camera(what, size, fps or _USUAL_RATE), threads, limits)
    return feed, Matrix.BT601


def find(what: str, present: Sequence[Camera]) -> Camera:
    """Return the camera that an index, a name (or a part of one) or a path means.

    Raises:
        SourceError: if none or several do.
    """
    readable = [camera for camera in present if camera.readable]
    if not what:
        # Virtual cameras last: their frames may well be our own.
        return _only(sorted(readable, key=lambda camera: camera.virtual)[:1], _ANY, present)
    tests: list[Callable[[Camera], bool]] = [
        lambda camera: what in (str(camera.index), camera.path),
        lambda camera: os.path.realpath(what) == camera.path,
        lambda camera: what.lower() == camera.name.lower(),
        lambda camera: what.lower() in camera.name.lower(),
    ]
    meant = (list(filter(test, readable)) for test in tests)
    return _only(next(filter(None, meant), []), repr(what), present)


def choose(
    modes: Sequence[Mode], size: Size | None, fps: int
) -> tuple[Mode, tuple[int, int]] | None:
    """Return the mode that reaches size and rate with the least work, and its size.

    Where none reaches both, a size that was asked for comes first; else the rate does.
    """
    wanted = _wanted(size)

    def cost(mode: Mode) -> tuple[float, ...]:
        width, height = mode.nearest(wanted)
        short = max(0.0, 1 - width / wanted[0]) + max(0.0, 1 - height / wanted[1])
        slow = max(0.0, 0.95 - float(mode.rate or fps) / fps)
        excess = width * height / (wanted[0] * wanted[1])
        missing = (short, slow) if size is not None else (slow, short)
        return (*missing, excess, list(_FORMATS).index(mode.fourcc), float(mode.rate or fps))

    known = [mode for mode in modes if mode.fourcc in _FORMATS]
    best = min(known, key=cost, default=None)
    return None if best is None else (best, best.nearest(wanted))


def _camera(what: str, size: Size | None, fps: int) -> LiveInput:
    camera = find(what, cameras())
    if sys.platform == "linux":
        return LiveInput(camera.name, camera.path, "v4l2", _v4l2_attempts(camera, size, fps))
    size_asked = {"video_size": "x".join(map(str, _wanted(size)))}
    rate_asked = {"framerate": str(fps)}
    attempts: list[dict[str, str]] = [rate_asked | size_asked, size_asked, rate_asked, {}]
    return LiveInput(camera.name, camera.path, _KINDS[sys.platform], tuple(attempts))


def _v4l2_attempts(camera: Camera, size: Size | None, fps: int) -> tuple[dict[str, str], ...]:
    chosen = choose(camera.modes, size, fps)
    if chosen is None:
        return ({},)
    mode, (width, height) = chosen
    options = {"input_format": _FORMATS[mode.fourcc], "video_size": f"{width}x{height}"}
    rate = min(mode.rate or Fraction(fps), Fraction(fps))
    return {**options, "framerate": str(rate)}, options, {}


def _screen(fps: int) -> LiveInput:
    asked = {"framerate": str(fps)}
    if sys.platform == "darwin":
        screens = [each for each in _named("avfoundation") if each.name.startswith("Capture")]
        if not screens:
            raise SourceError("macOS offers no screen: allow it in Privacy & Security")
        return LiveInput(SCREEN, screens[0].path, "avfoundation", (asked, {}))
    if sys.platform == "win32":
        return LiveInput(SCREEN, "desktop", "gdigrab", (asked,))
    display = os.environ.get("DISPLAY")
    if not display:
        raise SourceError("the screen cannot be captured: there is no X display ($DISPLAY)")
    return LiveInput(SCREEN, display, "x11grab", (asked,))


def _address(url: str, loop: bool, threads: int, limits: Limits) -> Feed:
    """Return what plays an address; what a web server holds is a file like others."""
    feed = Arriving(lambda: LiveInput.address(url), threads, limits)
    if not (feed.recorded and url.startswith("http")):
        return feed
    feed.close()
    return RealTime(url, loop=loop, threads=threads, limits=limits)


def _wanted(size: Size | None) -> tuple[int, int]:
    """Return the size to ask a camera for: a size with one side is taken for 16 by 9."""
    if size is None or size.factor is not None:
        return _USUAL
    return size.of(*_USUAL)


def _named(kind: str) -> list[Camera]:
    """Return the cameras that FFmpeg names on macOS and Windows."""
    listing = getattr(av, "enumerate_input_devices", None)
    if listing is None or not kind:
        raise SourceError("cameras can be listed with PyAV 18 or newer: pip install -U av")
    found = [each for each in listing(kind) if "video" in (each.media_types or ["video"])]
    return [
        Camera(index, each.description, _ffmpeg_name(kind, each.name))
        for index, each in enumerate(found)
    ]


def _ffmpeg_name(kind: str, name: str) -> str:
    return f"video={name}" if kind == "dshow" else f"{name}:none"


def _only(meant: Sequence[Camera], what: str, present: Sequence[Camera]) -> Camera:
    if len(meant) == 1:
        return meant[0]
    names = [camera.name for camera in present if camera.readable]
    if not names:
        none = "there is no camera" + ("" if what == _ANY else f", and no file is called {what}")
        raise SourceError(
            f"{none}; a file works as well: ",
            Named("camera", "FILE"),
            " (streamcut devices lists what there is)",
        )
    if meant:
        several = ", ".join(camera.name for camera in meant)
        raise SourceError(f"{what} may be {several}: give the index or path")
    near = nearest(what, names)
    hint = "streamcut devices lists what there is" if near is None else f"the nearest is {near!r}"
    raise SourceError(f"no camera or file is called {what}; {hint}")


def _number(path: str) -> int:
    return int(path.removeprefix("/dev/video"))
