"""Single training images: photographs, people pasted into places, empty places.

A sample is RGB uint8 [h, w, 3], alpha uint8 [h, w], weight uint8 [h, w] (how far
the alpha is trusted). Framing runs from head and shoulders to full body.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from streamcut.training.arrays import Bytes, Matrix, Size
from streamcut.training.blending import blend, curve, random_light, union
from streamcut.training.casting import Casting, Mixture
from streamcut.training.geometry import REFLECT, Box, displace, placement, warp, wobble
from streamcut.training.look import apply_look, random_look
from streamcut.training.pack import PERSON, Person, Record
from streamcut.training.places import clutter, occlude, random_place

FRAMES = 0.12
"""How many of the labelled stills are frames of real clips."""


@dataclass(frozen=True)
class Sample:
    """One image with its matte, all of one size."""

    image: Bytes
    alpha: Bytes
    weight: Bytes


def random_sample(cast: Casting, size: Size, rng: np.random.Generator, mixture: Mixture) -> Sample:
    """One sample of a random kind, seen by a random camera."""
    sample = _drawn(cast, size, rng, mixture)
    image = apply_look(sample.image, random_look(rng), rng)
    return Sample(image, sample.alpha, sample.weight)


def _drawn(cast: Casting, size: Size, rng: np.random.Generator, mixture: Mixture) -> Sample:
    kind = mixture.draw(rng)
    if kind == "labelled" and cast.clips and rng.random() < FRAMES:
        ((_, person),) = cast.clip(rng, 1)
        return _window(person, whole_framing(person, size, rng), size)
    if kind == "labelled" and cast.labelled:
        shown = photograph(cast, cast.labelled, size, rng)
        return _cluttered(shown, cast, rng) if rng.random() < 0.4 * mixture.clutter else shown
    if kind == "unlabelled" and cast.unlabelled:
        return photograph(cast, cast.unlabelled, size, rng)
    place = random_place(cast, size, rng, mixture)
    if kind == "empty":
        return Sample(place, np.zeros(size, np.uint8), np.full(size, 255, np.uint8))
    return composite(cast, place, rng, mixture)


def _cluttered(sample: Sample, cast: Casting, rng: np.random.Generator) -> Sample:
    """The same photograph with things put behind its people."""
    behind = clutter(sample.image, rng, cast)
    return replace(sample, image=blend(sample.image, behind, sample.alpha))


# -- photographs -----------------------------------------------------------------------------


def photograph(
    cast: Casting, records: list[Record], size: Size, rng: np.random.Generator
) -> Sample:
    """A real photograph, framed anew; beyond its border it is mirrored, or there are bars."""
    record, person, box = cast.drawn(records, rng)
    if rng.random() < 0.12:
        return _boxed(record, person, size, rng)
    matrix = framing(record, person, box, size, rng)
    if record.kind == PERSON and rng.random() < 0.12 and len(records) > 1:
        return _relit(person, matrix, size, rng)
    return _window(person, matrix, size)


def _window(person: Person, matrix: Matrix, size: Size, border: int = REFLECT) -> Sample:
    planes = (person.image, person.alpha, person.weight)
    return Sample(*(warp(plane, matrix, size, border) for plane in planes))


def _boxed(record: Record, person: Person, size: Size, rng: np.random.Generator) -> Sample:
    """All of the photograph, with black bars above and below it or beside it."""
    rows, columns = person.alpha.shape
    stretch = squash(record, rng)
    scale = min(size[0] / rows, size[1] / (columns * stretch)) * float(rng.uniform(0.97, 1.15))
    matrix = placement(
        scale,
        (columns / 2, rows / 2),
        (size[1] / 2, size[0] / 2),
        mirror=bool(rng.random() < 0.5),
        stretch=stretch,
    )
    shown = _window(person, matrix, size, cv2.BORDER_CONSTANT)
    doubt = warp(cv2.bitwise_not(person.weight), matrix, size)
    return replace(shown, weight=cv2.bitwise_not(doubt))


def squash(record: Record, rng: np.random.Generator) -> float:
    """How much wider to draw an image; one that was squashed to a square may be of any shape."""
    stretch = float(np.exp(rng.normal(0, 0.06)))
    if record.squashed:
        stretch *= float(np.exp(rng.uniform(np.log(0.75), np.log(4 / 3))))
    return stretch


def _relit(person: Person, matrix: Matrix, size: Size, rng: np.random.Generator) -> Sample:
    """The same photograph with its people and its place under different light."""
    image = warp(person.image, matrix, size, REFLECT)
    front = warp(person.foreground, matrix, size, REFLECT)
    alpha = warp(person.alpha, matrix, size, REFLECT)
    light = random_light(rng)
    return Sample(
        blend(cv2.LUT(front, light), image, alpha),
        alpha,
        warp(person.weight, matrix, size, REFLECT),
    )


def photo_framing(
    person: Person, box: Box, size: Size, rng: np.random.Generator, stretch: float = 1.0
) -> Matrix:
    """A window on the photograph, from head and shoulders to everything."""
    rows, columns = person.alpha.shape
    share = closest(person, box, framing_share(rng))
    window = min(share * box.height, rows * 1.05, 1.5 * columns * size[0] / size[1])
    scale = size[0] / window
    headroom = rng.uniform(-0.05, 0.3) * window
    top = box.top - headroom if share < 1.0 else rng.uniform(0, max(1.0, rows - window))
    breadth = window * size[1] / size[0]
    x = box.centre + rng.normal(0, 0.25) * box.width
    if rng.random() < 0.5:
        x = box.centre + rng.uniform(-0.5, 0.5) * breadth
    else:
        x = _inside(x, breadth, columns)
    return placement(
        scale,
        (x, _inside(top + window / 2, window, rows)),
        (size[1] / 2, size[0] / 2),
        degrees=lean(rng),
        mirror=bool(rng.random() < 0.5),
        stretch=stretch,
    )


def framing(
    record: Record, person: Person, box: Box, size: Size, rng: np.random.Generator
) -> Matrix:
    """A window on a photograph, by its people or, as the photographer chose, by its sides."""
    stretch = squash(record, rng)
    if rng.random() < 0.2:
        return photo_framing(person, box, size, rng, stretch)
    return whole_framing(person, size, rng, stretch)


def whole_framing(
    person: Person, size: Size, rng: np.random.Generator, stretch: float = 1.0
) -> Matrix:
    """All of the photograph or a part of it, down to four tenths of its sides."""
    rows, columns = person.alpha.shape
    fits = max(size[0] / rows, size[1] / (columns * stretch))
    part = 1.0 if rng.random() < 0.4 else float(np.exp(rng.uniform(np.log(0.4), np.log(1.2))))
    scale = fits / part
    window, breadth = size[0] / scale, size[1] / (scale * stretch)
    centre = (
        _inside(float(rng.uniform(0, columns)), breadth, columns),
        _inside(float(rng.uniform(0, rows)), window, rows),
    )
    return placement(
        scale,
        centre,
        (size[1] / 2, size[0] / 2),
        degrees=lean(rng) if rng.random() < 0.5 else 0.0,
        mirror=bool(rng.random() < 0.5),
        stretch=stretch,
    )


def closest(person: Person, box: Box, share: float) -> float:
    """A share of the body's height that still shows a face, where the image is a portrait."""
    portrait = box.bottom >= person.alpha.shape[0] - 2 and box.height < 1.8 * box.width
    return max(share, 0.6 + 0.4 * share) if portrait else share


