"""Weights: fetched once, whole and right, or one line says why not and what to do."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import requests
from helpers.servers import Answering, serving

from streamcut.core.errors import ModelError
from streamcut.sessions import new_session
from streamcut.sessions.files import download, store
from streamcut.sessions.files.catalog import CATALOG, UNKNOWN
from streamcut.sessions.files.model import Weights
from streamcut.sessions.files.store import fetch, fetch_model, located

DATA = b"\x08\x08\x12\x07pytorch" + np.random.default_rng(0).bytes(300_000)
MD5 = f"md5:{hashlib.md5(DATA).hexdigest()}"
SHA256 = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"


@pytest.fixture(autouse=True)
def _impatient(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has a cache of its own, and no patience."""
    monkeypatch.setattr(download, "_PAUSES", (0.01, 0.01, 0.01))


@pytest.fixture
def server() -> Iterator[Answering]:
    with serving(DATA) as answering:
        yield answering


def row(server: Answering, checksum: str | None = SHA256) -> Weights:
    return Weights("model.onnx", server.url, checksum)


def line(raised: pytest.ExceptionInfo[ModelError], *words: str) -> None:
    """Check that an error is one line with these words, and says where the file belongs."""
    text = str(raised.value)
    assert "\n" not in text
    missing = [word for word in ("model.onnx", *words) if word not in text]
    assert not missing, f"{missing} is not in: {text}"


def leftovers(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()} if cache.is_dir() else set()


# --- where files are ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"U2NET_HOME": "{home}/a", "XDG_DATA_HOME": "{home}/b"}, "a"),
        ({"U2NET_HOME": "", "XDG_DATA_HOME": "{home}/b"}, "b/.u2net"),
        ({"U2NET_HOME": "", "XDG_DATA_HOME": ""}, ".u2net"),
        ({"U2NET_HOME": "~/c"}, "c"),
    ],
)
def test_the_cache_is_rembg_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(home=tmp_path))
    assert store.cache_folder() == tmp_path / wanted


def test_the_cache_is_where_rembg_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    base = pytest.importorskip("rembg.sessions.base").BaseSession
    if not hasattr(base, "legacy_home"):
        assert store.cache_folder() == Path(base.u2net_home())
        return
    for unset in ("", "U2NET_HOME"):
        monkeypatch.delenv(unset, raising=False)
        assert store.cache_folder() == Path(base.legacy_home())
        assert store.rembg_folder() == Path(base.rembg_home())


def test_what_a_newer_rembg_has_fetched_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Answering
) -> None:
    monkeypatch.delenv("U2NET_HOME")
    theirs = tmp_path / ".rembg" / "models" / "model" / "model.onnx"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(DATA)
    assert fetch(row(server)) == theirs
    assert not server.asked


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../model.onnx", "/etc/passwd", "a/b.onnx", "a\\b.onnx", "..\\b", "~"),
        *("C:model.onnx", "C:\\model.onnx", "model.onnx\0", "model.onnx\n", " model.onnx"),
        *(".hidden", "model.onnx.", "-rf", "nul.onnx", "COM1", "modèle.onnx", "$HOME", "%2e%2e"),
    ],
)
def test_no_name_escapes_the_cache(cache: Path, server: Answering, name: str) -> None:
    with pytest.raises(ModelError, match="is not a name for a model file"):
        fetch(replace(row(server), file=name))
    assert not server.asked
    assert not cache.exists()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="the system has no O_NOFOLLOW")
