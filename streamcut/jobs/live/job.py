"""The assembler of live jobs: a camera in, its frames out, as fresh as they can be."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction

import av

from streamcut.compositing.looks import made_by
from streamcut.core.config import Settings
from streamcut.core.errors import OutputClosedError
from streamcut.core.interrupts import Interrupts
from streamcut.core.pipeline import Channel, Pipeline
from streamcut.jobs.live.adaptive_matte import LiveMatte
from streamcut.jobs.live.controls import Controls, Watched, following
from streamcut.jobs.live.state import LiveState, LiveSummary
from streamcut.jobs.request import check_borders, limits_of, look_of, session_of, size_of
from streamcut.jobs.stages import (
    Appearance,
    Steadying,
    composited,
    one_thread_per_frame,
    steadied,
    steadying_of,
)
from streamcut.matting.network import able
from streamcut.media.frame import CompositedFrame, Frame, PredictedFrame, StreamInfo
from streamcut.media.urls import public
from streamcut.sessions import BaseSession
from streamcut.sinks import LiveSink
from streamcut.sources import LiveSource, mirrored, open_live

_PATIENCE = 1.0  # Seconds for a stage that is stuck in a device, before it is left behind.
_FINISHING = 60.0  # Seconds that an output has to finish: a recording's encoder may be behind.
_LOOK = 0.05
# Frames worked on at a time: enough to keep three stages busy, and no more, since what waits
# inside grows old.
_IN_WORK = 3
# Seconds between two writes of the same frame, while no other comes; and as many frames that
# did not come, since slow ones are no stills.
_STILL, _MISSED = 0.5, 3


OpenSink = Callable[[StreamInfo, str, tuple[int, int]], LiveSink]
"""Opens the output for frames of a stream, given their pixel format and (width, height)."""

Tick = Callable[[LiveState, CompositedFrame | None], None]
"""Looks at a running job's counters, and at the latest frame if there is a new one."""


