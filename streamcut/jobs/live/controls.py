"""What a running live job does, and how it is told to do something else without a gap."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Self, TypeVar

from streamcut.compositing.looks import made_by
from streamcut.core.config import LiveSettings, Settings
from streamcut.core.errors import StreamcutError, UsageError
from streamcut.jobs.request import (
    MODEL_OPTIONS,
    check_borders,
    keep_of,
    look_of,
    parse_background,
    session_of,
)
from streamcut.jobs.stages import Appearance
from streamcut.matting.network import able
from streamcut.media.frame import StreamInfo
from streamcut.sessions import BaseSession

T = TypeVar("T")
In = TypeVar("In")
Out = TypeVar("Out")

_POLL = 0.2
_SETTLED = "whether the output is transparent, opaque or a matte is settled at the start"


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that a live job's stages are told, as of now.

    Attributes:
        settings: all of them.
        session: the network's.
        shown: what frames look like; without the live settings, which change nothing of that.
    """

    settings: Settings
    session: BaseSession
    shown: Appearance


class Watched:
    """A configuration file that is read again when it has changed.

    Args:
        path: the file, whether it exists or not.
        read: reads it, with what overrides it.
    """

    def __init__(self, path: Path, read: Callable[[], Settings]) -> None:
        self._path, self._read = path, read
        self._stamp = self._before = self._stat()

    def changed(self) -> Settings | None:
        """Return the settings if the file was written to, and is as it was at the last look.

        An editor empties a file before it fills it: half of one is not what anybody wants.

        Raises:
            ConfigError: if they are wrong.
        """
        before, stamp = self._before, self._stat()
        self._before = stamp
        if stamp in (None, self._stamp) or stamp != before:
            return None
        self._stamp = stamp
        return self._read()

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:  # Editors take it away for a moment.
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


class Controls:
    """Holds the current :class:`Setup` and replaces it when somebody wants another.

    Leaving its ``with`` block closes the background.

    Args:
        settings: to begin with.
        info: of the stream.
        session: the model to begin with.
        backgrounds: to choose among, the first one shown first; empty takes the settings'.
        say: is told in words what became of a wish.
        watched: the configuration file, or None.

    Raises:
        StreamcutError: if the settings cannot be carried out.
    """

    def __init__(
        self,
        settings: Settings,
        info: StreamInfo,
        session: BaseSession,
        *,
        backgrounds: Sequence[str] = (),
        say: Callable[[str], None],
        watched: Watched | None = None,
    ) -> None:
        self._info, self._say, self._watched = info, say, watched
        self._settings = settings
        self._choice = expanded(backgrounds or [settings.picture.background])
        if len({bool(text) for text in self._choice}) > 1:
            raise UsageError(f"{_SETTLED}: leave the empty background out")
        self._index = self._aimed = 0
        # Each is counted by one thread only.
        self._wanted = self._turned = 0
        chosen = _with_background(settings, self._choice[self._index])
        self.current = Setup(chosen, session, Appearance.of(_lasting(chosen), info))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.current.shown.close()

    def next_background(self) -> None:
        """Ask for the next background; may be called from anywhere, signal handlers included."""
        self._wanted += 1

    def run(self) -> Iterator[None]:
        """Look for wishes until the pipeline ends; a stage without frames."""
        while True:
            self.poll()
            yield None
            time.sleep(_POLL)

    def poll(self) -> None:
        """Carry out what was asked for since the last time; a wish that fails is said."""
        try:
            steps = self._wanted - self._turned
            if steps:
                self._turned += steps
                self._turn(steps)
            settings = self._watched.changed() if self._watched else None
            if settings is not None:
                self._read(settings)
        except StreamcutError as error:
            self._say(f"{error}; everything stays as it was")

    def _turn(self, steps: int) -> None:
        if len(self._choice) < 2:
            raise UsageError("there is only one background: give several, or a folder")
        # Where this one fails, the next turn goes past it.
        self._aimed = (self._aimed + steps) % len(self._choice)
        settings = _with_background(self._settings, self._choice[self._aimed])
        self.current = self._setup(settings)
        self._index = self._aimed
        self._say(f"background: {self._choice[self._index]}")

    def _read(self, settings: Settings) -> None:
        choice, index = self._choice, self._index
        if settings.picture.background != self._settings.picture.background:
            choice, index = expanded([settings.picture.background]), 0
        self.current = self._setup(_with_background(settings, choice[index]))
        later = _fixed_differing(self._settings, settings)
        if choice is not self._choice:
            self._aimed = index
        self._settings, self._choice, self._index = settings, choice, index
        self._say("the configuration file was read again")
        if later:
            self._say(f"{', '.join(later)}: from the next start on")

    def _setup(self, settings: Settings) -> Setup:
        """Return what the stages are told next; what has not changed is taken over."""
        now = self.current
        check_borders(settings)
        keep_of(settings, (self._info.width, self._info.height))
        look = look_of(settings)
        if made_by(look, self._info) != made_by(now.shown.look, self._info):
            raise UsageError(_SETTLED)
        session, background = now.session, now.shown.background
        if _model_of(settings) != _model_of(now.settings):
            session = able(session_of(settings, (self._info.width, self._info.height)))
        text = settings.picture.background
        if text != now.settings.picture.background:
            background = parse_background(text, self._info) if text else None
        return Setup(settings, session, Appearance(_lasting(settings), look, background))


