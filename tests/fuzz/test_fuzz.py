"""Broken inputs of all kinds: one line or a whole output, never a traceback, a hang or a leak.

Bounded to seconds; longer by hand, with other inputs each time::

    STREAMCUT_FUZZ_SECONDS=3600 pytest -n 0 tests/fuzz
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import av
import pytest
from helpers.media import Brightness, Sound, pictures, write

from streamcut.core.config_file import load
from streamcut.core.errors import ConfigError, StreamcutError
from streamcut.core.text import printable
from streamcut.jobs.file import remove_video
from streamcut.media.urls import public, redacted

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

SECONDS = float(os.environ.get("STREAMCUT_FUZZ_SECONDS", "12"))
BY_HAND = "STREAMCUT_FUZZ_SECONDS" in os.environ
ROUND = min(SECONDS, 60.0)
ROUNDS = max(1, round(SECONDS / ROUND))
SLOWEST = 20.0
"""Seconds that one of these small inputs may take at the very most, on a busy machine."""

often = settings(
    max_examples=int(ROUND * 20),
    deadline=None,
    derandomize=not BY_HAND,
    database=None,
    suppress_health_check=list(HealthCheck),
)
some = settings(often, max_examples=int(ROUND * 15))

SEEDS: dict[str, dict[str, Any]] = {
    "in.mkv": {},
    "in.mp4": {"codec": "libx264", "sounds": [Sound("aac", seconds=0.2)]},
    "in.mov": {"codec": "mjpeg"},
    "in.avi": {"codec": "mpeg4"},
    "in.webm": {"codec": "libvpx-vp9"},
    "alpha8.webm": {"codec": "libvpx", "pixel_format": "yuva420p"},
    "alpha9.webm": {"codec": "libvpx-vp9", "pixel_format": "yuva420p"},
    "in.ts": {"codec": "mpeg2video"},
    "in.nut": {"codec": "rawvideo"},
    "in.y4m": {"codec": "wrapped_avframe"},
    "in.gif": {"codec": "gif", "pixel_format": "bgr8"},
    "in.apng": {"codec": "apng", "pixel_format": "rgb24"},
    "in.webp": {"codec": "libwebp_anim"},
}

mutations = st.lists(
    st.tuples(
        st.sampled_from(["put", "cut", "drop", "double"]),
        st.floats(0, 1),
        st.binary(min_size=1, max_size=12),
    ),
    min_size=1,
    max_size=6,
)


class Seeds(dict[str, bytes]):
    """Files by name; a failing example does not print them."""

    def __repr__(self) -> str:
        return f"{len(self)} files"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Seeds:
    """Small files of many formats."""
    folder, made = tmp_path_factory.mktemp("seeds"), Seeds()
    for name, how in SEEDS.items():
        kind = how.get("pixel_format", "yuv420p")
        shots = [shot.reformat(format=kind) for shot in pictures(3, 48, 32)]
        try:
            given_so = {key: value for key, value in how.items() if key != "pixel_format"}
            made[name] = write(folder / name, shots, **given_so).read_bytes()
        except (av.error.FFmpegError, ValueError):  # This FFmpeg lacks the encoder.
            continue
    assert len(made) > 6
    return made


def mutated(data: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    """Change a file as a broken disk, a broken line or somebody malicious would."""
    for what, share, piece in changes:
        at = int(share * len(data))
        if what == "put":
            data = data[:at] + piece + data[at + len(piece) :]
        elif what == "cut":
            data = data[: max(at, 1)]
        elif what == "drop":
            data = data[:at] + data[at + len(piece) :]
        else:
            data = data[:at] + data[max(0, at - 64) :]
    return data


@pytest.fixture
def until_late() -> Callable[[], bool]:
    """Whether the time for this is over."""
    end = time.monotonic() + ROUND
    return lambda: time.monotonic() > end


@pytest.mark.parametrize("turn", range(ROUNDS))
@often
@given(changes=mutations, name=st.sampled_from(sorted(SEEDS)))
def test_mutated_media(
    tmp_path_factory: pytest.TempPathFactory,
    seeds: Seeds,
    until_late: Callable[[], bool],
    turn: int,
    changes: list[tuple[str, float, bytes]],
    name: str,
) -> None:
    if until_late() or name not in seeds:
        return
    folder = tmp_path_factory.getbasetemp()
    source, output = folder / name, folder / "out.mkv"
    source.write_bytes(mutated(seeds[name], changes))
    began = time.monotonic()
    try:
        made = remove_video(source, output, session=Brightness(), overwrite=True, duration=1.0)
    except StreamcutError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        with av.open(str(output)) as container:
            assert sum(1 for _ in container.decode(video=0)) == made.frames
    assert time.monotonic() - began < SLOWEST


@some
@given(text=st.text(max_size=200) | st.binary(max_size=200))
def test_any_configuration_file(
    tmp_path_factory: pytest.TempPathFactory, text: str | bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "c.toml"
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    path.write_bytes(raw)
    try:
        load(path)
    except ConfigError as error:
        assert len(printable(error)) < 2000  # noqa: PT017


secrets = st.text(
    st.characters(codec="ascii", min_codepoint=33, exclude_characters="?"), min_size=1, max_size=12
).map(lambda text: f"hunter2{text}")


@some
@given(
    scheme=st.sampled_from(["http", "https", "rtsp", "rtmp", "srt", "async:http"]),
    host=st.sampled_from(["camera.example", "10.0.0.1:8080", "[::1]:554"]),
    path=st.sampled_from(["", "/", "/live", "/live/x.m3u8"]),
    secret=secrets,
    where=st.sampled_from(["{0}@", "me:{0}@", "?{0}", "?token={0}", "#{0}", "/a/{0}", "/k={0}"]),
)
def test_no_address_shows_its_secret(
    scheme: str, host: str, path: str, secret: str, where: str
) -> None:
    part = where.format(secret)
    user, rest = (part, "") if part.endswith("@") and where[-1] == "@" else ("", part)
    address = f"{scheme}://{user}{host}{path}{rest}"
    assert "hunter2" not in public(address)
    if not where.startswith("/a"):  # What others say keeps its path.
        assert "hunter2" not in redacted(f"it says: {address}")


@some
@given(text=st.text())
def test_what_is_printed_is_one_harmless_line(text: str) -> None:
    assert all(letter.isprintable() or ord(letter) > 127 for letter in printable(text))
    assert not set("\x1b\x9b\n\r\x07\u202e\u2028") & set(printable(text))
