"""Short synthetic clips with an exactly known matte in every frame.

The place and every person follow paths of their own: drift, sway and shake,
people bend smoothly and may enter or leave, something may pass before them. One
camera films a clip, with new noise in every frame, a drifting exposure, and now
and then a real video codec.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import av
import cv2
import numpy as np

from streamcut.training.arrays import Bytes, Floats, Matrix, Size
from streamcut.training.blending import blend, union
from streamcut.training.casting import Casting, Mixture
from streamcut.training.geometry import REFLECT, displace, warp, wobble
from streamcut.training.look import Look, apply_look, random_look
from streamcut.training.places import random_place
from streamcut.training.scenes import (
    Sample,
    framing,
    framing_share,
    light_for,
    stage_position,
    whole_framing,
)

REAL = 0.8
"""How many of the labelled clips are filmed ones, where there are any."""


@dataclass(frozen=True)
class MovingLayer:
    """Something that moves: its colours, its matte, and where they lie in every frame."""

    front: Bytes
    matte: Bytes
    path: Sequence[Matrix]
    bend: Floats
    phase: float


def random_clip(
    cast: Casting, size: Size, frames: int, rng: np.random.Generator, mixture: Mixture
) -> list[Sample]:
    """The frames of one clip of a random kind, seen by one random camera."""
    clip = _drawn(cast, size, frames, rng, mixture)
    filmed = film([sample.image for sample in clip], random_look(rng, 0.8), rng)
    if rng.random() < 0.3:
        filmed = through_codec(filmed, int(rng.integers(60_000, 600_000)))
    return [replace(sample, image=frame) for sample, frame in zip(clip, filmed, strict=True)]


@dataclass(frozen=True)
class Bar:
    """Something long that passes before the people: its colour and a mask a frame."""

    colour: tuple[int, int, int]
    masks: Sequence[Bytes]


def _drawn(
    cast: Casting, size: Size, frames: int, rng: np.random.Generator, mixture: Mixture
) -> list[Sample]:
    kind = mixture.draw(rng)
    if kind == "labelled" and cast.clips and rng.random() < REAL:
        return real_clip(cast, size, frames, rng)
    if kind == "labelled" and cast.labelled:
        return moving_photograph(cast, size, frames, rng)
    place = random_place(cast, size, rng, mixture)
    camera = camera_path(frames, size, rng)
    places = [warp(place, matrix, size, REFLECT) for matrix in camera]
    people = [] if kind == "empty" else _people(cast, place, camera, rng)
    bar = passing_bar(size, frames, rng) if rng.random() < mixture.occluder else None
    return [_frame(places[t], people, bar, t) for t in range(frames)]


def moving_photograph(
    cast: Casting, size: Size, frames: int, rng: np.random.Generator
) -> list[Sample]:
    """A real photograph under a moving camera: true light, true borders."""
    record, person, box = cast.drawn(cast.labelled, rng)
    framed = framing(record, person, box, size, rng)
    clip = []
    for move in camera_path(frames, size, rng):
        matrix = chain(move, framed)
        planes = (person.image, person.alpha, person.weight)
        clip.append(Sample(*(warp(plane, matrix, size, REFLECT) for plane in planes)))
    return clip


def real_clip(cast: Casting, size: Size, frames: int, rng: np.random.Generator) -> list[Sample]:
    """A part of a filmed clip, framed anew; sometimes it ends in a cut to another."""
    shots = [frames]
    if rng.random() < 0.2 and frames > 3:
        cut = int(rng.integers(2, frames - 1))
        shots = [cut, frames - cut]
    clip = []
    for length in shots:
        shown = cast.clip(rng, length)
        matrix = whole_framing(shown[0][1], size, rng)
        for _, person in shown:
            planes = (person.image, person.alpha, person.weight)
            clip.append(Sample(*(warp(plane, matrix, size, REFLECT) for plane in planes)))
    return clip


def _people(
    cast: Casting, place: Bytes, camera: Sequence[Matrix], rng: np.random.Generator
) -> list[MovingLayer]:
    size = (place.shape[0], place.shape[1])
    count = int(rng.choice([1, 2, 3], p=[0.65, 0.25, 0.10]))
    share = framing_share(rng)
    return [
        _walker(cast, place, size, share, (column + 0.5) / count, camera, rng)
        for column in rng.permutation(count)
    ]


def _walker(
    cast: Casting,
    place: Bytes,
    size: Size,
    share: float,
    column: float,
    camera: Sequence[Matrix],
    rng: np.random.Generator,
) -> MovingLayer:
    """A person on a path of its own in front of the camera's."""
    person, box = cast.person(cast.cutouts, rng)
    matrix = stage_position(person, box, size, share, column, rng)
    light = light_for(person, matrix, size, place, rng)
    own = random_path(len(camera), size, rng, energy=float(rng.choice([0.15, 1.0, 3.0])))
    path = [chain(move, chain(step, matrix)) for move, step in zip(camera, own, strict=True)]
    bend = wobble(size, rng.uniform(0.0, 0.02) * size[0], rng)
    front = cv2.LUT(person.foreground, light)
    return MovingLayer(front, person.alpha, path, bend, float(rng.uniform(0, 2 * np.pi)))


