"""The documents: links lead somewhere, what is shown exists. What is generated: cli/test_help."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import streamcut

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
GENERATE: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "generate.py"))
COMMANDS: dict[str, click.Command] = GENERATE["commands"]()


def test_every_command_has_its_section() -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    for name in COMMANDS:
        assert re.search(rf"^##+ `streamcut {name}`$", text, re.M), name


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text()):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def lines_of_code(path: Path) -> Iterator[str]:
    """Yield what is shown as code: blocks and what stands between backticks."""
    text = path.read_text()
    yield from re.findall(r"^    (.+)$", text, re.M)
    for block in re.findall(r"```(?:sh|bash)\n(.*?)```", text, re.S):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_commands_that_are_shown_have_their_options(path: Path) -> None:
    for line in lines_of_code(path):
        for shown in re.findall(r"(?:^|&& |\| )streamcut ([a-z].*?)(?: \||$)", line):
            words = shlex.split(shown, comments=True)
            name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
            name = {"i": "image", "p": "folder"}.get(name, name)
            if "." in name or "/" in name:  # An input without a command.
                name = "image" if name.endswith((".jpg", ".png")) else "video"
            assert name in COMMANDS, line
            known = {s for p in COMMANDS[name].params for s in [*p.opts, *p.secondary_opts]}
            asked = {word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)}
            assert asked <= known | {"--help"}, line


def test_the_library_page_names_everything_public() -> None:
    text = (ROOT / "docs" / "library.md").read_text()
    missing = [name for name in streamcut.__all__ if not re.search(rf"\b{name}\b", text)]
    assert not missing, f"docs/library.md does not name {missing}"


def test_the_readme_is_one_page_and_holds_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) < 150
    blocks = re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S)
    assert [len(block.splitlines()) for block in blocks] == [1, 1]
    for name in ("cli", "live", "models", "hardware", "library", "architecture"):
        assert f"(docs/{name}.md)" in text
