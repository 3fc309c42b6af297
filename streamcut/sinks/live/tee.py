"""One stream of frames into two outputs, of which neither waits for the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Self

from streamcut.core.errors import SinkError
from streamcut.core.pipeline import Channel, Pipeline
from streamcut.media.frame import OutputFrame
from streamcut.media.planes import copied
from streamcut.sinks.base import LiveBase, LiveSink

_KEPT = 30  # Frames that the recording may be behind.
_LAST = 0.5  # Seconds that the live output has for its last frame.


class TeeSink(LiveBase):
    """Shows frames live and records them.

    The live output gets the freshest frame when it is ready for one. The recording gets every
    frame; where its disk or encoder falls a second behind, it misses some, which are counted
    and told. If it fails, the live output goes on, and the error rises at the end.

    Args:
        live: the live output.
        recording: what is to hold every frame.
    """

    watched = True
    """The recording always watches."""

    def __init__(self, live: LiveSink, recording: LiveSink) -> None:
        super().__init__()
        self.lost = 0
        self._live, self._recording = live, recording
        self._failed: BaseException | None = None
        self._entered = ExitStack()
        self._pipeline = Pipeline()
        self._shown: Channel[OutputFrame] = Channel(1, drop_oldest=True)
        self._kept: Channel[OutputFrame] = Channel(_KEPT)

    @property
    def state(self) -> str:
        """Who reads, and how the recording goes."""
        told = f"{self._live.state}; recorded {self._recording.written} frames"
        if self._failed is not None:
            return f"{told}, then it failed: {self._failed}"
        return f"{told}, {self.lost} lost" if self.lost else told

    def write(self, frame: OutputFrame) -> None:
        """Hand a frame to both; it never waits.

        Raises:
            SinkError: if the live output has failed.
        """
        if self._showing.wait(0):
            next(self._showing)  # Raises what ended it.
        self._keep(frame)
        self._shown.put(frame)
        self.written += 1
        self.skipped = self._shown.dropped + self.lost

    def stop(self) -> None:
        """Let a frame go that waits for the live output's reader."""
        self._live.stop()

    def __enter__(self) -> Self:
        self._entered.enter_context(self._recording)
        self._entered.enter_context(self._live)
        self._showing = self._pipeline.spawn("show", _written(self._shown, self._live))
        self._keeping = self._pipeline.spawn("record", _written(self._kept, self._recording))
        return self

    def __exit__(self, *raised: Any) -> None:
        """Finish the recording with all that it was given, and both outputs."""
        self._shown.close()
        self._kept.close()
        if not self._showing.wait(_LAST):
            self._live.stop()
        with self._pipeline:
            shown, kept = _ended(self._showing), _ended(self._keeping)
        self._entered.__exit__(*raised)
        if self.lost:
            self.notes.append(f"the recording lost {self.lost} frames: it could not keep up")
        self.notes += [*self._live.notes, *self._recording.notes]
        failed = self._failed or kept or shown
        if raised[0] is None and failed is not None:
            raise failed

    def _keep(self, frame: OutputFrame) -> None:
        if self._failed is None and self._keeping.wait(0):
            self._failed = _ended(self._keeping) or SinkError("the recording ended")
        if self._failed is not None:
            return
        if len(self._kept) >= _KEPT:
            self.lost += 1
        else:
            self._kept.put(_copied(frame))


def _written(frames: Channel[OutputFrame], sink: LiveSink) -> Iterator[None]:
    """Write frames as they come: a stage that yields nothing."""
    for frame in frames:
        sink.write(frame)
    yield from ()


def _ended(side: Channel[None]) -> BaseException | None:
    """Wait for a side's end and return the error that ended it, if one did."""
    try:
        next(side)
    except StopIteration:
        return None
    except Exception as error:
        return error
    return None


def _copied(frame: OutputFrame) -> OutputFrame:
    """Return a frame of its own: each side sets times on its frame as it needs them."""
    return replace(frame, output=copied(frame.output))
