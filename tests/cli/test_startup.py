"""What is loaded until the first frame is there: imports are counted, no time is taken."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

NEEDED = {"PIL", "av", "click", "cv2", "numpy", "onnxruntime", "platformdirs"}
"""Packages without which there is no frame, or no command."""

SLOW = {"asyncio", "email", "http", "importlib.metadata", "multiprocessing", "ssl", "unittest"}
"""Parts of the standard library that take time to load, and that no frame needs."""

WATCH = """
import json, sys
from streamcut.core.pipeline import Pipeline

spawn = Pipeline.spawn

def watched(self, name, items, **options):
    def looked():
        for index, item in enumerate(items):
            if name == {stage!r} and not index:
                print(json.dumps(sorted(sys.modules)), file=sys.stderr)
            yield item
    return spawn(self, name, looked(), **options)

Pipeline.spawn = watched
from streamcut.cli import run
sys.exit(run({arguments!r}))
"""


def loaded(program: str) -> set[str]:
    """The modules that a program has loaded when it prints them on standard error."""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    [modules] = [line for line in ran.stderr.splitlines() if line.startswith("[")]
    return set(json.loads(modules))


@cache
def bare() -> frozenset[str]:
    """What the interpreter itself loads here."""
    told = "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    return frozenset(loaded(f"import json, sys; {told}"))


def packages(modules: set[str]) -> set[str]:
    """The packages that are neither ours nor the standard library's."""
    names = {name.partition(".")[0] for name in modules - bare()}
    made_up = {"streamcut", "cython_runtime"}  # What Cython compiled makes the latter.
    return {name for name in names - sys.stdlib_module_names - made_up if name[0] != "_"}


def first_frame(stage: str, *arguments: str) -> set[str]:
    """What is loaded when a stage has its first frame."""
    return loaded(WATCH.format(stage=stage, arguments=list(arguments)))


def test_the_library_loads_nothing_until_it_is_used() -> None:
    told = "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    modules = loaded(f"import json, sys, streamcut; {told}")
    assert packages(modules) == set()
    assert {name for name in modules if name.startswith("streamcut")} == {
        "streamcut",
        "streamcut.core",
        "streamcut.core.errors",
    }


@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_a_video_s_first_frame_needs_no_more_than_it_must(
    clip: Callable[..., Path], tmp_path: Path, quiet: list[str]
) -> None:
    modules = first_frame("decode", "video", str(clip()), str(tmp_path / "out.webm"), *quiet)
    assert packages(modules) == NEEDED
    assert not SLOW & modules
    assert not {name for name in modules if name.startswith("streamcut.jobs.live")}


def test_a_live_job_s_first_frame_needs_no_more_than_it_must(
    clip: Callable[..., Path], tmp_path: Path
) -> None:
    live = ["webcam", "--camera", str(clip()), "--to", str(tmp_path / "out.mkv"), "-b", "blur"]
    modules = first_frame("sink", *live, "-q")
    assert packages(modules) == NEEDED
    assert not SLOW & modules
