"""The subject's colours at the border: closer to the truth there, as decoded everywhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from helpers.frames import matted, predicted
from helpers.media import Planes, copied, depth, picture, shown, views
from numpy.typing import NDArray

from streamcut.compositing.background import Blur, Fixed
from streamcut.compositing.composite import composite
from streamcut.compositing.foreground import decontaminate
from streamcut.compositing.looks import Look
from streamcut.core.config import Settings
from streamcut.jobs.file import remove_video
from streamcut.jobs.stages import Appearance, composited
from streamcut.matting.guided_filter import upsample
from streamcut.matting.keyframes import every_frame
from streamcut.matting.morphology import Edges, shape
from streamcut.media.colour import Colour
from streamcut.media.frame import MattedFrame, StreamInfo

FORMATS = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le", "gbrp", "gbrp16le"]
SAMPLES = Path(__file__).parents[2] / "samples"
WIDTH, HEIGHT = 320, 180


def soft_disc(width: int, height: int, top: int) -> NDArray[Any]:
    y, x = np.mgrid[:height, :width] + 0.5
    away = np.hypot(x - width / 2, y - height / 2) - height / 3
    share = np.clip(0.5 - away / (height / 30), 0, 1)
    return np.asarray(np.rint(share * top).astype(np.uint8 if top == 255 else np.uint16))


def shares(matte: NDArray[Any], plane: NDArray[Any], top: int) -> NDArray[np.float64]:
    size = (plane.shape[1], plane.shape[0])
    exact = cv2.resize(matte.astype(np.float64), size, interpolation=cv2.INTER_AREA)
    return np.asarray(exact / np.float64(top))


def mixed(pixel_format: str) -> tuple[MattedFrame, Planes]:
    """A subject mixed with a background by a matte that is known, and the subject's planes."""
    top = (1 << depth(pixel_format)) - 1
    matte = soft_disc(WIDTH, HEIGHT, top)
    made = av.VideoFrame(WIDTH, HEIGHT, pixel_format)
    front = []
    for number, plane in enumerate(views(made)):
        y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
        wave = np.sin(x / 9 + number) * 0.04 + np.cos(y / 7) * 0.03
        subject, place = (
            wave + level for level in ((0.3, 0.6, 0.4)[number], (0.75, 0.3, 0.7)[number])
        )
        share = shares(matte, plane, top)
        plane[:] = np.rint((share * subject + (1 - share) * place) * top)
        front.append(subject * top)
    return matted(made, matte), front


def one(frame: MattedFrame, **options: bool) -> MattedFrame:
    (made,) = decontaminate([frame], **options)
    return made


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_the_border_takes_the_subject_s_colour_and_the_rest_stays(
    pixel_format: str, thorough: bool
) -> None:
    frame, front = mixed(pixel_format)
    before, top = copied(frame.source), (1 << depth(pixel_format)) - 1
    made = one(frame, thorough=thorough)
    assert made.subject is not frame.source
    assert made.subject.format.name == pixel_format
    for old, kept in zip(before, copied(frame.source), strict=True):
        assert np.array_equal(old, kept), "the decoder's picture was written to"
    for new, old, true in zip(copied(made.subject), before, front, strict=True):
        share = shares(frame.matte, old, top)
        sure = (share == 0) | (share == 1)
        assert np.array_equal(new[sure], old[sure])
        seen = ~sure & (share > 0.1)
        errors = [np.abs(plane - true)[seen].mean() for plane in (new, old)]
        assert errors[0] < 0.25 * errors[1]


@pytest.mark.parametrize("thorough", [False, True])
def test_no_rim_of_the_old_background_shows_over_a_new_one(thorough: bool) -> None:
    frame, front = mixed("yuv444p")
    share = frame.matte / 255
    green = [150, 44, 21]
    want = [share * f + (1 - share) * g for f, g in zip(front, green, strict=True)]
    rims = []
    for given in (frame, one(frame, thorough=thorough)):
        (made,) = composite([given], "background", Fixed(list(green)))
        rim = [np.abs(a - b).max() for a, b in zip(copied(made.output), want, strict=True)]
        rims.append(max(rim))
    assert rims[1] < 0.4 * rims[0]


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p12le", "gbrp"])
def test_what_the_input_hides_is_no_surroundings(pixel_format: str, thorough: bool) -> None:
    """Beside a rim of the old background everything is hidden, and of another colour."""
    frame, front = mixed(pixel_format)
    top = (1 << depth(pixel_format)) - 1
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    hidden = np.hypot(x - WIDTH / 2, y - HEIGHT / 2) > HEIGHT / 3 + 4
    frame = replace(frame, opacity=np.where(hidden, 0, top).astype(frame.matte.dtype))
    before = copied(frame.source)
    for plane in views(frame.source):
        size = (plane.shape[1], plane.shape[0])
        plane[cv2.resize(hidden.astype(np.uint8), size) > 0] = 0
    made = copied(one(frame, thorough=thorough).subject)
    for new, old, true in zip(made, before, front, strict=True):
        share = shares(frame.matte, old, top)
        seen = (share > 0.1) & (np.rint(share * top) < top)
        errors = [np.abs(plane - true)[seen].mean() for plane in (new, old)]
        assert errors[0] < 0.25 * errors[1]


