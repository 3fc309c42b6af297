"""The matte stage of a live job: no more network than frame and machine make sensible."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import cv2

from streamcut.imaging.flow import Field, Flow, follow, grey
from streamcut.jobs.live.governor import Governor
from streamcut.matting.network import predictor_of, view_of
from streamcut.media.frame import Frame, PredictedFrame, StreamInfo
from streamcut.sessions import RGB, BaseSession, Prediction

# Side of the parts whose change is measured, in pixels of the network's input: a hand that
# moves changes one of them plainly, and the whole frame hardly.
_PART = 16
# Frames alike in a row before the matte is kept: a network with a memory settles first.
_SETTLING = 5


@dataclass(frozen=True, slots=True)
class Level:
    """One step of how much is asked of the network.

    Attributes:
        size: (width, height) of its input.
        every: it makes the matte of every so manieth frame; flow carries it in between.
    """

    size: tuple[int, int]
    every: int = 1

    @property
    def weight(self) -> float:
        """Its work, in pixels a frame."""
        return self.size[0] * self.size[1] / self.every

    def __str__(self) -> str:
        width, height = self.size
        return f"{width}x{height}" + (", every second matte by flow" if self.every > 1 else "")


def levels_of(session: BaseSession, width: int, height: int) -> list[Level]:
    """Return what can be asked of a network, the most first: its size falls, then its rate."""
    sizes = [session.input_size(width, height), *session.smaller_sizes(width, height)]
    return [*map(Level, sizes), Level(sizes[-1], every=2)]


class LiveMatte:
    """Gives each frame the network's matte, or one that is as good as the machine allows.

    Args:
        info: of the stream.
        lost: returns how many frames were given up so far.
        unchanged: returns the PSNR (dB) from which a frame counts as the last one; 0 never.
        say: is told in words when more or less is asked of the network.

    Attributes:
        runs: frames that the network saw.
        seconds: how long these took.
        kept: mattes kept because the frame had not changed.
        carried: mattes carried by flow.
        level: what is asked of the network now.
    """

    def __init__(
        self,
        info: StreamInfo,
        *,
        lost: Callable[[], int],
        unchanged: Callable[[], int],
        say: Callable[[str], None],
    ) -> None:
        self.runs = self.kept = self.carried = 0
        self.seconds = 0.0
        self.level: Level | None = None
        self._info = info
        self._lost, self._unchanged, self._say = lost, unchanged, say
        self._flow = Flow(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._forget()

    def __call__(self, frames: Iterable[Frame], session: BaseSession) -> Iterator[PredictedFrame]:
        """Give each frame the network's answer, or what stands for it.

        Raises:
            ModelError: if the network fails.
        """
        levels = levels_of(session, self._info.width, self._info.height)
        governor = Governor([level.weight for level in levels], 1 / float(self._info.rate))
        look, view = predictor_of(session), view_of(session)
        self._forget()
        self.level, told = levels[0], False
        for frame in frames:
            began = time.perf_counter()
            size_of = partial(self._size, session, governor.level)
            sight = view(frame, size_of)
            told_of = self._predicted(
                sight.shown, self.level.every, partial(look, sight, size_of), cut=sight.cut
            )
            work = time.perf_counter() - began
            if governor.observe(time.monotonic(), self._lost(), work):
                self._step(levels[governor.level])
            if governor.helpless and not told:
                self._say(
                    "frames are lost, and not to the network: try a smaller size or frame rate"
                )
            told = told or governor.helpless
            yield sight.predicted(told_of)

    @staticmethod
    def _size(session: BaseSession, level: int, width: int, height: int) -> tuple[int, int]:
        """Return the network's size for a frame, at a step of the levels."""
        levels = levels_of(session, width, height)
        return levels[min(level, len(levels) - 1)].size

    def _step(self, level: Level) -> None:
        assert self.level is not None
        less = level.weight < self.level.weight
        why = "frames were lost" if less else "there is room again"
        self._say(f"{why}: the network now works at {level}")
        self.level = level

    def _forget(self) -> None:
        self._seen: tuple[RGB, Prediction] | None = None
        self._before: tuple[RGB, Prediction] | None = None
        self._since = self._alike = 0

    def _predicted(
        self, small: RGB, every: int, look: Callable[[], Prediction], *, cut: bool
    ) -> Prediction:
        made = self._kept(small)
        if made is None:
            made = self._carried(small, every, cut)
        if made is None:
            began = time.perf_counter()
            made = look()
            self.seconds += time.perf_counter() - began
            self.runs += 1
            self._since = 0
            self._seen = small, made
        self._before = small, made
        return made

    def _kept(self, small: RGB) -> Prediction | None:
        """Return the network's last prediction if the frame has been the same for a while."""
        threshold = self._unchanged()
        if not threshold or self._seen is None or not is_alike(self._seen[0], small, threshold):
            self._alike = 0
            return None
        self._alike += 1
        if self._alike <= _SETTLING:
            return None
        self.kept += 1
        return self._seen[1]

    def _carried(self, small: RGB, every: int, cut: bool) -> Prediction | None:
        """Return what was predicted of the frame before, moved along, if it is flow's turn."""
        self._since += 1
        if self._since >= every or self._before is None or cut:
            return None
        field = self._flow(grey(small), grey(self._before[0]))
        self.carried += 1
        return _moved(self._before[1], field)


def _moved(before: Prediction, field: Field) -> Prediction:
    """Return a prediction brought to another frame along the flow between the two."""
    foreground = before.foreground
    if foreground is not None:
        foreground = follow(foreground, field)
    return replace(before, alpha=follow(before.alpha, field), foreground=foreground)


def is_alike(before: RGB, after: RGB, least: float) -> bool:
    """Whether two frames are as like as that: see :func:`likeness`."""
    if before.shape != after.shape:
        return False
    # No part that differs most differs less than the whole, which is found many times as fast.
    apart = cv2.norm(before, after, cv2.NORM_L2SQR) / before.size
    return apart <= 255**2 / 10 ** (least / 10) and likeness(before, after) >= least


def likeness(before: RGB, after: RGB) -> float:
    """Return how like two frames are where they differ most: the PSNR of that part, in dB.

    Args:
        before: RGB uint8 [height, width, 3].
        after: likewise; of another size it is not alike at all.
    """
    if before.shape != after.shape:
        return 0.0
    apart = cv2.absdiff(before, after)
    squares = cv2.multiply(apart, apart, dtype=cv2.CV_32F)
    height, width = squares.shape[:2]
    parts = (max(1, width // _PART), max(1, height // _PART))
    errors = cv2.resize(squares, parts, interpolation=cv2.INTER_AREA)
    worst = float(errors.mean(axis=2).max())
    return 10 * math.log10(255**2 / worst) if worst else math.inf
