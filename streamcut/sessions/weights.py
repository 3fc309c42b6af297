"""Model files that are fetched when they are first used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of a model.

    Attributes:
        file: its name in the cache, which is rembg's, so that nobody downloads twice.
        url: where it is fetched from.
        checksum: ``md5:...`` or ``sha256:...``, or None where nobody has published one.
        bytes: its size, or None where it is not known.
    """

    file: str
    url: str
    checksum: str | None = None
    bytes: int | None = None