def lean(rng: np.random.Generator) -> float:
    """Degrees off the vertical: upright as a rule, now and then tumbling."""
    return float(rng.normal(0, 4 if rng.random() < 0.85 else 20))


def framing_share(rng: np.random.Generator) -> float:
    """How many body heights fit into the image."""
    kind = rng.random()
    if kind < 0.25:
        return float(rng.uniform(0.18, 0.35))
    if kind < 0.65:
        return float(rng.uniform(0.35, 0.7))
    return float(rng.uniform(0.7, 1.3))


def group_share(count: int, rng: np.random.Generator) -> float:
    """How many body heights fit: a large group, and now and then anybody, is seen from afar."""
    if count > 3 or rng.random() < 0.12:
        return float(np.exp(rng.uniform(np.log(0.9), np.log(8.0 if count < 4 else 4.0))))
    return framing_share(rng)


def _inside(centre: float, window: float, length: int) -> float:
    """Keep a window of this length inside the photograph where it fits."""
    low, high = window / 2, length - window / 2
    return float(np.clip(centre, low, high)) if low < high else length / 2


# -- composites ------------------------------------------------------------------------------


def composite(cast: Casting, place: Bytes, rng: np.random.Generator, mixture: Mixture) -> Sample:
    """One to six people in front of a place."""
    size = (place.shape[0], place.shape[1])
    image, alpha = place, np.zeros(size, np.uint8)
    count = int(rng.choice(6, p=[0.52, 0.22, 0.11, 0.07, 0.05, 0.03])) + 1
    share = group_share(count, rng)
    for column in rng.permutation(count):
        person, box = cast.person(cast.cutouts, rng)
        matrix = stage_position(person, box, size, share, (column + 0.5) / count, rng)
        if rng.random() < mixture.limb and _stands(box):
            limb, cover = raised_limb(person, box, matrix, size, rng)
            image, alpha = blend(limb, image, cover), union(alpha, cover)
        front, matte = pasted(person, matrix, size, image, rng)
        if rng.random() < mixture.bent:
            bend = wobble(size, rng.uniform(0.01, 0.035) * size[0], rng)
            front, matte = displace(front, bend), displace(matte, bend)
        image = blend(front, image, matte)
        alpha = union(alpha, matte)
    if rng.random() < mixture.occluder:
        image, alpha = occlude(image, alpha, rng)
    return Sample(image, alpha, np.full(size, 255, np.uint8))


