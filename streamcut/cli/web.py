"""``streamcut webcam`` in a browser: the page beside a live job, and what it is opened with."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from streamcut.cli.say import say
from streamcut.cli.waiting import step_aside
from streamcut.core.errors import MissingDependencyError, UsageError

if TYPE_CHECKING:
    from streamcut.core.config import Settings
    from streamcut.media.frame import StreamInfo
    from streamcut.server.live.hub import LiveHub
    from streamcut.sinks import LiveSink, Target

BROWSER = "browser"
"""The camera that a browser has."""


def wanted(settings: Settings, target: Target) -> bool:
    """Whether a page is served: to show frames, or to send them."""
    return target.kind == "web" or settings.live.camera == BROWSER


@contextmanager
def page(
    settings: Settings, target: Target, path: Path, read: Callable[[], Settings], quiet: bool
) -> Iterator[LiveHub]:
    """Serve the page within.

    Args:
        settings: of the job.
        target: web, or web:PORT.
        path: of the configuration file that is followed.
        read: reads it, with what overrides it.
        quiet: whether to print nothing.

    Raises:
        MissingDependencyError: if the extra is not installed.
        SinkError: if it cannot listen there.
        UsageError: if that is no port.
    """
    try:
        from streamcut.server.live.hub import LiveHub
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"a browser needs {error.name}: pip install 'streamcut[web]'"
        ) from error

    if target.kind == "web" and target.place:
        settings = settings.with_options({"port": _port(target.place)})
    with LiveHub(settings, path, read) as hub:
        step_aside()
        if not quiet:
            say(f"open {hub.address}")
        if settings.live.camera == BROWSER and settings.server.browser:
            webbrowser.open(hub.address)
        yield hub


def opened(
    hub: LiveHub,
    record: str,
    info: StreamInfo,
    pixel_format: str,
    size: tuple[int, int],
) -> LiveSink:
    """Open the output: the page, and a recording if there is one."""
    from streamcut.sinks import open_live_sink
    from streamcut.sinks.live.tee import TeeSink

    step_aside()
    shown = hub.sink(info, pixel_format, size)
    if not record:
        return shown
    recording = open_live_sink(record, info, size=size, pixel_format=pixel_format, fps=info.rate)
    return TeeSink(shown, recording)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) >= 1 << 16:
        raise UsageError(f"web:{text}: a port is a number up to 65535, such as web:7000")
    return int(text)
