"""Published weights on real footage: two children jump on a bed, 960 x 540.

Their mattes were looked at: Google Meet's and MediaPipe's networks and the packaged one find the
children, with gaps; SINet, a portrait network, finds heads and shoulders in a crop and takes the
bed for a person in the whole picture.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.keyed import iou
from helpers.media import shared
from numpy.typing import NDArray

from streamcut.sessions import BaseSession, new_session
from streamcut.sessions.networks.saliency import MapSession

FRAMES = (0, 8, 16, 24, 32)
HEAD = (slice(20, 220), slice(240, 440))
"""Where the girl's head and shoulders are in these frames."""


@pytest.fixture(scope="module")
def frames() -> list[NDArray[np.uint8]]:
    with av.open(str(shared("clips", "bedroom.mp4"))) as container:
        decoded = zip(range(max(FRAMES) + 1), container.decode(video=0), strict=False)
        return [
            np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            for at, frame in decoded
            if at in FRAMES
        ]


def session_of(file: str) -> MapSession:
    session = new_session(str(shared("models", file)))
    assert isinstance(session, MapSession)
    return session


def matte_of(session: BaseSession, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A matte by the video's path, at 300 x 300."""
    size = session.input_size(picture.shape[1], picture.shape[0])
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    matte = session.stream()(np.asarray(small, np.uint8)).alpha
    return np.asarray(cv2.resize(matte, (300, 300)), np.float32)


def test_three_networks_find_the_same_children(frames: list[NDArray[np.uint8]]) -> None:
    sessions = [
        new_session(),
        session_of("mediapipe.onnx"),
        session_of("selfie_segmentation.onnx"),
    ]
    for picture in frames:
        own, meet, selfie = (matte_of(session, picture) for session in sessions)
        for one, other in ((own, meet), (own, selfie), (meet, selfie)):
            assert iou(one, other) > 0.55
        assert 0.02 < (meet > 0.5).mean() < 0.2
        assert meet[:, 250:].max() < 0.5  # The door and the drawers.


def test_sinet_finds_heads_and_shoulders_with_blue_first(
    frames: list[NDArray[np.uint8]],
) -> None:
    """As its authors feed it; OBS Background Removal gives the same numbers to red first."""
    meet, sinet = session_of("mediapipe.onnx"), session_of("SINet_Softmax_simple.onnx")
    row = sinet.model
    turned = replace(row, bgr=False, mean=row.mean[::-1], std=row.std[::-1])
    red_first = MapSession(turned, Path(shared("models", "SINet_Softmax_simple.onnx")))
    crops = [picture[HEAD] for picture in frames]
    wanted = [matte_of(meet, crop) for crop in crops]
    found = [matte_of(sinet, crop) for crop in crops]
    assert all(iou(one, other) > 0.7 for one, other in zip(found, wanted, strict=True))
    others = [matte_of(red_first, crop) for crop in crops]
    assert np.abs(np.subtract(found, wanted)).mean() < 0.1
    assert np.abs(np.subtract(found, wanted)).mean() < np.abs(np.subtract(others, wanted)).mean()
