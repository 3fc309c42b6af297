"""A job that is stopped, fails or runs out of room leaves what it has done so far, playable."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.media import (
    Bright,
    Brightness,
    Sound,
    animation,
    copied,
    heard,
    picture,
    pictures,
    run,
    shown,
    views,
    write,
)
from numpy.typing import NDArray

from streamcut.core.errors import ModelError, SinkError, UsageError
from streamcut.media.matte import Prediction

Clip = Callable[..., Path]
FILES = ["out.webm", "out.mkv", "out.mov", "out.mp4"]


def background(name: str) -> str:
    return "red" if name.endswith("mp4") else ""


class Failing(Brightness):
    """A session that fails at its n-th picture."""

    def __init__(self, after: int, error: BaseException) -> None:
        super().__init__()
        self.after, self.error = after, error

    def stream(self) -> Any:
        inner, session = Bright(), self

        class Stream:
            def __call__(self, picture: NDArray[Any]) -> Prediction:
                if session.after == 0:
                    raise session.error
                session.after -= 1
                return inner(picture)

            def reset(self) -> None:
                pass

        return Stream()


def check(path: Path, frames: int, sound: bool = True) -> None:
    """It plays from the first picture to the last one that was done, with sound as long."""
    seen = shown(path)
    assert len(seen.pictures) == frames
    assert [float(time) for time in seen.times] == pytest.approx([i / 25 for i in range(frames)])
    for index in (0, frames - 1):
        made = seen.pictures[index].to_ndarray(format="gray").astype(int)
        want = picture(index).to_ndarray(format="gray")
        subject = want > 170
        assert np.abs(made[subject] - want[subject]).mean() < 8
    if sound:
        assert heard(path).end == pytest.approx(frames / 25, abs=0.15)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_a_failing_network(clip: Clip, tmp_path: Path, codec: str, name: str) -> None:
    """All pictures before the failure are written, and sound only as far as they go."""
    source = clip(count=60, sounds=[Sound(codec, seconds=2.4)])
    with pytest.raises(ModelError, match="broke"):
        run(
            source,
            tmp_path / name,
            background=background(name),
            session=Failing(30, ModelError("it broke")),
        )
    check(tmp_path / name, 30)
    assert threading.active_count() == 1


@pytest.mark.parametrize("name", [*FILES, "out.gif", "out.apng", "out.webp", "folder"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_stopped_by_the_caller(
    clip: Clip, tmp_path: Path, name: str, error: type[BaseException]
) -> None:
    source = clip(count=40)

    def tick(state: Any) -> None:
        if state.frames == 20:
            raise error

    with pytest.raises(error):
        run(source, tmp_path / name, background=background(name), tick=tick)
    if name == "folder":
        assert len(list((tmp_path / "folder").glob("*.png"))) == 20
    elif name in FILES:
        check(tmp_path / name, 20, sound=False)
    else:
        frames, _ = animation(tmp_path / name)
        assert len(frames) == 20
    assert threading.active_count() == 1


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("frames", [0, 1, 2])
def test_stopped_at_once(clip: Clip, tmp_path: Path, frames: int, name: str) -> None:
    source = clip(count=10, sounds=[Sound("aac")])
    with pytest.raises(ModelError):
        run(
            source,
            tmp_path / name,
            background=background(name),
            session=Failing(frames, ModelError("it broke")),
        )
    if frames:
        check(tmp_path / name, frames, sound=False)
    assert threading.active_count() == 1


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that no codec makes small."""
    shots = pictures(90, 160, 120)
    for index, shot in enumerate(shots):
        noise = np.random.default_rng(index).integers(-12, 13, (120, 160))
        luma = copied(shot)[0] + noise
        views(shot)[0][:] = luma.clip(16, 235)
    sounds = [Sound("aac", seconds=3.6, click=0.5)]
    return write(tmp_path_factory.mktemp("noisy") / "in.mkv", shots, sounds=sounds)


LIMITED = """
import resource, signal, sys
sys.path.insert(0, sys.argv[5])
from helpers.media import run
from streamcut.core.errors import SinkError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    run(sys.argv[1], sys.argv[2], background=sys.argv[3])
except SinkError as error:
    print(error)
    sys.exit(3)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
@pytest.mark.parametrize("name", FILES)
def test_out_of_room(noisy: Path, tmp_path: Path, name: str) -> None:
    """One line that names the file, and what was written still plays."""
    run(noisy, tmp_path / f"whole_{name}", background=background(name))
    limit = (tmp_path / f"whole_{name}").stat().st_size * 3 // 4
    ended = subprocess.run(
        [
            *(sys.executable, "-c", LIMITED, str(noisy), str(tmp_path / name), background(name)),
            *(str(limit), str(Path(__file__).parents[2])),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 3, ended.stderr
    assert len(ended.stdout.splitlines()) == 1
    assert str(tmp_path / name) in ended.stdout
    assert "Traceback" not in ended.stderr
    assert (tmp_path / name).stat().st_size <= limit
    seen = shown(tmp_path / name, cut=True)
    assert len(seen.pictures) > 30
    assert seen.times[0] == 0
    gaps = np.diff([float(time) for time in seen.times])
    assert gaps[:-3] == pytest.approx(0.04)  # The last may wait for a reordered one before it.


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", [*FILES, "out.gif", "out.apng"])
def test_disk_full(clip: Clip, tmp_path: Path, name: str) -> None:
    os.symlink("/dev/full", tmp_path / name)
    with pytest.raises(SinkError, match="the disk is full") as caught:
        run(clip(), tmp_path / name, background=background(name), overwrite=True)
    assert "\n" not in str(caught.value)
    assert threading.active_count() == 1


def test_unwritable_folder(clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SinkError) as caught:
        run(clip(), tmp_path / "file" / "out.webm")
    assert "\n" not in str(caught.value)


def test_a_failed_job_does_not_touch_the_old_output_before_it_can_begin(
    clip: Clip, tmp_path: Path
) -> None:
    """What can be known to fail beforehand costs no existing file."""
    (tmp_path / "out.mp4").write_text("precious")
    with pytest.raises(UsageError):
        run(clip(), tmp_path / "out.mp4", overwrite=True)
    with pytest.raises(SinkError, match="exists"):
        run(clip(), tmp_path / "out.mp4", background="red")
    assert (tmp_path / "out.mp4").read_text() == "precious"
