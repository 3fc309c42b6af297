"""Networks that remember: their state goes from frame to frame, and belongs to the stream.

The graph takes ``rgb`` and states ``r1i``, ``r2i`` ..., and gives ``alpha`` and ``r1o``, ``r2o``
... It says in its metadata what it takes: ``streamcut.stride``, ``streamcut.area`` (pixels) and, if
it is another, ``streamcut.still_area`` for images,
and ``streamcut.states``, JSON rows of name, channels and stride.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamcut.core.errors import ModelError
from streamcut.imaging.scene_cuts import SceneCuts
from streamcut.media.rect import Rect
from streamcut.sessions.base import RGB, Prediction, View
from streamcut.sessions.networks.saliency import (
    MOST_PIXELS,
    MapSession,
    size_of_area,
    smaller_sizes_of,
)
from streamcut.sessions.runtime.runner import Runner, State

_STILL_AREA = 2
_VIEWS = (0.5, 1.0, 2.0)  # Areas at which a still is looked at, of the one for images.
_PATIENT_VIEWS = ((1.0, False), (2.0, True))  # Likewise, of the one for videos; mirrored or not.
_LARGEST_STRIDE = 1024
_MOST_KEPT = 1 << 28  # Numbers in all states together.


class RecurrentSession(MapSession):
    """Runs a recurrent network; an image is its first frame.

    Takes what :class:`~streamcut.sessions.networks.saliency.MapSession` takes.
    """

    looks_closer = True

    @classmethod
    def name(cls, *args: Any, **kwargs: Any) -> str:
        """Return the name of the architecture."""
        return "recurrent"

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size nearest to the network's area at a frame's aspect ratio."""
        return size_of_area(width, height, self._area, self._stride)

    def glance_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size nearest to the area that the file itself asks for."""
        return size_of_area(width, height, self._own_area, self._stride)

    def capped(self, size: tuple[int, int], most: int) -> tuple[int, int]:
        """Return a size scaled down to so many pixels, in multiples of the stride."""
        return size_of_area(*size, min(most, size[0] * size[1]), self._stride)

    def still_views(self, width: int, height: int) -> list[View]:
        """Return views at half, all and twice the area for images, each also mirrored.

        That area is what the file says, or else twice the area that a video gets. People near
        and far gain by different sizes (docs/measurements.md).
        """
        areas = [round(share * self._still_area) for share in _VIEWS]
        sizes = [size_of_area(width, height, area, self._stride) for area in areas]
        return [View(size, mirrored) for size in sizes for mirrored in (False, True)]

    def patient_views(self, width: int, height: int) -> list[View]:
        """Return a view at the network's area, and a mirrored one at twice that."""
        return [
            View(size_of_area(width, height, round(share * self._area), self._stride), mirrored)
            for share, mirrored in _PATIENT_VIEWS
        ]

    def smaller_sizes(self, width: int, height: int) -> list[tuple[int, int]]:
        """Return sizes of about a half and a quarter of the network's area."""
        return smaller_sizes_of(width, height, self._area, self._stride)

    def stream(self) -> RecurrentStream:
        """Start with an empty memory; several streams may share the session."""
        return RecurrentStream(self)

    def step(self, frame: RGB, runner: Runner) -> Prediction:
        """Return the prediction for the next frame of a video.

        Args:
            frame: RGB, uint8 [h, w, 3], both sides multiples of the stride.
            runner: of :meth:`runner`; it remembers the frames before.

        Raises:
            ModelError: if the network fails.
        """
        return Prediction(np.asarray(self._alpha(self._feed(frame), runner)[0, 0], np.float32))

    def runner(self) -> Runner:
        """Return what runs the network and remembers, with an empty memory."""
        return Runner(self.inner_session, ["alpha"], self._states)

    def _prepare(self, path: str) -> None:
        try:
            facts = self.inner_session.get_modelmeta().custom_metadata_map
            self._own_area = int(facts["streamcut.area"])
            self._area = self.model.area or self._own_area
            self._still_area = int(facts.get("streamcut.still_area", _STILL_AREA * self._area))
            self._stride = int(facts["streamcut.stride"])
            self._states = [
                State(f"{name}i", f"{name}o", int(channels), int(stride))
                for name, channels, stride in json.loads(facts["streamcut.states"])
            ]
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise ModelError(f"{path} does not say what states it keeps") from error
        if not self._sensible():
            raise ModelError(f"{path} has sizes that make no sense")

    def _sensible(self) -> bool:
        """Whether what the file says can be: a frame, and states that fit into memory."""
        strides = [self._stride, *(state.stride or 1 for state in self._states)]
        if (
            not min(self._area, self._still_area) > 0
            or max(self._area, self._still_area) > MOST_PIXELS
        ):
            return False
        if min(strides) < 1 or max(strides) > _LARGEST_STRIDE:
            return False
        channels = [state.channels for state in self._states]
        kept = sum(s.channels * self._area // (s.stride or 1) ** 2 for s in self._states)
        return min(channels, default=1) > 0 and kept <= _MOST_KEPT

    def _infer(
        self, feed: NDArray[np.float32], runner: Runner | None = None
    ) -> NDArray[np.float32]:
        return self._alpha(feed, runner or self.runner())

    def _alpha(self, feed: NDArray[np.float32], runner: Runner) -> NDArray[np.float32]:
        try:
            return runner({"rgb": feed})[0]
        except ModelError as error:
            raise ModelError(f"the model {self.model_name} failed: {error}") from error


class RecurrentStream:
    """The mattes of one video, each made with the memory of the frames before it."""

    def __init__(self, session: RecurrentSession) -> None:
        self._session = session
        self._runner = session.runner()
        self._begins = SceneCuts()
        self._moved = False

    def __call__(self, frame: RGB) -> Prediction:
        """Return the prediction for an RGB uint8 [h, w, 3] frame.

        A scene cut, or a change of size, empties the memory, unless it was moved.
        """
        if self._begins(frame) and not self._moved:
            self._runner.reset()
        self._moved = False
        return self._session.step(frame, self._runner)

    def reset(self) -> None:
        """Forget the frames before."""
        self._runner.reset()
        self._begins, self._moved = SceneCuts(), False

    def move(self, part: Rect) -> None:
        """Bring the memory to a part of what was shown last."""
        self._runner.move(part)
        self._moved = True
