"""Every format with alpha, decoded again and compared with what was composited."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.media import (
    animation,
    composited,
    copied,
    depth,
    inside,
    picture,
    run,
    shown,
    to_rgb,
    write,
)
from PIL import Image

Clip = Callable[..., Path]
SIZES = [(96, 64), (85, 49)]  # The second is as odd as 853x481.


def differences(one: object, two: object) -> np.ndarray:
    return np.asarray(np.abs(np.asarray(one, float) - np.asarray(two, float)))


def flat(width: int, height: int, index: int) -> np.ndarray:
    """Where no edge of the subject is near, so that chroma is smooth."""
    return inside(width, height, index, 0.75) | ~inside(width, height, index, 1.35)


def pngs(folder: Path) -> list[np.ndarray]:
    return [np.array(Image.open(path)) for path in sorted(folder.glob("*.png"))]


@pytest.mark.parametrize("cutout", ["putalpha", "naive"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_webm(clip: Clip, tmp_path: Path, width: int, height: int, cutout: str) -> None:
    source = clip(width=width, height=height)
    run(source, tmp_path / "out.webm", quality="best", cutout=cutout)
    seen = shown(tmp_path / "out.webm")
    wanted = composited(source, cutout=cutout)
    assert b"\x53\xc0\x81\x01" in (tmp_path / "out.webm").read_bytes()  # AlphaMode is 1.
    assert {key.lower(): value for key, value in seen.tags.items()}["alpha_mode"] == "1"
    assert {picture.format.name for picture in seen.pictures} == {"yuva420p"}
    assert len(seen.pictures) == len(wanted) == 5
    for made, want in zip(seen.planes(), map(copied, wanted), strict=True):
        for plane in range(4):
            assert made[plane].shape == want[plane].shape
            assert differences(made[plane], want[plane]).mean() < 1.5, plane
    for index, made in enumerate(seen.planes()):
        assert made[3][inside(width, height, index, 0.7)].min() > 235
        assert made[3][~inside(width, height, index, 1.5)].max() < 20


def test_webm_can_be_sought_in(tmp_path: Path) -> None:
    """Colour and alpha have their key pictures together, also behind a change of scene."""
    shots = [picture(index if index < 100 else index + 40, 64, 48) for index in range(250)]
    source = write(tmp_path / "in.mkv", shots)
    run(source, tmp_path / "out.webm", quality="fast")
    whole = shown(tmp_path / "out.webm")
    assert len(whole.pictures) == 250
    with av.open(str(tmp_path / "out.webm")) as container:
        stream = container.streams.video[0]
        container.seek(9_800_000)
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert packets[0].is_keyframe
        assert (packets[0].pts or 0) * packets[0].time_base > 9
        sought = [made for packet in packets for made in decoder.decode(packet)]
    assert len(sought) == len(packets)
    for made, want in zip(sought, whole.pictures[-len(sought) :], strict=True):
        assert made.format.name == "yuva420p"
        for one, two in zip(copied(made), copied(want), strict=True):
            assert np.array_equal(one, two)


@pytest.mark.parametrize("quality", ["fast", "balanced", "best"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_prores(clip: Clip, tmp_path: Path, width: int, height: int, quality: str) -> None:
    source = clip(width=width, height=height, pixel_format="yuv444p10le")
    run(source, tmp_path / "out.mov", quality=quality)
    seen = shown(tmp_path / "out.mov")
    assert seen.codec == "prores"
    for made, frame in zip(seen.pictures, composited(source), strict=True):
        assert (made.width, made.height) == (width, height)
        assert made.format.name.startswith("yuva444p")
        shift = depth(made.format.name) - 10
        *colour, alpha = copied(made)
        *wanted, matte = copied(frame)
        assert differences(alpha >> shift, matte).max() <= 1
        for plane, want in zip(colour, wanted, strict=True):
            assert differences(plane / 2**shift, want).mean() < 8  # Of 1023.


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("target", ["qtrle.mov", "png.mov", "out.apng", "folder", "p_%03d.png"])
def test_lossless_rgba(clip: Clip, tmp_path: Path, target: str, width: int, height: int) -> None:
    """Alpha exact; colour as the definition of BT.601 gives it from the source's planes."""
    source = clip(width=width, height=height, pixel_format="yuv444p")
    codec = target.partition(".")[0] if target.endswith(".mov") else ""
    run(source, tmp_path / target, codec=codec)
    if target.endswith(".mov"):
        seen = shown(tmp_path / target).rgba()
    elif target.endswith(".apng"):
        seen, _ = animation(tmp_path / target)
    else:
        seen = pngs(tmp_path / "folder" if target == "folder" else tmp_path)
    wanted = composited(source)
    assert len(seen) == len(wanted) == 5
    for made, frame in zip(seen, wanted, strict=True):
        *colour, matte = copied(frame)
        visible = matte > 0  # PNG's animation may drop colour where nothing is seen.
        assert np.array_equal(made[..., 3], matte)
        assert differences(made[..., :3], to_rgb(colour))[visible].max() <= 2


