"""Addresses have to answer in time."""

from __future__ import annotations

import pytest

from streamcut.network import timeout_for


@pytest.mark.parametrize(
    ("url", "limited"),
    [("rtsp://camera/1", True), ("https://a.b/c.mp4", True), ("a.mp4", False), ("/b/%04d.png", 0)],
)
def test_timeouts(url: str, limited: bool) -> None:
    assert (timeout_for(url) is not None) == limited
