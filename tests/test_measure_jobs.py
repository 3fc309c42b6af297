"""docs/measure_jobs.py: what it measures is what it writes, between its markers."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from helpers.media import pictures, write
from helpers.reports import BENCH

from streamcut.core.config import Settings
from streamcut.diagnostics.bench import parts
from streamcut.diagnostics.bench.parts import BenchReport

DOCS = Path(__file__).parents[1] / "docs"
SCRIPT: dict[str, Any] = runpy.run_path(str(DOCS / "measure_jobs.py"))
REPORT = replace(BENCH, bound=83.25, size_bytes=123_400)


def test_a_row_is_a_report() -> None:
    table = SCRIPT["table"]([REPORT]).splitlines()
    assert len({line.count("|") for line in table}) == 1
    assert table[-1] == (
        "| `talk` | 1280x720 | `balanced` | `portrait-hd` | 2.0 | 4.0 | 18.0 | 36.0 | 1.50 "
        "| 50.0 | 83.2 | 0.60 | 1.2 |"
    )


@pytest.mark.parametrize(("others", "told"), [(None, False), (0.1, False), (1.4, True)])
def test_a_disturbed_measurement_is_said_to_be_one(others: float | None, told: bool) -> None:
    text = SCRIPT["caption"]([REPORT, replace(REPORT, others=others), REPORT], 3)
    assert ("kept up to 1.4 cores busy" in text) == told
    assert "100 frames, medians of 3" in text


def test_the_page_has_room_for_the_table_and_keeps_the_rest() -> None:
    page = (DOCS / "measurements.md").read_text()
    once = SCRIPT["filled"](page, r"| \1 |")
    assert "<!-- measured: jobs -->\n\n| \\1 |\n\n<!-- end -->" in once
    assert SCRIPT["filled"](once, "x") == SCRIPT["filled"](page, "x") != page
    begin, end = page.index("<!-- measured: jobs"), page.index("<!-- end -->")
    assert once.startswith(page[:begin])
    assert once.endswith(page[end:])


def test_every_size_and_quality_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each on a clip of that size, under the name of the one that was given."""
    asked: list[tuple[str, str]] = []

    def run(clip: str, settings: Settings, **_: Any) -> BenchReport:
        asked.append((Path(clip).name, settings.output.quality))
        return REPORT

    monkeypatch.setitem(SCRIPT["measured"].__globals__, "run", run)
    monkeypatch.setitem(SCRIPT["measured"].__globals__, "scaled", lambda *_: None)
    ran = CliRunner().invoke(SCRIPT["main"], ["--print", "talk.mov"], catch_exceptions=False)
    assert asked == 3 * [("talk.mp4", quality) for quality in ("fast", "balanced", "best")]
    assert ran.stdout.count("| `talk` |") == 9


def test_it_measures(tmp_path: Path) -> None:
    assert SCRIPT["measured"].__globals__["run"] is parts.run
    source = write(tmp_path / "in.mkv", pictures(3, 96, 64))
    [report] = SCRIPT["measured"](str(source), 128, ["fast"], 2, 1)
    assert (report.clip, report.size, report.frames) == ("in.mp4", (192, 128), 2)
