"""Measures live work: whether this machine keeps up with a camera, and how late its frames are.

Frames are compressed as webcams do it (MJPEG, 4:2:2) and come at the camera's pace; each
carries its number as bars along its upper edge, which a blurred background leaves readable. What
is handed over is told by these bars alone: so a frame that got lost, came twice, or was shown
with another one's time is found out.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, cycle, islice, pairwise
from typing import cast

import av
import numpy as np
from av.codec.context import Flags
from av.video.stream import VideoStream
from numpy.typing import NDArray

from streamcut.core.config import Settings
from streamcut.core.cpu import cpu_count
from streamcut.core.errors import UsageError
from streamcut.jobs.live.job import LiveJob
from streamcut.media.colour import Colour, Matrix, Range
from streamcut.media.convert import RGB_TAGS, Converter
from streamcut.media.frame import Frame, OutputFrame, StreamInfo
from streamcut.media.planes import Plane, planes
from streamcut.sinks.base import LiveBase
from streamcut.sources import LiveSource, open_source

_BITS = 6
"""Of a frame's number; two more bars, white and black, say how bright the others can be."""

_NUMBERS = 1 << _BITS
_STRIP = 1 / 6
_WHITE, _BLACK = 220, 35
_LEAST_CONTRAST = 40
# Seconds before anything counts: caches fill, and the network's first runs are slow.
_WARMING = 2.0
_QUALITY = 3  # FFmpeg's quantiser; a webcam's frames are about as large.
_JPEG = Colour(matrix=Matrix.BT601, range=Range.FULL)


@dataclass(frozen=True, slots=True)
class LiveReport:
    """One live benchmark.

    Attributes:
        clip: whose frames the camera showed.
        size: (width, height) of its frames.
        rate: frames per second of the camera.
        model: name of the model.
        background: what lay behind the subject; empty for transparency.
        cores: processors that the process may use.
        offered: frames that the camera took in the time that counts.
        handed: how many of them came out.
        dropped: how many did not.
        mistaken: how many came out with another frame's time of capture, or twice.
        latency_p50: milliseconds from capture to hand-over, the median.
        latency_p95: the same, 95th percentile.
        latency_worst: the same, the longest.
        cpu: milliseconds of CPU time a frame that was handed over, of all threads.
        messages: what there was to say, of the network asked for less among others.
    """

    clip: str
    size: tuple[int, int]
    rate: float
    model: str
    background: str
    cores: int
    offered: int
    handed: int
    dropped: int
    mistaken: int
    latency_p50: float
    latency_p95: float
    latency_worst: float
    cpu: float
    messages: list[str]


def run(clip: str, settings: Settings, *, seconds: float = 20.0) -> LiveReport:
    """Work on a camera's frames for a while, after two seconds to warm up.

    Args:
        clip: a video; the camera shows its first frames again and again.
        settings: of the job; the rate is ``live.fps``.
        seconds: how long.

    Raises:
        UsageError: if the output's frames do not show the bars: over another background.
        StreamcutError: if the clip cannot be read or the job fails.
    """
    rate = settings.live.fps or 30
    with open_source(clip) as source:
        size = source.info.width & ~1, source.info.height & ~1
        shown = cycle(islice(source, _NUMBERS))
        packets = _filmed(islice(shown, _NUMBERS), size)
    camera = _MjpegFeed(packets, rate)
    reader = _BarReader(camera, _WARMING, seconds)
    job = LiveJob(settings, reader.open, source=lambda: LiveSource(camera, matrix=Matrix.BT601))
    summary = job.run(lambda *_: job.stop() if reader.done else None)
    if not reader.latencies:
        raise UsageError(
            "no frame came out whose number could be read: use the background blur, or none"
        )
    p50, p95, worst = (1000 * float(np.percentile(reader.latencies, q)) for q in (50, 95, 100))
    return LiveReport(
        clip=clip,
        size=size,
        rate=rate,
        model=settings.matte.model,
        background=settings.picture.background,
        cores=cpu_count(),
        offered=reader.offered,
        handed=len(reader.latencies),
        dropped=reader.offered - len(reader.latencies),
        mistaken=reader.mistaken,
        latency_p50=p50,
        latency_p95=p95,
        latency_worst=worst,
        cpu=1000 * reader.cpu / len(reader.latencies),
        messages=summary.messages,
    )


