"""Imports point one way: errors and frames at the bottom, the command at the top."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

PACKAGE = Path(__file__).parents[1] / "streamcut"

LAYERS = [
    {"core"},
    {"media"},
    {"imaging"},
    {"sources", "sinks", "sessions"},
    {"matting"},
    {"compositing"},
    {"cutout", "jobs"},
    {"diagnostics", "server"},
    {"cli", "training"},
]
"""A package may import those of the layers below its own, and none beside it."""

STANDARD_ONLY = {"core.pipeline", "core.interrupts", "core.errors"}


def part(name: str) -> str:
    """The part of the package that a module's full name belongs to."""
    return name.split(".")[1] if "." in name else "__init__"


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield the full names of what a module imports, wherever in it, but for types alone."""
    tree = ast.parse(path.read_text())
    for_types = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and node not in for_types:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node not in for_types:
            assert not node.level, f"{path.name}: imports within the package are written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(name: str) -> int:
    return next(level for level, names in enumerate(LAYERS) if name in names)


def own_part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_part_has_its_layer() -> None:
    found = {own_part(path) for path in modules()} - {"__init__", "__main__"}
    assert found == set.union(*LAYERS)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = own_part(path)
    if own in ("__init__", "__main__"):
        return
    for name in imported(path):
        if not name.startswith("streamcut."):
            continue
        other = part(name)
        if other != own:
            assert layer(other) < layer(own), f"{own} imports {name}"


def test_the_package_itself_imports_its_errors_and_nothing_else() -> None:
    names = [name for name in imported(PACKAGE / "__init__.py") if name.startswith("streamcut")]
    assert all(name.startswith("streamcut.core.errors.") for name in names)


@pytest.mark.parametrize("name", sorted(STANDARD_ONLY))
def test_what_needs_nothing_installed(name: str) -> None:
    tops = {found.split(".")[0] for found in imported(PACKAGE / f"{name.replace('.', '/')}.py")}
    assert tops <= sys.stdlib_module_names | {"streamcut"}


def test_threads_are_made_in_one_place() -> None:
    makers = [
        path.name
        for path in modules()
        if own_part(path) != "training"  # Its helpers learn, they carry no frames.
        and any(
            word in path.read_text() for word in ("threading.Thread(", "ThreadPool", "Process(")
        )
    ]
    assert makers == ["pipeline.py"]


def test_nothing_but_what_talks_to_a_terminal_prints() -> None:
    for path in modules():
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
        ]
        assert not calls or own_part(path) in ("cli", "diagnostics", "training"), (
            f"{path.name} prints"
        )


def test_the_library_names_settings_and_leaves_options_to_the_command() -> None:
    """Messages outside the command hold no option but in a whole command line to run."""
    others = re.compile(r"(streamcut|pip|sudo|ffmpeg|in a container|pass|query-gpu|format=)")
    for path in modules():
        if own_part(path) in ("cli", "training") or path.parent.name == "core":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                shows = re.search(r"(?<![\w-])--[a-z]", node.value)
                assert not shows or others.search(node.value), f"{path.name}: {node.value}"


PUBLIC = ["streamcut", "streamcut.cutout", "streamcut.sessions", "streamcut.sources"]
PUBLIC += ["streamcut.sinks", "streamcut.core.errors"]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_modules_say_what_is_public(name: str) -> None:
    module = importlib.import_module(name)
    offered = set(module.__all__)
    assert len(offered) == len(module.__all__)
    assert all(hasattr(module, each) for each in offered)
    own = {
        each
        for each, thing in vars(module).items()
        if not each.startswith("_")
        and getattr(thing, "__module__", "") == name
        and not isinstance(thing, TypeVar)
    }
    assert own <= offered, f"public, or with an underscore before them: {own - offered}"


def test_no_two_classes_share_a_name() -> None:
    """Nor does one with an underscore: what a reader searches for is found once."""
    homes: dict[str, set[Path]] = {}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name.lstrip("_"), set()).add(path.relative_to(PACKAGE))
    shared = {name: sorted(map(str, paths)) for name, paths in homes.items() if len(paths) > 1}
    assert not shared


def test_no_frame_is_kept_alive_by_its_side_data() -> None:
    """PyAV's ``frame.side_data`` makes a cycle; :mod:`streamcut.media.side_data` does not."""
    users = [path.name for path in modules() if re.search(r"\bside_data\b(?!_)", code_of(path))]
    assert users == []


def code_of(path: Path) -> str:
    """Return the attributes that a module's code looks up."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return " ".join(node.attr for node in nodes if isinstance(node, ast.Attribute))
