"""Mattes of photographs and clips, made by networks that others published.

A photograph's matte joins two halves that unlike networks find: what a matting network sees of
people, its memory settled, and those parts of what salient-object networks see with which the
person networks agree. How far the halves overlap is the trust in it. A clip is labelled frame
by frame with the matting network's memory, which begins with the first frames backwards.

What is written is what `people` reads: `mattes/SET/NAME.webp`, `mattes/trust.json` and
`clips/SET__NAME.npz`. What is there already is not made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from av.video.frame import VideoFrame
from PIL import Image

from streamcut.imaging.resize import Shrink
from streamcut.matting.parts import components, means
from streamcut.matting.views import seen
from streamcut.sessions import BaseSession, as_prediction
from streamcut.sources import open_source
from streamcut.training.arrays import Bytes, Floats, to_bytes

Network: TypeAlias = Callable[[Bytes], Floats]
"""RGB uint8 [h, w, 3] to the matte of a single image, float32 [h, w], 0..1."""

IMAGES = (".jpg", ".jpeg", ".png", ".webp")
VIDEOS = (".mp4", ".mkv", ".mov", ".webm", ".avi")

_AGREED = 0.35
"""Mean probability from which the person networks agree with a part of a matte."""
_PART = 0.3
"""Alpha from which pixels are parts of a salient-object network's matte."""
_STILL_SIDE, _CLIP_SIDE = 800, 480
"""Pixels of the longer side at which stills are labelled and clips are kept."""
_WARM = 6
"""So many first frames of a clip are shown backwards, before it begins."""
_MOST, _FAST = 80, 20
"""Frames of a clip that are kept, and the rate above which every second one is left out."""


@dataclass(frozen=True)
class Panel:
    """The networks that label photographs.

    Attributes:
        matting: a matting network.
        people: person networks.
        objects: salient-object networks, at least one.
    """

    matting: Network
    people: Sequence[Network]
    objects: Sequence[Network]


def panel_of(
    matting: BaseSession, people: Sequence[BaseSession], objects: Sequence[BaseSession]
) -> Panel:
    """A panel of sessions."""
    return Panel(_settled(matting), list(map(_masked, people)), list(map(_masked, objects)))


def _settled(session: BaseSession) -> Network:
    """A network with a memory sees a still as often as its session says."""

    def matte(image: Bytes) -> Floats:
        told = seen(VideoFrame.from_ndarray(image, format="rgb24"), session)[1]
        return cv2.resize(told.alpha, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)

    return matte


def _masked(session: BaseSession) -> Network:
    def matte(image: Bytes) -> Floats:
        mask = session.predict(Image.fromarray(image))[0]
        return np.asarray(mask.convert("L"), np.float32) / np.float32(255)

    return matte


# -- stills ----------------------------------------------------------------------------------


def judged(image: Bytes, panel: Panel) -> tuple[Floats, float]:
    """A photograph's matte, float32 [h, w], and how far to trust it, 0..1."""
    matte = panel.matting(image)
    prior = np.mean([*(network(image) for network in panel.people), matte], axis=0)
    objects = np.mean([network(image) for network in panel.objects], axis=0)
    people = people_only(np.asarray(objects, np.float32), prior)
    either, both = (matte > 0.5) | (people > 0.5), (matte > 0.5) & (people > 0.5)
    return np.maximum(matte, people), float(both.sum() / max(int(either.sum()), 1))


def people_only(objects: Floats, prior: Floats) -> Floats:
    """The parts of a salient-object matte in which people are probable, both 0..1 [h, w]."""
    labels, stats = components(objects > _PART)
    agreed = means(labels, prior, len(stats)) > _AGREED
    return np.asarray(objects * agreed[labels], np.float32)


def label_stills(sets: Path, folder: Path, panel: Panel, say: Callable[[str], None]) -> None:
    """Label the photographs SET/NAME.* of a folder.

    Args:
        sets: where they are.
        folder: SET/NAME.webp and trust.json are written there.
        panel: the networks.
        say: is told of each.
    """
    ledger = folder / "trust.json"
    trust: dict[str, float] = json.loads(ledger.read_text()) if ledger.exists() else {}
    for name, path in _files(sets, IMAGES):
        target = folder / f"{name}.webp"
        if name in trust and target.exists():
            continue
        matte, share = judged(_still(path), panel)
        target.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(target), to_bytes(matte), [cv2.IMWRITE_WEBP_QUALITY, 101])
        trust[name] = round(share, 3)
        _replace(ledger, json.dumps(trust).encode())
        say(f"{name}  trust {share:.2f}")


def _files(sets: Path, endings: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """The files of all sets by "SET/NAME"."""
    for path in sorted(sets.glob("*/*")):
        if path.suffix.lower() in endings:
            yield f"{path.parent.name}/{path.stem}", path


def _still(path: Path) -> Bytes:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"not a readable image: {path}")
    size = within(image.shape[1], image.shape[0], _STILL_SIDE)
    return np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)[..., ::-1])


def within(width: int, height: int, side: int) -> tuple[int, int]:
    """The (width, height) of an image whose longer side is at most so many pixels."""
    scale = min(1.0, side / max(width, height))
    return max(8, round(width * scale)), max(8, round(height * scale))


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".part")
    partial.write_bytes(content)
    os.replace(partial, path)


# -- clips -----------------------------------------------------------------------------------


def label_clips(sets: Path, folder: Path, session: BaseSession, say: Callable[[str], None]) -> None:
    """Label the clips SET/NAME.* of a folder.

    Args:
        sets: where they are.
        folder: SET__NAME.npz are written there, with `frames` and `alpha`.
        session: a matting network with a memory.
        say: is told of each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in _files(sets, VIDEOS):
        target = folder / f"{name.replace('/', '__', 1)}.npz"
        if target.exists():
            continue
        frames, mattes = _clip(path, session)
        partial = target.with_suffix(".part")
        with partial.open("wb") as file:
            np.savez(file, frames=frames, alpha=mattes)
        os.replace(partial, target)
        say(f"{name}  {len(frames)} frames")


def _clip(path: Path, session: BaseSession) -> tuple[Bytes, Bytes]:
    """The frames [n, h, w, 3] of a clip and their mattes [n, h, w], both uint8."""
    stream, shrink, keep = session.stream(), Shrink(), Shrink()

    def shown(frame: VideoFrame) -> Bytes:
        return shrink(frame, session.input_size(frame.width, frame.height))

    for warm in [shown(frame) for frame in islice(_frames(path), _WARM)][::-1]:
        stream(warm)
    kept, mattes = [], []
    for frame in _frames(path):
        small, size = shown(frame), within(frame.width, frame.height, _CLIP_SIDE)
        matte = as_prediction(stream(small), small).alpha
        kept.append(keep(frame, size))
        mattes.append(to_bytes(cv2.resize(matte, size, interpolation=cv2.INTER_AREA)))
    return np.stack(kept), np.stack(mattes)


def _frames(path: Path) -> Iterator[VideoFrame]:
    """The frames of a clip that are kept."""
    with open_source(str(path)) as source:
        step = 2 if source.info.rate > _FAST else 1
        for frame in islice(source, 0, step * _MOST, step):
            yield frame.source
