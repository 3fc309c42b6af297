"""What goes wrong is one line, a fitting exit code, and no file that was not there before."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.jobs import Ran
from helpers.media import Brightness, Sound, pictures, write

from streamcut.cli.waiting import WaitingLine
from streamcut.core.config import Settings
from streamcut.core.errors import StreamcutError
from streamcut.core.setting import Setting
from streamcut.jobs.file import remove_video

OLD = b"what was there before"


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every faulty file that the table below names."""
    folder = tmp_path_factory.mktemp("faulty")
    prepare(folder)
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short_clip: Path, faulty: Path) -> Path:
    """A folder to work in: a good input called in.mkv, faulty files, and old outputs."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(faulty, tmp_path, dirs_exist_ok=True)
    os.link("whole.mp4", "linked.mp4")
    Path("points.mp4").symlink_to("whole.mp4")
    Path("in.mkv").symlink_to(short_clip)
    Path("old.webm").write_bytes(OLD)
    Path("oldies").mkdir()
    Path("oldies", "p001.png").write_bytes(OLD)
    return tmp_path


def sound_only(path: Path) -> None:
    sound = Sound(seconds=0.2)
    with av.open(str(path), "w") as output:
        track: Any = output.add_stream(sound.codec, rate=sound.rate)
        track.codec_context.layout = sound.layout
        for frame in sound.frames():
            output.mux(track.encode(frame))
        output.mux(track.encode(None))


def model_of_inputs(path: Path, count: int, shape: tuple[Any, ...] = (1, 3, 32, 32)) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    names = [f"in{number}" for number in range(count)]
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in names]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)
    graph = helper.make_graph([helper.make_node("Sum", names, ["out"])], "sum", inputs, [output])
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def prepare(folder: Path) -> None:
    (folder / "folder").mkdir()
    (folder / "text.mp4").write_text("Once upon a time\n" * 50)
    (folder / "empty.mp4").touch()
    (folder / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    (folder / "broken.onnx").write_bytes(b"no model")
    (folder / "broken.toml").write_text("[output\n")
    (folder / "key.toml").write_text("[output]\nqualty = 'fast'\n")
    (folder / "taken.webm").mkdir()
    sound_only(folder / "sound.mka")
    whole = write(folder / "whole.mp4", pictures(5), codec="libx264").read_bytes()
    (folder / "headless.mp4").write_bytes(whole[: len(whole) // 2])
    model_of_inputs(folder / "two.onnx", 2)
    model_of_inputs(folder / "flat.onnx", 1, (1, 3072))


FAULTS: dict[str, tuple[int, Any, str]] = {
    # What: exit code, arguments, words that the one line must have (apart by |).
    "missing file": (1, "none.mp4 out.webm", "no such file: none.mp4"),
    "folder as file": (2, "folder out.webm", "folder is a folder|out.webm names a file"),
    "text as video": (1, "text.mp4 out.webm", "text.mp4 is not a video"),
    "noise as video": (1, "noise.mp4 out.webm", "noise.mp4 is not a video"),
    "empty file": (1, "empty.mp4 out.webm", "empty.mp4 is not a video"),
    "cut off before the index": (1, "headless.mp4 out.webm", "headless.mp4 is not a video|cut off"),
    "no video stream": (1, "sound.mka out.webm", "sound.mka has no video stream"),
    "unreachable address": (1, "http://127.0.0.1:9/x.mp4 out.webm", "127.0.0.1|refused"),
    "unknown protocol": (1, "gopher://x/y out.webm", "gopher://x/y"),
    "output directory missing": (1, "in.mkv none/out.webm", "none/out.webm|none does not exist"),
    "output is the input": (2, "whole.mp4 whole.mp4 -b red", "is the input: choose another"),
    "output is the input, otherwise spelt": (
        2,
        "whole.mp4 folder/../whole.mp4 -y -b red",
        "is the input",
    ),
    "output links to the input": (2, "whole.mp4 points.mp4 -y -b red", "is the input"),
    "output is the input's other name": (2, "whole.mp4 linked.mp4 -y -b red", "is the input"),
    "output is the background": (2, "in.mkv whole.mp4 -y -b whole.mp4", "is the background"),
    "output is a folder": (1, "in.mkv taken.webm -y", "taken.webm is a folder"),
    "folder is a file": (1, "in.mkv whole.mp4/", "whole.mp4/ is a file"),
    "output without a name": (2, ["in.mkv", ""], "the output has no name"),
    "unknown ending": (2, "in.mkv out.avi", "'.avi'|.webm .mov .mkv"),
    "one picture": (2, "in.mkv out.png", "out.png is one image|out_%04d.png"),
    "mp4 without background": (2, "in.mkv out.mp4", ".mp4 cannot hold alpha|.webm or .mov"),
    "codec without alpha": (2, "in.mkv out.mov --codec h264", "h264|--codec prores"),
    "unknown codec": (2, "in.mkv out.webm --codec vp7", ".webm|'vp7'|vp9"),
    "unknown model": (1, "in.mkv out.webm -m portrat", "'portrat'|did you mean portrait"),
    "unknown model, like none": (1, "in.mkv out.webm -m zzz", "'zzz'|'streamcut models' lists"),
    "missing model file": (1, "in.mkv out.webm -m none.onnx", "no such model file: none.onnx"),
    "broken model": (1, "in.mkv out.webm -m broken.onnx", "broken.onnx|not a usable ONNX model"),
    "model with two inputs": (1, "in.mkv out.webm -m two.onnx", "two.onnx|more than one image"),
    "model of flat vectors": (1, "in.mkv out.webm -m flat.onnx", "flat.onnx"),
    "bad colour": (2, "in.mkv out.webm -b rde", "'rde' is not a colour"),
    "transparent colour": (2, "in.mkv out.webm -b #ff000080", "transparent"),
    "background that is no picture": (1, "in.mkv out.webm -b text.mp4", "text.mp4"),
    "bad blur": (2, "in.mkv out.webm -b blur:x", "blur:x|1 to 100"),
    "bad size": (2, "in.mkv out.webm --size big", "'big' is not a size|1280x720"),
    "size of nothing": (2, "in.mkv out.webm --size 0x0", "'0x0'|1 to 16384"),
    "size of a giant": (2, "in.mkv out.webm --size 16384x16384", "16384x16384 is too large"),
    "bad time": (2, "in.mkv out.webm --start soon", "'soon' is not a time|1:30"),
    "no time at all": (2, "in.mkv out.webm --duration 0", "--duration is more than 0"),
    "start after the end": (1, "in.mkv out.webm --start 90", "in.mkv ends before --start"),
    "two looks": (
        2,
        "in.mkv out.webm -om --stacked",
        "--only-mask and --stacked cannot be used together",
    ),
    "background and mask": (2, "in.mkv out.webm -om -b red", "--background and --only-mask"),
    "bad choice": (2, "in.mkv out.webm --quality fats", "--quality|fast|balanced|best"),
    "bad number": (2, "in.mkv out.webm --threads x", "--threads|'x'"),
    "negative number": (2, "in.mkv out.webm --threads -1", "threads is 0 to 256"),
    "unknown option": (2, "in.mkv out.webm --qualty fast", "--qualty|--quality"),
    "missing argument": (2, "", "'INPUT... [OUTPUT]'|streamcut video --help"),
    "too many arguments": (2, "in.mkv out.webm more", "--out-dir"),
    "output without an ending": (2, "in.mkv out", "out has no ending|out.webm|out/"),
    "missing settings": (2, "in.mkv out.webm --config none.toml", "none.toml"),
    "broken settings": (2, "in.mkv out.webm --config broken.toml", "broken.toml is not valid"),
    "unknown setting": (2, "in.mkv out.webm --config key.toml", "'qualty'|nearest is 'quality'"),
    "existing output": (1, "in.mkv old.webm", "old.webm exists; give -y"),
    "existing folder": (1, "in.mkv oldies/", "oldies/ exists; give -y"),
    "existing pattern": (1, "in.mkv oldies/p%03d.png", "oldies/p%03d.png exists; give -y"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_and_leaves_nothing_behind(
    here: Path, command: Callable[..., Ran], fault: str
) -> None:
    code, arguments, words = FAULTS[fault]
    before = {path: path.is_file() and path.read_bytes() for path in here.rglob("*")}
    ran = command("video", *(arguments.split() if isinstance(arguments, str) else arguments))
    assert ran.err.startswith("streamcut: error: "), ran.err
    assert ran.err.count("\n") == 1
    assert ran.err.endswith("\n")
    assert len(ran.err) < 250
    assert all(word in ran.err for word in words.split("|")), ran.err
    assert (ran.code, ran.out) == (code, "")
    assert {path: path.is_file() and path.read_bytes() for path in here.rglob("*")} == before


@pytest.mark.parametrize("fault", ["broken model", "model of flat vectors", "text as video"])
def test_what_fails_before_the_first_picture_leaves_an_older_output_alone(
    here: Path, command: Callable[..., Ran], fault: str
) -> None:
    (here / "out.webm").write_bytes(OLD)
    code, arguments, _ = FAULTS[fault]
    assert command("video", *arguments.split(), "-y").code == code
    assert (here / "out.webm").read_bytes() == OLD


def test_a_fault_is_the_same_line_from_the_whole_program(
    here: Path, program: Callable[..., Ran]
) -> None:
    ran = program("video", "none.mp4", "out.webm", cwd=here)
    assert ran == Ran(1, "", "streamcut: error: no such file: none.mp4\n")


def test_an_unknown_option_is_no_command(command: Callable[..., Ran]) -> None:
    assert command("--vresion").code == 2


def test_a_traceback_is_shown_only_when_asked_for(
    here: Path, command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMCUT_DEBUG", "1")
    ran = command("video", "none.mp4", "out.webm")
    assert ran.code == 1
    assert ran.err.startswith("Traceback")
    assert ran.err.endswith("\nstreamcut: error: no such file: none.mp4\n")


@pytest.mark.parametrize("debug", ["", "1"])
def test_what_nobody_has_foreseen_is_one_line_too(
    here: Path, command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, debug: str
) -> None:
    from streamcut.jobs import request

    def fail(*_: object, **__: Any) -> None:
        raise ZeroDivisionError("at\nhttp://me:hunter2@camera/1\x1b[31m")

    monkeypatch.setattr(request, "new_session", fail)
    monkeypatch.setenv("STREAMCUT_DEBUG", debug)
    ran = command("video", "in.mkv", "out.webm")
    *before, line = ran.err.splitlines()
    assert ran.code == 1
    assert "unexpected ZeroDivisionError: at http://***@camera/1\\x1b[31m; please report" in line
    assert bool(before) == bool(debug)
    assert "hunter2" not in ran.err
    assert "\x1b" not in ran.err


def test_no_thread_to_be_had_is_one_line(
    here: Path, command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    ran = command("video", "in.mkv", "out.webm")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "no thread can be started" in ran.err
    assert "memory" in ran.err


def test_control_characters_of_a_name_are_spelt_out(
    here: Path, command: Callable[..., Ran]
) -> None:
    name = "\x1b[31mx\x1b]0;title\x07\x9b\u202e\nstreamcut: done.mp4"
    for arguments in (["video", name, "out.webm"], ["video", "in.mkv", f"{name}/x.webm"]):
        ran = command(*arguments)
        assert ran.err.count("\n") == 1
        assert not set("\x1b\x07\x9b\u202e") & set(ran.err)
        assert "\\x1b[31mx\\x1b]0;title\\x07" in ran.err
    shutil.copy("in.mkv", f"{name}.mkv")
    ran = command("video", f"{name}.mkv", f"{name}.webm", "--duration", "0.1")
    assert ran.code == 0
    assert "\x1b" not in ran.err
    assert "\nstreamcut: done" not in ran.err


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://127.0.0.1:9/user=a_password=hunter2",
        "http://127.0.0.1:9/v?pw=hunter2",
        "http://127.0.0.1:9/live/hunter2/v",
        "rtmp://127.0.0.1:9/app/hunter2",
    ],
)
@pytest.mark.parametrize("debug", ["", "1"])
def test_an_address_keeps_its_secrets(
    here: Path,
    command: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    debug: str,
) -> None:
    monkeypatch.setenv("STREAMCUT_DEBUG", debug)
    for arguments in (["video", address, "out.webm"], ["webcam", "--camera", address]):
        ran = command(*arguments)
        assert ran.code == 1
        assert "127.0.0.1" in ran.err
        assert "hunter2" not in ran.err


def test_a_warning_is_one_line(
    here: Path, command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    import warnings

    from streamcut.jobs import request

    def warn(*_: object, **__: Any) -> None:
        warnings.warn("slow", RuntimeWarning, stacklevel=1)
        raise StreamcutError("and done")

    monkeypatch.setattr(request, "new_session", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        ran = command("video", "in.mkv", "out.webm")
    assert ran.err == "streamcut: warning: slow\nstreamcut: error: and done\n"


@pytest.fixture
def nobody(tmp_path: Path) -> Path:
    """A clip in which there is nothing."""
    grey = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 120, np.uint8), format="rgb24")
    return write(tmp_path / "nobody.mkv", [grey.reformat(format="yuv420p") for _ in range(3)])


def test_that_nobody_was_found_is_said_and_may_be_a_failure(
    command: Callable[..., Ran], tmp_path: Path, nobody: Path, short_clip: Path
) -> None:
    output = tmp_path / "out.webm"
    told = "nobody and nothing was found in any frame"
    assert command("video", nobody, output).err.endswith(f"warning: {told}\n")
    ran = command("video", nobody, output, "-y", "-q")
    assert ran == Ran(0, "", f"streamcut: warning: {told}\n")
    assert json.loads(command("video", nobody, output, "-y", "--json").out)["warnings"] == [told]
    output.write_bytes(OLD)
    ran = command("video", nobody, output, "-y", "-q", "--fail-if-empty")
    assert ran.code == 1
    assert ran.err.startswith(f"streamcut: error: {told}; what was written is ")
    assert output.read_bytes() == OLD
    done = remove_video(
        short_clip, output, session=Brightness(), overwrite=True, fail_if_empty=True
    )
    assert not done.warnings


def test_a_quiet_job_warns_of_damage_and_of_nothing_else(
    command: Callable[..., Ran], tmp_path: Path
) -> None:
    whole = write(tmp_path / "whole.mp4", pictures(100), codec="libx264", sounds=[Sound("aac")])
    assert remove_video(whole, tmp_path / "a.webm", session=Brightness()).warnings == []
    mkv = write(tmp_path / "whole.mkv", pictures(100))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(mkv.read_bytes()[: mkv.stat().st_size // 2])
    ran = command("video", cut, tmp_path / "b.webm", "-q")
    assert ran.code == 0
    assert "streamcut: warning: the frames end after" in ran.err
    assert "the input may be cut off\n" in ran.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("name", ["out.webm", "out.mkv", "out.gif", "out.apng", "out.mov"])
def test_a_full_disk_is_named(here: Path, command: Callable[..., Ran], name: str) -> None:
    (here / name).symlink_to("/dev/full")
    ran = command("video", "in.mkv", name, "-y")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert f"{name}: the disk is full" in ran.err


@pytest.mark.skipif(sys.platform != "linux", reason="/sys is Linux's")
def test_an_output_that_may_not_be_written_is_named(
    command: Callable[..., Ran], here: Path
) -> None:
    ran = command("video", "in.mkv", "/sys/out.webm")
    assert ran == Ran(
        1, "", "streamcut: error: /sys/out.webm cannot be written: Permission denied\n"
    )


def test_a_file_that_may_not_grow_is_one_line(tmp_path: Path, program: Callable[..., Ran]) -> None:
    resource = pytest.importorskip("resource")
    source = write(tmp_path / "in.mkv", pictures(40, 320, 240))
    ran = program(
        *("video", source, tmp_path / "out.mkv", "--cutout", "putalpha"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert ran.code == 1
    assert ran.err == f"streamcut: error: {tmp_path}/out.mkv cannot be written: File too large\n"


@pytest.mark.parametrize("ending", ["mkv", "webm", "mp4", "ts"])
def test_a_truncated_video_is_converted_as_far_as_it_goes(
    tmp_path: Path, command: Callable[..., Ran], ending: str
) -> None:
    codec = {"mkv": "ffv1", "webm": "libvpx-vp9"}.get(ending, "libx264")
    muxing = {"movflags": "faststart"} if ending == "mp4" else {}
    whole = write(tmp_path / f"whole.{ending}", pictures(100), codec=codec, muxing=muxing)
    data = whole.read_bytes()
    (tmp_path / f"cut.{ending}").write_bytes(data[: len(data) * 6 // 10])
    ran = command("video", tmp_path / f"cut.{ending}", tmp_path / "out.mkv", "--codec", "ffv1")
    assert ran.code == 0
    assert "may be cut off" in ran.err or ending == "ts"
    frames = int(ran.err.partition(" frames in")[0].rpartition(" ")[2])
    assert 40 <= frames <= 80


def test_longer_sound_is_no_cut_off_video(tmp_path: Path, command: Callable[..., Ran]) -> None:
    for ending, codec in (("mkv", "ffv1"), ("mp4", "libx264"), ("webm", "libvpx-vp9")):
        sound = Sound("libopus" if ending == "webm" else "aac", seconds=4)
        source = write(tmp_path / f"in.{ending}", pictures(10), codec=codec, sounds=[sound])
        ran = command("video", source, tmp_path / f"out-{ending}.mkv")
        assert ran.code == 0
        assert "cut off" not in ran.err


def test_a_line_that_waits_shows_no_escapes_and_no_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with WaitingLine() as line:
        line.say("reading \x1b[31mx\x07 and rtmp://me:pw@a.b/live/hunter2 ...")
    shown = capsys.readouterr().err.removeprefix("\r\x1b[2K").removesuffix("\r\x1b[2K")
    assert shown == "reading \\x1b[31mx\\x07 and rtmp://***@a.b/live/*** ..."


NUMBERS = [row for row in Settings.rows().values() if row.kind in (int, float)]


@pytest.mark.parametrize("value", ["9" * 30, "9" * 5000, "1e999", "nan", "-1"])
@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.name)
def test_every_number_out_of_range_is_one_short_line(
    here: Path, command: Callable[..., Ran], row: Setting, value: str
) -> None:
    where = "webcam" if row.section == "live" else "video"
    ran = command(where, *(["in.mkv", "out.webm"] if where == "video" else []), row.flag, value)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "unexpected" not in ran.err
