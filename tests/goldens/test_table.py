"""Formats x depths x looks: what an editor reads of each file stands in a table.

The table holds what every version of FFmpeg and ONNX Runtime gives alike: codecs, pixel formats,
times, tags. ``UPDATE_GOLDENS=1 pytest -n 0 tests/goldens`` writes it anew; read what changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from goldens import cases, make, reading

TABLE = Path(__file__).with_name("table.json")
KEPT = {
    *("code", "codec", "pixel_format", "size", "time_base", "rate", "aspect", "turned"),
    *("colour", "colour of the container", "times", "streams", "sound0/codec", "sound1/codec"),
    *("durations", "loop", "names", "000001.png/format"),
}
SHOWN = [("cutout", "8"), ("cutout", "10"), ("mask", "10"), ("colour", "10")]


@pytest.fixture(scope="module")
def _workplace() -> Iterator[None]:
    environment = dict(os.environ)
    with make.workplace():
        yield
    os.environ.clear()
    os.environ.update(environment)


def kept(found: dict[str, Any]) -> dict[str, Any]:
    """Return what is the same with every version of the packages."""
    return {key: found[key] for key in found if key in KEPT}


def rows(form: str) -> dict[str, Any]:
    """Do the jobs of one format."""
    codec = [*cases.MODEL, *cases.FORMATS[form]]
    return {
        f"{look} {depth}": kept(
            make.file_job(cases.DEPTHS[depth], form, [*codec, *cases.LOOKS[look]])
        )
        for look, depth in SHOWN
    }


def write(table: dict[str, Any]) -> None:
    """Write the table with a line for each file, so that a difference shows what changed."""
    forms = [
        f"{json.dumps(form)}: {{\n"
        + ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in shown.items())
        + "\n}"
        for form, shown in table.items()
    ]
    TABLE.write_text("{\n" + ",\n".join(forms) + "\n}\n")


@pytest.mark.usefixtures("_workplace")
@pytest.mark.parametrize("form", cases.FORMATS)
def test_a_format_holds_what_the_table_says(form: str) -> None:
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    found = rows(form)
    if "UPDATE_GOLDENS" in os.environ:
        write(table | {form: found})
        return
    assert found == table[form]


@pytest.mark.usefixtures("_workplace")
@pytest.mark.parametrize("depth", cases.DEPTHS)
def test_lossless_keeps_decoded_colour_and_coded_sound(depth: str) -> None:
    """Hashes of whole numbers that nothing has computed with: the same on every machine."""
    clip = cases.DEPTHS[depth]
    given = reading.file(Path(clip))
    options = [*cases.MODEL, *cases.LOOKS["as decoded"]]
    found = make.file_job(clip, "lossless.mkv", options)
    assert found["planes"][:3] == given["planes"]
    kept_as_they_are = ["times", "chapters", "colour", "sound0/packets", "sound1/packets"]
    assert [found[key] for key in kept_as_they_are] == [given[key] for key in kept_as_they_are]
