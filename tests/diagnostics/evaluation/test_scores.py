"""Whole evaluations: the right figures for known faults, and every refusal in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.truth import Levels, grey_video

from streamcut.core.errors import UsageError
from streamcut.diagnostics.evaluation import Evaluation, EvaluationReport, metrics


def report(*results: Path, **options: Any) -> EvaluationReport:
    options = {k: str(v) if isinstance(v, Path) else v for k, v in options.items()}
    return Evaluation([str(result) for result in results], **options).run()


def floats(mattes: list[Levels]) -> list[np.ndarray]:
    return [matte.astype(np.float32) / 255 for matte in mattes]


def test_the_truth_itself_is_perfect(with_alpha: Path, truth: Path) -> None:
    (scores,) = report(with_alpha, truth=truth).scores
    assert [scores.mean(name) for name in ("iou", "boundary_f")] == [1.0, 1.0]
    for name in ("mad", "mse", "grad", "conn", "dtssd"):
        assert scores.mean(name) == pytest.approx(0.0, abs=1e-6)
    assert scores.mean("lag") == pytest.approx(0.0, abs=0.01)


def test_figures_are_the_means_of_the_metrics(
    late: Path, truth: Path, mattes: list[Levels]
) -> None:
    (scores,) = report(late, truth=truth).scores
    shown, true = floats([mattes[0], *mattes[:-1]]), floats(mattes)
    for name in ("mad", "mse", "grad", "conn", "iou", "boundary_f"):
        each = [getattr(metrics, name)(*pair) for pair in zip(shown, true, strict=True)]
        assert scores.series[name] == pytest.approx(each, rel=1e-4)
        assert scores.mean(name) == pytest.approx(np.mean(each), rel=1e-4)
    assert scores.mean("dtssd") == pytest.approx(metrics.dtssd(shown, true), rel=1e-4)


def test_the_warping_error_is_that_of_the_metrics(
    with_alpha: Path, late: Path, truth: Path, mattes: list[Levels], images: list[Levels]
) -> None:
    (scores,) = report(late, truth=truth, original=with_alpha).scores
    expected = metrics.flow_error(floats([mattes[0], *mattes[:-1]]), images)
    assert scores.mean("warp_error") == pytest.approx(expected, rel=0.02, abs=1e-4)
    assert (scores.mean("warp_error") or 0) > 0


def test_a_frame_too_late_is_a_lag_of_one(late: Path, with_alpha: Path, truth: Path) -> None:
    right, delayed = report(with_alpha, late, truth=truth).scores
    assert right.lag == pytest.approx(0.0, abs=0.01)
    assert delayed.lag == pytest.approx(1.0, abs=0.15)


def test_without_a_truth_the_first_is_what_others_are_compared_with(
    with_alpha: Path, late: Path
) -> None:
    found = report(with_alpha, late)
    assert (found.reference, found.is_truth) == (str(with_alpha), False)
    first, second = found.scores
    assert first.mean("mad") is None
    assert (second.mean("mad") or 0) > 1
    assert (first.mean("change") or 0) > 0
    assert first.mean("warp_error") is not None


def test_one_result_alone_is_judged_by_what_needs_no_truth(with_alpha: Path) -> None:
    found = report(with_alpha)
    assert found.reference is None
    assert {n for n, v in found.scores[0].series.items()} == {"change", "warp_error"}


def test_grey_mattes_alone_show_no_motion(truth: Path) -> None:
    found = report(truth)
    assert found.scores[0].mean("warp_error") is None
    assert any("give the original" in note for note in found.notes)


def test_another_size_is_scaled_and_said(tmp_path: Path, truth: Path, mattes: list[Levels]) -> None:
    small = [
        np.asarray(cv2.resize(m, (80, 48), interpolation=cv2.INTER_AREA), np.uint8) for m in mattes
    ]
    found = report(grey_video(tmp_path / "small.mkv", small), truth=truth)
    assert found.size == (160, 96)
    assert "small.mkv is 80x48: scaled to 160x96" in found.notes[0]
    assert 0 < (found.scores[0].mean("mad") or 0) < 15


def test_another_shape_is_refused(tmp_path: Path, truth: Path, mattes: list[Levels]) -> None:
    narrow = grey_video(tmp_path / "narrow.mkv", [np.ascontiguousarray(m[:, :96]) for m in mattes])
    with pytest.raises(UsageError, match=r"narrow.mkv is 96x96, not of the shape 160x96"):
        report(narrow, truth=truth)


def test_different_lengths_are_refused_unless_the_shortest_counts(
    tmp_path: Path, truth: Path, mattes: list[Levels]
) -> None:
    short = grey_video(tmp_path / "short.mkv", mattes[:5])
    with pytest.raises(UsageError, match=r"short.mkv ends after 5 frames, .* shortest"):
        report(short, truth=truth)
    found = report(short, truth=truth, shortest=True)
    assert len(found.times) == 5
    assert found.scores[0].mean("mad") == pytest.approx(0.0, abs=1e-6)


def test_frames_that_are_shown_at_other_times_are_said(
    tmp_path: Path, truth: Path, mattes: list[Levels]
) -> None:
    slow = grey_video(tmp_path / "slow.mkv", mattes, rate=15)
    notes = " ".join(report(slow, truth=truth).notes)
    assert "6 frames (first: 2) are shown at different times" in notes


def test_colours_without_alpha_are_no_matte(tmp_path: Path, images: list[Levels]) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), images[0][..., ::-1])
    with pytest.raises(UsageError, match="holds no matte"):
        report(tmp_path)
