"""The settings of what runs until it is stopped: live jobs and the server.

:mod:`streamcut.core.config` says how to add one.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamcut.core.setting import declare as _setting


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How live frames come and go (streamcut webcam)."""

    camera: str = _setting(
        "",
        "Where frames come from: a camera's index, name or path (streamcut devices lists "
        "them), screen, browser (the camera of whoever opens the page that is shown), an address "
        "(rtsp, http, udp ...), or a file, played in real time. "
        "Empty means the first camera.",
        "Input",
        metavar="WHAT",
        fixed=True,
    )
    to: str = _setting(
        "camera",
        "Where they go: camera (a virtual camera), obs, web (a page, web:PORT), an address, a "
        "file, or - for standard output.",
        "Output",
        metavar="WHERE",
        fixed=True,
    )
    fps: int = _setting(
        30,
        "Frames per second at most, and what a camera is asked for. 0 takes what comes.",
        "Input",
        metavar="N",
        fixed=True,
    )
    flip: bool = _setting(
        False,
        "Mirror the picture: swap left and right. Video calls mirror your own view of yourself "
        "anyway.",
        "Picture",
        short=("--mirror",),
        formerly="mirrored",
    )
    loop: bool = _setting(False, "Start a file again at its end.", "Input", fixed=True)
    obs_websocket: str = _setting(
        "localhost:4455",
        "Where OBS's websocket server listens, to set it up: HOST:PORT.",
        "Output",
        metavar="HOST:PORT",
        fixed=True,
    )
    always: bool = _setting(False, "Keep working while nobody watches the output.", "Output")
    unchanged: int = _setting(
        40,
        "Keep the last matte while the frame differs from the one it was made for by no more than "
        "noise: while the PSNR of its most changed part is at least this, in dB. 0 never keeps it.",
        "Matte",
        metavar="DB",
    )


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What the server allows (streamcut serve)."""

    host: str = _setting(
        "127.0.0.1",
        "Address to listen on. Anything but this machine's own needs a token, which is made up "
        "and shown if none is given.",
        "Server",
        metavar="ADDRESS",
        fixed=True,
    )
    port: int = _setting(
        7000,
        "Port to listen on; 0 takes a free one.",
        "Server",
        high=65535,
        metavar="N",
        fixed=True,
    )
    token: str = _setting(
        "",
        "What clients must send, as X-Api-Key or as Authorization: Bearer.",
        "Server",
        metavar="TEXT",
        fixed=True,
    )
    allow_origin: str = _setting(
        "",
        "A web site whose pages may call the server too (https://example.org); * allows all.",
        "Server",
        metavar="ORIGIN",
        fixed=True,
    )
    browser: bool = _setting(
        True, "Open the page in the browser when the server is ready.", "Server", fixed=True
    )
    data: str = _setting(
        "",
        "Folder of uploads and results. Empty means the user's data directory.",
        "Server",
        metavar="FOLDER",
        fixed=True,
    )
    addresses: bool = _setting(
        True, "Fetch images and videos from public http addresses.", "Server", fixed=True
    )
    upload_limit: int = _setting(
        2000,
        "The largest upload.",
        "Limits",
        low=1,
        unit="megabytes",
        metavar="MB",
        fixed=True,
    )
    image_limit: int = _setting(
        50,
        "The largest image, and the largest frame of a video.",
        "Limits",
        low=1,
        high=1000,
        unit="megapixels",
        metavar="MP",
        fixed=True,
    )
    duration_limit: int = _setting(
        3600,
        "The longest video.",
        "Limits",
        low=1,
        unit="seconds",
        metavar="S",
        fixed=True,
    )
    disk_limit: int = _setting(
        20,
        "What all uploads and results may take together.",
        "Limits",
        low=1,
        unit="gigabytes",
        metavar="GB",
        fixed=True,
    )
    workers: int = _setting(
        1, "Videos worked on at a time.", "Limits", low=1, high=64, metavar="N", fixed=True
    )
    queue: int = _setting(
        20,
        "Videos that may wait; further ones are told to come back later.",
        "Limits",
        low=1,
        metavar="N",
        fixed=True,
    )
    keep_hours: int = _setting(
        24,
        "How long uploads and results are kept.",
        "Limits",
        low=1,
        unit="hours",
        metavar="H",
        fixed=True,
    )
