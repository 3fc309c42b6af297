"""What sinks are, and what those for live frames share: they keep the size they opened."""

from __future__ import annotations

from typing import Protocol, Self

import av
from av.video.reformatter import Interpolation, VideoReformatter

from streamcut.media.colour import Colour
from streamcut.media.convert import SCALING_THREADS
from streamcut.media.frame import OutputFrame
from streamcut.media.planes import copy_time


class Sink(Protocol):
    """Takes frames in order; leaving its ``with`` block finishes the output.

    How to add one:

    1. A file format that FFmpeg knows needs no class: add a row to ``FORMATS`` in
       ``sinks/file/formats.py``, with its codecs, pixel formats and sound.
    2. Anything else is a class with these members in a module of ``sinks/``; a live one starts
       from :class:`LiveBase`. Open the output in ``__init__`` and raise
       :class:`~streamcut.core.errors.SinkError` if that fails. ``Made`` converts whatever comes to
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


class Made:
    """Makes every frame of one size, pixel format and colour, whatever comes.

    Args:
        size: (width, height) of what is made.
        pixel_format: of what is made.
        colour: tags of what is made; its matrix and range are converted to.
        how: FFmpeg's way of scaling and converting.
    """

    def __init__(
        self,
        size: tuple[int, int],
        pixel_format: str,
        colour: Colour,
        how: Interpolation = Interpolation.BICUBIC,
    ) -> None:
        self._size, self._pixel_format = size, pixel_format
        self._matrix, self._colour = colour.known_matrix(size[1]), colour
        self._reformatter, self._how = VideoReformatter(), how

    def __call__(self, video_frame: av.VideoFrame) -> av.VideoFrame:
        """Return ``video_frame`` so; untouched where it is so already."""
        source = Colour.of(video_frame)
        matrix = source.known_matrix(video_frame.height)
        have = (
            video_frame.width,
            video_frame.height,
            video_frame.format.name,
            matrix,
            source.full_range,
        )
        if have == (*self._size, self._pixel_format, self._matrix, self._colour.full_range):
            return video_frame
        made = self._reformatter.reformat(
            video_frame,
            *self._size,
            self._pixel_format,
            src_colorspace=matrix,
            dst_colorspace=self._matrix,
            src_color_range=source.range or None,
            dst_color_range=self._colour.range or None,
            interpolation=self._how,
            threads=SCALING_THREADS,
        )
        copy_time(video_frame, made)
        return self._colour.apply(made)
