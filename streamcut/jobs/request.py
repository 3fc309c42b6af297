"""What settings and paths ask for, worked out and, where it makes no sense, refused.

Everything here happens before a frame is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import Any

from streamcut.compositing.background import (
    Background,
    Blur,
    Video,
    colour_background,
    image_background,
)
from streamcut.compositing.looks import ALPHA_LOOKS, Look
from streamcut.core.config import MatteSettings, Settings, setting
from streamcut.core.errors import MissingDependencyError, Named, SourceError, UsageError
from streamcut.matting.keep import Keep
from streamcut.matting.morphology import Edges
from streamcut.matting.solver import Trimming
from streamcut.media.frame import StreamInfo
from streamcut.media.limits import Limits
from streamcut.media.names import local_path
from streamcut.media.stills import is_animated
from streamcut.sessions import DEFAULT_MODEL, BaseSession, Device, new_session, session_options
from streamcut.sessions.files.catalog import CATALOG, by_file, by_name
from streamcut.sinks import Target
from streamcut.sources import Size, Source, open_source

_BLUR = 20.0
_LONGEST = 10**9  # Seconds: timestamps in nanoseconds still fit in 64 bits.


MODEL_OPTIONS = sorted({name for model in CATALOG for name in model.options})
"""Settings of the section ``[matte]`` that are for some model: its prompt, its screen and so on."""


_CUTOUTS: dict[str, Look] = {
    "cleared": "cleared",
    "putalpha": "straight",
    "naive": "premultiplied",
}


def look_of(settings: Settings) -> Look:
    """Return what the output shows.

    Raises:
        UsageError: if the settings ask for several things at once.
    """
    picture = settings.picture
    asked: dict[str, tuple[bool, Look]] = {
        "background": (bool(picture.background), "background"),
        "only_mask": (picture.only_mask, "mask"),
        "stacked": (picture.stacked, "stacked"),
    }
    chosen = [name for name, (wanted, _) in asked.items() if wanted]
    if len(chosen) > 1:
        raise UsageError(Named(chosen[0]), " and ", Named(chosen[1]), " cannot be used together")
    if not chosen:
        return _CUTOUTS[picture.cutout]
    return asked[chosen[0]][1]


def device_of(settings: Settings) -> Device:
    """Return where the network is to run.

    Raises:
        UsageError: if no device is called that, or the settings contradict each other.
    """
    run = settings.run
    return Device.parse(
        run.device, require_gpu=run.require_gpu, half=run.half, cuda_graphs=run.cuda_graphs
    )


def limits_of(settings: Settings) -> Limits:
    """Return what the input may ask for."""
    return Limits(large=settings.run.allow_large, playlists=settings.run.allow_playlists)


def session_of(
    settings: Settings, size: tuple[int, int] | None = None, *, live: bool = True
) -> BaseSession:
    """Return the session that settings ask for, loaded; its files are fetched if need be.

    Where nothing is live and quality is not "fast", ``portrait`` works on more pixels.

    Args:
        settings: which model, where it runs, and what it takes of its own.
        size: (width, height) of the frames, or None where it is not known yet.
        live: whether frames cannot wait.

    Raises:
        ModelError: if the model is unknown, unusable or not to be had, or cannot run where it is
            to run.
        UsageError: if something is set that the model does not take.
    """
    given = session_keywords(settings.matte, size)
    name = settings.matte.model
    if name == DEFAULT_MODEL and not live and settings.output.quality != "fast":
        name = f"{DEFAULT_MODEL}-hd"
    return new_session(
        name,
        sess_opts=session_options(settings.run.threads),
        device=device_of(settings),
        mirror=settings.weights.mirror,
        **given,
    )


def visible_on(targets: Iterable[Target], settings: Settings) -> Settings:
    """Return settings that live outputs can show: where one cannot hold alpha, the room is blurred.

    Raises:
        UsageError: if one would show them wrongly.
    """
    targets, look = list(targets), look_of(settings)
    if look in ALPHA_LOOKS and not all(target.alpha for target in targets):
        return settings.with_options({"background": "blur"})
    if look == "premultiplied" and any(target.kind == "obs" for target in targets):
        raise UsageError(
            Named("cutout", "naive"),
            " is not for OBS, which multiplies colour by alpha itself, so edges would turn dark; "
            "give ",
            Named("cutout", "cleared"),
        )
    return settings


def edges_of(settings: Settings) -> Edges:
    """Return what is done to the border of every matte."""
    matte = settings.matte
    return Edges(
        post_process=matte.post_process_mask,
        threshold=matte.threshold,
        grow=matte.expand - matte.contract,
        feather=matte.feather,
        invert=matte.invert,
    )


def trimming_of(matte: MatteSettings) -> Trimming:
    """Return what closed-form matting takes for sure."""
    return Trimming(
        matte.alpha_matting_foreground_threshold,
        matte.alpha_matting_background_threshold,
        matte.alpha_matting_erode_size,
    )


def size_of(settings: Settings) -> Size | None:
    """Return what frames are scaled to, or None where they keep their size.

    Raises:
        UsageError: if it is not a size.
    """
    return Size.parse(settings.picture.size) if settings.picture.size else None


def check_borders(settings: Settings) -> None:
    """Refuse values that are out of range or contradict each other.

    Raises:
        UsageError: if there are any.
    """
    settings.check()
    keep_of(settings, None)
    if settings.matte.expand and settings.matte.contract:
        raise UsageError(Named("expand"), " and ", Named("contract"), " cannot be used together")


def session_keywords(matte: MatteSettings, size: tuple[int, int] | None) -> dict[str, Any]:
    """Return what the chosen model takes of its own: its prompt, its screen and so on.

    Args:
        matte: the settings.
        size: (width, height) of the frames, or None where it is not known yet.

    Raises:
        UsageError: if something is set that the model does not take.
    """
    path = Path(matte.model)
    row = by_name(matte.model) or (by_file(path) if os.path.isfile(path) else None)
    given = {}
    for name in MODEL_OPTIONS:
        value = getattr(matte, name)
        if row is not None and name in row.options:
            given[name] = value
        elif value != setting(name).default:
            [taker] = [model.name for model in CATALOG if name in model.options]
            raise UsageError(
                Named(name), " is for ", Named("model", taker), f", not for {matte.model}"
            )
    if given.get("prompt"):
        given["prompt"] = parse_prompt(given["prompt"], size)
    return {name: value for name, value in given.items() if value}


def keep_of(settings: Settings, size: tuple[int, int] | None) -> Keep:
    """Return whom every matte keeps.

    Args:
        settings: they say it.
        size: (width, height) of the frames, or None where it is not known yet.

    Raises:
        UsageError: if it is neither all nor main, nor a point of the frame.
    """
    text = settings.matte.keep
    if text in ("all", "main"):
        return Keep(only=text == "main")
    try:
        point = tuple(float(part) for part in text.split(","))
    except ValueError:
        point = ()
    if len(point) != 2 or not all(0 <= number < float("inf") for number in point):
        raise UsageError(Named("keep"), f" is all, main or a point X,Y, not {text!r}")
    if max(point) > 1 and size is not None:
        point = (point[0] / size[0], point[1] / size[1])
        if max(point) > 1:
            raise UsageError(Named("keep"), f" {text} is outside the {size[0]}x{size[1]} frame")
    return Keep(only=True, point=(point[0], point[1]))


def parse_prompt(text: str, size: tuple[int, int] | None) -> tuple[float, ...]:
    """Return a point (x, y) or a box (left, top, right, bottom) in fractions of a frame.

    Args:
        text: two or four numbers with commas between them: fractions of the frame where none
            is above 1, else pixels.
        size: (width, height) of the frame in pixels, or None where it is not known.

    Raises:
        UsageError: if it is neither, or outside the frame.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 4) or not all(0 <= number < float("inf") for number in numbers):
        raise UsageError(f"prompt {text!r}: write X,Y or LEFT,TOP,RIGHT,BOTTOM")
    in_pixels = max(numbers) > 1
    if in_pixels and size is None:
        raise UsageError(f"prompt {text!r}: for live video give fractions, such as 0.5,0.4")
    sides = size if in_pixels and size is not None else (1, 1)
    shares = tuple(number / side for number, side in zip(numbers, sides * 2, strict=False))
    if max(shares) > 1:
        raise UsageError(f"prompt {text!r} is outside the frame of {sides[0]}x{sides[1]}")
    if len(shares) == 4 and not (shares[0] < shares[2] and shares[1] < shares[3]):
        raise UsageError(f"prompt {text!r} is not a box: write LEFT,TOP,RIGHT,BOTTOM")
    return shares


