"""A matte from more than one look, at several sizes and mirrored, of a still or of each frame.

The views are averaged as logits, so that a view that is sure outweighs one that is not: a mean
of opacities would leave veils.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from av.video.frame import VideoFrame

from streamcut.imaging.resize import Shrink
from streamcut.matting.letterbox import SizeOf, laid_back, placed
from streamcut.matting.region import SMALLEST, Region
from streamcut.media.bars import NONE, Bars
from streamcut.media.matte import RGB, Matte, Prediction
from streamcut.media.rect import WHOLE, Rect
from streamcut.sessions import BaseSession
from streamcut.sessions.base import MatteStream, MovingStream, View, as_prediction

_SURE = 1 / 255
"""Opacities this near to 0 and 1 count as both."""

_TRIES = 3
"""So many parts of a still are looked at until nobody is cut off by one."""


class Looks(MatteStream):
    """One video seen in several ways at once (a session's patient views).

    Args:
        session: the network's.
    """

    def __init__(self, session: BaseSession) -> None:
        self._session = session
        self._streams: list[MatteStream] = []
        self._views: list[View] = []

    def __call__(self, frame: RGB, /) -> Prediction:
        """Return the mean of all predictions, at the frame's size; the screen is the first one's.

        Args:
            frame: at the size of :func:`patient_size`.

        Raises:
            ModelError: if the network fails.
        """
        rows, columns = frame.shape[:2]
        views = self._views = self._session.patient_views(columns, rows)
        if not self._streams:
            self._streams = [self._session.stream() for _ in views]
        answers = [
            _answered(frame, view, stream)
            for view, stream in zip(views, self._streams, strict=True)
        ]
        mean = _mean([answer.alpha for answer in answers], (rows, columns))
        return replace(answers[0], alpha=mean, foreground=None)

    def reset(self) -> None:
        """Forget the frames before."""
        for stream in self._streams:
            stream.reset()

    def move(self, part: Rect) -> None:
        """Bring what is remembered to a part of what was shown last.

        For sessions whose streams can do so, and whose views are as many at each size.
        """
        for view, stream in zip(self._views, self._streams, strict=True):
            assert isinstance(stream, MovingStream)
            stream.move(part.mirrored() if view.mirrored else part)


def looks_twice(session: BaseSession, width: int, height: int) -> bool:
    """Return whether a network was measured to gain by more than one view of frames of a size."""
    return len(session.patient_views(width, height)) > 1


def patient_size(session: BaseSession) -> SizeOf:
    """Return what tells the size of the largest of a session's patient views."""

    def largest(width: int, height: int) -> tuple[int, int]:
        sizes = [view.size for view in session.patient_views(width, height)]
        return max(sizes, key=lambda size: size[0] * size[1])

    return largest


def _answered(frame: RGB, view: View, stream: MatteStream) -> Prediction:
    """Return what the network says of a frame seen in one way, the right way round."""
    rows, columns = frame.shape[:2]
    small = frame
    if view.size[0] * view.size[1] < rows * columns:
        small = np.asarray(cv2.resize(frame, view.size, interpolation=cv2.INTER_AREA), np.uint8)
    shown = np.ascontiguousarray(small[:, ::-1]) if view.mirrored else small
    answer = as_prediction(stream(shown), shown)
    for _ in range(view.rounds - 1):
        answer = as_prediction(stream(shown), shown)
    if not view.mirrored:
        return answer
    back = None if answer.foreground is None else answer.foreground[:, ::-1]
    return replace(answer, alpha=answer.alpha[:, ::-1], foreground=back)


def seen(image: VideoFrame, session: BaseSession, bars: Bars = NONE) -> tuple[RGB, Prediction]:
    """Return a still as the network saw it, and the mean prediction at that size.

    That size is the largest view's, or less where the still has fewer pixels. Where a session
    looks closer, and people are small in the still, it is shown the part around them as well.

    Args:
        image: the still.
        session: the network's.
        bars: around the still; the network does not see them.

    Raises:
        ModelError: if the network fails.
    """
    small, told = _seen(image, session, bars)
    if not session.looks_closer or min(image.width, image.height) < SMALLEST:
        return small, told
    region = Region((told.alpha.shape[0], told.alpha.shape[1]))
    box = region.begun(told.alpha, small)
    for _ in range(_TRIES):
        if box == WHOLE:
            break
        closely = _seen(image, session, bars.joined(_bars_around(image, box)))
        shown = closely[1].alpha[box.inside(*closely[1].alpha.shape)]
        box, cut_off = region.followed(np.ascontiguousarray(shown))
        if not cut_off:
            return _no_larger(image, *closely)
    return small, told


def _bars_around(image: VideoFrame, box: Rect) -> Bars:
    rows, columns = box.inside(image.height, image.width)
    return Bars(rows.start, image.height - rows.stop, columns.start, image.width - columns.stop)


def _no_larger(image: VideoFrame, small: RGB, told: Prediction) -> tuple[RGB, Prediction]:
    """Return what was seen of a part at no larger scale than the still has."""
    size = image.width, image.height
    if small.shape[1] <= image.width:
        return small, told
    alpha = np.asarray(cv2.resize(told.alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    return Shrink()(image, size), replace(told, alpha=alpha, foreground=None)


def _seen(image: VideoFrame, session: BaseSession, bars: Bars) -> tuple[RGB, Prediction]:
    """Return a still at the size of the largest view of it, and the mean prediction there."""
    rows, columns = bars.inside(image.height, image.width)
    views = session.still_views(columns.stop - columns.start, rows.stop - rows.start)
    found = [_looked(image, session, view, bars) for view in views]
    small, first = max(found, key=lambda pair: pair[1].alpha.size)
    if len(found) == 1:
        return small, first
    alpha = _mean([prediction.alpha for _, prediction in found], first.alpha.shape)
    return small, replace(first, alpha=alpha)


def _looked(
    image: VideoFrame, session: BaseSession, view: View, bars: Bars
) -> tuple[RGB, Prediction]:
    """Return the still at a view's size, and the network's answer, the right way round."""
    size, window = placed(image, bars, lambda width, height: view.size)
    whole = Shrink()(image, size)
    answer = _answered(np.ascontiguousarray(whole[window]), view, session.stream())
    return whole, laid_back(answer, whole, window) if bars else answer


def _mean(mattes: Sequence[Matte], shape: tuple[int, ...]) -> Matte:
    """Return the mean of mattes of several sizes, as logits, at (rows, columns)."""
    size = (shape[1], shape[0])
    fitted = [cv2.resize(np.ascontiguousarray(matte), size) for matte in mattes]
    shares = np.clip(fitted, _SURE, 1 - _SURE)
    logits = np.mean(np.log(shares / (1 - shares)), axis=0)
    mean = 1 / (1 + np.exp(-logits))
    return np.asarray(np.clip((mean - _SURE) / (1 - 2 * _SURE), 0, 1), np.float32)
