"""A contact sheet: frames of an evaluation side by side with the truth and their errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from streamcut.diagnostics.evaluation.scores import Evaluation, EvaluationReport, Together
from streamcut.media.matte import RGB, Matte

BACKGROUND = (255, 0, 200)
"""What results are shown over: a colour that neither skin nor rooms nor screens have."""

_CELL, _LABEL, _GAP = 360, 22, 4
_COLUMN = _CELL + _GAP
_PAPER, _INK = (24, 24, 28), (235, 235, 235)


def draw_sheet(evaluation: Evaluation, report: EvaluationReport, rows: int = 8) -> Image.Image:
    """Draw half as many frames as there are rows evenly spaced, and the worst ones.

    Args:
        evaluation: what was judged; it is read once more.
        report: what came out.
        rows: how many frames.
    """
    chosen = choose(report, rows)
    lines = {
        number: _cells(evaluation, together)
        for number, together in enumerate(evaluation.frames(_CELL))
        if number in chosen
    }
    titles = [title for title, _ in lines[chosen[0]]]
    row = _LABEL + _GAP + round(_CELL * evaluation.size[0] / evaluation.size[1])
    size = (_GAP + _COLUMN * len(titles), _LABEL + row * len(lines))
    sheet = Image.new("RGB", size, _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, title in enumerate(titles):
        pen.text((_GAP + column * _COLUMN, 4), _short(title), _INK, font)
    for line, (number, cells) in enumerate(lines.items()):
        top = _LABEL + line * row
        pen.text((_GAP, top + 4), _caption(report, number), _INK, font)
        for column, (_, pixels) in enumerate(cells):
            cell = Image.fromarray(pixels)
            cell = cell.resize((_CELL, row - _LABEL - _GAP), Image.Resampling.BOX)
            sheet.paste(cell, (_GAP + column * _COLUMN, top + _LABEL))
    return sheet


def choose(report: EvaluationReport, count: int) -> list[int]:
    """Frame numbers: half of them evenly spaced, then the worst that are not beside another."""
    frames = len(report.times)
    even = np.linspace(0, frames - 1, count // 2 + 2).round().astype(int)[1:-1]
    chosen = {int(number) for number in even}
    apart = max(1, frames // (3 * count))
    for number in np.argsort(-report.badness(), kind="stable"):
        if len(chosen) >= min(count, frames):
            break
        if all(abs(int(number) - other) >= apart for other in chosen):
            chosen.add(int(number))
    return sorted(chosen)


def _cells(evaluation: Evaluation, together: Together) -> list[tuple[str, NDArray[Any]]]:
    """What one row shows, from left to right, each RGB uint8 with its title."""
    cells = []
    reference = together.truth
    if together.colours is not None:
        cells.append(("original", np.asarray(together.colours)))
    for number, (reader, matte) in enumerate(zip(evaluation.results, together.mattes, strict=True)):
        cells.append((reader.url, over(together.colours, matte)))
        against = together.mattes[0] if reference is None and number else reference
        if against is not None:
            name = "error" if reference is not None else "difference from the first"
            cells.append((name, heat(matte, against)))
    if reference is not None:
        cells.append(("truth", over(together.colours, reference)))
    return cells


def over(colours: RGB | None, matte: Matte) -> RGB:
    """The subject (white where no colours are known) over :data:`BACKGROUND`."""
    if colours is None:
        colours = np.full((*_thumbnail(matte).shape, 3), 255, np.uint8)
    size = (colours.shape[1], colours.shape[0])
    share = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)[..., None]
    mixed = colours * share + np.array(BACKGROUND, np.float32) * (1.0 - share)
    return np.asarray(np.rint(mixed), np.uint8)


def heat(matte: Matte, truth: Matte) -> RGB:
    """Too opaque in red, too transparent in blue, over a faint truth; half an error is full."""
    error = _thumbnail(matte - truth) * 2.0
    ground = _thumbnail(truth) * 0.25
    red, blue = np.clip(error, 0, 1), np.clip(-error, 0, 1)
    rest = ground * (1.0 - np.maximum(red, blue))
    channels = [rest + red, rest + 0.45 * blue + 0.2 * red, rest + blue]
    return np.asarray(np.rint(np.stack(channels, axis=2).clip(0, 1) * 255), np.uint8)


def _thumbnail(plane: Matte) -> Matte:
    height = max(1, round(_CELL * plane.shape[0] / plane.shape[1]))
    small = cv2.resize(plane, (_CELL, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _caption(report: EvaluationReport, number: int) -> str:
    figures = list(_figures(report, number))
    return f"frame {number}, {report.times[number]:.2f} s" + "".join(f"   {f}" for f in figures)


def _figures(report: EvaluationReport, number: int) -> Iterator[str]:
    for name, title in (("mad", "MAD"), ("dtssd", "dtSSD"), ("boundary_f", "boundary F")):
        values = [f"{s.series[name][number]:.4g}" for s in report.scores if name in s.series]
        if values:
            yield f"{title} {' / '.join(values)}"


def _short(title: str, most: int = 50) -> str:
    return title if len(title) <= most else "..." + title[-most + 3 :]