class LiveJob:
    """Frames of a camera, worked on as they come, until somebody stops it.

    Args:
        settings: everything there is to set.
        open_sink: opens the output.
        backgrounds: to choose among while it runs; empty takes the settings'.
        session: a model session to use; None makes one as the settings say.
        watched: the configuration file to follow, or None.
        source: opens the input; None opens the settings' camera.

    Raises:
        UsageError: if the settings contradict each other.
    """

    def __init__(
        self,
        settings: Settings,
        open_sink: OpenSink,
        *,
        backgrounds: Sequence[str] = (),
        session: BaseSession | None = None,
        watched: Watched | None = None,
        source: Callable[[], LiveSource] | None = None,
    ) -> None:
        self.settings = settings
        self.state = LiveState()
        self._open_sink, self._session, self._watched = open_sink, session, watched
        self._backgrounds = backgrounds
        self._open_source = source or self._camera
        self._controls: Controls | None = None
        self._stopped, self._finished = threading.Event(), threading.Event()
        self._room = threading.Semaphore(_IN_WORK)
        look_of(settings)
        check_borders(settings)
        self._size = size_of(settings)

    def stop(self) -> None:
        """End the job soon; may be called from anywhere, signal handlers included."""
        self._stopped.set()

    def next_background(self) -> None:
        """Show the next background; may be called from anywhere, signal handlers included."""
        if self._controls is not None:
            self._controls.next_background()

    def run(self, tick: Tick | None = None) -> LiveSummary:
        """Do it until the frames end or it is stopped; ``tick`` is called often meanwhile.

        Raises:
            StreamcutError: whatever went wrong; the output is finished then.
            KeyboardInterrupt: on Ctrl-C; likewise.
        """
        with Interrupts() as interrupts, one_thread_per_frame:
            ready = self._ready(interrupts)
            if ready is None:
                return LiveSummary(*self._ends(), seconds=self.state.seconds)
            session, opened = ready
            with opened as source:
                controls = self._controls = Controls(
                    self.settings,
                    source.info,
                    session,
                    backgrounds=self._backgrounds,
                    say=self.state.say,
                    watched=self._watched,
                )
                made = made_by(controls.current.shown.look, source.info)
                with controls, _kept_from_collection(), Pipeline(patience=_PATIENCE) as pipeline:
                    sink = self._open_sink(source.info, *made)
                    with self._ending(pipeline, source, sink):
                        handed = self._spawn(pipeline, source, sink, controls)
                        self._watch(handed, interrupts, tick)
            return self._summary(sink.notes)

    def _watch(
        self, handed: Channel[CompositedFrame], interrupts: Interrupts, tick: Tick | None
    ) -> None:
        """Look on until the end; everything else happens on other threads."""
        while not self._stopped.is_set():
            interrupts.check()
            frame = None
            if handed.wait(_LOOK):
                try:
                    frame = next(handed)
                except (StopIteration, OutputClosedError):
                    return
            if tick is not None:
                tick(self.state, frame)

    def _ready(self, interrupts: Interrupts) -> tuple[BaseSession, LiveSource] | None:
        """Open the input on a thread of its own, and meanwhile load the network.

        Ctrl-C and a stop are heard while the input stalls; then there is neither.
        """
        with Pipeline(patience=_PATIENCE) as pipeline:
            opened = pipeline.spawn("open", self._opened())
            try:
                session = able(self._session or session_of(self.settings))
            except BaseException:
                _close(opened)
                raise
            while not opened.wait(_LOOK):
                interrupts.check()
                if self._stopped.is_set():
                    return None
            return session, next(opened)

    def _opened(self) -> Iterator[LiveSource]:
        yield self._open_source()

    def _camera(self) -> LiveSource:
        live = self.settings.live
        return open_live(
            live.camera,
            size=self._size,
            fps=live.fps,
            loop=live.loop,
            threads=self.settings.run.threads,
            limits=limits_of(self.settings),
        )

    @contextmanager
    def _ending(self, pipeline: Pipeline, source: LiveSource, sink: LiveSink) -> Iterator[None]:
        """Afterwards wake whatever waits; a sink whose reader has fallen asleep comes last."""
        try:
            yield
        finally:
            source.stop()
            pipeline.cancel()
            if not self._finished.wait(_PATIENCE / 2):
                sink.stop()
                self._wait_for_the_end()

    def _wait_for_the_end(self) -> None:
        """Wait in slices, between which a second Ctrl-C can rise: a file cut short is lost."""
        end = time.monotonic() + _FINISHING
        while not self._finished.wait(_LOOK) and time.monotonic() < end:
            pass

    def _spawn(
        self, pipeline: Pipeline, source: LiveSource, sink: LiveSink, controls: Controls
    ) -> Channel[CompositedFrame]:
        """Wire the stages. Frames are given up in the first channel, and nowhere else."""
        info, state = source.info, self.state
        captured = pipeline.spawn("capture", source, capacity=1, drop_oldest=True)
        mattes = LiveMatte(
            info,
            lost=lambda: captured.dropped,
            unchanged=lambda: controls.current.settings.live.unchanged,
            say=state.say,
        )
        state.attach(source, sink, captured, mattes)
        predicted = following(
            self._fresh(captured, sink, controls),
            lambda: (controls.current.session, controls.current.settings.live.flip),
            lambda frames, now: mattes(_mirrored(frames) if now[1] else frames, now[0]),
        )
        steady = following(
            predicted,
            lambda: (
                steadying_of(controls.current.settings, info),
                controls.current.settings.live.flip,
            ),
            lambda frames, now: steadied(frames, now[0]),
        )
        matted = pipeline.spawn("matte", steady, after=captured, capacity=1)
        made = following(
            matted,
            lambda: controls.current.shown,
            lambda frames, now: self._composited(frames, info, now, controls, pipeline),
        )
        shown = pipeline.spawn("composite", made, after=matted, capacity=1)
        pipeline.spawn("control", controls.run(), capacity=1, drop_oldest=True)
        return pipeline.spawn("sink", self._handed(shown, info, sink), capacity=1, drop_oldest=True)

    def _fresh(self, frames: Channel[Frame], sink: LiveSink, controls: Controls) -> Iterator[Frame]:
        """Pass a frame when there is room for it: the first, and the others while watched."""
        first = True
        while True:
            while not self._room.acquire(timeout=_LOOK):
                frames.wait(0)  # Ends this stage when the pipeline ends.
            frame = next(frames, None)
            if frame is None:
                return
            if first or sink.watched or controls.current.settings.live.always:
                first = False
                yield frame
            else:
                self._room.release()
                self.state.paused += 1

    def _composited(
        self,
        frames: Iterable[PredictedFrame],
        info: StreamInfo,
        now: Appearance,
        controls: Controls,
        pipeline: Pipeline,
    ) -> Iterator[CompositedFrame]:
        yield from composited(frames, info, now, pipeline=pipeline)
        if now.background is not controls.current.shown.background:
            now.close()

    def _handed(
        self, frames: Channel[CompositedFrame], info: StreamInfo, sink: LiveSink
    ) -> Iterator[CompositedFrame]:
        """Hand frames over; while none come, the last one again, so that a reader sees it."""
        last: CompositedFrame | None = None
        still = max(_STILL, _MISSED / float(info.rate))
        with _setting(self._finished), sink:
            for frame in _or_none(frames, still):
                if frame is not None:
                    last = frame
                    sink.write(frame)
                    self.state.count(frame)
                    self._room.release()
                    yield frame
                elif last is not None:
                    _advance(last.output, still)
                    sink.write(last)

    def _ends(self) -> tuple[str, str]:
        """Return where frames come from and go to, as it may be shown."""
        live = self.settings.live
        return public(live.camera), public(live.to)

    def _summary(self, notes: Sequence[str]) -> LiveSummary:
        state = self.state
        return LiveSummary(
            *self._ends(),
            frames=state.frames,
            seconds=state.seconds,
            captured=state.captured,
            dropped=state.dropped,
            latency_p50=state.latency.overall(50),
            latency_p95=state.latency.overall(95),
            network_ms=state.network_ms,
            kept=state.mattes.kept,
            carried=state.mattes.carried,
            messages=list(state.messages),
            notes=list(notes),
        )


