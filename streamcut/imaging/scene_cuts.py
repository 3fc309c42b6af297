"""Where one scene ends and the next begins."""

from __future__ import annotations

import cv2

from streamcut.media.matte import RGB

# Mean absolute difference of code values between two frames from which on they belong to two
# scenes. A pan stays below it; taking one for a cut costs a moment of memory and nothing else.
_CUT = 40.0
# Pixels of the longer side that are looked at: larger frames are compared at every few pixels.
_GLANCE = 256


class SceneCuts:
    """Tells of each frame of a stream whether a scene begins with it: asked once a frame."""

    def __init__(self) -> None:
        self._last: RGB | None = None

    def __call__(self, frame: RGB) -> bool:
        """Whether a scene begins with a frame: the first, one after a cut, one of another size.

        Args:
            frame: RGB uint8 [height, width, 3], as the network sees it.
        """
        last, self._last = self._last, frame
        return last is None or is_cut(last, frame)


def is_cut(before: RGB, after: RGB) -> bool:
    """Whether a cut, or a change of size, lies between two successive frames of any size."""
    if before.shape != after.shape:
        return True
    step = max(1, max(after.shape[:2]) // _GLANCE)
    earlier, later = before[::step, ::step], after[::step, ::step]
    return cv2.norm(earlier, later, cv2.NORM_L1) > _CUT * earlier.size
