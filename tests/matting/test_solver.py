"""Mattes solved on a grid: nearer to the truth than the network's, and never run away."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from helpers.frames import matted, predicted

from streamcut.matting.solver import Solver, Trimming, plausible
from streamcut.media.frame import StreamInfo

W, H = 320, 180


def disc(width: int = W, height: int = H, soft: float = 1.5) -> np.ndarray:
    """The opacity of a disc with a wavy border, 0..1."""
    y, x = np.mgrid[:height, :width] / height
    angle = np.arctan2(y - 0.5, x - 0.9)
    edge = 0.3 + 0.03 * np.sin(9 * angle)
    away = np.hypot(y - 0.5, x - 0.9)
    return np.asarray(np.clip((edge - away) * height / soft + 0.5, 0, 1).astype(np.float32))


def shot(alpha: np.ndarray) -> av.VideoFrame:
    """A reddish thing over a bluish ground, mixed by its opacity."""
    colours = alpha[..., None] * [200, 90, 60] + (1 - alpha[..., None]) * [40, 70, 150]
    rgb = np.rint(colours).astype(np.uint8)
    made = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv444p", dst_colorspace=1)
    made.colorspace, made.pts, made.time_base = 1, 0, Fraction(1, 30)
    return made


def coarse(alpha: np.ndarray, factor: int = 5) -> np.ndarray:
    """What a network would make of it: blurred, and much smaller."""
    blurred = cv2.GaussianBlur(alpha, (0, 0), 4)
    height, width = alpha.shape
    size = (width // factor, height // factor)
    return cv2.resize(blurred, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def error(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(found - truth).mean())


def test_a_solved_matte_is_far_nearer_to_the_truth() -> None:
    truth = disc()
    solve = Solver(StreamInfo(W, H, "yuv444p"))
    assert solve.size == (W, H)
    rough = coarse(truth)
    found = solve(predicted(shot(truth), rough))
    assert found is not None
    assert found.dtype == np.float32
    assert error(found, truth) < 0.15 * error(cv2.resize(rough, (W, H)), truth)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (1280, 720, (320, 180)),
        (1920, 1080, (320, 180)),
        (3840, 2160, (320, 180)),
        (90, 60, (90, 60)),
    ],
)
def test_the_grid_has_as_many_cells_for_every_video(
    width: int, height: int, size: tuple[int, int]
) -> None:
    assert Solver(StreamInfo(width, height, "yuv420p")).size == size


def test_the_grid_is_as_fine_as_the_networks_matte() -> None:
    assert Solver(StreamInfo(1280, 720, "yuv420p"), (360, 640)).size == (640, 360)
    assert Solver(StreamInfo(1280, 720, "yuv420p"), (720, 1280)).size == (1280, 720)


def test_a_band_too_long_to_be_solved_in_time_is_left() -> None:
    rough = np.tile(np.array([0.0, 0.5, 1.0], np.float32), (400, 200))
    picture = shot(np.zeros((400, 600), np.float32))
    solve = Solver(StreamInfo(600, 400, "yuv444p"), rough.shape)
    assert solve(predicted(picture, rough)) is None


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_matte_with_nothing_to_solve_from_has_no_solution(level: float) -> None:
    frame = matted(shot(disc()), alpha=np.full((36, 64), level, np.float32))
    assert Solver(StreamInfo(W, H, "yuv444p"))(frame) is None


def test_thresholds_and_erosion_widen_what_is_solved() -> None:
    truth = disc()
    frame, info = predicted(shot(truth), coarse(truth)), StreamInfo(W, H, "yuv444p")

    def unknown(trimming: Trimming) -> int:
        solve = Solver(info, trimming=trimming)
        return int(
            (
                solve._trimap(np.asarray(cv2.resize(frame.prediction.alpha, (W, H)), np.float32))
                == 128
            ).sum()
        )

    usual = unknown(Trimming())
    assert unknown(Trimming(erode_size=9)) > usual > unknown(Trimming(erode_size=1))
    assert unknown(Trimming(foreground_threshold=250)) > usual
    assert unknown(Trimming(background_threshold=3)) > usual


def test_a_solution_that_ran_away_is_not_taken() -> None:
    rough = np.zeros((60, 80), np.float32)
    rough[:, 40:] = 1
    solved = rough.copy()
    solved[10:50, 20:40] = 1  # A part of the background has flipped.
    solved[:, 40:42] = 0.2  # And a border has moved, as borders do.
    made = plausible(solved, rough)
    assert (made[20:40, 24:30] == 0).all()
    np.testing.assert_allclose(made[:5, 40:42], solved[:5, 40:42], atol=1e-6)
    np.testing.assert_array_equal(plausible(rough, rough), rough)
