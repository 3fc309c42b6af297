"""Clips whose mattes are known exactly, to judge video mattes with.

People cut from photographs, with hair drawn strand by strand, move before moving places. In
every frame, before the camera's noise and the codec::

    frame = matte * foreground + (1 - matte) * place

to the rounding of 8 bits, in gamma-encoded RGB, where matte and foreground are what is written.
Motion is blurred as a shutter does it, by averaging moments, in matte and colour alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from streamcut.training.arrays import Bytes, Floats, Matrix, Size
from streamcut.training.clips import about_centre, chain
from streamcut.training.geometry import Layer, box_of, placement, window_of
from streamcut.training.hair import Bend, Strands, draw, grow
from streamcut.training.pack import Person
from streamcut.training.script import RATE, Part, Scene, Shot

_SHUTTER = 0.5
"""How much of a frame's time the shutter is open."""


@dataclass(frozen=True)
class Moment:
    """One frame of a clip and what it is made of.

    Attributes:
        frame: as the camera sends it to the encoder, RGB uint8 [h, w, 3].
        matte: uint8 [h, w].
        foreground: colours of the people, black where there is none of them, RGB uint8.
    """

    frame: Bytes
    matte: Bytes
    foreground: Bytes


@dataclass(frozen=True)
class Actor:
    """A person at about the size of the frame, and how it moves."""

    part: Part
    front: Bytes
    matte: Bytes
    strands: Strands | None
    limb: Bytes | None
    home: Matrix


# -- preparing -------------------------------------------------------------------------------


def actor_of(part: Part, person: Person, size: Size, rng: np.random.Generator) -> Actor:
    """A person enlarged once to the size it is shown at, with a crisp border and hair."""
    box = box_of(person.alpha)
    if box is None:
        raise ValueError("the frame shows nobody")
    margin = 4
    rows = slice(max(0, box.top - margin), box.bottom + margin)
    columns = slice(max(0, box.left - margin), box.right + margin)
    scale = part.height * size[0] / box.height
    front = _enlarged(person.foreground[rows, columns], scale)
    matte = _crisp(cv2.GaussianBlur(person.alpha, (0, 0), 1.2)[rows, columns], scale)
    front = _textured(front, rng)
    strands = grow(front, matte, part.strands, part.length, rng) if part.strands else None
    inner = box_of(matte) or box
    home = placement(1.0, (inner.centre, inner.top), (0.0, part.top * size[0]))
    return Actor(part, front, matte, strands, _limb(matte) if part.limb else None, home)


def _enlarged(plane: Bytes, scale: float) -> Bytes:
    mode = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return cv2.resize(plane, None, fx=scale, fy=scale, interpolation=mode)


def _crisp(matte: Bytes, scale: float) -> Bytes:
    """Enlarged, with a border about two pixels wide whatever the scale."""
    soft = _enlarged(matte, scale).astype(np.float32)
    return np.asarray(np.clip((soft - 127.5) * max(1.0, 1.5 * scale) + 127.5, 0, 255), np.uint8)


def _textured(front: Bytes, rng: np.random.Generator) -> Bytes:
    """With the fine grain that enlarging cannot bring back: cloth and skin are not smooth."""
    grain = rng.normal(0.0, 0.03, front.shape[:2]).astype(np.float32)
    grain += cv2.GaussianBlur(grain, (0, 0), 1.5) * 3
    return np.asarray(np.clip(front * (1.0 + grain[..., None]), 0, 255), np.uint8)


