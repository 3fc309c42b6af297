"""``streamcut INPUT [OUTPUT]``: what an input is says which command is meant."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

import click

from streamcut.core.errors import SourceError, UsageError

_COMMANDS = {"image": "image", "video": "video", "address": "video", "folder": "folder"}


def routed(arguments: Sequence[str], commands: Collection[str]) -> list[str]:
    """Return a command line with the command put before it that its input asks for.

    Args:
        arguments: as typed.
        commands: names that are commands already.

    Raises:
        SourceError: if what looks like a file does not exist.
        UsageError: if standard input is meant and is a terminal.
    """
    if list(arguments[:1]) == ["video"]:
        return [_for_video(arguments[1:]), *arguments[1:]]
    if not arguments or arguments[0] in commands:
        return list(arguments)
    first = arguments[0]
    if first.startswith("-") and first != "-":  # An option before the input.
        found = next((each for each in _without_options(arguments) if _is_input(each)), None)
        return list(arguments) if found is None else [_command_for(found), *arguments]
    if first == "-":
        return _for_standard_input(arguments)
    if _is_input(first):
        return [_command_for(first), *arguments]
    if _looks_like_a_file(first):
        raise SourceError(f"no such file: {first}")
    return list(arguments)


def _for_video(arguments: Sequence[str]) -> str:
    """Return the command for what is called a video and may be an image, or a folder of both."""
    from streamcut.jobs.inputs import IMAGES, kind_of

    paths = [each for each in arguments[:2] if not each.startswith("-")]
    if not paths or not os.path.exists(paths[0]):
        return "video"
    kind = kind_of(paths[0])
    if kind == "folder":
        return "folder"
    into_an_image = len(paths) < 2 or (
        Path(paths[1]).suffix.lower() in IMAGES and "%" not in paths[1]
    )
    return "image" if kind == "image" and into_an_image else "video"


def _without_options(arguments: Sequence[str]) -> Iterator[str]:
    """Yield what is neither an option nor an option's value."""
    from streamcut.cli import folder, image, video

    takes = {
        spelling: parameter.nargs
        for command in (folder.command, image.command, video.command)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.is_flag
        for spelling in parameter.opts
    }
    rest = iter(arguments)
    for each in rest:
        if each.startswith("-") and each != "-":
            list(islice(rest, takes.get(each, 0)))
        else:
            yield each


def _is_input(text: str) -> bool:
    return "://" in text or os.path.exists(text) or ("%" in text and _looks_like_a_file(text))


def _looks_like_a_file(text: str) -> bool:
    from streamcut.jobs.inputs import IMAGES, VIDEOS

    return Path(text).suffix.lower() in IMAGES | VIDEOS or any(mark in text for mark in "/\\")


def _command_for(text: str) -> str:
    from streamcut.jobs.inputs import IMAGES, kind_of

    kind = kind_of(text)
    if kind == "address" and Path(text.partition("?")[0]).suffix.lower() in IMAGES:
        raise UsageError(f"{text} is an image: download it first, images are read from files")
    return _COMMANDS[kind]


def _for_standard_input(arguments: Sequence[str]) -> list[str]:
    """Return the command line for what standard input turns out to hold."""
    from streamcut.cli import standard_input
    from streamcut.jobs.inputs import is_still

    if is_still(standard_input.head()):
        return ["image", *arguments]
    into_a_file = len(arguments) > 1 and not arguments[1].startswith("-")
    if into_a_file:
        return ["video", *arguments]
    return ["pipe", *(each for each in arguments if each != "-")]
