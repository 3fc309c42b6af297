"""Several outputs of one pass: decoded and matted once, each what it would be alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.media import Brightness, pictures, shown, write

from streamcut.core.config import Settings
from streamcut.core.errors import SinkError, UsageError
from streamcut.jobs.also import Also, check_distinct
from streamcut.jobs.file import Job
from streamcut.sinks.file.media import MediaSink

PLAIN = Settings().with_options({"decontaminate": False})


class Counting(Brightness):
    """Counts what the network is asked."""

    asked = 0

    def stream(self) -> Any:
        inner = super().stream()

        def look(picture: Any) -> Any:
            self.asked += 1
            return inner(picture)

        return look


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write(tmp_path / "in.mkv", pictures(12))


def job(clip: Path, name: str, *also: str, session: Brightness | None = None) -> Job:
    paths = [str(clip.parent / each) for each in also]
    return Job(clip, clip.parent / name, PLAIN, session=session or Brightness(), also=paths)


def test_each_is_what_it_would_be_alone(clip: Path) -> None:
    session = Counting()
    summary = job(clip, "a.mkv", "m.mkv=mask", "s.mkv=stacked", "b.mkv", session=session).run()
    assert session.asked == 12
    assert [Path(path).name for path in summary.also] == ["m.mkv", "s.mkv", "b.mkv"]
    home = clip.parent
    for name, options in (
        ("a", {}),
        ("b", {}),
        ("m", {"only_mask": True}),
        ("s", {"stacked": True}),
    ):
        settings = PLAIN.with_options(options)
        Job(clip, home / f"alone-{name}.mkv", settings, session=Brightness()).run()
        made, alone = shown(home / f"{name}.mkv"), shown(home / f"alone-{name}.mkv")
        assert made.times == alone.times
        for one, other in zip(made.planes(), alone.planes(), strict=True):
            assert all((a == b).all() for a, b in zip(one, other, strict=True))


def test_the_inverse_keeps_what_the_cutout_leaves(clip: Path) -> None:
    job(clip, "a.mkv", "i.mkv=inverse").run()
    cutouts = shown(clip.parent / "a.mkv").rgba()
    for cutout, rest in zip(cutouts, shown(clip.parent / "i.mkv").rgba(), strict=True):
        assert (cutout[..., 3].astype(int) + rest[..., 3] == 255).all()


def test_one_that_fails_stops_none(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = MediaSink.write

    def write_some(self: MediaSink, frame: Any) -> None:
        if "bad" in self.path and self.written > 3:
            raise SinkError("the disk is full")
        whole(self, frame)

    monkeypatch.setattr(MediaSink, "write", write_some)
    with pytest.raises(SinkError, match="disk is full"):
        job(clip, "a.mkv", "bad.mkv", "b.mkv").run()
    assert len(shown(clip.parent / "a.mkv").pictures) == 12
    assert len(shown(clip.parent / "b.mkv").pictures) == 12


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("m.mp4", "holds no alpha: write m.mp4=mask"),
        ("m.mp4=inverse", "holds no alpha"),
        ("m.mp4=background", "give background"),
        ("m=mask", "no ending"),
        ("m.xyz=mask", "unknown ending"),
    ],
)
def test_what_cannot_be(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Also.parse(text, PLAIN)


def test_looks() -> None:
    over = PLAIN.with_options({"background": "red"})
    assert Also.parse("a.mp4=background", over).settings.picture.background == "red"
    assert Also.parse("a.webm", over).settings.picture.background == ""
    assert Also.parse("a=b.webm", over).path == "a=b.webm"
    with pytest.raises(UsageError, match="written twice"):
        check_distinct(["a.webm", "b.webm", "./a.webm"])


def test_an_error_in_the_network_ends_all(clip: Path) -> None:
    class Broken(Brightness):
        def stream(self) -> Any:
            def look(picture: Any) -> Any:
                raise RuntimeError("broken")

            return look

    with pytest.raises(RuntimeError, match="broken"):
        job(clip, "a.mkv", "m.mkv=mask", session=Broken()).run()
    assert not (clip.parent / "a.mkv").exists()


def test_nothing_is_wasted_on_alpha(clip: Path) -> None:
    job(clip, "a.webm", "m.mkv=mask").run()
    pixels = shown(clip.parent / "a.webm").rgba()[3]
    mask = shown(clip.parent / "m.mkv").planes()[3][0]
    assert np.abs(pixels[..., 3].astype(int) - mask).mean() < 3