def _frame(place: Bytes, people: Sequence[MovingLayer], bar: Bar | None, t: int) -> Sample:
    frame: Bytes = place
    alpha: Bytes = np.zeros(place.shape[:2], np.uint8)
    for layer in people:
        front, matte = _moved(layer, t)
        frame = blend(front, frame, matte)
        alpha = union(alpha, matte)
    if bar is not None:
        free = cv2.bitwise_not(bar.masks[t])
        frame = blend(frame, np.full_like(frame, bar.colour), free)
        alpha = cv2.multiply(alpha, free, scale=1 / 255)
    return Sample(frame, alpha, np.full_like(alpha, 255))


def _moved(layer: MovingLayer, t: int) -> tuple[Bytes, Bytes]:
    size = (layer.bend.shape[0], layer.bend.shape[1])
    front = warp(layer.front, layer.path[t], size, cv2.BORDER_REPLICATE)
    matte = warp(layer.matte, layer.path[t], size)
    if float(np.abs(layer.bend).max()) < 0.5:
        return front, matte
    field = layer.bend * np.float32(np.sin(layer.phase + 0.35 * t) - np.sin(layer.phase))
    return displace(front, field), displace(matte, field)


# -- paths -----------------------------------------------------------------------------------


def camera_path(frames: int, size: Size, rng: np.random.Generator) -> list[Matrix]:
    """On a tripod, in a hand, or panning."""
    energy = float(rng.choice([0.0, 0.4, 1.5, 4.0], p=[0.4, 0.3, 0.2, 0.1]))
    return random_path(frames, size, rng, energy)


def random_path(frames: int, size: Size, rng: np.random.Generator, energy: float) -> list[Matrix]:
    """Drift, sway and jitter around the canvas; `energy` in hundredths of its height a frame."""
    reach = 0.01 * energy * size[0]
    drift, sway = rng.normal(0, reach, 2), rng.normal(0, reach, 2)
    turn, zoom = rng.normal(0, 0.25 * energy), rng.normal(0, 0.004 * energy)
    phase, speed = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.2)
    path = []
    for t in range(frames):
        swing = np.sin(phase + speed * t) - np.sin(phase)
        shift = drift * t + sway * swing + rng.normal(0, 0.15 * reach, 2) * (t > 0)
        path.append(about_centre(size, shift, turn * swing, float(np.exp(zoom * t))))
    return path


def about_centre(size: Size, shift: Floats, degrees: float, zoom: float) -> Matrix:
    """A 2x3 matrix that turns and zooms about the middle of the canvas, then shifts."""
    middle = (size[1] / 2, size[0] / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, degrees, zoom), np.float64)
    matrix[:, 2] += shift
    return matrix


def chain(after: Matrix, before: Matrix) -> Matrix:
    """The affine map that applies `before` first."""
    last = np.array([[0.0, 0.0, 1.0]])
    return np.asarray(np.vstack([after, last]) @ np.vstack([before, last]))[:2]


def passing_bar(size: Size, frames: int, rng: np.random.Generator) -> Bar:
    """An arm- or pole-like bar that crosses the frame."""
    start, speed = rng.uniform(0, size[1]), rng.normal(0, 0.04 * size[1])
    lean, width = rng.normal(0, 0.4) * size[0], int(rng.uniform(0.03, 0.15) * size[1]) + 1
    top = int(rng.uniform(-0.2, 0.8) * size[0])
    masks = []
    for t in range(frames):
        x = start + speed * t
        mask = np.zeros(size, np.uint8)
        cv2.line(mask, (int(x), top), (int(x + lean), size[0] + 8), 255, width, cv2.LINE_AA)
        masks.append(mask)
    red, green, blue = (int(level) for level in rng.integers(0, 256, 3))
    return Bar((red, green, blue), masks)


# -- the camera ------------------------------------------------------------------------------


def film(frames: Sequence[Bytes], look: Look, rng: np.random.Generator) -> list[Bytes]:
    """One camera over a clip: its exposure drifts, its noise is new in every frame."""
    drift = float(rng.normal(0, 0.03)) if rng.random() < 0.5 else 0.0
    steps = [2.0 ** (drift * t) for t in range(len(frames))]
    return [
        apply_look(frame, replace(look, gain=_scaled(look.gain, step)), rng)
        for frame, step in zip(frames, steps, strict=True)
    ]


def _scaled(gain: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return (gain[0] * factor, gain[1] * factor, gain[2] * factor)


def through_codec(frames: Sequence[Bytes], bit_rate: int) -> list[Bytes]:
    """Encode as MPEG-4 part 2 and decode again."""
    height, width = frames[0].shape[:2]
    file = io.BytesIO()
    with av.open(file, "w", format="avi") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = bit_rate
        for frame in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as source:
        decoded = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    return decoded if len(decoded) == len(frames) else list(frames)
