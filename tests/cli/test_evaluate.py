"""``streamcut evaluate``: tables, JSON, pictures, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.jobs import Ran
from helpers.media import write
from helpers.truth import clip
from PIL import Image


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The truth, half of it, and what was filmed."""
    folder = tmp_path_factory.mktemp("files")
    mattes = [moment.matte for moment in clip()]
    shown = {
        "truth.mkv": mattes,
        "half.mkv": [matte // 2 for matte in mattes],
        "picture.mkv": [moment.frame for moment in clip()],
    }
    for name, planes in shown.items():
        kind = "gray" if planes[0].ndim == 2 else "rgb24"
        frames = [av.VideoFrame.from_ndarray(plane, format=kind) for plane in planes]
        pixel_format = "gray" if kind == "gray" else "bgr0"
        frames = [frame.reformat(format=pixel_format) for frame in frames]
        write(folder / name, frames, rate=30, time_base=Fraction(1, 30))
    return {name.partition(".")[0]: str(folder / name) for name in shown}


def test_a_table_a_row_a_result(command: Callable[..., Ran], files: dict[str, str]) -> None:
    ran = command("evaluate", files["truth"], files["half"], "-t", files["truth"])
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == f"8 frames of 160x96, beside {files['truth']}"
    titles = lines[2]
    assert "MAD ↓" in titles
    assert "IoU ↑" in titles
    assert lines[3].split()[:3] == ["truth.mkv", "0.00", "0.00"]
    half = float(lines[4].split()[1])
    expected = np.mean([(m.matte - m.matte // 2.0).mean() / 0.255 for m in clip()])
    assert half == pytest.approx(expected, abs=0.01)


def test_how_much_is_undecided_is_told(command: Callable[..., Ran], files: dict[str, str]) -> None:
    """Half a matte is faint in all that is certain, and veils nothing."""
    ran = command("evaluate", files["truth"], files["half"], "-t", files["truth"])
    titles = ran.out.splitlines()[2]
    assert "faint % ↓" in titles
    assert "veil % ↓" in titles
    ran = command("evaluate", files["truth"], files["half"], "-t", files["truth"], "--json")
    figures = [result["figures"] for result in json.loads(ran.out)["results"]]
    assert [each["faint"] for each in figures] == [0.0, 100.0]
    assert [each["veil"] for each in figures] == [0.0, 0.0]


def test_json_has_every_frame(command: Callable[..., Ran], files: dict[str, str]) -> None:
    ran = command("evaluate", files["half"], "-t", files["truth"], "--json")
    found = json.loads(ran.out)
    assert (found["frames"], found["size"], found["is_truth"]) == (8, [160, 96], True)
    (result,) = found["results"]
    assert result["figures"]["mad"] == pytest.approx(np.mean(result["series"]["mad"]))
    assert all(len(values) == 8 for values in result["series"].values())
    assert "NaN" not in ran.out


def test_two_results_and_no_truth(command: Callable[..., Ran], files: dict[str, str]) -> None:
    ran = command("evaluate", files["truth"], files["half"], "-p", files["picture"])
    assert ran.code == 0
    titles = ran.out.splitlines()[2]
    assert "change" in titles
    assert "warping ↓" in titles
    assert "MAD ↓" not in titles  # A difference between two results is not an error.


def test_pictures_are_written(
    command: Callable[..., Ran], files: dict[str, str], tmp_path: Path
) -> None:
    sheet, plot = tmp_path / "sheet.png", tmp_path / "plot.png"
    options = ["-p", files["picture"], "--sheet", sheet, "--plot", plot]
    assert command("evaluate", files["half"], "-t", files["truth"], *options).code == 0
    for path in (sheet, plot):
        with Image.open(path) as image:
            assert min(image.size) > 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{picture}", "-t", "{truth}"], "holds no matte"),
        (["{truth}", "-t", "absent.mkv"], "no such file: absent.mkv"),
        (["{truth}", "--sheet", "no/such/folder/a.png"], "no/such/folder/a.png: its folder"),
        (
            ["{truth}", "--plot", "plot.unknown"],
            "plot.unknown cannot be written: end its name with .png",
        ),
        (["{truth}", "--sheet", "{picture}", "-p", "{picture}"], "picture.mkv is the original"),
        ([], "missing argument 'RESULT...'"),
    ],
)
def test_refusals_are_one_line(
    command: Callable[..., Ran], files: dict[str, str], arguments: list[str], message: str
) -> None:
    ran = command("evaluate", *(argument.format(**files) for argument in arguments))
    assert ran.code in (1, 2)
    assert ran.err.startswith("streamcut: error: ")
    assert ran.err.count("\n") == 1
    assert message in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("result", ["", "/", "/%04d.png"])
def test_no_picture_that_is_read_is_drawn_over(
    command: Callable[..., Ran], tmp_path: Path, result: str
) -> None:
    path = tmp_path / "0001.png"
    path.write_bytes(b"precious")
    for option in ("--sheet", "--plot"):
        ran = command("evaluate", f"{tmp_path}{result}", option, path)
        assert (ran.code, ran.err.count("is the result: choose another output")) == (2, 1)
    assert path.read_bytes() == b"precious"


def test_progress_is_shown_in_a_terminal(
    terminal: Callable[..., Ran], files: dict[str, str]
) -> None:
    assert "comparing" in terminal("evaluate", files["half"], "-t", files["truth"]).out
    assert "comparing" not in terminal("evaluate", files["half"], "-q").out
