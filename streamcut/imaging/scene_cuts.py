"""Where one scene ends and the next begins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Mean absolute difference of code values between two frames from which on they belong to two
# scenes. A pan stays below it; taking one for a cut costs a moment of memory and nothing else.
_CUT = 40.0


def is_cut(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> bool:
    """Whether two successive pictures (uint8, as the network sees them) belong to two scenes."""
    if before.shape != after.shape:
        return True
    return float(np.abs(before.astype(np.int16) - after).mean()) > _CUT
