"""What a running live job is told by its configuration file, and by folders that it cannot read."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest
from helpers.media import Brightness

from streamcut.core.config import Settings
from streamcut.core.config_file import load
from streamcut.core.errors import UsageError
from streamcut.jobs.live.controls import Controls, Watched, expanded
from streamcut.media.frame import StreamInfo

INFO = StreamInfo(96, 64, "yuv420p", time_base=Fraction(1, 1000), rate=Fraction(30))


def test_a_file_that_is_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[picture]\nbackground = 'red'\n")
    watched = Watched(file, lambda: load(file))
    assert watched.changed() is None
    file.write_text("")
    assert watched.changed() is None
    file.write_text("[picture]\nbackground = 'green'\n")
    assert watched.changed() is None
    settings = watched.changed()
    assert settings is not None
    assert settings.picture.background == "green"
    assert watched.changed() is None


def test_what_a_model_takes_of_its_own_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[matte]\nmodel = 'chroma'\nscreen = 'green'\n")
    said: list[str] = []
    watched = Watched(file, lambda: load(file))
    controls = Controls(load(file), INFO, Brightness(), say=said.append, watched=watched)
    with controls:
        before = controls.current.session
        file.write_text("[matte]\nmodel = 'chroma'\nscreen = 'green'\nsmooth = 0.5\n")
        controls.poll()
        controls.poll()
        assert controls.current.settings.matte.smooth == 0.5
        assert controls.current.session is before
        file.write_text("[matte]\nmodel = 'chroma'\nscreen = 'blue'\n")
        controls.poll()
        controls.poll()
        assert controls.current.session is not before
        file.write_text("[matte]\nmodel = 'chroma'\nscreen = 'no colour'\n")
        controls.poll()
        controls.poll()
        assert controls.current.settings.matte.screen == "blue"
    assert "no colour" in said[-1]


@pytest.mark.skipif(os.name == "nt", reason="folders are shut as POSIX shuts them")
def test_a_folder_that_may_not_be_read_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:  # Root may read what is shut.
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UsageError, match="Permission denied"):
        expanded([str(tmp_path)])
    said: list[str] = []
    watched = iter([Settings().with_options({"background": str(tmp_path)})])

    class Once(Watched):
        def changed(self) -> Settings | None:
            return next(watched, None)

    once = Once(tmp_path / "none", Settings)
    with Controls(
        Settings().with_options({"background": "red"}),
        INFO,
        Brightness(),
        say=said.append,
        watched=once,
    ) as controls:
        controls.poll()
    assert "stays as it was" in said[0]


def test_a_background_that_failed_is_in_nobodys_way(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("")
    said: list[str] = []
    settings = Settings().with_options({"background": "red"})

    def read() -> Settings:
        return load(file).with_options({"background": "red"})

    with Controls(
        settings,
        INFO,
        Brightness(),
        backgrounds=["red", "no-such-colour", "blue"],
        say=said.append,
        watched=Watched(file, read),
    ) as controls:
        controls.next_background()
        controls.poll()
        assert "no-such-colour" in said[-1]
        file.write_text("[matte]\nsmooth = 0.5\n")
        controls.poll()
        controls.poll()
        assert said[-1] == "the configuration file was read again"
        now = controls.current.settings
        assert (now.matte.smooth, now.picture.background) == (0.5, "red")
        controls.next_background()
        controls.poll()
        assert said[-1] == "background: blue"