def stage_position(
    person: Person, box: Box, size: Size, share: float, column: float, rng: np.random.Generator
) -> Matrix:
    """Where a pasted person stands; feet cut off in the photograph stay off the canvas."""
    share = closest(person, box, share * float(np.exp(rng.normal(0, 0.12))))
    scale = size[0] / (share * box.height)
    top = rng.uniform(0.0, 0.25) if share < 1.0 else rng.uniform(0.0, 1.0 - 1.0 / share)
    if box.bottom >= person.alpha.shape[0] - 2 and share > 0.95:
        top = 1.02 - 1.0 / share
    x = size[1] * (column + rng.normal(0, 0.18))
    return placement(
        scale,
        (box.centre, float(box.top)),
        (x, top * size[0]),
        degrees=lean(rng),
        mirror=bool(rng.random() < 0.5),
        stretch=float(np.exp(rng.normal(0, 0.08))),
    )


def _stands(box: Box) -> bool:
    """Whether the box looks like somebody whose legs can be seen."""
    return box.height > 2.2 * box.width and box.height > 100


def raised_limb(
    person: Person, box: Box, matrix: Matrix, size: Size, rng: np.random.Generator
) -> tuple[Bytes, Bytes]:
    """The person's legs, shrunk and turned about a shoulder: the photographs raise no arms."""
    hip = box.top + int(rng.uniform(0.5, 0.65) * box.height)
    side = float(rng.choice([-0.09, 0.09])) * box.height
    shoulder = matrix @ np.array([box.centre + side, box.top + 0.2 * box.height, 1.0])
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))) * rng.uniform(0.45, 0.8)
    turned = placement(
        scale,
        (box.centre, 0.0),
        (float(shoulder[0]), float(shoulder[1])),
        degrees=float(rng.uniform(70, 290)),
        stretch=float(rng.uniform(0.6, 1.0)),
    )
    front = warp(person.foreground[hip:], turned, size, cv2.BORDER_REPLICATE)
    return cv2.LUT(front, random_light(rng)), warp(person.alpha[hip:], turned, size)


def pasted(
    person: Person, matrix: Matrix, size: Size, place: Bytes, rng: np.random.Generator
) -> tuple[Bytes, Bytes]:
    """A person on the canvas: colours moved towards the place's, and the matte."""
    front = warp(person.foreground, matrix, size, cv2.BORDER_REPLICATE)
    matte = warp(person.alpha, matrix, size)
    return cv2.LUT(front, _light(place, front, matte, rng)), matte


def light_for(
    person: Person, matrix: Matrix, size: Size, place: Bytes, rng: np.random.Generator
) -> Bytes:
    """The lookup table [1, 256, 3] that lights a person for a place."""
    small = (size[0] // 4, size[1] // 4)
    front, matte = (
        warp(plane, 0.25 * matrix, small) for plane in (person.foreground, person.alpha)
    )
    return _light(place, front, matte, rng)


def _light(place: Bytes, front: Bytes, matte: Bytes, rng: np.random.Generator) -> Bytes:
    return random_light(rng) if rng.random() < 0.5 else _light_of(place, front, matte, rng)


def _light_of(place: Bytes, front: Bytes, matte: Bytes, rng: np.random.Generator) -> Bytes:
    """The gain that takes the person's mean colour part of the way to the place's."""
    here = np.array(cv2.mean(front, matte)[:3]) + 8.0
    there = np.array(cv2.mean(place)[:3]) + 8.0
    return curve(np.clip(there / here, 0.3, 2.5) ** rng.uniform(0.2, 0.8), 1.0)
