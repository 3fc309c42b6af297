"""RobustVideoMatting (Lin et al., "Robust High-Resolution Video Matting with Temporal Guidance").

The graph takes the whole frame, shrinks it itself by ``downsample_ratio``, remembers, and
refines its matte at full size; it also gives the subject's own colours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamcut.core.errors import ModelError
from streamcut.sessions.base import RGB, Prediction, View
from streamcut.sessions.networks.recurrent import RecurrentSession
from streamcut.sessions.runtime.runner import Runner, State

_COARSE_SIDE = 512
_ROUNDS = 5  # So often a still is shown, until the memory has settled.
_STATES = [State(f"r{level}i", f"r{level}o") for level in (1, 2, 3, 4)]
_INPUTS = {"src", "downsample_ratio", *(state.input for state in _STATES)}


class RvmSession(RecurrentSession):
    """Runs RobustVideoMatting in single or half precision, whichever the file has.

    Takes what :class:`~streamcut.sessions.networks.saliency.MapSession` takes.
    """

    looks_closer = False

    longest_side = 1920
    """Longer frames are shrunk to it first: what is beyond is the guided upsampler's."""

    shortest_side = 64
    """Smaller frames are enlarged to it: the network halves them four times and more."""

    @classmethod
    def name(cls, *args: Any, **kwargs: Any) -> str:
        """Return the name of the architecture."""
        return "rvm"

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the frame's own size, shrunk where it is longer than 1920 pixels."""
        factor = min(1.0, self.longest_side / max(width, height))
        least = self.shortest_side
        return max(least, round(width * factor)), max(least, round(height * factor))

    def still_views(self, width: int, height: int) -> list[View]:
        """Return the one view of a still: as of a frame, several times over."""
        return [View(self.input_size(width, height), rounds=_ROUNDS)]

    def patient_views(self, width: int, height: int) -> list[View]:
        """Return the one view of a frame: its memory and its foreground are those of one look."""
        return [View(self.input_size(width, height))]

    def smaller_sizes(self, width: int, height: int) -> list[tuple[int, int]]:
        """Return sizes of a half and a quarter of the area."""
        full = self.input_size(width, height)
        sizes = [tuple(max(self.shortest_side, round(s * f)) for s in full) for f in (0.71, 0.5)]
        return [(size[0], size[1]) for size in sizes if size != full]

    def step(self, frame: RGB, runner: Runner) -> Prediction:
        """Return the prediction for the next frame of a video, its foreground included.

        Args:
            frame: RGB, uint8 [h, w, 3].
            runner: of :meth:`runner`; it remembers the frames before.

        Raises:
            ModelError: if the network fails.
        """
        foreground, alpha = self._outputs(self._feed(frame), runner)
        matte = np.clip(alpha[0, 0].astype(np.float32), np.float32(0), np.float32(1))
        colours = foreground[0].transpose(1, 2, 0).astype(np.float32, copy=False)
        return Prediction(matte, colours)

    def runner(self) -> Runner:
        """Return what runs the network and remembers, with an empty memory."""
        return Runner(self.inner_session, ["fgr", "pha"], _STATES)

    def _prepare(self, path: str) -> None:
        inputs = {value.name: value for value in self.inner_session.get_inputs()}
        missing = sorted(_INPUTS - inputs.keys())
        if missing:
            raise ModelError(f"{path} is not a RobustVideoMatting: it takes no {missing[0]}")
        self._input = inputs["src"]

    def _infer(
        self, feed: NDArray[np.float32], runner: Runner | None = None
    ) -> NDArray[np.float32]:
        return np.asarray(self._outputs(feed, runner or self.runner())[1], np.float32)

    def _outputs(self, feed: NDArray[np.float32], runner: Runner) -> list[NDArray[Any]]:
        ratio = min(_COARSE_SIDE / max(feed.shape[2:]), 1)  # As in its authors' inference.py.
        try:
            return runner({"src": feed, "downsample_ratio": np.array([ratio], np.float32)})
        except ModelError as error:
            raise ModelError(f"the model {self.model_name} failed: {error}") from error