def _limb(matte: Bytes) -> Bytes:
    """The matte of one leg, which is to swing as an arm."""
    rows, columns = matte.shape
    leg = matte.copy()
    leg[: round(0.55 * rows)] = 0
    leg[:, : columns // 2] = 0
    return leg


def backdrop(place: Bytes, size: Size, rng: np.random.Generator) -> Bytes:
    """A place half as large again as the frame, with texture that flow can hold on to."""
    scale = 1.5 * max(size[0] / place.shape[0], size[1] / place.shape[1])
    return _textured(_enlarged(place, scale), rng)


# -- moving ----------------------------------------------------------------------------------


def film(
    scene: Scene, people: Sequence[Person], places: Sequence[Bytes], size: Size, frames: int
) -> Iterator[Moment]:
    """Yield the frames of a scene.

    Args:
        scene: what is to be seen.
        people: what the parts' numbers count, around and around.
        places: what the shots' numbers count, RGB uint8.
        size: (height, width) in pixels.
        frames: how many frames.
    """
    rng = np.random.default_rng([len(scene.name), *scene.name.encode()])
    bounds = np.linspace(0, frames, len(scene.shots) + 1).round().astype(int)
    for shot, first, last in zip(scene.shots, bounds, bounds[1:], strict=False):
        stage = _Scenery(shot, people, places, size, last - first, rng)
        for t in range(last - first):
            gain = scene.gain * 2.0 ** (scene.stops * np.sin(2 * np.pi * (first + t) / 60))
            yield _exposed(stage, t, scene, gain, rng)


def _exposed(
    stage: _Scenery, t: int, scene: Scene, gain: float, rng: np.random.Generator
) -> Moment:
    """One frame: the moments while the shutter is open, averaged, then the camera's noise."""
    times = [t + _SHUTTER * (i + 0.5) / scene.moments for i in range(scene.moments)]
    moments = [stage.people_at(time) for time in times]
    light, cover = (np.mean(planes, axis=0) for planes in zip(*moments, strict=True))
    matte = np.asarray(np.rint(255.0 * cover), np.uint8)
    foreground = light / np.maximum(cover, 1 / 512)[..., None] * (matte > 0)[..., None]
    foreground = _lit(foreground, gain)
    place = _lit(stage.place_at(times[len(times) // 2]), gain)
    share = matte[..., None] / np.float32(255.0)
    seen = share * foreground + (1.0 - share) * place
    noise = rng.standard_normal(seen.shape, np.float32) * np.float32(scene.noise)
    frame = np.asarray(np.clip(np.rint(seen + noise), 0, 255), np.uint8)
    return Moment(frame, matte, foreground)


def _lit(plane: Floats, gain: float) -> Bytes:
    return np.asarray(np.clip(np.rint(plane * np.float32(gain)), 0, 255), np.uint8)


class _Scenery:
    """The people and the place of one shot, at any time within it."""

    def __init__(
        self,
        shot: Shot,
        people: Sequence[Person],
        places: Sequence[Bytes],
        size: Size,
        frames: int,
        rng: np.random.Generator,
    ) -> None:
        self._size, self._frames, self._shot = size, frames, shot
        self._tremor = cv2.GaussianBlur(rng.normal(0, 1, (frames + 2, 3)), (1, 0), 0.0, sigmaY=1.2)
        self._phases = rng.uniform(0, 2 * np.pi, 8)
        self._place = backdrop(places[shot.place % len(places)], size, rng)
        self._actors = [
            actor_of(part, people[part.person % len(people)], size, rng) for part in shot.parts
        ]

    def place_at(self, time: float) -> Bytes:
        """RGB uint8 [h, w, 3], ``time`` in frames."""
        rows, columns = self._place.shape[:2]
        centred = placement(1.0, (columns / 2, rows / 2), (self._size[1] / 2, self._size[0] / 2))
        sway = np.array([0.2 * self._shot.drift * self._size[0] * np.sin(0.04 * time), 0.0])
        moved = chain(self._camera(time), centred)
        moved[:, 2] += sway
        return cv2.warpAffine(
            self._place,
            moved,
            self._size[::-1],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )

    def people_at(self, time: float) -> tuple[Floats, Floats]:
        """Premultiplied colours, 0..255 [h, w, 3], and coverage, 0..1 [h, w]."""
        light = np.zeros((*self._size, 3), np.float32)
        cover = np.zeros(self._size, np.float32)
        for number, actor in enumerate(self._actors):
            for layer in self._layers(actor, number, time):
                free = 1.0 - layer.cover
                light[layer.window] *= free[..., None]
                light[layer.window] += layer.light
                cover[layer.window] *= free
                cover[layer.window] += layer.cover
        return light, cover

    def _layers(self, actor: Actor, number: int, time: float) -> Iterator[Layer]:
        """What lies before what: body, hair, limb."""
        matrix = chain(self._camera(time), self._own(actor, number, time))
        reach = actor.part.sway * self._size[0]

        def bend(rows: Floats) -> Floats:
            waves = 2 * np.pi * 0.7 * rows / self._size[0] + 0.21 * time + self._phases[number]
            return np.asarray(reach * np.sin(waves))

        yield _placed(actor.front, actor.matte, matrix, bend, self._size)
        if actor.strands is not None:
            yield draw(actor.strands, matrix, bend, self._size, time / RATE)
        if actor.limb is not None:
            swing = self._swing(actor, time)
            yield _placed(actor.front, actor.limb, chain(matrix, swing), bend, self._size)

    def _own(self, actor: Actor, number: int, time: float) -> Matrix:
        """Where a person stands at a time: walking, swaying, leaning."""
        when, where = zip(*actor.part.columns, strict=True)
        column = float(np.interp(time / self._frames, when, where))
        phase, reach = self._phases[number + 2], actor.part.sway * self._size[0]
        shift = np.array([column * self._size[1] + reach * np.sin(0.17 * time + phase), 0.0])
        matrix = actor.home.copy()
        matrix[:, 2] += shift
        lean = 100.0 * actor.part.sway * np.sin(0.11 * time + phase)
        return chain(_about((shift[0], 1.5 * self._size[0]), lean), matrix)

    def _swing(self, actor: Actor, time: float) -> Matrix:
        """From the leg to an arm that swings about the shoulder."""
        assert actor.limb is not None
        rows, columns = actor.limb.shape
        found = box_of(actor.limb)
        assert found is not None
        degrees = actor.part.limb * np.sin(2 * np.pi * 1.4 * time / RATE) - 35.0
        shoulder = (0.72 * columns, 0.21 * rows)
        return placement(0.75, (found.centre, found.top), shoulder, degrees=degrees)

    def _camera(self, time: float) -> Matrix:
        """A hand that trembles: shift and turn, smooth between frames."""
        x, y, turn = (np.interp(time, np.arange(len(self._tremor)), c) for c in self._tremor.T)
        reach = 0.01 * self._shot.shake * self._size[0]
        shift = np.array([x, y]) * reach
        return about_centre(self._size, shift, 0.4 * self._shot.shake * float(turn), 1.0)


def _about(point: tuple[float, float], degrees: float) -> Matrix:
    return placement(1.0, point, point, degrees=degrees)


def _placed(front: Bytes, matte: Bytes, matrix: Matrix, bend: Bend, size: Size) -> Layer:
    """A layer on the canvas, each row shifted by ``bend``."""
    rows, columns = matte.shape
    corners = np.array([(0, 0), (columns, 0), (0, rows), (columns, rows)], np.float64)
    corners = corners @ matrix[:, :2].T + matrix[:, 2]
    window = window_of(corners, size, float(np.abs(bend(np.arange(size[0]))).max()))
    back = cv2.invertAffineTransform(matrix)
    y, x = np.mgrid[window].astype(np.float32)
    x -= bend(y[:, :1]).astype(np.float32)
    at = [(row[0] * x + row[1] * y + row[2]).astype(np.float32) for row in back]
    if not x.size:
        return Layer(window, np.zeros((*x.shape, 3), np.float32), np.zeros(x.shape, np.float32))
    cover = cv2.remap(matte, at[0], at[1], cv2.INTER_CUBIC).astype(np.float32) / np.float32(255)
    colours = cv2.remap(front, at[0], at[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return Layer(window, colours * cover[..., None], cover)