@pytest.mark.parametrize("name", ["model.onnx.part", "model.onnx.lock"])
def test_a_symbolic_link_leads_nothing_out_of_the_cache(
    tmp_path: Path, cache: Path, server: Answering, name: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    cache.mkdir()
    (cache / name).symlink_to(victim)
    with pytest.raises(ModelError) as raised:
        fetch(row(server))
    line(raised, "cannot be written", str(cache))
    assert victim.read_bytes() == b"precious"


def test_a_link_at_the_end_is_replaced_not_followed(
    tmp_path: Path, cache: Path, server: Answering
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    cache.mkdir()
    (cache / "model.onnx").symlink_to(victim)
    fetch(row(server), force=True)
    assert victim.read_bytes() == b"precious"
    assert (cache / "model.onnx").read_bytes() == DATA
    assert not (cache / "model.onnx").is_symlink()


# --- fetching -----------------------------------------------------------------------------


@pytest.mark.parametrize("checksum", [MD5, SHA256, None])
def test_a_file_is_fetched_once_and_nothing_else_is_left(
    cache: Path, server: Answering, checksum: str | None
) -> None:
    assert located(row(server)) is None
    for _ in range(2):
        path = fetch(row(server, checksum))
        assert path == cache / "model.onnx" == located(row(server))
        assert path.read_bytes() == DATA
    assert server.asked == [("/model.onnx", None)]
    assert leftovers(cache) == {"model.onnx"}


def test_force_fetches_it_again(server: Answering) -> None:
    fetch(row(server))
    fetch(row(server), force=True)
    assert len(server.asked) == 2


def test_redirects_are_followed(server: Answering) -> None:
    server.moved = 3
    assert fetch(row(server)).read_bytes() == DATA
    assert len(server.asked) == 4


def test_redirects_without_end_are_given_up(server: Answering) -> None:
    server.moved = 1000
    with pytest.raises(ModelError) as raised:
        fetch(row(server))
    line(raised, "redirects without end")


def test_a_slow_server_is_waited_for_and_its_progress_told(
    tmp_path: Path, server: Answering
) -> None:
    server.pause = 0.001
    told: list[tuple[int, int | None]] = []
    part = tmp_path / "part"
    download.download(
        server.url, part, lambda *state: told.append(state), checked=True, most=1 << 30
    )
    assert part.read_bytes() == DATA
    assert told[0] == (0, len(DATA))
    assert told[-1] == (len(DATA), len(DATA))
    assert told == sorted(told)


def test_a_server_that_stalls_is_given_up(
    server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_TIMEOUT", (0.1, 0.1))
    server.pause = 5
    with pytest.raises(ModelError) as raised:
        fetch(row(server))
    line(raised, "did not answer in time")
    assert len(server.asked) == 4


@pytest.mark.parametrize("cuts", [[100_000], [1, 100_000, 200_000, 200_001], [0, 0, 0]])
def test_what_broke_off_goes_on(cache: Path, server: Answering, cuts: list[int]) -> None:
    server.cuts = [*cuts]
    assert fetch(row(server)).read_bytes() == DATA
    assert [asked for _, asked in server.asked] == [
        None,
        *(f"bytes={cut}-" if cut else None for cut in cuts),
    ]
    assert leftovers(cache) == {"model.onnx"}


def test_it_goes_on_in_another_run(server: Answering) -> None:
    server.cuts = [100_000] * 10
    for checksum in (SHA256, None):
        with pytest.raises(ModelError) as raised:
            fetch(row(server, checksum))
        line(raised, f"broke off after 100000 of {len(DATA)} bytes")
    server.cuts.clear()
    server.asked.clear()
    assert fetch(row(server)).read_bytes() == DATA
    assert server.asked == [("/model.onnx", "bytes=100000-")]


@pytest.mark.parametrize("checksum", [SHA256, None])
def test_a_server_without_ranges_begins_anew(server: Answering, checksum: str | None) -> None:
    server.ranges = False
    server.cuts = [200_000, 100_000]
    assert fetch(row(server, checksum)).read_bytes() == DATA


@pytest.mark.parametrize("checksum", [SHA256, None])
@pytest.mark.parametrize("etag", ['"two"', 'W/"two"', ""])
def test_another_version_is_never_mixed_with_what_is_there(
    cache: Path, server: Answering, etag: str, checksum: str | None
) -> None:
    whole, server.data = server.data, b"\x08old" + bytes(200_000)
    server.cuts = [100_000] * 10
    with pytest.raises(ModelError):
        fetch(row(server, checksum))
    server.data, server.etag, server.cuts = whole, etag, []
    assert fetch(row(server, checksum)).read_bytes() == DATA
    assert leftovers(cache) == {"model.onnx"}


def test_a_wrong_beginning_is_begun_anew(cache: Path, server: Answering) -> None:
    cache.mkdir()
    (cache / "model.onnx.part").write_bytes(b"\x08 not the same" * 1000)
    assert fetch(row(server)).read_bytes() == DATA
    assert [asked for _, asked in server.asked] == ["bytes=14000-", None]


def test_without_a_checksum_an_unknown_beginning_is_not_trusted(
    cache: Path, server: Answering
) -> None:
    cache.mkdir()
    (cache / "model.onnx.part").write_bytes(DATA[:1000])
    assert fetch(row(server, None)).read_bytes() == DATA
    assert server.asked == [("/model.onnx", None)]


def test_a_whole_file_that_was_never_renamed_is_not_fetched_again(
    cache: Path, server: Answering
) -> None:
    cache.mkdir()
    (cache / "model.onnx.part").write_bytes(DATA)
    assert fetch(row(server)).read_bytes() == DATA
    assert server.asked == [("/model.onnx", f"bytes={len(DATA)}-")]


@pytest.mark.parametrize("statuses", [[500], [503, 502, 429], [408]])
def test_a_busy_server_is_asked_again(server: Answering, statuses: list[int]) -> None:
    server.statuses = [*statuses]
    assert fetch(row(server)).read_bytes() == DATA
    assert len(server.asked) == len(statuses) + 1


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (403, 1), (500, 4)])
def test_a_server_that_refuses_is_named(
    cache: Path, server: Answering, status: int, tries: int
) -> None:
    server.statuses = [status] * 10
    with pytest.raises(ModelError) as raised:
        fetch(row(server))
    line(raised, server.url, f"answers {status}", str(cache / "model.onnx"), "by hand")
    assert len(server.asked) == tries
    assert leftovers(cache) == set()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_length_that_is_too_great_is_seen_through_by_the_checksum(
    server: Answering, ranges: bool
) -> None:
    server.too_long, server.ranges = 500, ranges
    assert fetch(row(server)).read_bytes() == DATA


def test_a_length_that_is_too_great_is_named(server: Answering) -> None:
    server.too_long, server.ranges = 500, False
    with pytest.raises(ModelError) as raised:
        fetch(row(server, None))
    line(raised, f"broke off after {len(DATA)} of {len(DATA) + 500} bytes")


def test_a_length_that_is_too_small_is_no_model(cache: Path, server: Answering) -> None:
    server.too_long = -500
    with pytest.raises(ModelError) as raised:
        fetch(row(server))
    line(raised, server.url, "not the published file", SHA256)
    assert leftovers(cache) == set()
    sized = replace(row(server, None), bytes=len(DATA))
    with pytest.raises(ModelError) as raised:
        fetch(sized)
    line(raised, f"{len(DATA) - 500} bytes, not {len(DATA)}")


def test_a_tampered_file_is_refused_and_removed(cache: Path, server: Answering) -> None:
    server.data = DATA[:-1] + b"x"
    for checksum in (MD5, SHA256):
        with pytest.raises(ModelError) as raised:
            fetch(row(server, checksum))
        line(raised, server.url, "not the published file", checksum, str(cache / "model.onnx"))
    assert leftovers(cache) == set()


def test_the_checksum_can_be_disabled_as_in_rembg(
    monkeypatch: pytest.MonkeyPatch, server: Answering
) -> None:
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "")
    server.data = DATA[:-1] + b"x"
    assert fetch(row(server)).read_bytes() == server.data


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
@pytest.mark.parametrize(
    "data",
    [PAGE, b'\n{"error": "no"}', b"<?xml version='1.0'?>", b"version https://git-lfs.github.com"],
)
def test_a_page_is_no_model(cache: Path, server: Answering, kind: str, data: bytes) -> None:
    server.data, server.kind = data, kind
    with pytest.raises(ModelError) as raised:
        fetch(row(server, None))
    line(raised, server.url, "page", str(cache / "model.onnx"))
    assert leftovers(cache) == set()


