"""Light wrap: the background's light on the subject's inner edge, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers.frames import matted
from helpers.media import copied, depth, picture

from streamcut.compositing.background import Fixed
from streamcut.compositing.composite import composite
from streamcut.compositing.light_wrap import wrapped

WIDTH, HEIGHT = 320, 180


def disc(top: int) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    share = np.clip(60.5 - np.hypot(x - WIDTH / 2, y - HEIGHT / 2), 0, 1)
    return np.asarray(np.rint(share * top).astype(np.uint8 if top == 255 else np.uint16))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p10le", "gbrp"])
def test_light_falls_on_the_inner_edge_alone(pixel_format: str) -> None:
    shot, top = picture(0, WIDTH, HEIGHT, pixel_format), (1 << depth(pixel_format)) - 1
    matte = disc(top)
    before = copied(shot)
    made = copied(wrapped(shot, matte, [top, top // 2, top // 2], 1.0))
    assert all(np.array_equal(a, b) for a, b in zip(copied(shot), before, strict=True))
    change = (made[0].astype(int) - before[0]) / top
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    away = np.hypot(x - WIDTH / 2, y - HEIGHT / 2)
    assert (change[matte == 0] == 0).all()
    assert np.abs(change[away < 45]).max() < 0.01
    edge = (away > 57) & (away < 59)
    assert change[edge].mean() > 0.05
    assert change[edge].mean() > 3 * np.abs(change[(away > 50) & (away < 52)]).mean()


def test_more_of_it_where_the_background_is_brighter_and_the_strength_greater() -> None:
    shot, matte = picture(0, WIDTH, HEIGHT), disc(255)
    before = copied(shot)[0].astype(int)

    def light(level: int, strength: float) -> float:
        made = copied(wrapped(shot, matte, [level, 128, 128], strength))[0]
        return float(np.abs(made - before).sum())

    assert light(235, 1.0) > 1.8 * light(235, 0.5) > 0
    assert light(235, 1.0) > 3 * light(60, 1.0)


def test_it_is_a_matter_of_the_look_background() -> None:
    ground = Fixed([np.full((180, 320), 235, np.uint8), 128, 128])

    def made(**options: Any) -> list[np.ndarray]:
        frame = matted(picture(0, WIDTH, HEIGHT), disc(255))
        return copied(next(composite([frame], "background", ground, **options)).output)

    plain, lit = made(), made(light_wrap=0.5)
    outside = disc(255) == 0
    assert np.array_equal(plain[0][outside], lit[0][outside])
    assert (lit[0] != plain[0]).sum() > 500