def parse_background(text: str, info: StreamInfo) -> Background:
    """Return the background that a text asks for.

    Raises:
        UsageError: if it is neither a blur, nor a file, nor a colour.
        SourceError: if the file is neither an image nor a video.
    """
    path = local_path(text)
    if os.path.isfile(path):
        return _file_background(Path(path), info)
    kind, _, strength = text.partition(":")
    if kind == "blur":
        return Blur(_blur_strength(strength))
    try:
        return colour_background(text, info)
    except UsageError as error:
        raise UsageError(f"background: no such file, and {error}") from error


def _file_background(path: Path, info: StreamInfo) -> Background:
    try:
        with info.limits.image(path) as image:
            moving = is_animated(image)
    except SourceError:
        raise
    except MissingDependencyError:
        moving = False
    except OSError:
        moving = True
    if not moving:
        return image_background(path, info)

    def opened() -> AbstractContextManager[Source]:
        return open_source(str(path), limits=info.limits, cover=True)

    return Video(opened, info)


def _blur_strength(text: str) -> float:
    try:
        strength = float(text or _BLUR)
    except ValueError:
        strength = 0.0
    if not 1 <= strength <= 100:
        raise UsageError(f"blur:{text}: the strength is a number from 1 to 100")
    return strength


def check_times(start: Fraction | None, duration: Fraction | None) -> None:
    """Refuse a part of the input that cannot be."""
    if start is not None and not 0 <= start <= _LONGEST:
        raise UsageError(Named("start"), f" is 0 or more, {_LONGEST} seconds at most")
    if duration is not None and not 0 < duration <= _LONGEST:
        raise UsageError(Named("duration"), f" is more than 0, {_LONGEST} seconds at most")
