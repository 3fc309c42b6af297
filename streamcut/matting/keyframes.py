"""Closed-form matting on keyframes, and its detail on the frames between them.

A keyframe is the first frame, the first after a cut, every so many frames, and, after a third
of that, a frame where the border of the matte moved or changed more than flow explains. In a
file job the frames since the last keyframe are held back (a bounded number of them) until the
next one is solved, so that both can be blended; live, nothing is held back: frames are solved
on another thread and used when they are ready.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import cv2
import numpy as np

from streamcut.core.pipeline import Channel, Pipeline
from streamcut.imaging.flow import Flow, grey
from streamcut.matting.guided_filter import GuidedUpsampler
from streamcut.matting.propagation import Key, Light, Share, Step, Trail, carried, evidence
from streamcut.matting.solver import Problem, Solver, Trimming
from streamcut.media.frame import MattedFrame, StreamInfo
from streamcut.media.matte import Grid
from streamcut.media.pixel_formats import depth, peak
from streamcut.media.planes import planes

# Regularisation of the guided filter that brings solved mattes to the frame's size; they are
# finer and truer than a network's, which the upsampler's own is for.
_EPSILON = 1e-5
# Pixels of the frames that flow is found between, at most. Twice as wide ones than the built-in
# network's 256x144 take five times as long and make mattes only a few hundredths better.
_MOST_FLOW = 400 * 225
# What may be held back at most, bytes; at 1080p this is about ten frames.
_HELD = 64_000_000
# Where the network is less sure than this lies the border that keyframes are for; when less
# than half of it can be followed back, it is time for a new one.
_BORDER, _FOLLOWED = 0.05, 0.5
_SOONEST = 3


def every_frame(
    frames: Iterable[MattedFrame], info: StreamInfo, trimming: Trimming | None = None
) -> Iterator[MattedFrame]:
    """Solve for the matte of every frame.

    Args:
        frames: with their mattes.
        info: of the stream.
        trimming: how a matte becomes a trimap.
    """
    frames, network = _network(frames)
    solve = Solver(info, network, trimming)
    finish = Finish(info, solve.size)
    for frame in frames:
        alpha = solve(frame)
        yield frame if alpha is None else finish(frame, alpha)


def on_keyframes(
    frames: Iterable[MattedFrame],
    info: StreamInfo,
    interval: int,
    trimming: Trimming | None = None,
) -> Iterator[MattedFrame]:
    """Solve for the mattes of keyframes and carry their detail to the frames between.

    Frames come out in order and none is lost; up to ``interval`` of them are held back.

    Args:
        frames: with their mattes.
        info: of the stream.
        interval: frames from one keyframe to the next at most.
        trimming: how a matte becomes a trimap.
    """
    frames, network = _network(frames)
    between = _Between(info, interval, Solver(info, network, trimming))
    for frame in frames:
        yield from between.put(frame)
    yield from between.flush()


def _network(frames: Iterable[MattedFrame]) -> tuple[Iterator[MattedFrame], tuple[int, ...]]:
    """Return the frames, and (rows, columns) of the network's mattes as the first has them."""
    frames = iter(frames)
    first = list(islice(frames, 1))
    shapes = [frame.prediction.alpha.shape for frame in first]
    return chain(first, frames), next(iter(shapes), (1, 1))


class Finish:
    """Brings mattes from the grid to the frame's size, their edges led by the frame."""

    def __init__(self, info: StreamInfo, size: tuple[int, int]) -> None:
        self._top, self._size = peak(info.pixel_format), size
        self._enlarge = GuidedUpsampler(
            info.width, info.height, self._top, haze=0.0, epsilon=_EPSILON
        )

    def __call__(self, frame: MattedFrame, alpha: Grid) -> MattedFrame:
        """Return the frame with a matte on the grid as its matte."""
        matte = self._enlarge(planes(frame.source)[0], np.clip(alpha, 0, 1))
        if frame.bars:
            frame.bars.clear(matte)
        return replace(frame, matte=matte)

    def carried(self, frame: MattedFrame, shares: Sequence[Share]) -> MattedFrame:
        """Return the frame with what keyframes have to say about it."""
        if not any(share.trust.any() for share in shares):
            return frame
        return self(frame, carried(self.plain(frame), shares))

    def plain(self, frame: MattedFrame) -> Grid:
        """Return a frame's own matte on the grid."""
        small = cv2.resize(frame.matte, self._size, interpolation=cv2.INTER_AREA)
        return np.multiply(small, np.float32(1 / self._top), dtype=np.float32)


