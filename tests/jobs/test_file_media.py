"""Whole jobs: what each look makes of a file, odd inputs together, and real footage."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.media import (
    AS_DECODED,
    Sound,
    composited,
    copied,
    heard,
    inside,
    picture,
    pictures,
    run,
    set_display_matrix,
    shared,
    shown,
    to_rgb,
    write,
)

from streamcut.core.errors import UsageError
from streamcut.jobs.file import remove_video

Clip = Callable[..., Path]
SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize("codec", ["", "hevc"])
def test_mp4_needs_something_opaque(clip: Clip, tmp_path: Path, codec: str) -> None:
    with pytest.raises(UsageError, match=r"write a \.webm or \.mov"):
        run(clip(), tmp_path / "out.mp4", codec=codec)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("look", [{"background": "navy"}, {"only_mask": True}, {"stacked": True}])
@pytest.mark.parametrize(("width", "height"), [(96, 64), (85, 49)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le"])
def test_opaque_looks_in_mp4(
    clip: Clip,
    tmp_path: Path,
    pixel_format: str,
    width: int,
    height: int,
    look: dict[str, Any],
    codec: str,
) -> None:
    source = clip(width=width, height=height, pixel_format=pixel_format, count=4)
    run(source, tmp_path / "out.mp4", codec=codec, quality="best", **look)
    seen = shown(tmp_path / "out.mp4")
    wide, high = width & ~1, height & ~1
    tall = 2 * high if "stacked" in look else high
    assert len(seen.pictures) == 4
    deep = codec == "hevc" and pixel_format != "yuv420p"
    for index, made in enumerate(seen.pictures):
        assert (made.width, made.height) == (wide, tall)
        assert made.format.name == ("yuv420p10le" if deep else "yuv420p")
        rgb = made.to_ndarray(format="rgb24").astype(int)
        given = to_rgb(copied(picture(index, width, height))[:3])[:high, :wide]
        within = inside(width, height, index, 0.7)[:high, :wide]
        without = ~inside(width, height, index, 1.6)[:high, :wide]
        top = rgb[:high]
        if "only_mask" not in look:
            assert np.abs(top[within] - given[within]).mean() < 8
        if "background" in look:
            assert np.abs(top[without] - (0, 0, 128)).mean() < 8
        if "only_mask" in look or "stacked" in look:
            matte = rgb[-high:]
            assert matte[within].min() > 235
            assert matte[without].max() < 20


@pytest.mark.parametrize("ending", ["webm", "mov", "mkv", "mp4"])
def test_only_mask_is_a_grey_picture_everywhere(clip: Clip, tmp_path: Path, ending: str) -> None:
    """White is white and black is black, whatever range the file has."""
    source = clip(count=3)
    run(source, tmp_path / f"out.{ending}", only_mask=True, quality="best")
    for made, want in zip(
        shown(tmp_path / f"out.{ending}").pictures, composited(source), strict=True
    ):
        matte = copied(want)[3].astype(int)
        rgb = made.to_ndarray(format="rgb24").astype(int)
        assert np.abs(rgb - matte[..., None]).mean() < 2
        assert np.ptp(rgb, axis=2).max() <= 3
        assert rgb[matte == 255].mean() > 252
        assert rgb[matte == 0].mean() < 3


def test_inverted(clip: Clip, tmp_path: Path) -> None:
    """The background stays, the subject is cut out."""
    run(clip(), tmp_path / "out.mkv", invert=True)
    for index, made in enumerate(shown(tmp_path / "out.mkv").planes()):
        assert made[3][inside(96, 64, index, 0.8)].max() == 0
        assert made[3][~inside(96, 64, index, 1.4)].min() == 255


def test_everything_at_once(tmp_path: Path) -> None:
    """A phone's clip: turned, uneven, ten bits, HLG, B-frames, pixels not square, two sounds."""
    times = [0, 3003, 6006, 9009, 15_015, 18_018, 21_021, 30_030, 33_033, 36_036]
    path = write(
        tmp_path / "in.mp4",
        pictures(10, 96, 64, "yuv420p10le"),
        codec="libx265",
        options={"x265-params": "lossless=1:log-level=none"},
        times=times,
        time_base=Fraction(1, 90_000),
        colour=(9, 18, 9, 1),
        aspect=Fraction(4, 3),
        sounds=[Sound("aac", click=0.2, language="eng"), Sound("aac", click=0.3, language="spa")],
        metadata={"title": "all"},
        chapters=[(0, 200, "a"), (200, 400, "b")],
    )
    set_display_matrix(path, 0, 1, -1, 0)
    run(path, tmp_path / "out.mkv")
    seen = shown(tmp_path / "out.mkv")
    assert seen.times == [Fraction(round(Fraction(t, 90)), 1000) for t in times]
    assert seen.aspect == Fraction(3, 4)
    assert [heard(tmp_path / "out.mkv", i).language for i in range(2)] == ["eng", "spa"]
    assert [heard(tmp_path / "out.mkv", i).click for i in range(2)] == pytest.approx(
        [0.2, 0.3], abs=0.002
    )
    assert len(seen.chapters) == 2
    for index, made in enumerate(seen.pictures):
        assert made.format.name == "yuva420p10le"
        assert (int(made.color_primaries), int(made.color_trc)) == (9, 18)
        assert (int(made.colorspace), int(made.color_range)) == (9, 1)
        for plane, lying in zip(
            copied(made), copied(picture(index, 96, 64, "yuv420p10le")), strict=False
        ):
            assert np.array_equal(plane, np.rot90(lying, -1))


