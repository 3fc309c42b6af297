"""Judging mattes: figures beside the truth or beside each other, a contact sheet, a plot."""

from __future__ import annotations

from streamcut.diagnostics.evaluation.plot import draw_plot
from streamcut.diagnostics.evaluation.scores import (
    FIGURES,
    Evaluation,
    EvaluationReport,
    Figure,
    Scores,
)
from streamcut.diagnostics.evaluation.sheet import draw_sheet

__all__ = [
    "FIGURES",
    "Evaluation",
    "EvaluationReport",
    "Figure",
    "Scores",
    "draw_plot",
    "draw_sheet",
]
