"""Which camera is meant, how it is asked, and what its pictures become."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.media import copied, picture, pictures, to_rgb, views, write

from streamcut.core.errors import SourceError
from streamcut.media.colour import Matrix
from streamcut.sources import Camera, Mode, Size, mirrored, open_live
from streamcut.sources.camera import choose, find
from streamcut.sources.crop_scale import Framing
from streamcut.sources.live import LiveSource, Pace
from streamcut.sources.playback import RealTime
from streamcut.sources.reconnect import Arriving, Captured, LiveInput, _owned


def mode(fourcc: str, size: tuple[int, int], rate: int | None) -> Mode:
    return Mode(fourcc, size, size, None if rate is None else Fraction(rate))


# What a common USB camera says: raw pictures are slow where they are large.
USB = [
    mode("YUYV", (640, 480), 30),
    mode("YUYV", (1280, 720), 10),
    mode("YUYV", (1920, 1080), 5),
    mode("MJPG", (640, 480), 30),
    mode("MJPG", (1280, 720), 60),
    mode("MJPG", (1920, 1080), 30),
    mode("S920", (1280, 720), 90),
]


# --- choosing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modes", "size", "fps", "wanted"),
    [
        (USB, None, 30, ("MJPG", (1280, 720))),
        (USB, "640x480", 30, ("YUYV", (640, 480))),
        (USB, "1280x720", 10, ("YUYV", (1280, 720))),
        (USB, "1080p", 30, ("MJPG", (1920, 1080))),
        (USB, "1280x", 60, ("MJPG", (1280, 720))),
        (USB, "800x600", 30, ("MJPG", (1280, 720))),
        # A size that was asked for comes before the rate, else the rate before the size.
        (USB[:3], "1280x720", 30, ("YUYV", (1280, 720))),
        (USB[:3], None, 30, ("YUYV", (640, 480))),
        # A camera that scales freely, and one that does not tell its rates.
        ([Mode("YU12", (2, 2), (4096, 4096), None)], "1000x500", 30, ("YU12", (1000, 500))),
        ([mode("NV12", (640, 480), None)], None, 60, ("NV12", (640, 480))),
    ],
)
def test_the_mode_that_reaches_size_and_rate_with_least_work(
    modes: list[Mode], size: str | None, fps: int, wanted: tuple[str, tuple[int, int]]
) -> None:
    chosen = choose(modes, Size.parse(size) if size else None, fps)
    assert chosen is not None
    assert (chosen[0].fourcc, chosen[1]) == wanted


def test_no_mode_is_chosen_among_formats_that_nobody_can_decode() -> None:
    assert choose([mode("S920", (640, 480), 30)], None, 30) is None


CAMERAS = [
    Camera(0, "Loop", "/dev/video0", virtual=True),
    Camera(1, "Off", "/dev/video1", virtual=True, readable=False),
    Camera(2, "Front Camera", "/dev/video2"),
    Camera(4, "Rear Camera", "/dev/video4"),
    Camera(6, "Rear Camera Depth", "/dev/video6"),
]


@pytest.mark.parametrize(
    ("what", "index"),
    [("", 2), ("4", 4), ("/dev/video2", 2), ("front camera", 2), ("Depth", 6), ("rear camera", 4)],
)
def test_what_a_camera_may_be_called(what: str, index: int) -> None:
    assert find(what, CAMERAS).index == index


@pytest.mark.parametrize(
    ("what", "present", "words"),
    [
        ("amer", CAMERAS, "may be Front Camera, Rear Camera, Rear Camera Depth"),
        ("Off", CAMERAS, "no camera or file is called 'Off'; streamcut devices lists"),
        ("Fron Cam", CAMERAS, "the nearest is 'Front Camera'"),
        ("", [], "there is no camera; a file works as well"),
    ],
)
def test_cameras_that_cannot_be_found(what: str, present: list[Camera], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        find(what, present)


# --- framing --------------------------------------------------------------------------------


def flat(pixel_format: str, code: tuple[int, ...], size: tuple[int, int] = (64, 48)) -> Any:
    made = av.VideoFrame(*size, pixel_format)
    for plane, value in zip(views(made), code, strict=True):
        plane[:] = value
    return made


def test_a_picture_that_fits_passes_untouched() -> None:
    shown = picture(0, 64, 48)
    assert Framing(64, 48, Matrix.BT601)(shown).source is shown


def test_full_range_and_another_matrix_are_converted() -> None:
    """JPEG's full range, as most cameras send it, to the limited range of video."""
    for matrix, name in ((Matrix.BT601, "601"), (Matrix.BT709, "709")):
        source = flat("yuvj420p", (120, 90, 190))
        source.colorspace = 5
        made = Framing(64, 48, matrix)(source).source
        want = to_rgb(copied(source), full=True)[24, 32]
        have = to_rgb(copied(made), matrix=name)[24, 32]
        assert np.abs(want - have).max() < 3
        assert (made.colorspace, made.color_range) == (matrix, 1)


