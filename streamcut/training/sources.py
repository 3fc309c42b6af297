"""Figures of networks on every source that a pack holds out, and the worst of them.

A source is a set of photographs, or of clips, of which nothing was learned: what
a network does there is what it does on footage from elsewhere.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TypeAlias

import numpy as np

from streamcut.diagnostics.evaluation import metrics
from streamcut.training.arrays import Bytes, Floats
from streamcut.training.pack import PERSON, SCENE, Pack, Record

Figures: TypeAlias = dict[str, float]
Network: TypeAlias = Callable[[Bytes], Floats]
"""RGB uint8 [h, w, 3] to the matte of the next frame, float32 [h, w]."""

GOOD = 0.9
"""The IoU from which a still counts as done."""


@dataclass(frozen=True)
class NetworkReport:
    """One network's figures: {source: {figure: mean}}, stills and clips apart."""

    stills: Mapping[str, Figures]
    clips: Mapping[str, Figures]

    @property
    def worst_still(self) -> float:
        """The IoU on the source where it is least."""
        return min((figures["iou"] for figures in self.stills.values()), default=float("nan"))

    @property
    def worst_clip(self) -> float:
        """The mean absolute difference x 1000 on the source where it is greatest."""
        return max((figures["mad"] for figures in self.clips.values()), default=float("nan"))


def report(
    network: Network, reset: Callable[[], None], pack: Pack, *, most: int = 60
) -> NetworkReport:
    """Grade a network on all held-out sources.

    Args:
        network: gives the matte of the next frame.
        reset: makes it forget the frames before.
        pack: its held-out part is used.
        most: images, or clips, of a source.
    """
    stills = {
        source: _mean(_still(network, reset, pack, record) for record in records)
        for source, records in held_out_stills(pack, most).items()
    }
    clips = {
        source: _mean(_clip(network, reset, pack, clip) for clip in group)
        for source, group in held_out_clips(pack, most).items()
    }
    return NetworkReport(stills, clips)


def held_out_stills(pack: Pack, most: int) -> dict[str, list[Record]]:
    """At most so many images of each source, spread over it."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in _held_out(pack):
        if not record.clip:
            found[record.source].append(record)
    return {source: _spread(records, most) for source, records in sorted(found.items())}


def held_out_clips(pack: Pack, most: int) -> dict[str, list[list[Record]]]:
    """At most so many clips of each source, as their frames in order."""
    found: dict[str, list[list[Record]]] = defaultdict(list)
    frames = (record for record in _held_out(pack) if record.clip)
    for _, clip in groupby(frames, key=lambda record: record.clip):
        records = list(clip)
        found[records[0].source].append(records)
    return {source: list(islice(clips, most)) for source, clips in sorted(found.items())}


def _held_out(pack: Pack) -> Iterator[Record]:
    for record in pack.records:
        if record.held_out and record.labelled and record.kind in (PERSON, SCENE):
            yield record


def _spread(records: list[Record], most: int) -> list[Record]:
    if len(records) <= most:
        return records
    return [records[i] for i in np.linspace(0, len(records) - 1, most).round().astype(int)]


def _still(network: Network, reset: Callable[[], None], pack: Pack, record: Record) -> Figures:
    person = pack.person(record)
    reset()
    matte, truth = network(person.image), person.alpha.astype(np.float32) / 255.0
    overlap = metrics.iou(matte, truth)
    return {
        "iou": overlap,
        "good": float(overlap > GOOD),
        "f": metrics.boundary_f(matte, truth),
        "mad": metrics.mad(matte, truth),
    } | _undecided(matte, truth)


def _clip(
    network: Network, reset: Callable[[], None], pack: Pack, clip: Sequence[Record]
) -> Figures:
    reset()
    people = [pack.person(record) for record in clip]
    mattes = [network(person.image) for person in people]
    truths = [person.alpha.astype(np.float32) / 255.0 for person in people]
    pairs = list(zip(mattes, truths, strict=True))
    frames = [
        {
            "mad": metrics.mad(m, t),
            "iou": metrics.iou(m, t),
            "f": metrics.boundary_f(m, t),
        }
        | _undecided(m, t)
        for m, t in pairs
    ]
    return _mean(frames) | {"dtssd": metrics.dtssd(mattes, truths)}


def _undecided(matte: Floats, truth: Floats) -> Figures:
    """Percent of what is surely a person and faint, and of what is surely not and seen."""
    inside, outside = metrics.undecided(matte, truth)
    return {"faint": inside, "veil": outside}


def _mean(rows: Iterable[Figures]) -> Figures:
    """The mean of each figure over the rows where it is known."""
    columns: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            if not np.isnan(value):
                columns[name].append(value)
    return {name: float(np.mean(values)) for name, values in columns.items()}


# -- reports kept for the card ---------------------------------------------------------------

COLUMNS = {
    "stills": {
        "iou": ("IoU", 3),
        "good": ("share > .9", 2),
        "f": ("boundary F", 3),
        "mad": ("MAD", 1),
        "faint": ("faint %", 1),
        "veil": ("veil %", 1),
    },
    "clips": {
        "mad": ("MAD", 1),
        "dtssd": ("dtSSD", 2),
        "iou": ("IoU", 3),
        "f": ("boundary F", 3),
        "faint": ("faint %", 2),
        "veil": ("veil %", 2),
    },
}
"""The figures of a card's two tables: their titles, and digits after the point."""


def keep_report(path: Path, name: str, found: NetworkReport) -> None:
    """Add a network's report to a JSON file, or replace it there."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(kept | {name: asdict(found)}, indent=1), encoding="utf-8")


def kept_reports(path: Path) -> dict[str, NetworkReport]:
    """Read what `keep_report` wrote, in that order."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {name: NetworkReport(**row) for name, row in rows.items()}


def side_by_side(reports: Mapping[str, NetworkReport]) -> str:
    """Two Markdown tables, stills and clips: the networks beside each other on every source."""
    return "\n\n".join(_side_by_side(reports, kind) for kind in COLUMNS)


def _side_by_side(reports: Mapping[str, NetworkReport], kind: str) -> str:
    columns = COLUMNS[kind]
    titles = " | ".join(title for title, _ in columns.values())
    rows = [f"| network | source | {titles} |", "|---" * (len(columns) + 2) + "|"]
    tables = {name: getattr(found, kind) for name, found in reports.items()}
    for source in sorted({source for table in tables.values() for source in table}):
        for name, figures in ((n, t[source]) for n, t in tables.items() if source in t):
            values = ((figures.get(key, float("nan")), d) for key, (_, d) in columns.items())
            cells = " | ".join(f"{value:.{digits}f}" for value, digits in values)
            rows.append(f"| {name} | {source} | {cells} |")
    return "\n".join(rows)


def table(name: str, found: NetworkReport) -> str:
    """Markdown tables of one network's figures, the worst source last."""
    parts = []
    for kind, rows, order in (
        ("stills", found.stills, lambda row: -row[1]["iou"]),
        ("clips", found.clips, lambda row: row[1]["mad"]),
    ):
        if rows:
            ranked = sorted(rows.items(), key=order)
            titles = list(ranked[0][1])
            parts.append(f"| {name}, {kind} | {' | '.join(titles)} |")
            parts.append("|---" * (len(titles) + 1) + "|")
            for source, figures in ranked:
                cells = " | ".join(f"{figures.get(title, float('nan')):.3f}" for title in titles)
                parts.append(f"| {source} | {cells} |")
            parts.append("")
    return "\n".join(parts)
