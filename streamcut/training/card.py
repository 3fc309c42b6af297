"""The model card: prose written by a person, figures written by the evaluation.

A card keeps its figures between two marker comments; writing a card that exists
replaces only what lies between them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from streamcut.training.evaluate import NetworkScores

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

COLUMNS = (
    ("whole_iou", "whole photo IoU", "{:.3f}"),
    ("whole_f", "F", "{:.3f}"),
    ("framed_iou", "framed IoU", "{:.3f}"),
    ("framed_f", "F", "{:.3f}"),
    ("pasted_iou", "pasted IoU", "{:.3f}"),
    ("pasted_f", "F", "{:.3f}"),
    ("empty", "empty room", "{:.4f}"),
    ("moving_iou", "moving IoU", "{:.3f}"),
    ("moving_f", "F", "{:.3f}"),
    ("moving_mad", "MAD x1000", "{:.1f}"),
    ("moving_dtssd", "dtSSD", "{:.2f}"),
    ("moving_flow", "flow error", "{:.4f}"),
    ("milliseconds", "ms", "{:.1f}"),
)

TEMPLATE = """# {name}

Data and licences:

Recipe:

## Figures on the held-out part

{begin}
{end}

## Known failures
"""


def figures(scores: Sequence[NetworkScores]) -> str:
    """A Markdown table, one row a network."""
    titles = " | ".join(title for _, title, _ in COLUMNS)
    rows = [f"| network | {titles} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for score in scores:
        values = asdict(score)
        cells = " | ".join(form.format(values[key]) for key, _, form in COLUMNS)
        rows.append(f"| {score.name} | {cells} |")
    return "\n".join(rows)


def write_card(path: Path, scores: Sequence[NetworkScores]) -> None:
    """Put the figures of an evaluation into a card, or begin a new one."""
    write_figures(path, figures(scores))


def write_figures(path: Path, tables: str) -> None:
    """Put tables into a card between its markers, or begin a new one."""
    text = path.read_text(encoding="utf-8") if path.exists() else _fresh(path.stem)
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    path.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", encoding="utf-8")


def _fresh(name: str) -> str:
    return TEMPLATE.format(name=name, begin=BEGIN, end=END)


def save_scores(path: Path, scores: Sequence[NetworkScores]) -> None:
    """Keep the figures as JSON for a card written later."""
    path.write_text(json.dumps([asdict(score) for score in scores], indent=2), encoding="utf-8")


def load_scores(path: Path) -> list[NetworkScores]:
    """Read what `save_scores` wrote."""
    known = {field.name for field in fields(NetworkScores)}
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [NetworkScores(**{k: v for k, v in row.items() if k in known}) for row in rows]