def test_an_empty_answer_is_no_model(tmp_path: Path, server: Answering) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    assert store._page(empty) == "is empty"


def test_an_address_where_nobody_is(cache: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/model.onnx"
        with pytest.raises(ModelError) as raised:
            fetch(Weights("model.onnx", url, MD5))
    line(raised, url, "nothing answers", str(cache / "model.onnx"), "by hand")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://no-such-host.invalid/model.onnx", "name cannot be found"),
        ("ftp://127.0.0.1/model.onnx", "not an http address"),
        ("model.onnx", "not an http address"),
        ("http://[oops/model.onnx", "not an http address"),
    ],
)
def test_an_address_that_leads_nowhere(url: str, words: str) -> None:
    with pytest.raises(ModelError) as raised:
        fetch(Weights("model.onnx", url, MD5))
    line(raised, url, words)


def test_without_a_network_it_is_not_asked_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    monkeypatch.setattr(download, "_PAUSES", (0.5, 1.5, 3.0))
    monkeypatch.setattr(time, "sleep", paused.append)
    with pytest.raises(ModelError, match="is there a network"):
        fetch(Weights("model.onnx", "http://no-such-host.invalid/model.onnx", MD5))
    assert paused == [0.5]


def test_a_server_without_encryption_is_named(server: Answering) -> None:
    with pytest.raises(ModelError) as raised:
        fetch(replace(row(server), url=server.url.replace("http:", "https:")))
    line(raised, "speaks no TLS")