TOLD = (200, 120, 60)
BT709 = {False: (129.95, 93.60, 165.55), True: (132.68, 88.83, 170.75)}
"""The same colour as BT.709 Y'CbCr, by the full range or not: see ITU-T H.273, equations 38 on."""


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p10le", "gbrp", "gbrp10le"])
def test_a_network_that_tells_the_subject_s_colours_is_believed(
    pixel_format: str, full: bool
) -> None:
    frame, _ = mixed(pixel_format)
    rgb = pixel_format.startswith("gbr")
    tags = Colour(matrix=0 if rgb else 1, range=2 if full or rgb else 1)
    tags.apply(frame.source)
    top = (1 << depth(pixel_format)) - 1
    told = np.full((45, 80, 3), np.divide(TOLD, 255), np.float32)
    frame = matted(frame.source, frame.matte, foreground=told)
    made = one(frame)
    wanted = [TOLD[1], TOLD[2], TOLD[0]] if rgb else BT709[full]
    for new, old, code in zip(copied(made.subject), copied(frame.source), wanted, strict=True):
        share = np.rint(shares(frame.matte, old, top) * top)
        sure = (share == 0) | (share == top)
        assert np.array_equal(new[sure], old[sure])
        scale = top / 255 if full or rgb else (top + 1) / 256
        assert np.abs(new[~sure] - code * scale).max() <= 1.5 * scale


def test_inverted_the_network_tells_nothing_of_the_background() -> None:
    frame, _ = mixed("yuv444p")
    plain = copied(one(frame, invert=True).subject)
    told = np.ones((45, 80, 3), np.float32)
    frame = matted(frame.source, frame.matte, foreground=told)
    assert all(map(np.array_equal, copied(one(frame, invert=True).subject), plain))


def test_inverted_the_background_keeps_none_of_the_subject() -> None:
    frame, _ = mixed("yuv444p")
    flipped = matted(frame.source, 255 - frame.matte)
    plain = copied(one(flipped).subject)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(copied(one(frame, invert=True).subject), plain, strict=True)
    )


@pytest.mark.parametrize("level", [0, 255])
def test_without_a_border_nothing_changes(level: int) -> None:
    frame = matted(picture(1), np.full((64, 96), level, np.uint8))
    for thorough in (False, True):
        made = one(frame, thorough=thorough)
        pairs = zip(copied(made.subject), copied(frame.source), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 2), (85, 49), (16, 400)])
def test_any_size_and_any_matte(width: int, height: int, thorough: bool) -> None:
    """Noise for a matte: no colour to be sure of anywhere, and still colours come out."""
    matte = np.random.default_rng(1).integers(0, 256, (height, width)).astype(np.uint8)
    made = one(matted(picture(0, width, height), matte), thorough=thorough)
    assert (made.subject.width, made.subject.height) == (width, height)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p12le", "gbrp"])
@pytest.mark.parametrize("changed", [None, "grown", "hard"])
@pytest.mark.parametrize("look", ["background", "premultiplied"])
def test_mixed_as_if_the_colours_were_written_into_the_frame(
    pixel_format: str, changed: str | None, look: Look
) -> None:
    """Whether or not the border is still that of the matte which the colours were found with."""
    frame, _ = mixed(pixel_format)
    made = one(frame)
    if changed == "grown":
        made = replace(made, matte=cv2.dilate(frame.matte, np.ones((5, 5), np.uint8)))
    if changed == "hard":
        made = replace(made, matte=np.where(frame.matte > 99, frame.matte.max(), 0))
        made = replace(made, matte=made.matte.astype(frame.matte.dtype))
    written = replace(made, colours=one(frame).subject)
    ours, theirs = (next(composite([given], look, Blur(20))).output for given in (made, written))
    assert all(map(np.array_equal, copied(ours), copied(theirs)))
    assert not all(map(np.array_equal, copied(made.subject), copied(frame.source)))


