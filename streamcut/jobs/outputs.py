"""What a path may be that is written to: checked before anything is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from streamcut.core.errors import Named, OutputExistsError, SinkError, UsageError
from streamcut.sinks import files_of, is_folder


def check_apart(output: str, read: Mapping[str, str]) -> None:
    """Refuse to write what is being read, however its path is spelt."""
    for what, path in read.items():
        if path and _identities(path) & _identities(output):
            raise UsageError(f"{output} is the {what}: choose another output")


def check_output(output: str, read: Mapping[str, str], overwrite: bool) -> None:
    """Refuse an output that cannot be, that is read at the same time, or that exists.

    Args:
        output: path of a file, or a folder or pattern for an image sequence.
        read: what is read, by what it is.
        overwrite: whether what exists may be replaced.

    Raises:
        UsageError: if it is being read.
        SinkError: if its folder does not exist, or a folder is in its place.
        OutputExistsError: if it exists and may not be replaced.
    """
    check_apart(output, read)
    check_place(output)
    if not overwrite and files_of(output):
        raise OutputExistsError(
            f"{output} exists; give ", Named("overwrite", True), " to overwrite it"
        )


def check_place(output: str) -> None:
    """Refuse an output whose folder does not exist, and a file or folder in the other's place."""
    if not output:
        raise UsageError("the output has no name")
    target = Path(output)
    if is_folder(output):
        if os.path.isfile(output.rstrip("/\\")):
            raise SinkError(f"{output} is a file, so it cannot become a folder of images")
        target = target.absolute()
    elif os.path.isdir(output):
        raise SinkError(f"{output} is a folder; end it with a slash to write images into it")
    if not os.path.isdir(target.parent):
        raise SinkError(f"{output}: its folder {target.parent} does not exist")


def _identities(path: str) -> set[tuple[int, int]]:
    """Return what tells a path's files from all others, through links and other spellings."""
    return {(file.stat().st_dev, file.stat().st_ino) for file in files_of(path)}
