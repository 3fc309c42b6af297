"""One video, in a process of its own: what it does to memory or to FFmpeg ends with it.

It reads what to do as JSON from standard input and writes lines of JSON. Its parent may be
killed: then it ends too. It may be killed itself: the parts that are done wait for the next.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from streamcut.core.config import Settings
from streamcut.core.errors import SourceError, StreamcutError
from streamcut.core.memory import shortage
from streamcut.jobs.file import Job
from streamcut.jobs.still import StillJob
from streamcut.jobs.workpiece import JOINABLE, Workpiece, settings_from

_OFTEN = 0.2  # Seconds between two lines.
_PART = 10.0  # Seconds of a part: what a killed worker costs.


class _Teller:
    """Tells how far a job is, now and then; ends the process when nobody listens any more."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._last = 0.0

    def __call__(self, state: Any) -> None:
        now = time.monotonic()
        if now - self._last < _OFTEN:
            return
        self._last = now
        if os.getppid() != self._parent:
            os._exit(3)
        tell(frames=state.frames, expected=state.info.frames or 0)


def tell(**facts: Any) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Do what standard input says; return the exit code."""
    _end_with_parent()
    spec = json.load(sys.stdin)
    if hasattr(os, "nice"):
        os.nice(5)  # Who asks for a page or an image comes first.
    try:
        _limited(spec["most_bytes"])
        tell(**_done(spec, settings_from(spec["settings"])))
    except MemoryError:
        tell(error=shortage() or "too little memory")
        return 1
    except (StreamcutError, OSError) as error:
        tell(error=str(error))
        return 1
    return 0


def _end_with_parent() -> None:
    """Be killed with the server, at once: the next one works on the same files."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _limited(most: int) -> None:
    """Let no file grow beyond what the disk is to hold."""
    try:
        import resource
    except ImportError:  # Windows.
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def _done(spec: dict[str, Any], settings: Settings) -> dict[str, Any]:
    folder, form = Path(spec["folder"]), spec["format"]
    source = spec["input"]
    if spec["kind"] == "image":
        output = str(folder / f"result.{form}")
        made = StillJob(settings).file(source, output)
        return {"result": f"result.{form}", "notes": made.notes, "frames": 1}
    if form == "png":
        return _sequence(source, folder, settings)
    summary = _video(source, str(folder / f"result.{form}"), settings)
    return {"result": f"result.{form}", "notes": summary.notes, "frames": summary.frames}


def _video(source: str, output: str, settings: Settings) -> Any:
    """Work in parts, which outlive a kill, where the format lets them be joined."""
    if output.endswith(JOINABLE):
        try:
            piece = Workpiece(source, output, settings, seconds=_PART)
            piece.prepare()
        except SourceError:  # It cannot be cut.
            pass
        else:
            return piece.run(None, _Teller())
    return Job(source, output, settings, overwrite=True).run(_Teller())


def _sequence(source: str, folder: Path, settings: Settings) -> dict[str, Any]:
    """Write PNG images and pack them."""
    images = folder / "images"
    shutil.rmtree(images, ignore_errors=True)
    summary = Job(source, f"{images}{os.sep}", settings, overwrite=True).run(_Teller())
    import zipfile

    with zipfile.ZipFile(folder / "result.zip", "w") as archive:
        for image in sorted(images.iterdir()):
            archive.write(image, image.name)
    shutil.rmtree(images)
    return {"result": "result.zip", "notes": summary.notes, "frames": summary.frames}


if __name__ == "__main__":
    sys.exit(main())