class _MjpegFeed:
    """A feed of compressed frames at a steady pace; one that is late skips what it missed.

    Args:
        packets: the frames, MJPEG.
        rate: frames per second.

    Attributes:
        taken: running number and time of capture (``time.monotonic``) of the latest frame
            with each number in bars.
    """

    state = ""
    undecodable = 0
    aspect = Fraction(1)

    def __init__(self, packets: list[av.Packet[VideoStream]], rate: int) -> None:
        self.rate: Fraction | None = Fraction(rate)
        self.taken: dict[int, tuple[int, float]] = {}
        self._packets, self._interval = packets, 1 / rate
        self._stopped = threading.Event()

    def __iter__(self) -> Generator[tuple[float, av.VideoFrame]]:
        decoder = av.CodecContext.create("mjpeg", "r")
        decoder.thread_count = 1
        decoder.flags |= Flags.low_delay.value
        began = time.monotonic()
        for running in count():
            due = began + running * self._interval
            late = time.monotonic() - due
            if late > self._interval:
                continue
            if self._stopped.wait(max(0.0, -late)):
                return
            number = running % len(self._packets)
            self.taken[number] = running, due
            for video_frame in decoder.decode(self._packets[number]):
                yield due, video_frame

    def stop(self) -> None:
        self._stopped.set()


class _BarReader(LiveBase):
    """A sink that reads the bars of what it is handed.

    Args:
        camera: whose frames come.
        warming: seconds that do not count.
        seconds: that count.

    Attributes:
        offered: frames that the camera takes in these.
        latencies: seconds from capture to hand-over, of each frame that came.
        mistaken: frames that came twice, or with another one's time of capture.
        cpu: seconds of CPU time, of all threads.
        done: whether the time is over.
    """

    def __init__(self, camera: _MjpegFeed, warming: float, seconds: float) -> None:
        super().__init__()
        rate = float(camera.rate or 0)
        self._first, self._end = round(warming * rate), round((warming + seconds) * rate)
        self.offered = self._end - self._first
        self.latencies: list[float] = []
        self.mistaken = 0
        self.done = False
        self._camera = camera
        self._seen: set[int] = set()
        self._began = self._cpu = 0.0

    def open(self, info: StreamInfo, pixel_format: str, size: tuple[int, int]) -> _BarReader:
        """Take whatever is made."""
        return self

    @property
    def state(self) -> str:
        return "a benchmark"

    @property
    def cpu(self) -> float:
        return self._cpu - self._began

    def write(self, frame: OutputFrame) -> None:
        now, spent = time.monotonic(), time.process_time()
        number = number_in(planes(frame.output)[0])
        self.written += 1
        if number is None or number not in self._camera.taken:
            self.done = self.written > 2 * self._end
            return
        running, captured = self._camera.taken[number]
        self.done = running >= self._end
        if running < self._first:
            self._began = spent
        if not self._first <= running < self._end:
            return
        self._cpu = spent
        self.mistaken += running in self._seen or frame.captured != captured
        if running not in self._seen:
            self._seen.add(running)
            self.latencies.append(now - captured)

    def close(self) -> None:
        """Hold nothing, close nothing."""


def _filmed(frames: Iterable[Frame], size: tuple[int, int]) -> list[av.Packet[VideoStream]]:
    """Return frames with their numbers in bars, compressed as a webcam does it."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base = "yuvj422p", Fraction(1, 30)
    encoder.flags |= Flags.qscale.value
    encoder.options = {"qmin": str(_QUALITY), "qmax": str(_QUALITY)}
    packets: list[av.Packet[VideoStream]] = []
    to_rgb, to_jpeg = Converter("rgb24", RGB_TAGS), Converter(encoder.pix_fmt, _JPEG)
    for number, frame in enumerate(frames):
        rgb = cast(NDArray[np.uint8], to_rgb(frame.source).to_ndarray())
        rgb = np.ascontiguousarray(rgb[: size[1], : size[0]])
        mark(rgb, number)
        made = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        made.pts = number
        packets += encoder.encode(to_jpeg(made))
    return packets + encoder.encode(None)


def mark(rgb: NDArray[np.uint8], number: int) -> None:
    """Draw a number (0 to 63) as bars over a frame's upper edge, RGB [height, width, 3]."""
    bars = [True, False, *(bool(number >> bit & 1) for bit in range(_BITS))]
    rows = math.ceil(rgb.shape[0] * _STRIP)
    for part, bar in zip(_columns(rgb.shape[1]), bars, strict=True):
        rgb[:rows, part] = _WHITE if bar else _BLACK


def number_in(luma: Plane) -> int | None:
    """Return the number that the bars of a luma plane tell, or None where there are none."""
    rows = luma.shape[0] * _STRIP
    # A few rows: what it costs to look at them counts as the job's own.
    middle = luma[round(rows / 4) : max(1, round(rows / 2)) : max(1, round(rows / 32))]
    levels = []
    for part in _columns(luma.shape[1]):
        inset = (part.stop - part.start) // 4
        levels.append(float(middle[:, part.start + inset : part.stop - inset].mean()))
    white, black, *bits = levels
    if white - black < _LEAST_CONTRAST:
        return None
    return sum(1 << bit for bit, level in enumerate(bits) if level > (white + black) / 2)


def _columns(width: int) -> list[slice]:
    edges = np.linspace(0, width, _BITS + 3).round().astype(int).tolist()
    return [slice(left, right) for left, right in pairwise(edges)]
