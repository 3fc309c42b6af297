"""``streamcut doctor``: it finds what is wrong on invented machines, and never fails itself."""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.jobs import Ran

from streamcut.core import config_file
from streamcut.diagnostics import doctor
from streamcut.diagnostics.doctor import Finding, hardware, media, software
from streamcut.sessions.files import catalog
from streamcut.sessions.files.model import Weights
from streamcut.sessions.runtime import cuda, device

pytestmark = pytest.mark.usefixtures("cache")

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="these devices are Linux's")


def found(probe: doctor.Probe) -> list[Finding]:
    return list(probe())


def line(findings: list[Finding], state: str, *words: str) -> Finding:
    """Return the finding of that state that has these words."""
    [fitting] = [
        each
        for each in findings
        if each.state == state and all(word in f"{each.text} {each.advice}" for word in words)
    ]
    return fitting


def only(monkeypatch: pytest.MonkeyPatch, **probes: doctor.Probe) -> None:
    monkeypatch.setattr(doctor, "PROBES", probes)


def installed(folder: Path, name: str) -> None:
    """Pretend that a package is installed."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


# --- the command --------------------------------------------------------------------------


def test_this_machine_can_work(command: Callable[..., Ran]) -> None:
    ran = command("doctor")
    assert (ran.code, ran.err) == (0, "")
    for name in doctor.PROBES:
        assert f" {name} " in ran.out
    assert "itself failed" not in ran.out
    assert "portrait is loaded and runs on" in " ".join(ran.out.split())


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_it_is_as_wide_as_the_terminal(
    command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(
        doctor, "PROBES", {"words": lambda: [Finding.note("word " * 99, "do " * 99)]}
    )
    lines = command("doctor").out.splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert lines[0].startswith("note    words            word word")
    assert any(line.strip().startswith("-> do do") for line in lines)
    assert lines[-1] == "No problem found."


def test_json_holds_every_finding(
    command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, one=lambda: [Finding.ok("fine"), Finding.problem("bad", "mend it")])
    ran = command("doctor", "--json")
    assert ran.code == 0
    assert json.loads(ran.out) == [
        {"check": "one", "state": "ok", "text": "fine", "advice": "", "fatal": False},
        {"check": "one", "state": "problem", "text": "bad", "advice": "mend it", "fatal": False},
    ]


def test_the_exit_code_is_1_only_if_nothing_works(
    command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, one=lambda: [Finding.problem("bad")])
    ran = command("doctor")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Problems: 1; notes: 0.")
    only(monkeypatch, one=lambda: [Finding.problem("bad", fatal=True)])
    assert command("doctor").code == 1


def test_a_check_that_fails_is_a_finding_and_the_others_go_on(
    command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> Iterator[Finding]:
        yield Finding.ok("so far")
        raise ZeroDivisionError("oh")

    def warning() -> Iterator[Finding]:
        warnings.warn("mind the gap", RuntimeWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        yield Finding.ok("else fine")

    only(monkeypatch, first=failing, second=warning)
    ran = command("doctor")
    assert (ran.code, ran.err) == (0, "")
    shown = " ".join(ran.out.split())
    assert "so far" in shown
    assert "this check itself failed: ZeroDivisionError: oh" in shown
    assert "problem second mind the gap" in shown
    assert "old" not in shown


# --- software -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "probe"), [("av", software.ffmpeg), ("onnxruntime", software.onnxruntime)]
)
def test_what_cannot_be_imported_is_fatal(
    monkeypatch: pytest.MonkeyPatch, module: str, probe: doctor.Probe
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    [finding] = found(probe)
    assert finding.fatal
    assert "cannot be imported" in finding.text
    assert "pip install" in finding.advice


def test_two_packages_of_one_module_are_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [each.state for each in found(software.onnxruntime)] == ["ok"]
    for name in ("onnxruntime", "onnxruntime-gpu", "onnxruntime-extensions", "opencv-python"):
        installed(tmp_path / "packages", name)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "packages"), *sys.path])
    finding = line(found(software.onnxruntime), "problem", "onnxruntime and onnxruntime-gpu")
    assert "pip uninstall -y onnxruntime onnxruntime-gpu; pip install" in finding.advice
    line(found(software.packages), "problem", "opencv-python and opencv-python-headless")


def test_a_package_that_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software, "_SHOWN", ("numpy", "no-such-package"))
    line(found(software.packages), "ok", "numpy")
    line(found(software.packages), "problem", "not installed: no-such-package")


def test_the_settings_file_is_read(tmp_path: Path) -> None:
    line(found(software.configuration), "ok", "the defaults are used", "~")
    path = config_file.user_file()
    path.write_text('[weights]\nmirror = "http://127.0.0.1"\n')
    line(found(software.configuration), "ok", "is valid", "mirror")
    path.write_text("[matte]\nmodle = 3\n")
    finding = line(found(software.configuration), "problem", "'modle'")
    assert str(tmp_path) not in finding.text


def test_the_folder_of_models(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [Weights(f"{name}.onnx", "http://127.0.0.1/", None, 5) for name in ("one", "two")]
    files += [Weights("any.onnx", "http:"), Weights("other.onnx", "http:", f"md5:{'0' * 32}")]
    row = catalog.Model("all", "all", "MIT", weights=tuple(files))
    monkeypatch.setattr(catalog, "CATALOG", (row,))
    line(found(software.cache), "ok", "~/cache: no models yet", "GB free")
    cache.mkdir()
    for name, data in {"one": b"12345", "two": b"123", "any": b"", "other": b"1"}.items():
        (cache / f"{name}.onnx").write_bytes(data)
    (cache / "three.onnx.part").write_bytes(bytes(2_000_000))
    findings = found(software.cache)
    line(findings, "ok", "one.onnx, two.onnx, any.onnx, other.onnx")
    line(findings, "problem", "other.onnx", "checksum is not md5:000")
    line(findings, "problem", "two.onnx is not the published", "3 bytes, not 5", "remove")
    line(findings, "problem", "any.onnx is empty")
    line(findings, "note", "three.onnx was not fetched to its end: 2.0 MB")
    monkeypatch.setenv("U2NET_HOME", str(cache / "one.onnx"))
    line(found(software.cache), "problem", "is not a folder")
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "elsewhere"))
    line(found(software.cache), "note", "elsewhere cannot be written", "U2NET_HOME")


def test_a_disk_with_little_space_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**8))
    line(found(software.cache), "note", "0.1 GB free: too little", "make room")


def test_the_environment_is_told_without_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*software._VARIABLES]:
        monkeypatch.delenv(name, raising=False)
    line(found(software.environment), "ok", "nothing set")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:3128")
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "1")
    findings = found(software.environment)
    line(findings, "ok", "HTTPS_PROXY=http://***@proxy.example:3128")
    line(findings, "note", "not verified")


# --- processors and GPUs ------------------------------------------------------------------


@LINUX
@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        ("echo 'NVIDIA H100, 570.1, 81559 MiB'", "ok", "NVIDIA H100, 570.1"),
        ("echo 'Driver/library version mismatch' >&2; exit 18", "problem", "version mismatch"),
        ("sleep 20", "problem", "does not answer"),
        (None, "ok", "no nvidia-smi"),
    ],
)
def test_gpus_are_those_of_nvidia_s_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, state: str, words: str
) -> None:
    monkeypatch.setattr(hardware, "_PATIENCE", 0.5 if script == "sleep 20" else 5)
    folder = tmp_path / "bin"
    folder.mkdir()
    if script is not None:
        (folder / "nvidia-smi").write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{script}\n")
        (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    line(found(hardware.gpus), state, words)


def test_why_cuda_is_not_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "obstacle", lambda name: None if name == "cpu" else "no driver")
    monkeypatch.setattr(cuda, "driver", lambda: None)
    findings = found(hardware.devices)
    line(findings, "ok", "cpu can be used")
    line(findings, "note", "cuda cannot be used: no driver")
    monkeypatch.setattr(cuda, "driver", lambda: cuda.Driver(gpus=1, cuda=13000))
    line(found(hardware.devices), "problem", "cuda cannot be used: no driver")


def test_a_package_without_its_network_is_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    import streamcut.sessions
    from streamcut.core.errors import ModelError

    def absent() -> None:
        raise ModelError("no such model file: portrait.onnx")

    monkeypatch.setattr(streamcut.sessions, "new_session", absent)
    [finding] = found(hardware.network)
    assert finding.fatal
    assert "no such model file" in finding.text


def test_the_processors_are_counted() -> None:
    line(found(hardware.cpu), "ok", "processors", "threads")


# --- codecs, cameras ----------------------------------------------------------------------


def test_codecs_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {each.state for each in found(media.codecs)} == {"ok"}
    monkeypatch.setattr(media, "_DECODERS", {"h264", "no-such-codec"})
    findings = found(media.codecs)
    line(findings, "ok", "decoders: h264")
    line(findings, "problem", "decoders missing: no-such-codec", "only-binary")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A machine with video devices: name, whether virtual, its rights (None: no node)."""
    system, devices = tmp_path / "sys", tmp_path / "dev"
    monkeypatch.setattr(media, "_SYSTEM", system)
    monkeypatch.setattr(media, "_DEVICES", devices)
    rights: dict[str, bool] = {}
    monkeypatch.setattr(os, "access", lambda path, _: rights[Path(path).name])
    devices.mkdir()

    def made(number: int, name: str, *, virtual: bool = False, may: bool | None = True) -> None:
        place = system / "class/video4linux" / f"video{number}"
        place.mkdir(parents=True)
        (place / "name").write_text(f"{name}\n")
        if virtual:
            (system / "devices/virtual/video4linux" / place.name).mkdir(parents=True)
        if may is not None:
            (devices / place.name).touch()
            rights[place.name] = may

    return made