def test_webp(clip: Clip, tmp_path: Path) -> None:
    source = clip(pixel_format="yuv420p")
    run(source, tmp_path / "out.webp", quality="best")
    seen, durations = animation(tmp_path / "out.webp")
    assert durations == [40] * 5
    for index, (made, frame) in enumerate(zip(seen, composited(source), strict=True)):
        *colour, matte = copied(frame)
        assert np.array_equal(made[..., 3], matte)
        where = (matte == 255) & flat(96, 64, index)
        assert differences(made[..., :3], to_rgb(colour))[where].mean() < 4


def test_gif(clip: Clip, tmp_path: Path) -> None:
    """One bit of alpha: what is half covered and more is seen."""
    source = clip(pixel_format="yuv444p")
    run(source, tmp_path / "out.gif")
    seen, durations = animation(tmp_path / "out.gif")
    assert durations == [40] * 5
    for made, frame in zip(seen, composited(source), strict=True):
        *colour, matte = copied(frame)
        assert np.array_equal(made[..., 3], np.where(matte >= 128, 255, 0))
        visible = matte >= 128
        assert differences(made[..., :3], to_rgb(colour))[visible].mean() < 6


@pytest.mark.parametrize("ending", ["gif", "webp", "apng"])
def test_animations_keep_the_pace(clip: Clip, tmp_path: Path, ending: str) -> None:
    source = clip(times=[0, 100, 130, 330, 400])
    run(source, tmp_path / f"out.{ending}")
    _, durations = animation(tmp_path / f"out.{ending}")
    assert durations[:4] == [100, 30, 200, 70]


def test_deep_png(clip: Clip, tmp_path: Path) -> None:
    """Ten bits arrive in 16-bit PNG, neither cut to eight nor stretched wrongly."""
    source = clip(pixel_format="yuv444p10le", count=1)
    run(source, f"{tmp_path}/folder/")
    with Image.open(tmp_path / "folder" / "000001.png") as image:
        assert image.info.get("transparency") is None
    made = shown(tmp_path / "folder" / "000001.png").pictures[0]
    assert made.format.name == "rgba64be"
    plane: Any = made.planes[0]
    pixels = np.frombuffer(plane, ">u2").reshape(64, -1)[:, : 96 * 4].reshape(64, 96, 4)
    *colour, matte = copied(composited(source)[0])
    assert differences(pixels[..., 3] / 65535, matte / 1023).max() < 1 / 1023
    want = to_rgb(colour, bits=10) / 255
    # FFmpeg converts to 48-bit RGB a little too dark: by 1/256 at most.
    assert differences(pixels[..., :3] / 65535, want).max() < 1 / 256
    assert differences(pixels[..., :3] / 65535, want).mean() < 1 / 1023


@pytest.mark.parametrize("ending", ["mov", "webm", "apng"])
def test_naive_is_over_black(clip: Clip, tmp_path: Path, ending: str) -> None:
    """Premultiplied: where nothing is seen, nothing of the background stays in the file."""
    source = clip()
    run(source, tmp_path / f"out.{ending}", cutout="naive", quality="best")
    seen = shown(tmp_path / f"out.{ending}").rgba()
    for index, made in enumerate(seen):
        outside = ~inside(96, 64, index, 1.6)
        assert made[outside][:, :3].max() < 12
        within = inside(96, 64, index, 0.6)
        plain = picture(index).to_ndarray(format="rgb24")
        assert differences(made[within][:, :3], plain[within]).mean() < 5
