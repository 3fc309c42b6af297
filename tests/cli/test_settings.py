"""From the command line and the configuration file to what the job is told."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import pytest
from helpers.jobs import Ran

from streamcut.cli import video
from streamcut.cli.options import TimeParam
from streamcut.core.config import Settings
from streamcut.core.errors import StreamcutError
from streamcut.jobs import file

FLAGS = ["only-mask", "post-process-mask", "invert", "stacked", "audio"]


class Told(StreamcutError):  # noqa: N818 -- it is no error, but ends the command.
    """Raised in place of running the job, with what it was told."""

    def __init__(self, settings: Settings, options: dict[str, Any]) -> None:
        super().__init__("told")
        self.settings, self.options = settings, options


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Told]:
    """Return what a command line makes the job be told."""

    def refuse(_: str, __: str, settings: Settings, **options: Any) -> None:
        raise Told(settings, options)

    def asked(*arguments: object, filed: str = "") -> Told:
        path = tmp_path / "settings.toml"
        path.write_text(filed)
        line = ["in.mkv", "out.webm", "--config", str(path), *map(str, arguments)]
        with pytest.raises(Told) as raised:
            video.command.main(line, standalone_mode=False)
        return raised.value

    monkeypatch.setattr(file, "Job", refuse)
    return asked


KEYFRAMES = {"matting": "keyframes"}


def test_nothing_given_means_the_defaults(told: Callable[..., Told]) -> None:
    nothing = told()
    assert nothing.settings == Settings()
    assert nothing.options == {"start": None, "duration": None, "overwrite": False, "also": ()}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("-m x.onnx", {"model": "x.onnx"}),
        ("--model x.onnx", {"model": "x.onnx"}),
        ("-b blur:5", {"background": "blur:5"}),
        ("--cutout naive", {"cutout": "naive"}),
        ("--no-decontaminate", {"decontaminate": False}),
        ("-om", {"only_mask": True}),
        ("-ppm", {"post_process_mask": True}),
        ("--light-wrap 0.4 -b red", {"light_wrap": 0.4, "background": "red"}),
        ("--threshold 0.5", {"threshold": 0.5}),
        ("--expand 3", {"expand": 3}),
        ("--contract 2", {"contract": 2}),
        ("--feather 4", {"feather": 4}),
        ("--min-area 0.2", {"min_area": 0.2}),
        ("--keep main", {"keep": "main"}),
        ("--matting every", {"matting": "every"}),
        ("--keyframe-interval 5 --matting keyframes", KEYFRAMES | {"keyframe_interval": 5}),
        ("-af 9 --matting keyframes", KEYFRAMES | {"alpha_matting_foreground_threshold": 9}),
        ("-ab 9 --matting keyframes", KEYFRAMES | {"alpha_matting_background_threshold": 9}),
        ("-ae 9 --matting keyframes", KEYFRAMES | {"alpha_matting_erode_size": 9}),
        ("--smooth 0.3", {"smooth": 0.3}),
        ("--no-smooth", {"smooth": 0.0}),
        ("--invert", {"invert": True}),
        ("--stacked", {"stacked": True}),
        ("--size 50%", {"size": "50%"}),
        ("--codec qtrle", {"codec": "qtrle"}),
        ("--quality best", {"quality": "best"}),
        ("--no-audio", {"audio": False}),
        ("--threads 3", {"threads": 3}),
    ],
)
def test_every_option_reaches_its_setting(
    told: Callable[..., Told], arguments: str, expected: dict[str, Any]
) -> None:
    assert told(*arguments.split()).settings == Settings().with_options(expected)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--light-wrap 0.4 -om", "--light-wrap does nothing without --background"),
        ("--keyframe-interval 5 --matting every", "--keyframe-interval does .* --matting keyf"),
        (
            "-af 230 -ae 5",
            "--alpha-matting-foreground-threshold and --alpha-matting-erode-size do nothing "
            "without --matting",
        ),
    ],
)
def test_an_option_of_no_use_is_a_warning(
    told: Callable[..., Told], arguments: str, words: str
) -> None:
    with pytest.warns(UserWarning, match=words):
        told(*arguments.split())


@pytest.mark.parametrize("name", ["pipe", "webcam"])
def test_every_command_warns(name: str, tmp_path: Path) -> None:
    where = {"pipe": ["--size", "9x9"], "webcam": ["--camera", "none", "--to", f"{tmp_path}/o.mkv"]}
    made = importlib.import_module(f"streamcut.cli.{name}").command
    with pytest.warns(UserWarning, match="-wrap does nothing"), pytest.raises(StreamcutError):
        made.main([*where[name], "--light-wrap", "0.5"], standalone_mode=False)


def test_what_a_file_says_of_no_use_is_no_warning(told: Callable[..., Told]) -> None:
    told(filed="[matte]\nkeyframe_interval = 5\n[picture]\nlight_wrap = 0.4\n")
    told("--light-wrap", "0.4", filed='[picture]\nbackground = "red"\n')


def test_times_and_overwriting_reach_the_job(told: Callable[..., Told]) -> None:
    options = told("--start", "1:30", "--duration", "0.04", "-y").options
    assert (options["start"], options["duration"]) == (Fraction(90), Fraction(1, 25))
    assert options["overwrite"]


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("filed", [True, False])
@pytest.mark.parametrize("given", [True, False, None])
def test_a_flag_goes_before_the_file_and_the_file_before_the_default(
    told: Callable[..., Told], flag: str, filed: bool, given: bool | None
) -> None:
    name = flag.replace("-", "_")
    section = {"audio": "output", "invert": "matte", "post_process_mask": "matte"}
    section_name = section.get(name, "picture")
    arguments = [] if given is None else [f"--{flag}" if given else f"--no-{flag}"]
    settings = told(*arguments, filed=f"[{section_name}]\n{name} = {str(filed).lower()}\n").settings
    assert getattr(getattr(settings, section_name), name) is (filed if given is None else given)


def test_a_value_goes_before_the_file(told: Callable[..., Told]) -> None:
    filed = '[output]\nquality = "best"\n[run]\nthreads = 4\n[picture]\nbackground = "blur"\n'
    assert told(filed=filed).settings.output.quality == "best"
    settings = told("--quality", "balanced", "--threads", "0", "-b", "", filed=filed).settings
    assert settings == Settings()


def test_a_mask_asked_for_undoes_the_file_s_background(told: Callable[..., Told]) -> None:
    picture = told("-om", filed='[picture]\nbackground = "blur"\n').settings.picture
    assert (picture.only_mask, picture.background) == (True, "")


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_CONFIG_HOME is Linux's")
def test_the_user_s_file_is_used_and_help_names_it(
    tmp_path: Path, program: Callable[..., Ran], short_clip: Path
) -> None:
    home = {"XDG_CONFIG_HOME": str(tmp_path / "settings")}
    path = tmp_path / "settings" / "streamcut" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[output]\nquality = "fats"\n')
    ran = program("video", short_clip, tmp_path / "out.webm", env=home)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"streamcut: error: {path}: [output] quality is one of fast, balanced, best, not 'fats'\n"
    )
    help_text = program("video", "--help", env=home).out
    assert "".join(str(path).split()) in "".join(help_text.split())


@pytest.mark.skipif(os.name == "nt", reason="a POSIX environment")
def test_no_home_is_no_fault(tmp_path: Path, program: Callable[..., Ran]) -> None:
    ran = program("video", "none.mp4", "out.webm", cwd=tmp_path, env={"HOME": "/nonexistent"})
    assert ran.err == "streamcut: error: no such file: none.mp4\n"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("12.5", Fraction(25, 2)),
        ("1:30", 90),
        ("1:00:00.001", 3600 + Fraction(1, 1000)),
        ("0", 0),
    ],
)
def test_times_are_exact(text: str, seconds: Fraction) -> None:
    assert TimeParam().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "1:", ":5", "1:2:3:4", "1e3", "5s", "nan"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time"):
        TimeParam().convert(text, None, None)
