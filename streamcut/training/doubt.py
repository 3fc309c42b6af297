"""Which pixels of a label are taught, by what several person networks see in the photograph.

A label made by a salient-object network holds posters, laptops, flags and cushions beside the
people. What no person network sees is not taught as a person, and what all of them see is not
taught as background; nor is the opposite taught, since they may be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from streamcut.matting.parts import components, means
from streamcut.training.arrays import Bytes, Flags, Floats

_SUBJECT = 76
"""From which alpha a label says "person"."""
_LARGE = 0.025
"""Parts below this share of the image are believed: the networks miss people far away."""
_UNSEEN, _HARDLY_SEEN = 0.2, 0.25
"""Below which probability nobody sees a person: near a pixel, and in the mean of a part."""
_CERTAIN = 0.75
"""Above which mean probability the networks are sure of a person."""


def trusted(alpha: Bytes, opinions: Sequence[Floats]) -> Bytes:
    """The weight of each pixel of a label: 255 taught, 0 doubted.

    Args:
        alpha: the label, uint8 [h, w].
        opinions: of the person networks, 0..1, each float32 [h, w]; without any, all is taught.
    """
    weight = np.full(alpha.shape, 255, np.uint8)
    if not opinions:
        return weight
    subject = np.greater(alpha, _SUBJECT)
    missed = ~subject & (np.mean(opinions, axis=0) > _CERTAIN)
    weight[_unseen(subject, np.max(opinions, axis=0)) | missed] = 0
    return np.asarray(cv2.erode(weight, np.ones((5, 5), np.uint8)))


def _unseen(subject: Flags, seen: Floats) -> Flags:
    """Where a label says "person" and no network agrees: pixels, or parts as a whole."""
    labels, stats = components(subject)
    mean = means(labels, seen, len(stats))
    near = cv2.dilate(seen, np.ones((9, 9), np.uint8))
    large = stats[:, cv2.CC_STAT_AREA] >= _LARGE * subject.size
    doubted = (near < _UNSEEN) | (mean < _HARDLY_SEEN)[labels]
    return np.asarray(subject & large[labels] & doubted)