@pytest.mark.parametrize("quality", ["fast", "balanced", "best"])
@pytest.mark.parametrize("name", ["out.webm", "out.mov", "out.mkv", "out.webp", "out.apng"])
def test_every_quality(clip: Clip, tmp_path: Path, name: str, quality: str) -> None:
    run(clip(count=3), tmp_path / name, quality=quality)
    assert (tmp_path / name).stat().st_size > 500
    if name != "out.webp":
        assert len(shown(tmp_path / name).pictures) == 3


def test_better_quality_is_nearer(clip: Clip, tmp_path: Path) -> None:
    source = clip(count=10)
    far = []
    for quality in ("fast", "balanced", "best"):
        run(source, tmp_path / "out.webm", quality=quality, overwrite=True)
        made = shown(tmp_path / "out.webm").planes()
        luma = [np.abs(m[0] - copied(picture(i))[0].astype(int)) for i, m in enumerate(made)]
        far.append(np.mean(luma))
    assert far[0] > far[1] > far[2]


# --- the packaged model on real footage ---------------------------------------------------------


def through(path: Path, target: Path, **options: Any) -> Any:
    """Once through with the packaged model; frames, times and sound must be the input's."""
    summary = remove_video(path, target, quality="fast", size="320x", **options)
    before, after = shown(path), shown(target)
    assert len(after.pictures) == len(before.pictures) == summary.frames
    assert summary.undecodable == summary.dropped == 0
    for one, two in zip(before.times, after.times, strict=True):
        assert abs(one - two) <= Fraction(1, 2000)
    with av.open(str(path)) as container:
        tracks = len(container.streams.audio)
    assert after.streams.count("audio") == tracks
    for track in range(tracks):
        assert heard(target, track).end == pytest.approx(heard(path, track).end, abs=0.05)
    return after


def test_the_sample(tmp_path: Path) -> None:
    """The presenter is cut out: the middle is there, the corners above are gone."""
    seen = through(SAMPLES / "presenter.mp4", tmp_path / "out.webm")
    for made in seen.pictures[::20]:
        alpha = copied(made)[3].astype(int)
        assert 0.1 < (alpha > 128).mean() < 0.8
        assert alpha[: alpha.shape[0] // 6, : alpha.shape[1] // 8].mean() < 40


def test_a_real_clip(tmp_path: Path) -> None:
    seen = through(shared("clips", "bedroom.mp4"), tmp_path / "out.webm")
    shares = [(copied(made)[3] > 128).mean() for made in seen.pictures]
    assert 0.02 < np.median(shares) < 0.8


def test_the_packaged_model_in_a_lossless_file(tmp_path: Path) -> None:
    """The colour planes of real footage arrive bit for bit as well."""
    path = SAMPLES / "presenter.mp4"
    remove_video(path, tmp_path / "out.mkv", duration=0.4, **AS_DECODED)
    made = shown(tmp_path / "out.mkv").planes()
    with av.open(str(path)) as container:
        given = [copied(next(frames)) for frames in [container.decode(video=0)] for _ in made]
    assert len(made) >= 9
    for one, two in zip(made, given, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one[:3], two, strict=True))
