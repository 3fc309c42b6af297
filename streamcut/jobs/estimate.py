"""How long a job would take and how large its result would be, from trying a second of it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from streamcut.core.config import Settings
from streamcut.core.errors import SourceError, StreamcutError, UsageError
from streamcut.jobs.file import Job
from streamcut.jobs.request import limits_of, session_of, size_of
from streamcut.jobs.still import StillJob
from streamcut.media.limits import STRICT
from streamcut.media.stills import read_still
from streamcut.sinks import output_of
from streamcut.sinks.file.stills import encoded, still_format
from streamcut.sources import open_source

_SAMPLE = 1.0
"""Seconds of video that are tried."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What would come of a job; None where the input does not say how long it is.

    Attributes:
        input: what would be read.
        output: what would be written.
        width: of the frames, pixels.
        height: likewise.
        frames: how many.
        duration: seconds of video.
        seconds: of work on this machine as busy as it is now.
        bytes: of the result, without its sound.
    """

    input: str
    output: str
    width: int
    height: int
    frames: int | None
    duration: float | None
    seconds: float | None
    bytes: int | None


def estimated(
    url: str,
    output: str,
    settings: Settings,
    *,
    start: Fraction | None = None,
    duration: Fraction | None = None,
) -> Estimate:
    """Try a second from the middle of a video, and return what all of it would amount to.

    Args:
        url: path or address of the input.
        output: path of the output, which is not touched.
        settings: everything else.
        start: seconds to skip.
        duration: seconds to convert at most.

    Raises:
        StreamcutError: whatever the job itself would fail of.
    """
    with open_source(
        url, start=start, duration=duration, size=size_of(settings), limits=limits_of(settings)
    ) as source:
        info = source.info
    length, frames = info.duration, info.frames
    known = length is not None and frames is not None
    middle = Fraction(max(0.0, ((length or 0.0) - _SAMPLE) / 2)).limit_denominator(1000)
    spent, written, tried = _tried(url, output, settings, (start or Fraction(0)) + middle)
    share = (frames or 0) / max(1, tried)
    return Estimate(
        url,
        output,
        info.width,
        info.height,
        frames,
        length,
        share * spent if known else None,
        round(share * written) if known else None,
    )


def _tried(url: str, output: str, settings: Settings, start: Fraction) -> tuple[float, int, int]:
    """Return the seconds that a sample took, its bytes and its frames."""
    form = output_of(output).form
    session = None if settings.matte.prompt else session_of(settings)
    with tempfile.TemporaryDirectory(prefix="streamcut-") as folder:
        name = "sample/" if form.sequence else f"sample{form.ending}"
        quiet = settings.with_options({"audio": False, "fail_if_empty": False})
        for begin in (start, None):  # Where seeking fails, the beginning has to do.
            job = Job(
                url,
                os.path.join(folder, name),
                quiet,
                session=session,
                start=begin,
                duration=Fraction(_SAMPLE),
                overwrite=True,
            )
            began = time.perf_counter()
            try:
                frames = job.run().frames
            except (SourceError, UsageError):
                if begin is None:
                    raise
                continue
            size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
            return time.perf_counter() - began, size, frames
    raise SourceError(f"{url} cannot be tried")


def estimated_stills(
    job: StillJob, sources: Sequence[str], ending: str
) -> tuple[float, int] | None:
    """Cut the first of some images and return what all of them would amount to.

    Args:
        job: what cuts them.
        sources: their paths.
        ending: of the results, with its dot.

    Returns:
        Seconds of work and bytes of the results; None if none can be read.
    """
    sizes = [size for size in map(_pixels_of, sources) if size]
    for source in sources:
        try:
            still = read_still(source, limits=limits_of(job.settings))
            job.session(still.size)  # Loading it is done once.
            began = time.perf_counter()
            made = job.cut(still)
            written = len(encoded(made, still_format(ending), job.settings.output.quality))
        except StreamcutError:
            continue
        share = sum(sizes) / (still.size[0] * still.size[1])
        return (time.perf_counter() - began) * share, round(written * share)
    return None


def _pixels_of(path: str) -> int:
    try:
        with STRICT.image(path) as image:
            return image.width * image.height
    except (StreamcutError, OSError, ValueError, SyntaxError):
        return 0
