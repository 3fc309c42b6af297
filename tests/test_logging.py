"""What a library user sees in the log: what was opened, loaded and written, and where."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from streamcut import remove_video


def test_a_job_logs_what_it_uses(
    clip: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "streamcut"):
        remove_video(clip(count=2), tmp_path / "out.mkv")
    told = [
        record.getMessage() for record in caplog.records if record.name.startswith("streamcut.")
    ]
    for words in (
        "in.mkv: 96x64 yuv420p",
        "loaded portrait.onnx on CPU",
        "out.mkv: ffv1 in ",
    ):
        assert any(words in line for line in told), (words, told)


def test_the_library_installs_no_handlers() -> None:
    assert not logging.getLogger("streamcut").handlers
