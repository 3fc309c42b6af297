"""What an input may ask of the machine: how many pixels, and which other files."""

from __future__ import annotations

import io
import os
import shlex
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import av
from PIL import Image

from streamcut.core.errors import Named, SourceError, UsageError
from streamcut.media import heif
from streamcut.media.demuxers import allowed, is_playlist, kind_of_playlist
from streamcut.media.names import is_address
from streamcut.media.urls import public

MOST_VIDEO = 8192 * 4352
"""Pixels of a video's frame: 8K, whatever its shape."""

MOST_IMAGE = 64_000_000
"""Pixels of an image: a background, a plate, a frame to be cut out."""

_HINT = (": ", Named("allow_large"), " takes it, and the memory that it needs")
_pillow = threading.Lock()
_NETWORK = "file,crypto,data,http,https,httpproxy,tcp,tls,udp,rtp,rtmp,srt"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is let in.

    Attributes:
        large: frames and images of any size, for whose memory the user answers.
        playlists: inputs that open other files, also where their names do not say so.
    """

    large: bool = False
    playlists: bool = False

    def options(self, url: str) -> dict[str, str]:
        """Return FFmpeg's options for opening an input: a path, an address, or "" for a pipe."""
        made = self.decoder_options()
        if not self.playlists:
            made["format_whitelist"] = allowed(url)
        elif not is_address(url):
            made["protocol_whitelist"] = _NETWORK
        return made

    def guard(self, url: str) -> _Folder | None:
        """Return what opens files for an input that is a playlist by its name; else None."""
        guarded = not self.playlists and not is_address(url) and is_playlist(url)
        return _Folder(url) if guarded else None

    def check_frame(self, name: str, width: int, height: int) -> None:
        """Refuse a video whose frames are too large.

        Raises:
            SourceError: if they are.
        """
        if width * height > MOST_VIDEO and not self.large:
            raise SourceError(f"{name} is {width}x{height}, more than 8K", *_HINT)

    def check_size(self, width: int, height: int) -> None:
        """Refuse a wanted size that is too large.

        Raises:
            UsageError: if it is.
        """
        if width * height > MOST_VIDEO and not self.large:
            raise UsageError(
                f"{width}x{height} is more than 8K: ", Named("allow_large"), " makes such frames"
            )

    @contextmanager
    def image(self, source: str | Path | IO[bytes], name: str = "") -> Iterator[Image.Image]:
        """Open an image within; its pixels are not read before its size is known to be bearable.

        Args:
            source: a path or an open file.
            name: what it is called in messages; empty takes the path.

        Raises:
            SourceError: if it is too large.
            MissingDependencyError: if it is HEIC, and pillow-heif is not installed.
            OSError: Pillow's own, if it cannot be read.
        """
        name = name or (str(source) if isinstance(source, str | Path) else "the image")
        if isinstance(source, str | Path):
            with open(source, "rb") as file, self.image(file, name) as image:
                yield image
            return
        heif.support(source, name)
        with _unlimited() if self.large else nullcontext():
            try:
                image = Image.open(source)
            except Image.DecompressionBombError as error:
                raise SourceError(
                    f"{name} is an image of more than 64 megapixels", *_HINT
                ) from error
        with image:
            self.check_image(name, image)
            yield image

    def check_image(self, name: object, image: Image.Image) -> None:
        """Refuse an image that is too large.

        Raises:
            SourceError: if it is.
        """
        if image.width * image.height > MOST_IMAGE and not self.large:
            raise SourceError(
                f"{name} is {image.width}x{image.height}, more than 64 megapixels", *_HINT
            )

    def decoder_options(self) -> dict[str, str]:
        """Return FFmpeg's options for a decoder."""
        return {} if self.large else {"max_pixels": str(MOST_VIDEO)}

    def why(self, url: str, error: BaseException) -> tuple[object, ...]:
        """Return the words for why an input was refused, if these limits may be the reason."""
        if self.playlists or not isinstance(error, av.error.ArgumentError):
            return ()
        kind = kind_of_playlist(url)
        if not kind and not is_address(url):
            return ()
        what = f"it is a playlist ({kind})" if kind else "it is broken, or a playlist"
        return (f"{what}, which opens other files: ", Named("allow_playlists"), " takes it")


STRICT = Limits()
"""The limits where nobody has lifted any."""


@contextmanager
def _unlimited() -> Iterator[None]:
    """Let Pillow open images of any size, which its own limit forbids."""
    with _pillow:
        kept, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = kept


class _SelfClosing(io.FileIO):
    """A file that closes itself without a word: PyAV only lets go of it."""

    def __del__(self) -> None:
        self.close()


class _Folder:
    """Opens files for a playlist, from its own folder alone.

    Raises:
        PermissionError: if the playlist names files elsewhere, as far as FFmpeg does not ask here.
    """

    def __init__(self, playlist: str) -> None:
        self._folder = os.path.realpath(os.path.dirname(playlist) or ".")
        if kind_of_playlist(playlist) == "concat":
            for name in _files_of_concat(playlist):
                self._check(os.path.join(self._folder, name))

    def __call__(self, url: str, flags: int, options: Mapping[str, Any]) -> _SelfClosing:
        path = url.removeprefix("file:")
        self._check(path)
        return _SelfClosing(path)

    def _check(self, path: str) -> None:
        if os.path.commonpath([self._folder, os.path.realpath(path)]) != self._folder:
            raise PermissionError(f"it names a file outside its folder: {public(path)}")


def _files_of_concat(playlist: str) -> Iterator[str]:
    """Yield what a concat script names; FFmpeg opens that by itself."""
    with open(playlist, encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            words = shlex.split(line)
            if len(words) > 1 and words[0] == "file":
                yield words[1].removeprefix("file:")
