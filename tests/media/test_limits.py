"""Inputs ask for no more than they may have: pixels, other files, the network."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from helpers.media import pictures, write
from helpers.servers import serving
from PIL import Image

from streamcut.core.errors import SourceError, UsageError
from streamcut.media.demuxers import KEEP_TO_THEIR_FILE, PLAYLISTS, allowed
from streamcut.media.frame import StreamInfo
from streamcut.media.limits import MOST_VIDEO, STRICT, Limits
from streamcut.sessions import new_session
from streamcut.sources import Size, open_source

DEVICES = {"alsa", "fbdev", "kmsgrab", "oss", "v4l2", "video4linux2", "x11grab", "xcbgrab"}
DEVICES |= {"avfoundation", "dshow", "gdigrab", "vfwcap", "pulse", "sndio", "jack", "iec61883"}
OTHERS = {"rtsp", "rtp", "sap", "lavfi"}


# --- pixels -------------------------------------------------------------------------------


def gif(path: Path, width: int, height: int) -> Path:
    """A GIF of few bytes: its screen is said to be large, its one picture is a pixel."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    image = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    path.write_bytes(b"GIF89a" + screen + image + b";")
    return path


def png(path: Path, width: int, height: int) -> Path:
    """A PNG of one bit a pixel, all black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * height)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    return path


def y4m(path: Path, width: int, height: int) -> Path:
    path.write_bytes(b"YUV4MPEG2 W%d H%d F25:1 C420\nFRAME\n" % (width, height) + bytes(1000))
    return path


HUGE: dict[str, Callable[[Path], Path]] = {
    "large.gif": lambda path: gif(path, 12000, 12000),
    "huge.gif": lambda path: gif(path, 65535, 65535),
    "large.png": lambda path: png(path, 9000, 9000),
    "sequence_01.png": lambda path: png(path, 9000, 9000).parent / "sequence_%02d.png",
    "large.y4m": lambda path: y4m(path, 16384, 16384),
}

MEASURED = """
import sys
from streamcut.core.errors import SourceError
from streamcut.sources import open_source
for path in sys.argv[1:]:
    try:
        open_source(path)
    except SourceError as error:
        print(error)
    else:
        print("let in", path)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measured as Linux counts it")
def test_a_few_bytes_do_not_take_the_memory(tmp_path: Path) -> None:
    paths = [str(make(tmp_path / name)) for name, make in HUGE.items()]
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED, *paths], capture_output=True, text=True, check=True
    )
    *lines, peak = ran.stdout.splitlines()
    assert len(lines) == len(HUGE)
    assert all("8K" in line and "allow_large" in line for line in lines[:-1]), lines
    assert "large.y4m cannot be opened" in lines[-1]  # FFmpeg looks for the end of its picture.
    assert int(peak) / 1024 < 200


def test_a_frame_of_8k_is_let_in_and_a_larger_one_where_it_is_allowed(tmp_path: Path) -> None:
    STRICT.check_frame("a", 8192, 4320)
    STRICT.check_frame("a", 4320, 8192)
    for width, height in ((8192, 8192), (16384, 2200)):
        assert width * height > MOST_VIDEO
        with pytest.raises(SourceError, match=f"a is {width}x{height}, more than 8K"):
            STRICT.check_frame("a", width, height)
        Limits(large=True).check_frame("a", width, height)


def test_a_size_asked_for_is_limited_too(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mkv", pictures(1))
    with pytest.raises(UsageError, match="more than 8K"):
        open_source(str(path), size=Size(8192, 8192))


@pytest.mark.parametrize("make", [gif, png])
def test_large_images_are_refused_before_they_are_decoded(
    tmp_path: Path, make: Callable[[Path, int, int], Path]
) -> None:
    from streamcut.jobs.request import parse_background

    path = make(tmp_path / f"large.{make.__name__}", 30000, 30000)
    with pytest.raises(SourceError, match="more than 64 megapixels"):
        parse_background(str(path), StreamInfo(64, 64, "yuv420p"))
    with Limits(large=True).image(path) as image:
        assert image.size == (30000, 30000)
    assert Image.MAX_IMAGE_PIXELS is not None


def test_a_plate_is_limited_too(tmp_path: Path) -> None:
    path = png(tmp_path / "plate.png", 9000, 9000)
    with pytest.raises(SourceError, match=r"plate .*more than 64 megapixels"):
        new_session("difference", plate=str(path))


# --- playlists ----------------------------------------------------------------------------

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile {}\n"
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5000 RTP/AVP 96\n"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return write(tmp_path / "folder" / "other.mkv", pictures(3))


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".webp", ".txt", ""])
@pytest.mark.parametrize("text", [HLS, CONCAT, SDP, "# VobSub index file, v7\n", "<MPD></MPD>"])
def test_a_playlist_under_an_innocent_name_opens_nothing(
    other: Path, ending: str, text: str
) -> None:
    path = other.with_name(f"innocent{ending}")
    path.write_text(text.format(other.name))
    with pytest.raises(SourceError):
        open_source(str(path))


def test_a_playlist_is_let_in_by_its_name_or_by_permission(other: Path) -> None:
    for name, limits in (("a.ffconcat", STRICT), ("a.mp4", Limits(playlists=True))):
        path = other.with_name(name)
        path.write_text(CONCAT.format(other.name))
        with open_source(str(path), limits=limits) as source:
            assert len(list(source)) == 3
    with pytest.raises(SourceError, match=r"playlist .concat.*allow_playlists"):
        open_source(str(other.with_name("a.mp4")))


@pytest.mark.parametrize("name", ["a.ffconcat", "a.m3u8", "a.mpd"])
def test_no_playlist_reaches_the_network_or_a_file_outside_its_folder(
    tmp_path: Path, other: Path, name: str
) -> None:
    outside = write(tmp_path / "outside.mkv", pictures(1))
    path = other.with_name(name)
    (other.parent / "link.mkv").symlink_to(outside)
    dash = (
        '<MPD type="static" mediaPresentationDuration="PT1S" profiles="x"><Period><AdaptationSet '
        'mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>"
    )
    text = {"a.ffconcat": CONCAT, "a.m3u8": HLS, "a.mpd": dash}[name]
    with serving(outside.read_bytes()) as server:
        for target in ("../outside.mkv", str(outside), f"file:{outside}", "link.mkv", server.url):
            path.write_text(text.format(target))
            with pytest.raises(SourceError):
                open_source(str(path))
        assert not server.asked


def test_an_address_whose_answer_is_a_playlist_is_refused() -> None:
    with serving(CONCAT.format("http://127.0.0.1/x").encode()) as server:
        address = server.url.replace(".onnx", ".mp4")
        with pytest.raises(SourceError, match="allow_playlists"):
            open_source(address)


def test_every_demuxer_is_known() -> None:
    """One that a new FFmpeg brings is not let in before somebody has looked at it."""
    here = set()
    for name in av.formats_available:
        try:
            here |= set(av.ContainerFormat(name, "r").name.split(","))
        except ValueError:  # It only writes.
            continue
    assert here <= KEEP_TO_THEIR_FILE | set(PLAYLISTS) | OTHERS | DEVICES
    assert not KEEP_TO_THEIR_FILE & (set(PLAYLISTS) | OTHERS | DEVICES)
    assert "hls" in allowed("http://a.b/c.m3u8?d=e.mp4").split(",")
    assert "hls" not in allowed("http://a.b/c.mp4?d=e.m3u8").split(",")
    assert "rtsp" in allowed("rtsp://camera/1").split(",")
