"""The guided upsampler: edges follow the picture, plain regions stay plain, depth is kept."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.media import Brightness, depth, inside, pictures, shared
from numpy.typing import NDArray

from streamcut.imaging.resize import Halved
from streamcut.matting.guided_filter import GuidedUpsampler, upsample
from streamcut.matting.network import predict
from streamcut.media.frame import Frame, StreamInfo
from streamcut.media.planes import planes
from streamcut.sessions import new_session
from streamcut.sources import open_source

SAMPLE = Path(__file__).parents[2] / "samples" / "presenter.mp4"


def disc(width: int, height: int, radius: float) -> NDArray[np.float32]:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    distance = np.hypot(x - width / 2 + 0.5, y - height / 2 + 0.5)
    return np.asarray(np.clip(radius - distance + 0.5, 0, 1), np.float32)


def scene(
    width: int = 640, height: int = 360, peak: int = 255
) -> tuple[NDArray[np.float32], NDArray[np.generic], NDArray[np.float32]]:
    """Return the true matte of a bright disc on dark ground, its luma, and a coarse matte."""
    truth = disc(width, height, 120)
    kind = np.uint8 if peak == 255 else np.uint16
    luma = ((0.2 + 0.6 * truth) * peak).astype(kind)
    coarse = cv2.resize(truth, (128, 72), interpolation=cv2.INTER_AREA)
    return truth, luma, np.asarray(cv2.GaussianBlur(coarse, (0, 0), 1), np.float32)


def error(made: NDArray[np.generic], truth: NDArray[np.float32], peak: int = 255) -> float:
    return float(np.abs(made.astype(np.float32) / peak - truth).mean() * 1000)


@pytest.mark.parametrize("peak", [255, 1023, 4095])
def test_edges_follow_the_picture_far_closer_than_bilinear(peak: int) -> None:
    truth, luma, coarse = scene(peak=peak)
    made = GuidedUpsampler(640, 360, peak)(luma, np.asarray(coarse, np.float32))
    bilinear = cv2.resize(coarse, (640, 360)) * peak
    assert made.dtype == luma.dtype
    assert made.shape == luma.shape
    assert made.max() == peak
    assert made.min() == 0
    assert error(made, truth, peak) < error(bilinear, truth, peak) / 3


@pytest.mark.parametrize(("width", "height"), [(640, 360), (1280, 720), (480, 270), (322, 182)])
@pytest.mark.parametrize("at", [None, (30, 20), (127, 71), (64, 0)])
@pytest.mark.parametrize("opacity", [0.3, 0.6, 1])
def test_nothing_is_seen_where_the_matte_is_said_to_be_empty(
    width: int, height: int, at: tuple[int, int] | None, opacity: float
) -> None:
    coarse = np.zeros((72, 128), np.float32)
    if at is not None:
        cv2.circle(coarse, at, 9, opacity, -1)
    luma = np.random.default_rng(1).integers(0, 256, (height, width)).astype(np.uint8)
    border = GuidedUpsampler(width, height, 255).bordered(luma, coarse)
    area, shown = border.shown((height, width))
    assert np.array_equal(shown, border.matte[area])
    assert shown.size < border.matte.size / 2
    assert shown.sum() == border.matte.sum()


@pytest.mark.parametrize(
    ("width", "height"), [(640, 360), (1280, 720), (768, 430), (853, 481), (322, 182)]
)
def test_luma_halved_for_others_as_well_gives_the_same_matte(width: int, height: int) -> None:
    drawn = cv2.circle(np.zeros((72, 128), np.float32), (30, 71), 20, 1, -1)
    coarse = np.asarray(cv2.GaussianBlur(drawn, (9, 9), 0), np.float32)
    luma = np.random.default_rng(1).integers(0, 256, (height, width)).astype(np.uint8)
    enlarge = GuidedUpsampler(width, height, 255)
    shared = enlarge.bordered(luma, coarse, Halved(luma))
    assert np.array_equal(shared.matte, enlarge(luma, coarse))


def test_a_full_matte_is_seen_everywhere() -> None:
    border = GuidedUpsampler(640, 360, 255).bordered(
        np.zeros((360, 640), np.uint8), np.ones((72, 128), np.float32)
    )
    assert border.shown((360, 640))[1].sum() == 255 * 360 * 640


@pytest.mark.parametrize(("width", "height"), [(640, 360), (853, 481), (361, 640), (97, 53)])
def test_any_size_fits(width: int, height: int) -> None:
    truth = disc(width, height, min(width, height) / 3)
    luma = (40 + 160 * truth).astype(np.uint8)
    coarse = cv2.resize(truth, (128, 72), interpolation=cv2.INTER_AREA)
    made = GuidedUpsampler(width, height, 255)(luma, np.asarray(coarse, np.float32))
    assert made.shape == (height, width)
    assert error(made, truth) < 12


def test_the_disc_stays_in_its_place() -> None:
    _, luma, coarse = scene()
    made = GuidedUpsampler(640, 360, 255)(luma, np.asarray(coarse, np.float32)).astype(np.float32)
    y, x = np.mgrid[:360, :640]
    centre = (x * made).sum() / made.sum(), (y * made).sum() / made.sum()
    assert centre == pytest.approx((319.5, 179.5), abs=0.25)


@pytest.mark.parametrize("level", [0.0, 0.05, 0.95, 1.0])
def test_a_sure_matte_is_exactly_empty_or_full(level: float) -> None:
    luma = np.random.default_rng(1).integers(0, 256, (360, 640), np.uint8)
    made = GuidedUpsampler(640, 360, 255)(luma, np.full((72, 128), level, np.float32))
    assert set(np.unique(made)) == {255 if level > 0.5 else 0}


def test_an_uncertain_matte_over_a_flat_picture_stays_as_it_is() -> None:
    luma = np.full((360, 640), 90, np.uint8)
    made = GuidedUpsampler(640, 360, 255)(luma, np.full((72, 128), 0.5, np.float32))
    assert np.abs(made.astype(int) - 128).max() <= 1


@pytest.mark.parametrize("factor", [4, 5, 6])
def test_working_in_the_band_alone_changes_nothing(
    factor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, luma, coarse = scene()
    coarse = np.asarray(cv2.resize(coarse, (640 // factor, 360 // factor)), np.float32)
    banded = GuidedUpsampler(640, 360, 255)(luma, coarse)
    whole = [(slice(0, -(-360 // factor)), slice(0, -(-640 // factor)))]
    monkeypatch.setattr("streamcut.matting.guided_filter.covering", lambda *_: iter(whole))
    assert np.array_equal(GuidedUpsampler(640, 360, 255)(luma, coarse), banded)


def edge_contrast(luma: NDArray[np.generic], made: NDArray[np.generic]) -> float:
    """Return how strongly the picture changes where the matte does."""
    grey = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), 1)
    steep = np.hypot(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1))
    alpha = made.astype(np.float32)
    weight = np.hypot(cv2.Sobel(alpha, -1, 1, 0), cv2.Sobel(alpha, -1, 0, 1))
    return float((steep * weight).sum() / weight.sum())


@pytest.mark.parametrize("clip", ["sample", "bedroom"])
def test_on_real_footage_the_matte_changes_where_the_picture_does(clip: str) -> None:
    path = SAMPLE if clip == "sample" else shared("clips", "bedroom.mp4")
    with open_source(str(path), start=Fraction(1)) as source:
        upsample = GuidedUpsampler(source.info.width, source.info.height, 255)
        gains = []
        for frame in islice(predict(source, new_session()), 0, 30, 10):
            luma, coarse = planes(frame.source)[0], frame.prediction.alpha
            assert coarse is not None
            size = (source.info.width, source.info.height)
            bilinear = cv2.resize(coarse, size) * 255
            gains.append(
                edge_contrast(luma, upsample(luma, np.asarray(coarse, np.float32)))
                / edge_contrast(luma, bilinear)
            )
    assert min(gains) > 1.25


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "gbrp"])
def test_the_matte_is_that_of_its_own_picture(pixel_format: str) -> None:
    top = (1 << depth(pixel_format)) - 1
    shots = pictures(8, 96, 64, pixel_format)
    frames = predict((Frame(source=shot) for shot in shots), Brightness())
    for index, frame in enumerate(upsample(frames, StreamInfo(96, 64, pixel_format))):
        made = frame.matte
        assert (made[inside(96, 64, index, 0.8)] == top).all()
        assert (made[~inside(96, 64, index, 1.35)] == 0).all()
