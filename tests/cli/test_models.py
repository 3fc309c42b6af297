"""``streamcut models``: what there is, fetching it, how fast it is."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from helpers.jobs import Ran
from helpers.servers import Answering, serving

from streamcut.cli import fetching
from streamcut.core import cache
from streamcut.core.config import Settings
from streamcut.core.errors import ModelError
from streamcut.diagnostics.bench import models as bench
from streamcut.sessions import CATALOG, Model
from streamcut.sessions.files import catalog, inventory, speeds
from streamcut.sessions.files.model import PACKAGED, Weights

DATA = (PACKAGED / "portrait.onnx").read_bytes()
SHA256 = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
NAMES = [model.name for model in CATALOG]

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def server() -> Iterator[Answering]:
    with serving(DATA) as answering:
        yield answering


@pytest.fixture
def rows(server: Answering, monkeypatch: pytest.MonkeyPatch) -> tuple[Model, ...]:
    """A catalogue with a model that is free, and one whose licence has conditions."""

    def row(name: str, conditions: str | None) -> Model:
        weights = (Weights(f"{name}.onnx", server.url, SHA256, len(DATA)),)
        return Model(name, f"a {name} model", "GPL-3.0-only", "recurrent", weights=weights,
                     conditions=conditions)  # fmt: skip

    made = (*CATALOG[:1], row("free", None), row("bound", "GPL-3.0: say where it is from"))
    monkeypatch.setattr(catalog, "CATALOG", made)
    monkeypatch.setattr(inventory, "CATALOG", made)
    return made


def listed(command: Callable[..., Ran]) -> dict[str, dict[str, object]]:
    ran = command("models", "--json")
    assert (ran.code, ran.err) == (0, "")
    return {entry["name"]: entry for entry in json.loads(ran.out)}


# --- the list -----------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_the_list_names_every_model_and_fits(
    command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    ran = command("models")
    assert (ran.code, ran.err) == (0, "")
    assert max(map(len, ran.out.splitlines())) <= columns
    assert all(f" {name} " in ran.out for name in NAMES)


def test_the_list_says_what_each_is_for_and_where_it_is(command: Callable[..., Ran]) -> None:
    found = listed(command)
    assert list(found) == NAMES
    assert found["portrait"]["where"] == "package"
    files = [PACKAGED / "portrait-float.onnx", PACKAGED / "portrait.onnx"]
    assert found["portrait"]["files"] == [str(path) for path in files]
    assert found["portrait"]["bytes"] == sum(path.stat().st_size for path in files)
    assert found["sinet"]["where"] == "by path"
    for model in CATALOG:
        assert found[model.name]["licence"] == model.licence
        assert found[model.name]["purpose"] == model.purpose


def test_the_list_marks_conditions_and_says_how_to_get_what_is_absent(
    command: Callable[..., Ran], rows: tuple[Model, ...]
) -> None:
    ran = command("models")
    assert "GPL-3.0-only*" in ran.out
    assert "streamcut models pull NAME" in ran.out
    assert "streamcut models bench" in ran.out
    assert ran.out.count("not yet") == 2


# --- pull ---------------------------------------------------------------------------------


def test_pulled_models_are_there(
    command: Callable[..., Ran], cache: Path, rows: tuple[Model, ...], server: Answering
) -> None:
    assert listed(command)["free"]["where"] == "absent"
    ran = command("models", "pull", "free", "portrait")
    assert (ran.code, ran.err) == (0, "downloading free ...\n")
    assert str(cache / "free.onnx") in ran.out
    assert "portrait: inside the package" in ran.out
    assert (cache / "free.onnx").read_bytes() == DATA
    entry = listed(command)["free"]
    assert (entry["where"], entry["files"]) == ("downloaded", [str(cache / "free.onnx")])
    assert "is there" in command("models", "pull", "free").out
    assert len(server.asked) == 1
    assert command("models", "pull", "free", "--force", "--quiet") == Ran(0, "", "")
    assert len(server.asked) == 2


def test_what_cannot_be_pulled_is_a_line_and_the_others_are_fetched(
    command: Callable[..., Ran], cache: Path, rows: tuple[Model, ...], server: Answering
) -> None:
    server.statuses = [404]
    ran = command("models", "pull", "bound", "free")
    assert ran.code == 1
    assert "bound.onnx cannot be fetched" in ran.err
    assert not (cache / "bound.onnx").exists()
    assert (cache / "free.onnx").exists()


def test_an_unknown_name_is_found_before_anything_is_fetched(
    command: Callable[..., Ran], rows: tuple[Model, ...], server: Answering
) -> None:
    ran = command("models", "pull", "free", "fere")
    assert (ran.code, ran.out) == (1, "")
    assert "no model is called 'fere'; did you mean free?" in ran.err
    assert not server.asked


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("--device", "rocm"), "the device rocm cannot be used"),
        (("--screen", "green"), "--screen is for --model chroma"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_fetched(
    command: Callable[..., Ran],
    rows: tuple[Model, ...],
    server: Answering,
    short_clip: Path,
    tmp_path: Path,
    wrong: tuple[str, str],
    words: str,
) -> None:
    ran = command("video", str(short_clip), str(tmp_path / "out.mkv"), "--model", "free", *wrong)
    assert ran.code != 0
    assert words in ran.err
    assert not server.asked


def test_what_nobody_publishes_is_named(command: Callable[..., Ran]) -> None:
    ran = command("models", "pull", "sinet")
    assert ran.code == 1
    assert "sinet is published nowhere" in ran.err


def test_a_mirror_is_taken_from_the_option_or_the_settings(
    command: Callable[..., Ran],
    tmp_path: Path,
    rows: tuple[Model, ...],
    server: Answering,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from streamcut.core import config_file

    base = server.url.removesuffix("/model.onnx")
    assert command("models", "pull", "free", "--mirror", f"{base}/a").code == 0
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[weights]\nmirror = "{base}/b"\n')
    monkeypatch.setattr(config_file, "user_file", lambda: settings)
    assert command("models", "pull", "bound").code == 0
    assert [path for path, _ in server.asked] == ["/a/free.onnx", "/b/bound.onnx"]


# --- conditions ---------------------------------------------------------------------------


def test_conditions_are_told_to_a_script_which_goes_on(
    command: Callable[..., Ran], rows: tuple[Model, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = command("models", "pull", "bound")
    assert ran.code == 0
    said = "streamcut: bound: GPL-3.0: say where it is from\n"
    assert ran.err == f"downloading bound ...\n{said}"
    assert command("models", "pull", "bound", "--force").err == "downloading bound ...\n"


@pytest.mark.parametrize(("answer", "agreed"), [(True, True), (False, False)])
def test_conditions_are_asked_about_where_somebody_can_answer(
    rows: tuple[Model, ...], monkeypatch: pytest.MonkeyPatch, answer: bool, agreed: bool
) -> None:
    asked: list[str] = []

    def confirm(text: str, **_: Any) -> bool:
        asked.append(text)
        return answer

    monkeypatch.setattr(fetching, "_somebody_is_there", lambda: True)
    monkeypatch.setattr(click, "confirm", confirm)
    settings = Settings().with_options({"model": "bound"})
    for _ in range(2):
        if agreed:
            fetching.ready(settings)
        else:
            with pytest.raises(ModelError, match="bound was not downloaded"):
                fetching.ready(settings)
    assert asked == ["Download bound?"] * (1 if agreed else 2)


@pytest.mark.parametrize("answer", ["y", "n", "\n", "\x03"])
def test_a_terminal_asks_before_the_download_and_remembers(
    terminal: Callable[..., Ran], cache: Path, answer: str
) -> None:
    with serving(DATA) as server:
        mirror = server.url.removesuffix("/model.onnx")
        pull = ("models", "pull", "rvm-mobilenetv3", "--mirror", mirror)
        ran = terminal(*pull, answers={"[y/N]": f"{answer}\n" if answer.isalpha() else answer})
        assert "rvm-mobilenetv3: GPL-3.0: " in ran.out
        assert "Traceback" not in ran.out
        if answer == "y":
            assert ran.code == 0
            assert (cache / "rvm_mobilenetv3_fp32.onnx").read_bytes() == DATA
            assert "[y/N]" not in terminal(*pull, "--force").out
            assert len(server.asked) == 2
        else:
            assert ran.code == (130 if answer == "\x03" else 1)
            assert "not accepted" in ran.out or answer == "\x03"
            assert not server.asked


def test_a_job_s_settings_name_the_mirror(rows: tuple[Model, ...], server: Answering) -> None:
    from streamcut.jobs.request import session_of

    mirror = server.url.replace("/model.onnx", "/elsewhere")
    session = session_of(Settings().with_options({"model": "free", "mirror": mirror}))
    assert session.input_size(1920, 1080)[0] > 0
    assert [path for path, _ in server.asked] == ["/elsewhere/free.onnx"]


def test_a_session_made_by_name_takes_a_mirror(rows: tuple[Model, ...], server: Answering) -> None:
    from streamcut import new_session

    assert new_session("free", mirror=server.url.replace("/model.onnx", "/elsewhere"))
    assert [path for path, _ in server.asked] == ["/elsewhere/free.onnx"]


def test_a_job_asks_before_it_starts(
    command: Callable[..., Ran], tmp_path: Path, rows: tuple[Model, ...], short_clip: Path
) -> None:
    ran = command("video", short_clip, tmp_path / "out.webm", "--model", "bound")
    assert ran.code == 0
    assert "streamcut: bound: GPL-3.0: say where it is from\n" in ran.err
    assert listed(command)["bound"]["where"] == "downloaded"


# --- bench --------------------------------------------------------------------------------


def test_what_was_measured_is_shown_in_the_list(
    command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = bench.measure
    monkeypatch.setattr(bench, "measure", lambda settings: measure(settings, frames=4))
    ran = command("models", "bench", "portrait", "--threads", "1", "--device", "cpu", "--json")
    assert (ran.code, ran.err) == (0, "")
    [figures] = json.loads(ran.out)
    assert (figures["model"], figures["device"], figures["frames"]) == ("portrait", "CPU", 4)
    assert figures["fps"] == pytest.approx(1000 / figures["ms"], rel=1e-2)
    assert figures["width"] > figures["height"] > 0
    assert listed(command)["portrait"]["speed"] == figures
    assert f"{figures['fps']:.0f} CPU" in command("models").out
    assert "input" in command("models", "bench", "portrait").out


def test_one_that_fails_does_not_stop_the_others(
    command: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = bench.measure
    monkeypatch.setattr(bench, "measure", lambda settings: measure(settings, frames=3))
    ran = command("models", "bench", tmp_path / "absent.onnx", "portrait")
    assert ran.code == 1
    assert "no such model file" in ran.err
    assert "portrait" in ran.out


def test_figures_are_those_of_this_machine_and_the_latest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = speeds.Speed("m", "CPU", 8, 8, 10.0, 3, platform.node(), "2026-01-01T00:00:00")
    later = replace(here, device="CUDA", ms=5.0, date="2026-01-02T00:00:00")
    elsewhere = replace(here, machine="elsewhere", date="2026-01-03T00:00:00")
    for number, each in enumerate((later, here, elsewhere)):
        facts = {name: getattr(each, name) for name in each.__dataclass_fields__}
        cache.remember("speeds", str(number), facts)
    cache.remember("speeds", "odd", {"of": "another version"})
    assert speeds.kept("m") == later
    assert speeds.kept("another") is None


def test_without_names_those_are_measured_that_are_there(rows: tuple[Model, ...]) -> None:
    assert inventory.present() == ["portrait"]
    fetching.ready(Settings().with_options({"model": "free"}))
    assert inventory.present() == ["portrait", "free"]


# --- what is remembered -------------------------------------------------------------------


def test_what_is_remembered_may_be_broken_or_lost(tmp_path: Path) -> None:
    cache.remember("facts", "a", 1)
    cache.remember("facts", "b", [2])
    assert cache.recall("facts") == {"a": 1, "b": [2]}
    for broken in (b"", b"{", b"[1]", b"\xff"):
        (cache.folder() / "facts.json").write_bytes(broken)
        assert cache.recall("facts") == {}
    cache.remember("facts", "a", 3)
    assert cache.recall("facts") == {"a": 3}
    assert [path.name for path in cache.folder().iterdir()] == ["facts.json"]
