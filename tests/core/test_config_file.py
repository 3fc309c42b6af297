"""The configuration file: what it may say, what it may not, and the example of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from streamcut.core import config_file
from streamcut.core.config import Settings
from streamcut.core.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "config.toml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def error_of(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        config_file.load(written(tmp_path, text))
    message = str(raised.value)
    assert "\n" not in message
    assert "settings.toml" in message
    return message


def test_the_example_is_made_from_the_settings() -> None:
    assert EXAMPLE.read_text() == config_file.example(), "run: python docs/generate.py"


def test_the_example_sets_every_default_and_nothing_else() -> None:
    table = tomllib.loads(EXAMPLE.read_text())
    assert config_file.load(EXAMPLE) == Settings()
    assert list(table) == [section.name for section in fields(Settings)]
    for name, values in table.items():
        assert list(values) == [entry.name for entry in fields(getattr(Settings(), name))]


def test_the_example_explains_every_setting() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if "=" in line and not line.startswith("#"):
            assert lines[number - 1].startswith("# "), f"nothing explains {line}"
    assert max(len(line) for line in lines) <= 100


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    settings = config_file.load(written(tmp_path, '[output]\nquality = "fast"\naudio = false\n'))
    assert (settings.output.quality, settings.output.audio) == ("fast", False)
    assert settings == Settings().with_options({"quality": "fast", "audio": False})


def test_options_override_a_file_also_back_to_the_default(tmp_path: Path) -> None:
    settings = config_file.load(written(tmp_path, '[output]\nquality = "fast"\naudio = false\n'))
    settings = settings.with_options({"quality": "balanced", "audio": True})
    assert settings == Settings()


def test_an_option_for_what_is_shown_undoes_the_file_s(tmp_path: Path) -> None:
    filed = config_file.load(written(tmp_path, '[picture]\nbackground = "blur"\n'))
    assert filed.with_options({"only_mask": True}).picture.background == ""
    assert filed.with_options({"quality": "best"}).picture.background == "blur"
    both = Settings().with_options({"only_mask": True, "stacked": True})
    assert both.picture.only_mask
    assert both.picture.stacked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[matte]\nmodle = "x"', ["[matte]", "'modle'", "nearest is 'model'"]),
        ("[output]\naudoi = true", ["[output]", "'audoi'", "nearest is 'audio'"]),
        ('[matte]\nquality = "fast"', ["[matte]", "'quality'", "'quality' in [output]"]),
        ('quality = "fast"', ["'quality'", "in [output]", "no key stands outside a section"]),
        ('[outptu]\nquality = "fast"', ["[outptu]", "nearest is [output]"]),
        ("output = 3", ["output is a section", "[output]"]),
        ("[output]\naudio = 1", ["[output] audio", "true or false", "not 1"]),
        ('[output]\naudio = "yes"', ["[output] audio", "true or false", "'yes'"]),
        ("[run]\nthreads = true", ["[run] threads", "whole number", "True"]),
        ("[run]\nthreads = 1.5", ["[run] threads", "whole number", "1.5"]),
        ("[run]\nthreads = -1", ["[run] threads", "0 to 256"]),
        ("[matte]\nmodel = 5", ["[matte] model", "text in quotes", "5"]),
        ('[matte]\nsmooth = "much"', ["[matte] smooth", "a number", "'much'"]),
        ("[matte]\nsmooth = -0.1", ["[matte] smooth is 0 to 1, not -0.1"]),
        ("[matte]\nsmooth = 2", ["[matte] smooth is 0 to 1, not 2"]),
        ("[matte]\nsmooth = nan", ["[matte] smooth is 0 to 1, not nan"]),
        ("[matte]\nexpand = 1000", ["[matte] expand is 0 to 200 pixels, not 1000"]),
        ('[output]\nquality = "fats"', ["[output] quality", "fast, balanced, best", "'fats'"]),
        ('[picture]\ncutout = ["naive"]', ["[picture] cutout", "putalpha, naive"]),
        ("[output\n", ["not valid TOML", "line 1"]),
        ("[output]\naudio = \n", ["not valid TOML", "line 2"]),
    ],
)
def test_a_fault_in_a_file_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    message = error_of(tmp_path, text)
    for word in words:
        assert word in message


def test_a_file_that_is_no_text_or_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(b"\xff\xfe\x00")
    for unreadable in (path, tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            config_file.load(unreadable)


def test_a_named_file_must_exist_and_the_usual_one_need_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"no such configuration file: .*none\.toml"):
        config_file.load(tmp_path / "none.toml")
    monkeypatch.setattr(config_file, "user_file", lambda: tmp_path / "none.toml")
    assert config_file.load() == Settings()


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_CONFIG_HOME is Linux's")
def test_the_user_s_file_is_found_and_a_named_one_takes_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "streamcut"
    folder.mkdir()
    (folder / "config.toml").write_text('[output]\nquality = "best"\n')
    other = written(tmp_path, "[run]\nthreads = 3\n")
    program = (
        "from pathlib import Path; from streamcut.core import config_file; a = config_file.load(); "
        f"b = config_file.load(Path({str(other)!r})); "
        "print(a.output.quality, a.run.threads, b.output.quality, b.run.threads)"
    )
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["best", "0", "balanced", "3"]


def test_a_key_by_its_old_name_is_read_with_a_warning(tmp_path: Path) -> None:
    path = written(tmp_path, "[live]\nmirrored = true\n")
    with pytest.warns(FutureWarning, match=r"\[live\] mirrored is now called flip$"):
        assert config_file.load(path) == Settings().with_options({"flip": True})
    assert "[matte]" in error_of(tmp_path, "[matte]\nmirrored = true\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[run]\nthreads = 999999999999999999999", "[run] threads is 0 to 256"),
        (f"[run]\nthreads = 0x{'f' * 9000}", "[run] threads is 0 to 256"),
        (f"[run]\nthreads = {'9' * 5000}", "is not valid TOML"),
        (f"[matte]\nsmooth = 1{'0' * 400}", "[matte] smooth is 0 to 1"),
        ("[matte]\nsmooth = inf", "[matte] smooth is 0 to 1"),
        ("[matte]\nsmooth = nan", "[matte] smooth is 0 to 1"),
        ("[run]\nthreads = [[1]]", "[run] threads is a whole number"),
        (f"[run]\ndevice = {['x' * 99] * 99}", "[run] device is a text"),
        (f"a = {'[' * 50_000}", "is nested too deeply"),
        (f"[{'x' * 5000}]", "unknown section"),
        (f"[run]\n{'x' * 5000} = 1", "unknown key"),
        (f"#{'x' * (1 << 20)}", "too long for a configuration file"),
    ],
)
def test_hostile_values_are_one_short_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        config_file.load(path)
    assert words in str(raised.value)
    assert len(str(raised.value)) < 600
    assert "\n" not in str(raised.value)
