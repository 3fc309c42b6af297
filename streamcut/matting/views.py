"""A matte from more than one look: a still larger than a frame and mirrored, a frame both ways.

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
from streamcut.matting.letterbox import laid_back, placed
from streamcut.media.bars import NONE, Bars
from streamcut.media.matte import RGB, Matte, Prediction
from streamcut.sessions import BaseSession
from streamcut.sessions.base import MatteStream, StillView, as_prediction

_SURE = 1 / 255
"""Opacities this near to 0 and 1 count as both."""


class BothWays(MatteStream):
    """One video seen as it is and mirrored, each with a memory of its own.

    Args:
        session: the network's.
    """

    def __init__(self, session: BaseSession) -> None:
        self._plain, self._mirrored = session.stream(), session.stream()

    def __call__(self, frame: RGB, /) -> Prediction:
        """Return the mean of both predictions; colours and screen are the plain one's.

        Raises:
            ModelError: if the network fails.
        """
        answer = as_prediction(self._plain(frame), frame)
        turned = np.ascontiguousarray(frame[:, ::-1])
        other = as_prediction(self._mirrored(turned), turned).alpha[:, ::-1]
        return replace(answer, alpha=_mean([answer.alpha, other], answer.alpha.shape))

    def reset(self) -> None:
        """Forget the frames before."""
        self._plain.reset()
        self._mirrored.reset()


def gains_by_mirroring(session: BaseSession, width: int, height: int) -> bool:
    """Return whether a network was measured to gain by a mirrored look at frames of a size."""
    return any(view.mirrored for view in session.still_views(width, height))


def seen(image: VideoFrame, session: BaseSession, bars: Bars = NONE) -> tuple[RGB, Prediction]:
    """Return a still at the size of the largest view of it, and the mean prediction there.

    Args:
        image: the still.
        session: the network's.
        bars: around the still; the network does not see them.

    Raises:
        ModelError: if the network fails.
    """
    rows, columns = bars.inside(image.height, image.width)
    views = session.still_views(columns.stop - columns.start, rows.stop - rows.start)
    found = [_looked(image, session, view, bars) for view in views]
    small, first = max(found, key=lambda pair: pair[1].alpha.size)
    if len(found) == 1:
        return small, first
    alpha = _mean([prediction.alpha for _, prediction in found], first.alpha.shape)
    return small, replace(first, alpha=alpha)


def _looked(
    image: VideoFrame, session: BaseSession, view: StillView, bars: Bars
) -> tuple[RGB, Prediction]:
    """Return the still at a view's size, and the network's answer, the right way round."""
    size, window = placed(image, bars, lambda width, height: view.size)
    whole = Shrink()(image, size)
    small = np.ascontiguousarray(whole[window])
    shown = np.ascontiguousarray(small[:, ::-1]) if view.mirrored else small
    stream = session.stream()
    answer = as_prediction(stream(shown), shown)
    for _ in range(view.rounds - 1):
        answer = as_prediction(stream(shown), shown)
    if view.mirrored:
        back = None if answer.foreground is None else answer.foreground[:, ::-1]
        answer = replace(answer, alpha=answer.alpha[:, ::-1], foreground=back)
    return whole, laid_back(answer, whole, window) if bars else answer


def _mean(mattes: Sequence[Matte], shape: tuple[int, ...]) -> Matte:
    """Return the mean of mattes of several sizes, as logits, at (rows, columns)."""
    size = (shape[1], shape[0])
    fitted = [cv2.resize(np.ascontiguousarray(matte), size) for matte in mattes]
    shares = np.clip(fitted, _SURE, 1 - _SURE)
    logits = np.mean(np.log(shares / (1 - shares)), axis=0)
    mean = 1 / (1 + np.exp(-logits))
    return np.asarray(np.clip((mean - _SURE) / (1 - 2 * _SURE), 0, 1), np.float32)