@pytest.mark.skipif(sys.platform == "win32", reason="signals cannot be sent to a thread")
def test_ctrl_c_stops_a_stalled_download(cache: Path, server: Answering) -> None:
    server.pause = 30
    me = threading.get_ident()
    threading.Timer(0.3, lambda: signal.pthread_kill(me, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        fetch(row(server))
    assert "model.onnx.lock" not in leftovers(cache)


@pytest.mark.skipif(sys.platform == "win32", reason="signals cannot be sent to a thread")
def test_ctrl_c_waits_for_the_import_of_requests(
    cache: Path, server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted, it would stay half imported for as long as the program runs."""
    imported = []

    def slowly() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        time.sleep(0.05)  # Python has every occasion to let it rise.
        imported.append(1)

    monkeypatch.setattr(store, "import_requests", slowly)
    with pytest.raises(KeyboardInterrupt):
        fetch(row(server))
    assert imported
    assert not server.asked


@pytest.mark.parametrize("known", [True, False])
def test_more_than_the_file_can_have_is_not_taken(
    cache: Path, server: Answering, known: bool
) -> None:
    """A server that says no length may go on for ever, until the disk is full."""
    server.without_length = True
    server.data = DATA + bytes(1 << 20)
    limit = {"bytes": len(DATA)} if known else {"most": len(DATA)}
    with pytest.raises(ModelError) as raised:
        fetch(Weights("model.onnx", server.url, SHA256, **limit))
    line(raised, "the server sends more")
    assert leftovers(cache) == set()
    assert len(server.asked) == 1


def test_a_file_without_a_length_is_taken(cache: Path, server: Answering) -> None:
    server.without_length = True
    assert fetch(replace(row(server), most=len(DATA))).read_bytes() == DATA


def test_what_is_announced_too_long_is_not_begun(cache: Path, server: Answering) -> None:
    with pytest.raises(ModelError) as raised:
        fetch(replace(row(server), most=1000))
    line(raised, f"the server wants to send {len(DATA)} bytes")
    assert leftovers(cache) == set()


def test_a_part_that_is_too_long_is_begun_anew(cache: Path, server: Answering) -> None:
    cache.mkdir()
    (cache / "model.onnx.part").write_bytes(bytes(len(DATA) + 1))
    assert fetch(replace(row(server), bytes=len(DATA))).read_bytes() == DATA


def test_what_is_packed_is_refused(cache: Path, server: Answering) -> None:
    server.headers = {"Content-Encoding": "gzip"}
    server.data = gzip.compress(DATA)
    with pytest.raises(ModelError) as raised:
        fetch(row(server))
    line(raised, "packed (gzip)")
    assert leftovers(cache) == set()


def test_byte_after_byte_is_not_waited_for_without_end(
    server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_WINDOWS", (0.2, 0.2))
    server.pause, server.step = 0.02, 1
    with pytest.raises(ModelError) as raised:
        fetch(row(server))
    line(raised, "bytes a second")


def test_an_encrypted_address_leads_to_no_open_one() -> None:
    step = requests.Response()
    step.url = "http://somewhere.else/model.onnx"
    with pytest.raises(download.RefusedError, match="from https to http"):
        download._check_way("https://a.example/model.onnx", step)
    download._check_way("http://a.example/model.onnx", step)


def test_every_file_of_the_catalogue_has_a_largest_size() -> None:
    for model in CATALOG:
        for weights in model.weights:
            assert 0 < (weights.bytes or weights.most) <= 1 << 31


# --- what is there already ----------------------------------------------------------------


def test_a_file_put_there_by_hand_is_used(cache: Path, server: Answering) -> None:
    cache.mkdir()
    (cache / "model.onnx").write_bytes(DATA)
    assert fetch(row(server)) == cache / "model.onnx"
    assert not server.asked


def test_a_wrong_file_is_refused_and_left_alone(
    cache: Path, server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir()
    (cache / "model.onnx").write_bytes(b"\x08 my own")
    with pytest.raises(ModelError) as raised:
        fetch(row(server))
    line(raised, str(cache / "model.onnx"), "not the published file", "remove it", server.url)
    assert (cache / "model.onnx").read_bytes() == b"\x08 my own"
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "1")
    assert fetch(row(server)) == cache / "model.onnx"
    assert not server.asked


def test_a_checksum_is_computed_once_and_again_when_the_file_has_changed(
    cache: Path, server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[object] = []
    digest = hashlib.file_digest

    def counted(*what: Any) -> Any:
        hashed.append(what)
        return digest(*what)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    path = fetch(row(server))
    fetch(row(server))
    assert len(hashed) == 1
    with path.open("r+b") as file:
        file.write(b"\x09")
    os.utime(path, ns=(0, 0))
    with pytest.raises(ModelError, match="not the published file"):
        fetch(row(server))
    assert len(hashed) == 2


def test_a_memory_that_cannot_be_written_costs_only_time(
    tmp_path: Path, server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "no folder"))
    for _ in range(2):
        assert fetch(row(server)).read_bytes() == DATA


# --- the disk -----------------------------------------------------------------------------


def test_a_cache_that_cannot_be_made_or_written(
    tmp_path: Path, server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    folders = [tmp_path / "file" / "cache"]
    if Path("/sys/kernel").is_dir():
        folders.append(Path("/sys/kernel"))  # Nobody may write there, root neither.
    for folder in folders:
        monkeypatch.setenv("U2NET_HOME", str(folder))
        with pytest.raises(ModelError) as raised:
            fetch(row(server))
        line(raised, f"cannot be written to {folder}", server.url, "U2NET_HOME", "by hand")


def test_a_disk_too_small_is_named_before_anything_is_written(
    cache: Path, server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(cache.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(ModelError) as raised:
        fetch(row(server))
    line(raised, "too little space: 0.3 MB to come, 0.0 MB free", str(cache))
    assert leftovers(cache) == set()


def test_a_disk_that_fills_up_is_named_and_emptied_again(
    cache: Path, server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    def filling(_: object, file: BinaryIO, *__: object) -> int:
        file.write(DATA[:1000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download, "_write", filling)
    with pytest.raises(ModelError) as raised:
        fetch(row(server))
    line(raised, os.strerror(errno.ENOSPC), str(cache))
    assert leftovers(cache) == set()


# --- several at once ----------------------------------------------------------------------


def test_two_processes_fetch_it_once(cache: Path, server: Answering) -> None:
    server.pause = 0.005
    program = (
        "import sys; from streamcut.sessions.files.model import Weights; "
        "from streamcut.sessions.files.store import fetch; "
        f"print(fetch(Weights('model.onnx', {server.url!r}, {SHA256!r}), mirror=''))"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [run.communicate(timeout=60)[0].strip() for run in runs] == [
        str(cache / "model.onnx")
    ] * 2
    assert server.asked == [("/model.onnx", None)]
    assert (cache / "model.onnx").read_bytes() == DATA
    assert leftovers(cache) == {"model.onnx"}


def test_two_threads_fetch_it_once(cache: Path, server: Answering) -> None:
    server.pause = 0.002
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(fetch(row(server)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [cache / "model.onnx"] * 3
    assert len(server.asked) == 1


def test_a_process_that_died_holds_nobody_up(cache: Path, server: Answering) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from streamcut.sessions.files.locks import locked\n"
        f"with locked(Path({str(cache / 'model.onnx.lock')!r}), None): os._exit(9)"
    )
    cache.mkdir()
    assert subprocess.run([sys.executable, "-c", program]).returncode == 9
    assert (cache / "model.onnx.lock").exists()
    assert fetch(row(server)).read_bytes() == DATA


# --- mirrors and proxies ------------------------------------------------------------------


def test_a_mirror_takes_the_place_of_the_address(tmp_path: Path, server: Answering) -> None:
    elsewhere = Weights("model.onnx", "http://no-such-host.invalid/v1/other-name.onnx", MD5)
    mirror = server.url.replace("127.0.0.1", "user:secret@127.0.0.1").removesuffix("/model.onnx")
    server.statuses = [404]
    with pytest.raises(ModelError) as raised:
        fetch(elsewhere, mirror=f"{mirror}/models/")
    line(raised, "127.0.0.1", "/models/***", "404")
    assert "secret" not in str(raised.value)
    assert fetch(elsewhere, mirror=f"{mirror}/models").read_bytes() == DATA
    assert [path for path, _ in server.asked] == ["/models/model.onnx"] * 2


def test_the_library_reads_no_configuration_file(tmp_path: Path, server: Answering) -> None:
    (tmp_path / "config.toml").write_text("[weights]\nmirror = 1\n")
    assert fetch(row(server)).read_bytes() == DATA
    assert new_session("portrait").model_name == "portrait"


def test_a_mirror_keeps_its_key(server: Answering) -> None:
    mirror = server.url.replace("/model.onnx", "/models?key=hunter2")
    server.statuses = [404]
    with pytest.raises(ModelError) as raised:
        fetch(row(server), mirror=mirror)
    line(raised, "127.0.0.1", "404")
    assert "hunter2" not in str(raised.value)
    assert fetch(row(server), mirror=mirror).read_bytes() == DATA
    assert server.asked[-1][0] == "/models/model.onnx?key=hunter2"


def test_proxies_and_their_exceptions_are_those_of_the_environment(
    server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    somewhere = Weights("model.onnx", "http://models.invalid/model.onnx", MD5)
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/model.onnx"))
    assert fetch(somewhere).read_bytes() == DATA
    assert server.asked == [(somewhere.url, None)]
    monkeypatch.setenv("no_proxy", "models.invalid")
    with pytest.raises(ModelError, match="name cannot be found"):
        fetch(somewhere, force=True)


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(ModelError) as raised:
            fetch(Weights("model.onnx", "http://models.invalid/model.onnx", MD5))
    line(raised, "proxy does not let it through")


# --- licences -----------------------------------------------------------------------------


def test_conditions_are_shown_once_before_a_download(server: Answering) -> None:
    shown: list[str] = []
    model = replace(UNKNOWN, name="terms", conditions="GPL-3.0: ask first", weights=(row(server),))
    for force in (False, False, True):
        fetch_model(model, force=force, agree=lambda model: shown.append(model.name))
    assert shown == ["terms"]
    assert len(server.asked) == 2
    free = replace(model, conditions=None)
    assert fetch_model(free, force=True, agree=lambda model: shown.append("never"))
    assert shown == ["terms"]


def test_without_anybody_to_ask_conditions_are_a_warning(server: Answering) -> None:
    model = replace(UNKNOWN, name="terms", conditions="GPL-3.0: ask first", weights=(row(server),))
    with pytest.warns(UserWarning, match="terms: GPL-3.0: ask first"):
        fetch_model(model)
    fetch_model(model, force=True)


def test_who_does_not_agree_gets_nothing(cache: Path, server: Answering) -> None:
    def refuse(_: object) -> None:
        raise ModelError("not agreed")

    model = replace(UNKNOWN, name="terms", conditions="ask first", weights=(row(server),))
    for _ in range(2):
        with pytest.raises(ModelError, match="not agreed"):
            fetch_model(model, agree=refuse)
    assert not server.asked
    assert not cache.exists()


def test_it_takes_no_time_to_find_what_is_there(cache: Path, server: Answering) -> None:
    """Neither requests nor rich is imported where there is nothing to fetch."""
    cache.mkdir()
    (cache / "model.onnx").write_bytes(DATA)
    program = (
        "import sys; from streamcut.sessions.files.model import Weights; "
        "from streamcut.sessions.files.store import fetch; "
        f"fetch(Weights('model.onnx', {server.url!r}, {MD5!r})); "
        "print(sorted({'requests', 'rich'} & {*sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stdout == "[]\n", ran.stderr
