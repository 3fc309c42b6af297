"""Virtual cameras as readers see them, in a guest that has V4L2 nodes of its own."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from helpers.guest import in_guest

pytestmark = pytest.mark.real

SEEN = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What :mod:`guest_camera` found there; the guest boots once for all tests."""
    pytest.importorskip("pyvirtualcam", reason="pyvirtualcam is not installed")
    folder = tmp_path_factory.mktemp("guest")
    ran = in_guest(folder, "$PYTHON tests/real/guest_camera.py > /out/log 2>&1")
    log = (folder / "log").read_text() if (folder / "log").exists() else ran.out
    lines = [line for line in log.splitlines() if line.startswith("FOUND ")]
    assert lines, log
    return json.loads(lines[0].removeprefix("FOUND "))


@pytest.mark.parametrize("device", ["/dev/video0", "/dev/video1"])
def test_readers_see_the_colours_that_were_shown(found: Any, device: str) -> None:
    seen = np.array(found[device]["seen"])
    assert np.abs(seen[:, :3] - SEEN).max() <= 2
    assert (seen[:, 3:] == (320, 240)).all()


@pytest.mark.parametrize("device", ["/dev/video0", "/dev/video1"])
def test_it_is_watched_while_somebody_reads(found: Any, device: str) -> None:
    assert found[device]["watched"] == [False, True, False]


def test_what_fails_says_what_to_type(found: Any) -> None:
    assert found["no such"].startswith("there is no /dev/video77: sudo modprobe v4l2loopback ")
    assert found["a real camera"].startswith("/dev/video8 takes no images: it is a real camera")
    assert found["busy"].startswith("/dev/video1 is used by another program: close it")


def test_the_first_that_takes_pictures_is_taken_where_none_is_named(found: Any) -> None:
    assert found["the first"] == "/dev/video0"
