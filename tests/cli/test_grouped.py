"""Settings and arguments of errors, spelt as options; options below headings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.jobs import Ran

from streamcut.cli import video
from streamcut.cli.grouped import grouped, message_of, spelt
from streamcut.core.errors import Named, SourceError


@pytest.mark.parametrize(
    ("named", "flag"),
    [
        (Named("smooth"), "--smooth"),
        (Named("codec", "prores"), "--codec prores"),
        (Named("audio", False), "--no-audio"),
        (Named("only_mask"), "--only-mask"),
        (Named("start"), "--start"),
        (Named("overwrite", True), "-y"),
        (Named("flip"), "--flip"),
        (Named("flip", False), "--no-flip"),
        (Named("no_such_thing"), "no_such_thing"),
    ],
)
def test_a_setting_or_an_argument_is_spelt_as_an_option(named: Named, flag: str) -> None:
    assert spelt(named, video.command.params) == flag


def test_a_command_s_own_spelling_goes_before_the_setting_s() -> None:
    error = SourceError("give ", Named("camera", "FILE"), " or ", Named("smooth"))
    assert str(error) == "give camera=FILE or smooth"
    assert message_of(error) == "give --camera FILE or --smooth"


def test_options_without_a_heading_come_last() -> None:
    headings = [heading for heading, _ in grouped(video.command.params)]
    assert headings[0] == "Input"
    assert headings[-1] == "Options"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--smooth 2", "--smooth is 0 to 1, not 2"),
        ("--start -0", "'-0' is not a time"),
        ("-om --stacked", "--only-mask and --stacked cannot be used together"),
        ("-m modnet --screen red", "--screen is for --model chroma, not for modnet"),
        ("--start 99", "ends before --start"),
    ],
)
def test_errors_of_the_library_name_options(
    command: Callable[..., Ran],
    clip: Callable[..., Path],
    tmp_path: Path,
    arguments: str,
    words: str,
) -> None:
    ran = command("video", clip(count=1), tmp_path / "out.mkv", *arguments.split())
    assert ran.code in (1, 2)
    assert words in ran.err


def test_a_setting_of_a_file_is_named_as_the_file_has_it(
    command: Callable[..., Ran], tmp_path: Path
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[matte]\nsmooth = 2\n")
    ran = command("video", "in.mp4", "out.webm", "--config", path)
    assert ran.err == f"streamcut: error: {path}: [matte] smooth is 0 to 1, not 2\n"