@dataclass(slots=True)
class _Seen:
    """A frame as the keyframes around it see it.

    Attributes:
        frame: itself.
        light: its brightness, at the network's size.
        coarse: the network's matte.
        step: from the frame before to this one; None where a scene begins.
        past: what the keyframe before has to say about it.
    """

    frame: MattedFrame
    light: Light
    coarse: Grid
    step: Step | None
    past: Share | None = None

    def share(self, key: Key, trail: Trail, weight: float = 1.0) -> Share:
        """Return what a keyframe at the end of a trail has to say."""
        return Share(key, trail.field, evidence(trail, key, self.light, self.coarse), weight)


class _Watch:
    """Looks at frames as they come: what moved since the one before, and where scenes begin."""

    def __init__(self) -> None:
        self._flow = Flow()
        self._before: Light | None = None

    def __call__(self, frame: MattedFrame) -> _Seen:
        light, step = _fitting(grey(frame.seen)), None
        if self._before is not None and not frame.cut:
            step = Step.between(self._flow, self._before, light)
        self._before = light
        coarse = frame.prediction.alpha
        if coarse.shape != light.shape:
            coarse = np.asarray(cv2.resize(coarse, light.shape[::-1]), np.float32)
        return _Seen(frame, light, coarse, step)


def _fitting(light: Light) -> Light:
    """Return what a network saw at a size that flow is found in quickly."""
    scale = (_MOST_FLOW / light.size) ** 0.5
    if scale >= 1:
        return light
    small = cv2.resize(light, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


class _Leader:
    """The keyframe that frames follow, and the trail that leads from the latest one to it."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self._trail = Trail.start(key.light.shape)
        self._since = 0

    def follow(self, seen: _Seen) -> None:
        """Take the next frame, and tell it what the keyframe has to say."""
        assert seen.step is not None
        self._since += 1
        self._trail = self._trail.extended(seen.step.back, seen.step.ahead)
        seen.past = seen.share(self.key, self._trail)

    def outdated(self, seen: _Seen, interval: int) -> bool:
        """Whether it is time for a new keyframe."""
        if self._since >= interval:
            return True
        if self._since < max(1, interval // _SOONEST) or seen.past is None:
            return False
        border = np.abs(seen.coarse - 0.5) < 0.5 - _BORDER
        return bool(border.any() and seen.past.trust[border].mean() < _FOLLOWED)


class _Between:
    """The frames since the last keyframe of a file."""

    def __init__(self, info: StreamInfo, interval: int, solve: Solver) -> None:
        self._interval, self._solve = interval, solve
        self._finish, self._watch = Finish(info, self._solve.size), _Watch()
        self._held: deque[_Seen] = deque()
        self._most = max(1, min(interval, _HELD // _held_bytes(info)))
        self._leader: _Leader | None = None

    def put(self, frame: MattedFrame) -> Iterator[MattedFrame]:
        """Take a frame; yield those that are finished."""
        seen = self._watch(frame)
        if self._leader is None or seen.step is None:
            yield from self.flush()
            yield self._new_key(seen)
            return
        self._leader.follow(seen)
        if self._leader.outdated(seen, self._interval):
            key = self._new_key(seen)
            yield from self._blended(seen)
            yield key
            return
        self._held.append(seen)
        if len(self._held) > self._most:
            yield self._done(self._held.popleft())

    def flush(self) -> Iterator[MattedFrame]:
        """Yield the frames held, with what the keyframe before them says."""
        while self._held:
            yield self._done(self._held.popleft())

    def _new_key(self, seen: _Seen) -> MattedFrame:
        alpha, detail, frame = self._solve(seen.frame), None, seen.frame
        if alpha is not None:
            detail = alpha - self._finish.plain(frame)
            frame = self._finish(frame, alpha)
        self._leader = _Leader(Key(seen.light, seen.coarse, detail))
        return frame

    def _blended(self, last: _Seen) -> Iterator[MattedFrame]:
        """Yield the frames held, each with what the keyframes before and after it say."""
        assert self._leader is not None
        key, trail, count = self._leader.key, Trail.start(last.light.shape), len(self._held)
        shares: deque[Share] = deque()
        later = last
        for nearness, seen in enumerate(reversed(self._held)):
            assert later.step is not None
            trail = trail.extended(later.step.ahead, later.step.back)
            shares.appendleft(seen.share(key, trail, (count - nearness) / (count + 1)))
            later = seen
        while self._held:
            yield self._done(self._held.popleft(), shares.popleft())

    def _done(self, seen: _Seen, ahead: Share | None = None) -> MattedFrame:
        assert seen.past is not None
        if ahead is None:
            return self._finish.carried(seen.frame, [seen.past])
        past = replace(seen.past, weight=1 - ahead.weight)
        return self._finish.carried(seen.frame, [past, ahead])


def _held_bytes(info: StreamInfo) -> int:
    """Return about what a frame that is held back takes: frame, matte, fields."""
    return info.width * info.height * (3 if depth(info.pixel_format) == 8 else 6) + 1_300_000


# --- live -----------------------------------------------------------------------------------


def on_keyframes_live(
    frames: Iterable[MattedFrame],
    pipeline: Pipeline,
    info: StreamInfo,
    interval: int,
    trimming: Trimming | None = None,
) -> Iterator[MattedFrame]:
    """Carry the detail of keyframes that are solved on a thread of their own, when ready.

    Every frame is yielded as soon as it is taken.

    Args:
        frames: as for :func:`on_keyframes`.
        pipeline: runs the thread.
        info: of the stream.
        interval: frames from one keyframe to the next at least.
        trimming: how a matte becomes a trimap.
    """
    frames, network = _network(frames)
    solve = Solver(info, network, trimming)
    asked: Channel[Problem | None] = Channel(capacity=1)
    answers = pipeline.spawn("keyframes", map(solve.solved, asked), after=asked, capacity=1)
    live = _Live(Finish(info, solve.size), interval, solve.posed, asked, answers)
    try:
        for frame in frames:
            yield live.take(frame)
    finally:
        asked.close()


class _Live:
    """Follows one keyframe while the next is being solved."""

    def __init__(
        self,
        finish: Finish,
        interval: int,
        pose: Callable[[MattedFrame], Problem | None],
        asked: Channel[Problem | None],
        answers: Channel[Grid | None],
    ) -> None:
        self._interval, self._pose, self._asked, self._answers = interval, pose, asked, answers
        self._finish, self._watch = finish, _Watch()
        self._leader: _Leader | None = None
        self._next: _Leader | None = None
        self._plain: Grid | None = None
        self._busy = False

    def take(self, frame: MattedFrame) -> MattedFrame:
        """Return a frame with what the last solved keyframe says; have another solved in time."""
        seen = self._watch(frame)
        if seen.step is None:
            self._leader = self._next = None
        for leader in (self._next, self._leader):
            if leader is not None:
                leader.follow(seen)
        self._hear()
        if not self._busy and (self._leader is None or self._leader.outdated(seen, self._interval)):
            self._ask(seen)
        if seen.past is None or self._leader is None:
            return frame
        return self._finish.carried(frame, [seen.past])

    def _ask(self, seen: _Seen) -> None:
        """Have a frame solved, beginning with it the trail that its answer will need."""
        self._busy = True
        self._plain = self._finish.plain(seen.frame)
        self._next = _Leader(Key(seen.light, seen.coarse, None))
        self._asked.put(self._pose(seen.frame))

    def _hear(self) -> None:
        """Follow the keyframe asked about from now on, if it is solved."""
        if not self._busy or not self._answers.wait(0):
            return
        alpha = next(self._answers)
        self._busy = False
        if self._next is not None:
            detail = None if alpha is None or self._plain is None else alpha - self._plain
            self._next.key = replace(self._next.key, detail=detail)
            self._leader, self._next = self._next, None
