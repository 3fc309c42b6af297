"""What the package asks for is what it is tested with."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]


def test_pyav_is_bounded_above_by_what_is_tested() -> None:
    """PyAV changes its interface with major versions: raise the bound with the version here."""
    [bounds] = [each for each in PROJECT["dependencies"] if re.match(r"av\b", each)]
    parts = re.fullmatch(r"av>=(\d+),<(\d+)", bounds)
    assert parts is not None
    newest = int(parts[2]) - 1
    assert int(parts[1]) <= newest
    assert metadata.version("av").startswith(f"{newest}."), f"nothing here tests PyAV {newest}"
