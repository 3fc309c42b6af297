"""What a live job knows of itself: counters while it runs, a summary when it has ended."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from streamcut.core.pipeline import Channel
from streamcut.jobs.live.adaptive_matte import LiveMatte
from streamcut.jobs.live.latency import Latency
from streamcut.media.frame import Frame, OutputFrame
from streamcut.sinks import LiveSink
from streamcut.sources import LiveSource

_log = logging.getLogger(__name__)

_SILENT = 2.0  # Seconds without a frame, after which the panel says so.
_MESSAGES = 100


@dataclass(frozen=True, slots=True)
class LiveSummary:
    """What a live job did.

    Attributes:
        camera: where the frames came from.
        to: where they went.
        frames: how many frames were handed over.
        seconds: how long it took.
        captured: frames that came.
        dropped: frames given up before the network, because a newer one was there.
        latency_p50: milliseconds from capture to hand-over, the median; None without frames.
        latency_p95: the same, 95th percentile.
        network_ms: mean milliseconds of the network a frame, where it ran.
        kept: mattes kept because the frame had not changed.
        carried: mattes carried by flow because the network could not keep up.
        messages: what there was to say.
        notes: what the output could not keep, such as frames that its recording missed.
    """

    camera: str
    to: str
    frames: int = 0
    seconds: float = 0.0
    captured: int = 0
    dropped: int = 0
    latency_p50: float | None = None
    latency_p95: float | None = None
    network_ms: float | None = None
    kept: int = 0
    carried: int = 0
    messages: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class LiveState:
    """A running live job's counters, for who shows them.

    Attributes:
        info: of the frames.
        frames: frames handed over.
        paused: frames passed over because nobody watched.
        latency: from capture to hand-over.
        mattes: the network's counters.
        messages: what there was to say, the latest last.
        said: how many messages there were.
    """

    def __init__(self) -> None:
        self.frames = self.paused = self.said = self._seen = 0
        self.latency = Latency()
        self.messages: deque[str] = deque(maxlen=_MESSAGES)
        self._saying = threading.Lock()
        self._began = self._latest = time.monotonic()

    def say(self, message: str) -> None:
        """Add a message; may be called by any thread."""
        _log.info("%s", message)
        with self._saying:
            self.messages.append(message)
            self.said += 1

    def attach(
        self, source: LiveSource, sink: LiveSink, captured: Channel[Frame], mattes: LiveMatte
    ) -> None:
        """Show a running job's parts."""
        self.info, self.mattes = source.info, mattes
        self._source, self._sink, self._captured = source, sink, captured

    def count(self, frame: OutputFrame) -> None:
        """Note that a frame was handed over."""
        self.frames += 1
        if frame.captured is not None:
            self.latency.add(time.monotonic() - frame.captured)

    @property
    def seconds(self) -> float:
        """How long the job has been running."""
        return time.monotonic() - self._began

    @property
    def captured(self) -> int:
        """Frames that came."""
        return self._captured.delivered + self._captured.dropped + len(self._captured)

    @property
    def dropped(self) -> int:
        """Frames given up before the network, because a newer one was there."""
        return self._captured.dropped

    @property
    def network_ms(self) -> float | None:
        """Mean milliseconds of the network a frame, where it ran."""
        return 1000 * self.mattes.seconds / self.mattes.runs if self.mattes.runs else None

    @property
    def source(self) -> str:
        """What the frames are waited for, or nothing."""
        if self._source.state:
            return self._source.state
        now, captured = time.monotonic(), self.captured
        if captured != self._seen:
            self._seen, self._latest = captured, now
        silent = now - self._latest
        return f"no frame for {silent:.0f} s" if silent > _SILENT else ""

    @property
    def sink(self) -> str:
        """Who takes the frames."""
        return self._sink.state
