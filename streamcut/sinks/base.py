"""What sinks are, and what those for live frames share: they keep the size they opened."""

from __future__ import annotations

from typing import Protocol, Self

from streamcut.media.frame import OutputFrame


class Sink(Protocol):
    """Takes frames in order; leaving its ``with`` block finishes the output.

    How to add one:

    1. A file format that FFmpeg knows needs no class: add a row to ``FORMATS`` in
       ``sinks/file/formats.py``, with its codecs, pixel formats and sound.
    2. Anything else is a class with these members in a module of ``sinks/``; a live one starts
       from :class:`LiveBase`. Open the output in ``__init__`` and raise
       :class:`~streamcut.core.errors.SinkError` if that fails. A
       :class:`~streamcut.media.convert.Converter` makes whatever comes
       one size, pixel format and colour.
    3. ``write`` takes a frame; what cannot be kept is a note, what cannot be written a
       ``SinkError``. ``__exit__`` finishes what was written, after an error too: nothing already
       written is lost.
    4. A live sink never waits for a slow reader: it skips the frame and counts it in ``skipped``.
       Give it a kind in ``sinks/live/targets.py``, so that ``--to`` can name it.

    Attributes:
        written: frames handed over.
        skipped: frames left out, because of the format's clock or a slow reader.
    """

    written: int
    skipped: int

    @property
    def notes(self) -> list[str]:
        """What could not be kept as the input has it, in words."""
        ...

    @property
    def undecodable(self) -> int:
        """How many packets of sound were lost."""
        ...

    def write(self, frame: OutputFrame) -> None:
        """Take one frame's output."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, *_: object
    ) -> None: ...


class LiveSink(Sink, Protocol):
    """A sink that somebody may be watching."""

    @property
    def watched(self) -> bool:
        """Whether anybody is reading now; True where nobody can know."""
        ...

    @property
    def state(self) -> str:
        """Who reads, in a few words."""
        ...

    def stop(self) -> None:
        """From another thread, let a frame go that waits for its reader; what follows too."""
        ...


class LiveBase:
    """A sink that somebody may be watching.

    Attributes:
        written: frames handed over.
        skipped: frames that could not be handed over in time.
        notes: what could not be kept, in words.
        undecodable: always 0; there is no sound.
    """

    undecodable = 0

    def __init__(self) -> None:
        self.written = 0
        self.skipped = 0
        self.notes: list[str] = []

    @property
    def watched(self) -> bool:
        """Whether anybody is reading now; True where nobody can know."""
        return True

    @property
    def state(self) -> str:
        """Who reads, in a few words."""
        raise NotImplementedError

    def write(self, frame: OutputFrame) -> None:
        """Take one frame's output."""
        raise NotImplementedError

    def stop(self) -> None:
        """Do nothing: no frame waits for a reader here."""

    def close(self) -> None:
        """End; nothing is left open."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
