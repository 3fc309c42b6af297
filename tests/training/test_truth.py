"""Clips with exact mattes: what is written is what the frame is made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.truth import clip, drawn_person, drawn_place

from streamcut.training import hair
from streamcut.training.__main__ import main
from streamcut.training.pack import Pack
from streamcut.training.reels import write_clips
from streamcut.training.script import SCENES, Part, Scene, Shot
from streamcut.training.truth import Moment, film

STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def unbent(rows: np.ndarray) -> np.ndarray:
    return 0.0 * rows


def filmed(part: Part, frames: int = 10, **scene: Any) -> list[Moment]:
    shots = (Shot((part,), 0),)
    made = replace(Scene("test", shots, noise=0.0), **scene)
    return list(film(made, [drawn_person()], [drawn_place()], (96, 160), frames))


def decoded(path: Path, pixel_format: str) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=pixel_format) for frame in container.decode(video=0)]


# -- the composite ---------------------------------------------------------------------------


def test_a_frame_is_its_foreground_where_the_matte_is_full() -> None:
    for moment in clip():
        inside = moment.matte == 255
        assert inside.sum() > 1000
        assert (moment.frame[inside] == moment.foreground[inside]).all()
        assert not moment.foreground[moment.matte == 0].any()


def test_between_the_two_the_frame_is_linear_in_the_matte() -> None:
    """Before white and before black, the same people leave (1 - matte) of the difference."""
    scene = Scene("test", (Shot((Part(0, height=1.2, length=0.4),), 0),), noise=0.0)
    black, white = np.zeros((90, 160, 3), np.uint8), np.full((90, 160, 3), 255, np.uint8)
    dark, light = (
        next(film(scene, [drawn_person()], [place], (96, 160), 2)) for place in (black, white)
    )
    share = dark.matte[..., None] / 255.0
    assert (dark.matte == light.matte).all()
    assert ((dark.matte > 20) & (dark.matte < 235)).sum() > 200
    assert np.abs(dark.frame - share * dark.foreground).max() <= 0.51
    border = (dark.matte > 0) & (light.frame.min(axis=2) < 200)
    expected = share * light.foreground + (1 - share) * 255.0
    # The white place has grain of its own, some 3% of it.
    assert np.abs(light.frame - expected)[border].mean() < 4.0


def test_hair_has_strands_thinner_than_a_pixel() -> None:
    bald = filmed(Part(0, height=1.2, strands=0), 1)[0].matte
    haired = filmed(Part(0, height=1.2, strands=60, length=0.4), 1)[0].matte
    added = haired.astype(int) - bald
    thin = (added > 8) & (haired < 200)
    assert thin.sum() > 60
    assert added.min() >= 0


def test_a_strand_covers_as_much_as_it_is_wide() -> None:
    one = hair.Strands(
        curves=np.stack([np.linspace(10, 90, 13), np.full(13, 20.3)], axis=1)[None],
        sway=np.zeros(1),
        phase=np.zeros(1),
        widths=np.array([1.0]),
        colours=np.array([[200.0, 100.0, 50.0]]),
    )
    layer = hair.draw(one, STILL, unbent, (40, 100), 0.0)
    # 80 pixels long, a third each at the whole, two thirds and one third of the width.
    assert float(layer.cover.sum()) == pytest.approx(80 * (1.0 + 0.66 + 0.33) / 3, rel=0.1)
    solid = layer.cover > 0.05
    colour = layer.light[solid] / layer.cover[solid][:, None]
    assert np.abs(np.median(colour, axis=0) - (200, 100, 50)).max() < 6


def test_a_layer_outside_the_canvas_is_empty() -> None:
    strands = hair.grow(
        drawn_person().foreground, drawn_person().alpha, 5, 0.2, np.random.default_rng(0)
    )
    assert strands is not None
    away = np.array([[1.0, 0.0, 5000.0], [0.0, 1.0, 0.0]])
    assert not hair.draw(strands, away, unbent, (96, 160), 0.0).cover.size


# -- what the scenes promise -----------------------------------------------------------------


def test_who_enters_and_leaves_is_absent_at_both_ends() -> None:
    (scene,) = [s for s in SCENES if s.name == "enter-leave"]
    moments = list(film(scene, [drawn_person()], [drawn_place()], (96, 160), 20))
    shares = [moment.matte.mean() / 255 for moment in moments]
    assert shares[0] == shares[-1] == 0.0
    assert max(shares) > 0.1


def test_a_shutter_blurs_what_moves() -> None:
    part = Part(0, height=1.2, strands=0, columns=((0.0, 0.1), (1.0, 0.9)))
    sharp, blurred = filmed(part, 6), filmed(part, 6, moments=8)
    soft = [((m[3].matte > 25) & (m[3].matte < 230)).sum() for m in (sharp, blurred)]
    assert soft[1] > 1.5 * soft[0]


def test_exposure_changes_the_light_and_not_the_matte() -> None:
    plain = filmed(Part(0, height=1.2), 16)
    swinging = filmed(Part(0, height=1.2), 16, stops=1.0)
    assert all((a.matte == b.matte).all() for a, b in zip(plain, swinging, strict=True))
    light = [b.frame.mean() / a.frame.mean() for a, b in zip(plain, swinging, strict=True)]
    assert light[0] == pytest.approx(1.0, abs=0.02)
    assert light[15] > 1.4


def test_a_scene_is_filmed_alike_every_time() -> None:
    first, second = (filmed(Part(0, height=1.2), 3, noise=4.0) for _ in range(2))
    assert all((a.frame == b.frame).all() for a, b in zip(first, second, strict=True))


# -- files -----------------------------------------------------------------------------------


def test_the_written_truth_is_exact(pack: Path, tmp_path: Path) -> None:
    write_clips(Pack(pack), tmp_path, size=(48, 64), frames=3, names=["still-subject"])
    mattes = decoded(tmp_path / "still-subject_matte.mkv", "gray")
    colours = decoded(tmp_path / "still-subject_foreground.mkv", "rgb24")
    frames = decoded(tmp_path / "still-subject.mp4", "rgb24")
    assert len(mattes) == len(colours) == len(frames) == 3
    for matte, colour, frame in zip(mattes, colours, frames, strict=True):
        assert matte.max() == 255
        assert not colour[matte == 0].any()
        inside = matte == 255
        assert np.abs(frame[inside].astype(int) - colour[inside]).mean() < 12


def test_the_command_names_what_it_writes(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--pack", str(pack), "--out", str(tmp_path), "--size", "64x48", "--frames", "2"]
    assert main(["clips", *options, "cut"]) == 0
    assert capsys.readouterr().out == "cut: 2 frames\n"
    assert main(["clips", *options, "cuts"]) == 2
    assert "no clip is called 'cuts'" in capsys.readouterr().err
    assert main(["clips", *options[:4], "--size", "63x48"]) == 2
    assert "even" in capsys.readouterr().err
