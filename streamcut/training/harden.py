"""A pack that shows more often what a network still does badly.

Photographs and clips on which it fails though the teachers agree, and places in which it sees
somebody, are drawn several times as often; of panoramas, the views that fool it most are added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from streamcut.diagnostics.evaluation import metrics
from streamcut.training.arrays import Bytes, Floats
from streamcut.training.label import Network
from streamcut.training.pack import PERSON, PLACE, SCENE, Pack, PackWriter, Record
from streamcut.training.panoramas import panoramas, random_view, read_panorama

_MINED = "_hard"
_SEEN = 0.3
"""From which alpha a network sees somebody."""
_FOOLED = 0.01
"""In which share of a place it does."""
_EVERY = 5
"""One in so many frames of a clip is looked at."""
_WORTH = 0.004
"""Mined views hold at least this share of somebody who is not there."""


@dataclass(frozen=True)
class Hardened:
    """How many records a network does badly on, and how many views were added."""

    repeated: int
    views: int


def harden(
    folder: Path,
    network: Network,
    *,
    places: Path | None = None,
    once: frozenset[str] = frozenset(),
    tried: int = 260,
    most: int = 50,
) -> Hardened:
    """Change a pack's index, and add views to it; doing so again replaces what was done.

    Args:
        folder: of the pack.
        network: the one that is trained.
        places: a folder of equirectangular panoramas without people, as for the pack.
        once: sources that are never shown more often, such as generated people.
        tried: random views of each panorama.
        most: of these, how many are added.
    """
    pack = Pack(folder)
    kept = [r for r in pack.records if not (r.kind == PLACE and r.name.endswith(_MINED))]
    records = list(_counted(pack, kept, network, once))
    views = 0
    with PackWriter(folder, records) as writer:
        for name, view in _mined(places, network, tried, most):
            writer.add_place(f"panorama/{name}{_MINED}", view, held_out=False)
            views += 1
    return Hardened(sum(record.times > 1 for record in records), views)


def times_of(iou: float, trust: float) -> int:
    """How often to show what a network does so well, whose teachers agree so far (both 0..1)."""
    if trust > 0.75:
        return 3 if iou < 0.75 else 2 if iou < 0.9 else 1
    return 2 if trust > 0.5 and iou < 0.85 else 1


def _counted(
    pack: Pack, records: Sequence[Record], network: Network, once: frozenset[str]
) -> Iterator[Record]:
    """The same records, each with the number of times that it is to be shown."""
    for clip, group in groupby(records, key=lambda record: record.clip):
        frames = list(group)
        if not clip:
            yield from (replace(r, times=_times(pack, [r], network, once)) for r in frames)
            continue
        times = _times(pack, frames[::_EVERY], network, once)
        yield from (replace(record, times=times) for record in frames)


def _times(pack: Pack, shown: Sequence[Record], network: Network, once: frozenset[str]) -> int:
    first = shown[0]
    if first.held_out or first.source in once:
        return 1
    if first.kind == PLACE:
        return 3 if _fooled(network(pack.place(first))) > _FOOLED else 1
    if first.kind in (PERSON, SCENE) and first.labelled:
        overlap = float(np.mean([_overlap(pack, record, network) for record in shown]))
        return times_of(overlap, first.quality)
    return 1


def _overlap(pack: Pack, record: Record, network: Network) -> float:
    """The IoU where the label is trusted."""
    person = pack.person(record)
    taught = (person.weight > 127).astype(np.float32)
    truth = person.alpha.astype(np.float32) / np.float32(255)
    return metrics.iou(network(np.ascontiguousarray(person.image)) * taught, truth * taught)


def _fooled(matte: Floats) -> float:
    return float((matte > _SEEN).mean())


def _mined(
    places: Path | None, network: Network, tried: int, most: int
) -> Iterator[tuple[str, Bytes]]:
    """The views of each panorama that is learned from in which a network sees most."""
    for number, path, held_out in panoramas(places):
        if held_out:
            continue
        panorama, rng = read_panorama(path), np.random.default_rng([number, tried])
        views = (random_view(panorama, (320, 448), rng) for _ in range(tried))
        found = [(_fooled(network(view)), view) for view in views]
        found.sort(key=lambda pair: -pair[0])
        yield from ((path.stem, view) for share, view in found[:most] if share > _WORTH)
