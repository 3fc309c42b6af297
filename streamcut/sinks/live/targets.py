"""Where live frames go: a virtual camera, OBS, an address, a pipe or a file."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from streamcut.core.errors import Named, UsageError
from streamcut.media.frame import StreamInfo
from streamcut.media.names import is_address, local_path
from streamcut.media.pixel_formats import has_alpha
from streamcut.sinks.base import LiveSink
from streamcut.sinks.file.formats import Format, format_of, is_folder
from streamcut.sinks.file.output import FileOutput, Output
from streamcut.sinks.live.obs import PORT, ObsSink
from streamcut.sinks.live.stream import StreamSink, address_format, each_second, sender
from streamcut.sinks.live.tee import TeeSink
from streamcut.sinks.live.virtual_camera import CameraSink
from streamcut.sinks.pipe import Outlet, pipe_format

_NODES = "/dev/video"

Kind = Literal["camera", "obs", "web", "pipe", "address", "file"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a text asks for, known before anything is opened.

    Attributes:
        kind: of the output.
        place: device, port, address or path; empty for the usual one.
        form: how a pipe, address or file is written.
    """

    kind: Kind
    place: str = ""
    form: Format | None = None

    @classmethod
    def parse(cls, text: str, *, family: str = "nut", pixel_format: str = "") -> Target:
        """Read ``camera``, ``camera:DEVICE``, ``obs``, ``obs:PORT``, ``web``, ``-``, an address ...

        Args:
            text: what is asked for.
            family: how ``-`` is written, see :func:`pipe_format`.
            pixel_format: what ``-`` is written in; empty suits the family.

        Raises:
            UsageError: if it is none of these.
        """
        text = local_path(text)
        name, _, place = text.partition(":")
        if text == "-":
            return cls("pipe", form=pipe_format(family, pixel_format))
        if is_address(text):
            return cls("address", text, address_format(text))
        if name == "camera":
            return cls("camera", place)
        if name == "obs":
            _port(place)
            return cls("obs", place)
        if name == "web":
            return cls("web", place)
        if text.startswith(_NODES):
            return cls("camera", text)
        if not is_folder(text) and not os.path.splitext(text)[1]:
            raise UsageError(
                f"{text}: write camera, obs, web, an address, - or a file's name with its ending; "
                f"{text}/ is a folder of images"
            )
        return cls("file", text, format_of(text))

    @property
    def alpha(self) -> bool:
        """Whether it holds alpha; else a background is needed."""
        return self.kind in ("obs", "web") or bool(self.form and self.form.codecs[0].alpha)


def open_live_sink(
    target: Target | str,
    info: StreamInfo,
    *,
    size: tuple[int, int],
    pixel_format: str,
    fps: Fraction,
    quality: str = "fast",
    threads: int = 0,
    fd: int = 1,
    record: str = "",
) -> LiveSink:
    """Open a live output. It keeps the size and rate it is opened with, whatever comes later.

    Args:
        target: what is asked for, see :meth:`Target.parse`.
        info: of the stream.
        size: (width, height) of the output.
        pixel_format: of the frames that will come, as composited.
        fps: frames per second.
        quality: of the encoder, where there is one.
        threads: for the encoder; 0 lets it choose.
        fd: descriptor that ``-`` writes to, see :func:`reserved_stdout`.
        record: path of a file that is to hold the frames as well; empty for none.

    Raises:
        UsageError: if the target makes no sense.
        SinkError: if it cannot be opened; says what helps.
        MissingDependencyError: if it needs a package that is absent.
    """
    if isinstance(target, str):
        target = Target.parse(target)
    targets = [target, Target.parse(record)] if record else [target]
    for wanted in targets:
        _check_alpha(wanted, pixel_format)
    stream = replace(info, width=size[0], height=size[1], rate=fps)
    with ExitStack() as unless_all_open:
        sinks = [
            unless_all_open.enter_context(
                _opened(wanted, stream, pixel_format, quality=quality, threads=threads, fd=fd)
            )
            for wanted in targets
        ]
        unless_all_open.pop_all()
    return TeeSink(*sinks) if record else sinks[0]


def _opened(
    target: Target, info: StreamInfo, pixel_format: str, *, quality: str, threads: int, fd: int
) -> LiveSink:
    size = (info.width, info.height)
    if target.kind == "camera":
        return CameraSink(size=size, rate=info.rate, device=target.place)
    if target.kind == "obs":
        return ObsSink(info, size=size, rate=info.rate, port=_port(target.place))
    assert target.form is not None
    codec = target.form.codec("")
    if target.kind == "address":
        codec = each_second(codec, info.rate)
    with ExitStack() as unless_opened:
        place = _place(target.kind, target.place, target.form, fd)
        unless_opened.callback(place.close)
        sink = StreamSink(
            place,
            codec,
            info,
            size=size,
            pixel_format=pixel_format,
            quality=quality,
            threads=threads,
            audio=False,
        )
        unless_opened.pop_all()
    return sink


def _place(kind: Kind, place: str, form: Format, fd: int) -> Output:
    if kind == "pipe":
        return Outlet(form, fd)
    return sender(place, form) if kind == "address" else FileOutput(place, form)


def _check_alpha(target: Target, pixel_format: str) -> None:
    """Refuse frames with alpha where none can be held."""
    if has_alpha(pixel_format) and not target.alpha:
        what = target.form.ending if target.form else f"a {target.kind}"
        raise UsageError(f"{what} cannot hold alpha: give ", Named("background"))


def _port(text: str) -> int:
    if not text:
        return PORT
    if not text.isdecimal() or not 0 < int(text) < 1 << 16:
        raise UsageError(f"obs:{text}: a port is a number from 1 to 65535, such as obs:{PORT}")
    return int(text)