def _close(opened: Channel[LiveSource]) -> None:
    """Close an input that nobody is going to read; one that fails or stalls is left behind."""
    with suppress(Exception):
        if opened.wait(_PATIENCE):
            with next(opened):
                pass


def _or_none(frames: Channel[CompositedFrame], seconds: float) -> Iterator[CompositedFrame | None]:
    """Yield frames as they come, and None whenever none has come for so long."""
    while True:
        if not frames.wait(seconds):
            yield None
            continue
        try:
            frame = next(frames)
        except StopIteration:
            return
        yield frame


def _mirrored(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Exchange left and right; what remembers frames from before has to begin anew."""
    for frame in frames:
        yield replace(frame, source=mirrored(frame.source))


def _steadiness(settings: Settings, info: StreamInfo) -> tuple[Steadying, bool]:
    """Return what mattes are steadied by, and which way round they are."""
    return steadying_of(settings, info), settings.live.flip


@contextmanager
def _kept_from_collection() -> Iterator[None]:
    """Let Python's garbage collector pass over what is loaded.

    To look through it all, as it does now and then, holds up every thread for 20 ms.
    """
    freezing = not gc.get_freeze_count()
    if freezing:
        gc.collect()
        gc.freeze()
    try:
        yield
    finally:
        if freezing:
            gc.unfreeze()


@contextmanager
def _setting(event: threading.Event) -> Iterator[None]:
    try:
        yield
    finally:
        event.set()


def _advance(picture: av.VideoFrame, seconds: float) -> None:
    """Move a frame's timestamp, for showing it again."""
    unit = picture.time_base or Fraction(1, 1000)
    picture.pts = (picture.pts or 0) + round(seconds / unit)