def test_packed_pictures_become_planes() -> None:
    source = av.VideoFrame(64, 48, "yuyv422")
    source.planes[0].update(bytes([100, 90, 100, 190]) * (64 * 48 // 2))
    made = views(Framing(64, 48, Matrix.BT601)(source).source)
    assert [int(plane[20, 20]) for plane in made] == [100, 90, 190]


def test_another_aspect_keeps_the_middle() -> None:
    """A square in the middle of a wide picture is still square in the 4:3 output."""
    source = flat("yuv420p", (40, 128, 128), (320, 120))
    views(source)[0][30:90, 130:190] = 200
    made = views(Framing(80, 60, Matrix.BT601)(source).source)[0]
    bright = np.argwhere(made > 120)
    height, width = np.ptp(bright, axis=0) + 1
    assert (made.shape, abs(height - 30) <= 1, abs(width - 30) <= 1) == ((60, 80), True, True)
    assert np.abs(bright.mean(axis=0) - (29.5, 39.5)).max() <= 1


def test_mirrored_pictures_are_their_own_inverse() -> None:
    shown = picture(0, 64, 48)
    turned = mirrored(shown)
    assert all((a == b[:, ::-1]).all() for a, b in zip(views(shown), views(turned), strict=True))
    assert turned.pts == shown.pts


# --- pace and clock -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "fps", "kept"),
    [(60, 30, 30), (30, 30, 30), (50, 30, 30), (24, 30, 24), (120, 0, 120)],
)
def test_no_more_pictures_than_wanted_and_no_fewer(source: int, fps: int, kept: int) -> None:
    jitter = np.random.default_rng(0).uniform(-0.1, 0.1, 10 * source) / source
    times = 1000 + np.arange(10 * source) / source + jitter
    assert abs(sum(map(Pace(fps), times)) - 10 * kept) <= 2


class Given:
    """A feed of given pictures."""

    state = ""
    undecodable = 0
    rate: Fraction | None = Fraction(30)
    aspect = Fraction(1)

    def __init__(self, shown: list[Captured]) -> None:
        self._shown = shown

    def __iter__(self) -> Generator[Captured]:
        yield from self._shown

    def stop(self) -> None:
        pass


def test_another_resolution_is_brought_to_the_output_s() -> None:
    sizes = [(64, 48), (64, 48), (128, 96), (160, 90), (64, 48)]
    feed = Given([(i / 30, picture(i, *size)) for i, size in enumerate(sizes)])
    frames = list(LiveSource(feed))
    assert {(f.source.width, f.source.height, f.source.format.name) for f in frames} == {
        (64, 48, "yuv420p")
    }


def test_a_turned_telephone_is_shown_whole() -> None:
    """What changes its shape within a stream gets bars, which nobody sees; nothing is stretched."""
    wide = flat("yuv420p", (40, 128, 128), (160, 120))
    tall = flat("yuv420p", (40, 128, 128), (120, 160))
    for shot, x, y in ((wide, 60, 40), (tall, 40, 60)):
        views(shot)[0][y : y + 40, x : x + 40] = 200
    frames = list(LiveSource(Given([(0.0, wide), (0.1, tall), (0.2, wide)])))
    assert frames[0].opacity is frames[2].opacity is None
    opacity = frames[1].opacity
    assert opacity is not None
    assert np.array_equal(np.nonzero(opacity.any(axis=0))[0], np.arange(34, 124))
    assert opacity[:, 40].all()
    luma = copied(frames[1].source)[0]
    assert (luma[:, :32] == 16).all()
    bright = np.argwhere(luma > 120)
    height, width = np.ptp(bright, axis=0) + 1
    assert abs(height - 30) <= 1
    assert abs(width - 30) <= 1


@pytest.mark.parametrize("arriving", [False, True])
def test_pixels_that_are_not_square_become_so(tmp_path: Path, arriving: bool) -> None:
    """45 by 60 pixels of 4:3 show a square; virtual cameras know no such pixels."""
    source = flat("yuv420p", (40, 128, 128), (120, 120))
    views(source)[0][30:90, 38:83] = 200
    path = write(tmp_path / "in.mp4", [source] * 3, codec="libx264", aspect=Fraction(4, 3))
    feed = Arriving(lambda: LiveInput("a camera", str(path))) if arriving else RealTime(str(path))
    with LiveSource(feed) as live:
        made = views(next(iter(live)).source)[0]
    assert made.shape == (120, 160)
    height, width = np.ptp(np.argwhere(made > 120), axis=0) + 1
    assert (abs(height - 60) <= 1, abs(width - 60) <= 1) == (True, True)


def test_times_are_those_of_capture_and_rise() -> None:
    moments = [5.0, 5.1, 5.1, 5.05, 5.3]
    frames = list(LiveSource(Given([(moment, picture(0)) for moment in moments])))
    assert [frame.captured for frame in frames] == moments
    stamps = [frame.source.pts or 0 for frame in frames]
    assert stamps == sorted(set(stamps))
    assert frames[-1].source.time == pytest.approx(0.3)


def test_a_source_without_a_picture_is_an_error() -> None:
    with pytest.raises(SourceError, match="no frame"):
        LiveSource(Given([]))


# --- feeds ----------------------------------------------------------------------------------


def test_a_file_loops_at_its_own_pace(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mkv", pictures(4), rate=50)
    with closing(iter(RealTime(str(source), loop=True))) as feed:
        began = time.monotonic()
        shown = list(islice(feed, 11))
    assert time.monotonic() - began > 0.15  # Ten intervals, less where it had to catch up.
    assert [int(views(p)[0][0, 0]) for _, p in shown[:4]] == [
        int(views(p)[0][0, 0]) for _, p in shown[4:8]
    ]
    assert [moment for moment, _ in shown] == sorted(moment for moment, _ in shown)


def test_a_file_ends_without_loop(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mkv", pictures(4), rate=50)
    assert len(list(RealTime(str(source)))) == 4


def test_what_ends_is_waited_for_and_opened_again(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mkv", pictures(3))
    missing: list[bool] = []

    def find_it() -> LiveInput:
        if len(missing) < 2 and asked.is_set():
            missing.append(True)
            raise SourceError("gone")
        return LiveInput("a camera", str(path))

    asked = threading.Event()
    feed = Arriving(find_it)
    with closing(iter(feed)) as shown:
        list(islice(shown, 3))
        asked.set()
        states: list[str] = []
        watching = _watch(lambda: states.append(feed.state))
        again = list(islice(shown, 3))
        watching.set()
    assert len(again) == 3
    assert len(missing) == 2
    assert "a camera ended; waiting for it to come back" in states
    assert feed.state == ""


def _watch(look: Callable[[], None]) -> threading.Event:
    done = threading.Event()

    def run() -> None:
        while not done.wait(0.02):
            look()

    threading.Thread(target=run, daemon=True).start()
    return done


def test_stopping_ends_the_wait(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mkv", pictures(1))
    feed = Arriving(lambda: LiveInput("a camera", str(path)))
    ended = threading.Event()

    def run() -> None:
        list(feed)
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    time.sleep(0.1)
    feed.stop()
    assert ended.wait(5)


def test_the_first_options_that_are_accepted_are_used(tmp_path: Path) -> None:
    path = write(tmp_path / "in.y4m", pictures(2), codec="wrapped_avframe")
    wanted = LiveInput("a camera", str(path), "yuv4mpegpipe", ({"probesize": "none"}, {}))
    assert len(list(islice(Arriving(lambda: wanted), 2))) == 2


def test_raw_pictures_are_taken_out_of_the_driver_s_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "in.nut", pictures(1), codec="rawvideo")
    with av.open(str(path)) as container:
        packet = next(container.demux(video=0))
        owned = _owned(packet)
        assert bytes(owned) == bytes(packet)
        assert owned.buffer_ptr != packet.buffer_ptr
        assert (owned.pts, owned.time_base) == (packet.pts, packet.time_base)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("udp://127.0.0.1:1?timeout=1000", "cannot be opened"),
        ("srt://127.0.0.1:9", "does not speak its protocol"),
        ("no-such-camera.mp4", "no camera"),
    ],
)
def test_what_cannot_be_opened_is_one_line(what: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        open_live(what)
    assert "\n" not in str(caught.value)