@LINUX
def test_cameras_are_named_and_tried(machine: Callable[..., None], tmp_path: Path) -> None:
    line(found(media.cameras), "note", "no camera")
    machine(0, "Integrated Camera")
    machine(2, "Locked", may=False)
    machine(10, "Not passed on", may=None)
    machine(1, "Integrated Camera")
    (tmp_path / "sys/class/video4linux/video1/index").write_text("1\n")
    machine(3, "Loopback", virtual=True)
    findings = found(media.cameras)
    assert len(findings) == 3
    line(findings, "ok", f"{tmp_path}/dev/video0: Integrated Camera")
    line(findings, "problem", "video2 (Locked) may not be read", "-aG video")
    line(findings, "problem", "video10 (Not passed on)", "--device")
    assert "video10" in findings[-1].text


@LINUX
def test_virtual_cameras_are_found(
    machine: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line(found(media.virtual_camera), "note", "v4l2loopback is not loaded", "modprobe")
    (tmp_path / "sys/module/v4l2loopback").mkdir(parents=True)
    line(found(media.virtual_camera), "problem", "has made no device")
    machine(3, "Mine", virtual=True)
    machine(4, "Locked", virtual=True, may=False)
    machine(0, "Integrated Camera")
    findings = found(media.virtual_camera)
    line(findings, "ok", "video3: Mine")
    line(findings, "problem", "video4 (Locked) may not be written")
    monkeypatch.setattr(media, "find_spec", lambda _: None)
    line(found(media.virtual_camera), "note", "pyvirtualcam is absent")


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_asked_for_their_cameras(
    monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    import streamcut.sources
    from streamcut.sources import Camera

    present = [Camera(0, "FaceTime", "0")]
    monkeypatch.setattr(streamcut.sources, "cameras", lambda: present)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(media, "_registered", lambda _: False)
    line(found(media.cameras), "ok", "FaceTime")
    present.clear()
    line(found(media.cameras), "note", "no camera", "privacy")
    line(found(media.virtual_camera), "note", "OBS is not installed")
