"""Addresses have to answer in time, and keep their secrets."""

from __future__ import annotations

import pytest

from streamcut.media.urls import public, timeout_for


@pytest.mark.parametrize(
    ("url", "limited"),
    [("rtsp://camera/1", True), ("https://a.b/c.mp4", True), ("a.mp4", False), ("/b/%04d.png", 0)],
)
def test_timeouts(url: str, limited: bool) -> None:
    assert (timeout_for(url) is not None) == limited


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://me:secret@camera/1", "rtsp://me:***@camera/1"),
        ("http://me:s@c/r:et@camera:80/1", "http://me:***@camera:80/1"),
        ("rtsp://me:1234@camera/1", "rtsp://me:***@camera/1"),
        ("http://camera:8080/a@b", "http://camera:8080/a@b"),
        ("http://camera/v.cgi?user=me&pwd=secret&n=1", "http://camera/v.cgi?user=me&pwd=***&n=1"),
        ("rtmp://a.example/live2/abcd-1234", "rtmp://a.example/live2/***"),
        ("rtmps://a.example:443/app/x/abcd?b=c", "rtmps://a.example:443/app/***"),
        ("srt://host:9?passphrase=secret&latency=1", "srt://host:9?passphrase=***&latency=1"),
        ("udp://239.0.0.1:5000?pkt_size=1316", "udp://239.0.0.1:5000?pkt_size=1316"),
        ("C:\\clips\\me:secret@home.mp4", "C:\\clips\\me:secret@home.mp4"),
    ],
)
def test_what_is_shown_of_an_address(address: str, shown: str) -> None:
    assert public(address) == shown