def _lasting(settings: Settings) -> Settings:
    """Return settings without the live ones."""
    return replace(settings, live=LiveSettings())


def expanded(backgrounds: Iterable[str]) -> list[str]:
    """Return the backgrounds to choose among: a folder stands for the files in it.

    Raises:
        UsageError: if a folder holds no file, or cannot be read.
    """
    found: list[str] = []
    for text in backgrounds:
        if not (text and os.path.isdir(text)):
            found.append(text)
            continue
        try:
            files = sorted(str(path) for path in Path(text).iterdir() if _is_shown(path))
        except OSError as error:
            raise UsageError(f"the folder {text} cannot be read: {error.strerror}") from error
        if not files:
            raise UsageError(f"the folder {text} has no image or video")
        found += files
    return found


def following(
    frames: Iterable[In],
    current: Callable[[], T],
    stage: Callable[[Iterator[In], T], Iterator[Out]],
) -> Iterator[Out]:
    """Run a stage that is made anew, between two frames, whenever what it was made of changes.

    Args:
        frames: what it is run over.
        current: returns what it is to be made of now.
        stage: makes it.
    """
    parts = _Parts(iter(frames))
    while not parts.ended:
        made_of = current()
        yield from stage(parts.while_equal(made_of, current), made_of)


class _Parts(Generic[In]):
    """Frames in parts, each as long as something stays the same."""

    def __init__(self, frames: Iterator[In]) -> None:
        self._frames = frames
        self.ended = False

    def while_equal(self, wanted: T, current: Callable[[], T]) -> Iterator[In]:
        """Yield frames until ``current`` returns something else; it is asked before each."""
        while current() == wanted:
            try:
                frame = next(self._frames)
            except StopIteration:
                self.ended = True
                return
            yield frame


def _is_shown(path: Path) -> bool:
    return os.path.isfile(path) and not path.name.startswith(".")


def _with_background(settings: Settings, text: str) -> Settings:
    if text == settings.picture.background:
        return settings
    return settings.with_options({"background": text})


def _model_of(settings: Settings) -> list[str]:
    """Return what tells one session from another."""
    return [getattr(settings.matte, name) for name in ("model", *MODEL_OPTIONS)]


def _fixed_differing(before: Settings, after: Settings) -> list[str]:
    """Return the names of settings that differ and that a running job cannot follow."""
    return [
        row.name
        for row in Settings.rows().values()
        if row.fixed and before.value(row.name) != after.value(row.name)
    ]
