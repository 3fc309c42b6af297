"""Settings: one row each, checked wherever a value comes from."""

from __future__ import annotations

from typing import Any

import pytest

from streamcut.core import config
from streamcut.core.config import MatteSettings, Settings
from streamcut.core.errors import ConfigError, Named
from streamcut.core.setting import GROUPS, Setting

ROWS = Settings.rows().values()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_whole(row: Setting) -> None:
    assert row.help.endswith(".")
    assert row.group in GROUPS
    row.check(row.default)
    assert config.setting(row.name) is row
    if row.needs is not None:
        needed = config.setting(row.needs.name)
        if row.needs.value is not None:
            needed.check(row.needs.value)


def test_no_two_settings_share_a_name_or_a_spelling() -> None:
    for names in (
        [row.name for row in ROWS] + [row.formerly for row in ROWS if row.formerly],
        [flag for row in ROWS for flag in (row.flag, *row.short) if row.section != "weights"],
    ):
        assert len(set(names)) == len(names)
    with pytest.raises(KeyError):
        config.setting("nonsense")


def test_one_choice_undoes_another() -> None:
    filed = Settings().with_options({"background": "blur"})
    assert filed.with_options({"only_mask": True}).picture.background == ""
    assert filed.with_options({"quality": "best"}).picture.background == "blur"
    both = Settings().with_options({"only_mask": True, "stacked": True})
    assert both.picture.only_mask
    assert both.picture.stacked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"qualty": "fast"}, "unknown setting 'qualty'; the nearest is 'quality'"),
        ({"quality": "x"}, "quality is one of fast, balanced, best, not 'x'"),
        ({"smooth": 1.5}, "smooth is 0 to 1, not 1.5"),
        ({"threshold": 2.0}, "threshold is 0 to 1, not 2"),
        ({"light_wrap": 1.01}, "light_wrap is 0 to 1, not 1.01"),
        ({"light_wrap": float("nan")}, "light_wrap is 0 to 1, not nan"),
        ({"min_area": 101.0}, "min_area is 0 to 100 percent, not 101"),
        ({"feather": 1000}, "feather is 0 to 200 pixels, not 1000"),
        ({"feather": 2.5}, "feather is a whole number, not 2.5"),
        ({"keyframe_interval": 0}, "keyframe_interval is 1 or more, not 0"),
        ({"alpha_matting_foreground_threshold": 256}, "alpha_.* is 0 to 255, not 256"),
        ({"alpha_matting_background_threshold": 300}, "alpha_.* is 0 to 255, not 300"),
        ({"alpha_matting_erode_size": 100_000}, "alpha_.* is 0 to 200 pixels, not 100000"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}$"):
        Settings().with_options(options)


def test_settings_made_by_hand_are_checked_as_well() -> None:
    Settings().check()
    with pytest.raises(ConfigError, match=r"^smooth is 0 to 1, not 3$"):
        Settings(matte=MatteSettings(smooth=3.0)).check()


def test_an_old_name_is_understood_with_a_warning() -> None:
    with pytest.warns(FutureWarning, match="mirrored is now called flip"):
        assert Settings().with_options({"mirrored": True}).live.flip


@pytest.mark.parametrize(
    ("options", "name", "missing"),
    [
        ({}, "keyframe_interval", Named("matting", "keyframes")),
        ({"matting": "every"}, "keyframe_interval", Named("matting", "keyframes")),
        ({"matting": "keyframes"}, "keyframe_interval", None),
        ({}, "alpha_matting_erode_size", Named("matting")),
        ({"matting": "every"}, "alpha_matting_erode_size", None),
        ({}, "light_wrap", Named("background")),
        ({"background": "red"}, "light_wrap", None),
        ({}, "smooth", None),
    ],
)
def test_a_setting_says_what_it_needs(
    options: dict[str, Any], name: str, missing: Named | None
) -> None:
    assert Settings().with_options(options).missing(name) == missing
