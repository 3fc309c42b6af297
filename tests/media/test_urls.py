"""Addresses have to answer in time, and keep their secrets."""

from __future__ import annotations

import pytest

from streamcut.media.urls import public, redacted, timeout_for


@pytest.mark.parametrize(
    ("url", "limited"),
    [("rtsp://camera/1", True), ("https://a.b/c.mp4", True), ("a.mp4", False), ("/b/%04d.png", 0)],
)
def test_timeouts(url: str, limited: bool) -> None:
    assert (timeout_for(url) is not None) == limited


SHOWN = {
    "rtsp://me:secret@camera/1": "rtsp://***@camera/1",
    "http://me:s@c/r:et@camera:80/1": "http://***@camera:80/1",
    "rtsp://me:1234@camera/1": "rtsp://***@camera/1",
    "http://hunter2@camera/": "http://***@camera/",
    "http://hun/ter2@camera/": "http://***@camera/",
    "http://hun?ter2#@[::1]:80/a": "http://***@[::1]:80/a",
    "http://camera:8080/a@b": "http://camera:8080/***",
    "http://camera/v.cgi?user=me&pwd=secret&n=1": "http://camera/v.cgi?***",
    "http://camera/v.cgi?user=me@home": "http://camera/v.cgi?***",
    "http://camera?token=hunter2": "http://camera?***",
    "http://camera/#token=hunter2": "http://camera/***",
    "http://camera/live/hunter2/x#y": "http://camera/live/***",
    "http://camera/live;jwt=hunter2/x": "http://camera/***",
    "http://camera/eyJhbGciOiJIUzI1NiJ9.e30.x/live": "http://camera/***",
    "rtsp://127.0.0.1:9/user=admin_password=hunter2_channel=1": "rtsp://127.0.0.1:9/***",
    "http://camera/h264Preview_01_main": "http://camera/h264Preview_01_main",
    "rtmp://a.example/live2/abcd-1234": "rtmp://a.example/live2/***",
    "rtmps://a.example:443/app/x/abcd?b=c": "rtmps://a.example:443/app/***",
    "rtmp://a.example/app playpath=x token=hunter2": "rtmp://a.example/***",
    "srt://host:9?passphrase=secret&latency=1": "srt://host:9?***",
    "udp://239.0.0.1:5000?pkt_size=1316": "udp://239.0.0.1:5000?***",
    "udp://239.0.0.1:5000": "udp://239.0.0.1:5000",
    "async:http://me:hunter2@camera/1": "async:http://***@camera/1",
    "C:\\clips\\me:secret@home.mp4": "C:\\clips\\me:secret@home.mp4",
    "/clips/100% (1)?.mp4": "/clips/100% (1)?.mp4",
    "file:///clips/a?b.mp4": "file:///clips/a?b.mp4",
}
"""What is shown of an address: scheme, host, the first part of the path."""


@pytest.mark.parametrize("address", SHOWN)
def test_what_is_shown_of_an_address(address: str) -> None:
    assert public(address) == SHOWN[address]
    assert public(SHOWN[address]) == SHOWN[address]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://a:b@c.d/e?f=g#h (no)", "at http://***@c.d/e?*** (no)"),
        ("[Errno 5] 'rtsp://a:b@c/d': gone", "[Errno 5] 'rtsp://***@c/d': gone"),
        ("see https://a.b/c/d/e.html", "see https://a.b/c/d/e.html"),
        ("http://c/user=a_password=b is gone", "http://c/*** is gone"),
        ("no address", "no address"),
    ],
)
def test_what_others_say_is_shown_without_secrets(text: str, shown: str) -> None:
    assert redacted(text) == shown
