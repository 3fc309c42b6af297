"""The contact sheet and the plot show what was found."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streamcut.diagnostics.evaluation import (
    Evaluation,
    EvaluationReport,
    Scores,
    draw_plot,
    draw_sheet,
)
from streamcut.diagnostics.evaluation.sheet import BACKGROUND, choose, heat, over


def long_report(bad: list[int]) -> EvaluationReport:
    values = [9.0 if number in bad else 1.0 for number in range(90)]
    scores = Scores("a.webm", {"mad": values})
    return EvaluationReport("truth", True, (64, 36), [n / 30 for n in range(90)], [scores], [])


def test_the_worst_frames_are_chosen_beside_evenly_spaced_ones() -> None:
    chosen = choose(long_report([40, 41, 42, 77]), 8)
    assert len(chosen) == 8
    assert 77 in chosen
    assert len({40, 41, 42} & set(chosen)) == 1
    assert min(chosen) < 30
    assert max(chosen) > 60


def test_a_clip_shorter_than_the_sheet_is_shown_whole() -> None:
    scores = Scores("a.webm", {"mad": [1.0, 2.0, 3.0]})
    report = EvaluationReport("truth", True, (64, 36), [0.0, 0.1, 0.2], [scores], [])
    assert choose(report, 8) == [0, 1, 2]


def test_the_subject_is_shown_over_the_colour() -> None:
    image = np.full((20, 40, 3), 50, np.uint8)
    matte = np.zeros((20, 40), np.float32)
    matte[:, :20] = 1.0
    shown = over(image, matte)
    assert (shown[:, :20] == 50).all()
    assert (shown[:, 20:] == BACKGROUND).all()


def test_errors_are_red_where_too_opaque_and_blue_where_too_transparent() -> None:
    truth = np.zeros((90, 160), np.float32)
    truth[:, 80:] = 1.0
    shown = heat(1.0 - truth, truth).astype(int)
    left, right = shown[45, 60], shown[45, 300]
    assert left[0] == 255
    assert left[2] == 0
    assert right[2] == 255
    assert right[0] == 0
    assert heat(truth, truth)[:, :, 0].max() < 80


def test_the_sheet_holds_what_was_judged(with_alpha: Path, late: Path, truth: Path) -> None:
    evaluation = Evaluation([str(with_alpha), str(late)], str(truth))
    sheet = np.asarray(draw_sheet(evaluation, evaluation.run(), rows=4))
    columns = (sheet.shape[1] - 4) // 364
    assert columns == 6  # The original, two results and their errors, the truth.
    coloured = (sheet == BACKGROUND).all(axis=2)
    assert coloured.any(axis=0).sum() > 3 * 300
    error = sheet[:, 4 + 2 * 364 : 2 * 364 + 364], sheet[:, 4 + 4 * 364 : 5 * 364]
    red = [int(((part[..., 0] > 150) & (part[..., 2] < 60)).sum()) for part in error]
    assert red[0] == 0
    assert red[1] > 50


def test_the_plot_has_a_panel_a_figure_and_a_line_a_result(
    with_alpha: Path, late: Path, truth: Path
) -> None:
    report = Evaluation([str(with_alpha), str(late)], str(truth)).run()
    plot = np.asarray(draw_plot(report)).astype(int)
    names = set().union(*(score.series for score in report.scores))
    assert plot.shape[0] > 150 * len(names)
    blue = (plot[..., 2] - plot[..., 0] > 90).any(axis=1)
    orange = (plot[..., 0] - plot[..., 2] > 90).any(axis=1)
    assert blue.any()
    assert orange.sum() > 100


def test_a_figure_that_no_frame_has_gets_no_panel() -> None:
    found = {"mad": [1.0, 2.0]}
    blank = {"warp_error": [float("nan")] * 2}
    plots = [
        draw_plot(
            EvaluationReport("truth", True, (64, 36), [0.0, 0.1], [Scores("a.webm", series)], [])
        )
        for series in (found, found | blank)
    ]
    assert plots[0].size == plots[1].size
