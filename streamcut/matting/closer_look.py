"""A network that looks closer at where people are: its answers for the frames of one video."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from streamcut.imaging.resize import Shrink
from streamcut.imaging.tiles import Area, shifted
from streamcut.matting.letterbox import Sight, SizeOf
from streamcut.matting.region import SMALLEST, Region
from streamcut.media.matte import RGB, Matte, Prediction
from streamcut.media.rect import WHOLE, Rect
from streamcut.sessions import BaseSession, as_prediction
from streamcut.sessions.base import MatteStream, MovingStream

# Of a part's pixels: how many the network is shown at most, or else as many as at a glance. Frames
# hold no more detail.
_HELD = 0.5


class CloserLook:
    """Tells of each frame of a video what the network sees in it, where somebody is.

    Args:
        session: the network's.
        stream: its mattes of one video.

    Attributes:
        batch: frames that are given together: one, since each decides where the next is looked at.
    """

    batch = 1

    def __init__(self, session: BaseSession, stream: MovingStream) -> None:
        self._session, self._stream = session, stream
        self._glances: MatteStream = session.stream()
        self._crop = Shrink()
        self._region: Region | None = None
        self._shape = 0, 0

    def __call__(self, sight: Sight, size_of: SizeOf, /) -> Prediction:
        """Return what is predicted of ``sight.shown``, at its size.

        Args:
            sight: what there is to see.
            size_of: returns the network's size for a part's width and height.

        Raises:
            ModelError: if the network fails.
        """
        if min(sight.frame.source.width, sight.frame.source.height) < SMALLEST:
            return as_prediction(self._stream(sight.shown), sight.shown)
        shape = sight.shown.shape[0], sight.shown.shape[1]
        if self._region is None or sight.cut or shape != self._shape:
            self._shape = shape
            return self._begun(sight, size_of)
        region, seen = self._region, self._region.box
        matte = self._looked(sight, size_of)
        box, missed = region.followed(matte)
        placed = self._placed(matte, seen)
        if box == seen and region.is_due(sight.shown):
            box, missed = region.glanced(self._glanced(sight.shown, placed), sight.shown, placed)
        if box != seen:
            self._stream.move(box.seen_from(seen))
        if missed:
            placed = self._placed(self._looked(sight, size_of), box)
        return Prediction(placed)

    def many(self, sights: Sequence[Sight], size_of: SizeOf, /) -> list[Prediction]:
        """Return what is predicted of several successive frames."""
        return [self(sight, size_of) for sight in sights]

    def _begun(self, sight: Sight, size_of: SizeOf) -> Prediction:
        """Return what is predicted of a scene's first frame, where it is looked at twice."""
        self._stream.reset()
        self._glances.reset()
        self._region = Region(self._shape)
        matte = self._looked(sight, size_of)
        box = self._region.begun(self._glanced(sight.shown, matte), sight.shown)
        if box != WHOLE:
            self._stream.move(box)
            matte = self._looked(sight, size_of)
        return Prediction(self._placed(matte, box))

    def _looked(self, sight: Sight, size_of: SizeOf) -> Matte:
        """Return the matte of what is looked at, at the network's size."""
        assert self._region is not None
        box, shown = self._region.box, sight.shown
        if box != WHOLE:
            rows, columns = part = _part(sight, box)
            width, height = columns.stop - columns.start, rows.stop - rows.start
            least = self._session.glance_size(width, height)
            most = max(round(_HELD * width * height), least[0] * least[1])
            size = self._session.capped(size_of(width, height), most)
            shown = self._crop(sight.frame.source, size, part)
        return as_prediction(self._stream(shown), shown).alpha

    def _glanced(self, shown: RGB, matte: Matte) -> Matte:
        """Return the matte of a whole frame at the size for a glance.

        Args:
            shown: the frame.
            matte: that was made of what is looked at, which may be all of it.
        """
        assert self._region is not None
        rows, columns = self._shape
        size = self._session.glance_size(columns, rows)
        if size[0] * size[1] < rows * columns:
            shown = np.asarray(cv2.resize(shown, size), np.uint8)
        elif self._region.box == WHOLE:
            return matte
        return as_prediction(self._glances(shown), shown).alpha

    def _placed(self, matte: Matte, box: Rect) -> Matte:
        """Return a part's matte as one of the whole: nothing is outside."""
        if box == WHOLE:
            return matte
        made = np.zeros(self._shape, np.float32)
        inside = box.inside(*self._shape)
        rows, columns = made[inside].shape
        made[inside] = cv2.resize(matte, (columns, rows))  # It is smooth: nothing to average.
        return made


def _part(sight: Sight, box: Rect) -> Area:
    """Return rows and columns of a frame that a part of what lies between its bars has."""
    source = sight.frame.source
    rows, columns = sight.bars.inside(source.height, source.width)
    inner = box.inside(rows.stop - rows.start, columns.stop - columns.start)
    return shifted(inner[0], rows.start), shifted(inner[1], columns.start)
