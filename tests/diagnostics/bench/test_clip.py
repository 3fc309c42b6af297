"""What is measured: the sample, clips at another height, and a drawn person."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from helpers.media import depth, pictures, shown, to_rgb, write

from streamcut.core.errors import SourceError
from streamcut.diagnostics.bench import clip

BT709 = (1, 1, 1, 1)


def test_the_sample_is_the_repositorys() -> None:
    assert clip.sample() == Path(__file__).parents[3] / "samples" / "presenter.mp4"


def test_a_wheel_has_the_sample_beside_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip, "__file__", str(tmp_path / "a" / "b" / "c" / "clip.py"))
    with pytest.raises(SourceError, match="name a clip"):
        clip.sample()
    packaged = tmp_path / "a" / "b" / "c" / "presenter.mp4"
    packaged.parent.mkdir(parents=True)
    packaged.touch()
    assert clip.sample() == packaged


def test_a_scaled_clip_keeps_its_times_and_colours(tmp_path: Path) -> None:
    """Also where a height alone would tell another matrix: BT.709 below 720 lines."""
    times = [0, 40, 80, 160, 200]
    source = write(tmp_path / "in.mkv", pictures(5, 192, 108), times=times, colour=BT709)
    made = tmp_path / "out.mp4"
    clip.scaled(str(source), made, 54, 4)
    with av.open(str(made)) as container:
        frames = list(container.decode(video=0))
    assert [(f.width, f.height, f.format.name) for f in frames] == [(96, 54, "yuv420p")] * 4
    assert [round(1000 * (frame.time or 0)) for frame in frames] == times[:4]
    assert {(f.color_primaries, f.color_trc, f.colorspace, f.color_range) for f in frames} == {
        BT709
    }
    before, after = (
        to_rgb(shown(path).planes()[0], matrix="709").mean((0, 1)) for path in (source, made)
    )
    assert np.abs(before - after).max() < 1.5


def test_a_scaled_clip_has_eight_bits_and_an_even_width(tmp_path: Path) -> None:
    deep = pictures(2, 100, 64, "yuv422p10le")
    source = write(tmp_path / "in.mkv", deep)
    assert depth(deep[0].format.name) == 10
    clip.scaled(str(source), tmp_path / "out.mp4", 50, 2)
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.width, context.height, context.pix_fmt) == (78, 50, "yuv420p")


def test_the_drawn_person_moves() -> None:
    frames = list(clip.drawn(192, 108, 12))
    assert [frame.shape for frame in frames] == [(108, 192, 3)] * 12
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 1