def test_blur_is_made_of_the_picture_as_decoded() -> None:
    frame, _ = mixed("yuv420p")
    expected = Blur(20).layers(frame)
    for layer, want in zip(Blur(20).layers(one(frame)), expected, strict=True):
        assert np.array_equal(layer, want)


def test_real_footage_keeps_what_is_sure_bit_for_bit(tmp_path: Path) -> None:
    path = SAMPLES / "presenter.mp4"
    for name, on in (("out.mkv", True), ("plain.mkv", False)):
        remove_video(
            *(path, tmp_path / name), duration=0.2, start=1, cutout="putalpha", decontaminate=on
        )
    changed = 0
    results = (shown(tmp_path / name).planes() for name in ("out.mkv", "plain.mkv"))
    for made, plain in zip(*results, strict=True):
        assert np.array_equal(made[3], plain[3])
        for new, old in zip(made[:3], plain[:3], strict=True):
            share = shares(made[3], new, 255)
            sure = (share == 0) | (share == 1)
            assert np.array_equal(new[sure], old[sure])
            changed += int((new != old).sum())
    assert changed > 1000


@pytest.mark.parametrize(
    ("live", "still", "quality", "matting", "thorough"),
    [
        (False, False, "best", "every", True),
        (False, False, "best", "off", False),
        (False, False, "balanced", "every", False),
        (True, False, "best", "every", False),
        (False, True, "best", "off", True),
    ],
)
def test_stills_and_solved_mattes_at_the_best_quality_alone_take_the_thorough_estimate(
    live: bool, still: bool, quality: str, matting: str, thorough: bool
) -> None:
    frame, _ = mixed("yuv420p")
    info = StreamInfo(WIDTH, HEIGHT, "yuv420p", live=live)
    settings = Settings().with_options({"quality": quality, "matting": matting})
    coarse = predicted(frame.source, cv2.resize(frame.matte, (160, 90)) / np.float32(255))
    made_from = upsample([coarse], info)
    (plain,) = every_frame(made_from, info) if matting == "every" else made_from
    expected = copied(one(plain, thorough=thorough).subject)
    (made,) = composited([coarse], info, Appearance(settings, "straight"), still=still)
    for plane, want in zip(copied(made.output)[:3], expected, strict=True):
        assert np.array_equal(plane, want)


@pytest.mark.parametrize(("width", "height"), [(320, 180), (384, 216), (322, 182), (1280, 720)])
@pytest.mark.parametrize("hidden", [False, True])
def test_over_a_blur_what_is_made_smaller_is_shared_and_the_same(
    width: int, height: int, hidden: bool
) -> None:
    """As if every stage made its own: a file's frames over another background do so."""
    coarse = np.zeros((72, 128), np.float32)
    cv2.circle(coarse, (40, 50), 14, 1, -1)
    opacity = np.full((height, width), 255, np.uint8)
    opacity[:, : width // 3] = 0
    frame = predicted(
        picture(0, width, height),
        np.asarray(cv2.GaussianBlur(coarse, (7, 7), 0), np.float32),
        opacity=opacity if hidden else None,
    )
    info, settings = StreamInfo(width, height, "yuv420p"), Settings()
    (shared,) = composited([frame], info, Appearance(settings, "background", Blur(20)))
    apart = shape(decontaminate(upsample([frame], info)), info, Edges())
    (alone,) = composite(apart, "background", Blur(20))
    assert all(map(np.array_equal, copied(shared.output), copied(alone.output)))


def test_a_wide_part_that_the_network_is_unsure_of_stays_as_decoded() -> None:
    """Half a matte over all of a hand does not mean that half of its colour is the wall's."""
    frame, _ = mixed("yuv420p")
    matte = np.full((HEIGHT, WIDTH), 128, np.uint8)
    matte[:, :20], matte[:, 20:60] = 255, 0
    frame = replace(frame, matte=matte)
    before = copied(frame.source)
    for new, old in zip(copied(one(frame).subject), before, strict=True):
        beside = new.shape[1] * 100 // WIDTH
        assert np.array_equal(new[:, beside:], old[:, beside:])
