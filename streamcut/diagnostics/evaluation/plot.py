"""A plot of the figures over time, a panel a figure, a line a result."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from streamcut.diagnostics.evaluation.scores import FIGURES, EvaluationReport, Figure, Scores

_WIDTH, _PANEL, _LEFT, _RIGHT, _GAP, _HEAD, _FOOT = 1200, 150, 70, 16, 34, 34, 30
_FINE = 2  # Drawn this much larger, then reduced: Pillow's lines have hard edges.
_PAPER, _INK, _FRAME = (255, 255, 255), (40, 40, 40), (205, 205, 205)
_LINES = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (60, 60, 60))
"""Colours that colour-blind people tell apart (Okabe and Ito)."""


def draw_plot(report: EvaluationReport) -> Image.Image:
    """Draw every figure that was computed frame by frame."""
    shown = [figure for figure in FIGURES if any(_known(s, figure).size for s in report.scores)]
    height = _HEAD + len(shown) * (_PANEL + _GAP) + _FOOT - _GAP + 20
    sheet = Image.new("RGB", (_WIDTH * _FINE, height * _FINE), _PAPER)
    pen = _Pen(sheet)
    _legend(pen, report)
    for number, figure in enumerate(shown):
        top = _HEAD + 20 + number * (_PANEL + _GAP)
        _panel(pen, report, figure, top)
    _time_axis(pen, report, height - _FOOT + 8)
    return sheet.resize((_WIDTH, height), Image.Resampling.BOX)


class _Pen:
    """Draws at the fine size what is given in the plot's pixels."""

    def __init__(self, sheet: Image.Image) -> None:
        self._draw = ImageDraw.Draw(sheet)
        self._font = ImageFont.load_default(13 * _FINE)

    def line(self, points: NDArray[Any], colour: tuple[int, int, int], width: float) -> None:
        fine = [(float(x), float(y)) for x, y in points * _FINE]
        self._draw.line(fine, colour, round(width * _FINE), joint="curve")

    def dot(self, point: NDArray[Any], colour: tuple[int, int, int]) -> None:
        x, y = (float(v) for v in point * _FINE)
        self._draw.ellipse((x - 2, y - 2, x + 2, y + 2), colour)

    def text(self, x: float, y: float, text: str, anchor: str, colour: Any = _INK) -> float:
        """Write, and return the width."""
        self._draw.text((x * _FINE, y * _FINE), text, colour, self._font, anchor)
        return float(self._font.getlength(text)) / _FINE


def _legend(pen: _Pen, report: EvaluationReport) -> None:
    x = float(_LEFT)
    for number, score in enumerate(report.scores):
        colour = _LINES[number % len(_LINES)]
        pen.line(np.array([(x, _HEAD / 2), (x + 22, _HEAD / 2)]), colour, 3)
        x += 50 + pen.text(x + 28, _HEAD / 2, PurePath(score.result).name, "lm")


def _panel(pen: _Pen, report: EvaluationReport, figure: Figure, top: float) -> None:
    series = [np.array(score.series.get(figure.name, ())) for score in report.scores]
    low, high = _limits(figure, np.concatenate([_known(s, figure) for s in report.scores]))
    box = np.array([(_LEFT, top), (_WIDTH - _RIGHT, top), (_WIDTH - _RIGHT, top + _PANEL)])
    pen.line(np.vstack([box, (_LEFT, top + _PANEL), box[0]]), _FRAME, 1)
    better = {1: " (more is better)", -1: " (less is better)", 0: ""}[report.better(figure)]
    pen.text(_LEFT, top - 3, figure.title + better, "ld")
    for value in np.linspace(low, high, 3):
        y = top + _PANEL * (high - value) / (high - low)
        pen.line(np.array([(_LEFT, y), (_WIDTH - _RIGHT, y)]), _FRAME, 0.5)
        pen.text(_LEFT - 6, y, f"{value:.3g}", "rm")
    for number, values in enumerate(series):
        known = np.flatnonzero(~np.isnan(values)) if values.size else np.zeros(0, int)
        x = _across(report, np.asarray(report.times)[known])
        y = top + _PANEL * (high - values[known]) / (high - low)
        points = np.stack([x, y], axis=1)
        colour = _LINES[number % len(_LINES)]
        if len(points) > 1:
            pen.line(points, colour, 1.5)
        elif len(points):
            pen.dot(points[0], colour)


def _known(scores: Scores, figure: Figure) -> NDArray[Any]:
    """The values that a result has of a figure; in short clips there may be none."""
    values = np.array(scores.series.get(figure.name, ()))
    return np.asarray(values[~np.isnan(values)])


def _limits(figure: Figure, values: NDArray[Any]) -> tuple[float, float]:
    """The ends of an axis: errors begin at 0, what is good ends where it is best."""
    low, high = float(values.min()), float(values.max())
    if figure.better > 0:
        return min(low, high - 0.02), high
    return 0.0, 1.05 * high if high > 1e-9 else 1.0


def _across(report: EvaluationReport, times: NDArray[Any]) -> NDArray[Any]:
    start, end = report.times[0], report.times[-1]
    share = (times - start) / max(end - start, 1e-9)
    return np.asarray(_LEFT + share * (_WIDTH - _RIGHT - _LEFT))


def _time_axis(pen: _Pen, report: EvaluationReport, y: float) -> None:
    for number, time in enumerate(np.linspace(report.times[0], report.times[-1], 7)):
        x = float(_across(report, np.array([time]))[0])
        pen.text(x, y, f"{time:.2f} s", {0: "lt", 6: "rt"}.get(number, "mt"))
