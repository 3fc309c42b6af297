"""What an input holds beside frames and sound: subtitles, chapters, files, timecode, data.

It is carried over where the output's format holds it as it is; otherwise a note names it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from streamcut.media.frame import StreamInfo
from streamcut.sinks.file.formats import Format

_ATTACHING = (".mkv",)
_TIMECODES = (".mov", ".mp4", ".mkv")
_TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)")
_NTSC_DROPS = {30: 2, 60: 4}
"""Numbers that drop-frame counting passes over each minute but every tenth, by nominal rate."""


class Subtitles:
    """One subtitle track, copied packet by packet from the input's clock to the output's."""

    def __init__(self, source: Any, target: Any, info: StreamInfo) -> None:
        self.source, self.target = source, target
        self._start = info.start
        target.metadata.update(
            {k: v for k, v in source.metadata.items() if k.lower() in ("language", "title")}
        )
        target.disposition = source.disposition

    def convert(self, packet: av.Packet[Any]) -> list[av.Packet[Any]]:
        """Return the packet on the output's clock; what is on at its zero begins there."""
        shift = round(self._start / packet.time_base)
        begins, ends = (packet.pts or 0) - shift, (packet.pts or 0) - shift + (packet.duration or 0)
        if begins < 0 and ends <= 0:
            return []
        packet.pts = packet.dts = max(0, begins)
        if packet.duration:
            packet.duration = ends - max(0, begins)
        packet.stream = self.target
        return [packet]

    def flush(self) -> list[av.Packet[Any]]:
        """Hold nothing."""
        return []


def subtitles(
    source: InputContainer, output: OutputContainer, form: Format, info: StreamInfo
) -> Iterator[Subtitles | str]:
    """Yield the subtitle tracks that are copied, and a note for each that is not."""
    for stream in source.streams.subtitles:
        context: Any = stream.codec_context
        name = context.name if context is not None else "unknown"
        if holds(form, stream):
            yield Subtitles(stream, output.add_stream_from_template(stream), info)
        else:
            yield f"the subtitles ({name}) are left out: {form.ending} does not hold them"


def attach(source: InputContainer, output: OutputContainer, form: Format) -> list[str]:
    """Copy attached files, such as subtitles' fonts; return notes of what is not."""
    files: list[Any] = [s for s in source.streams if s.type == "attachment"]
    if form.ending in _ATTACHING:
        for file in files:
            kind = file.mimetype or "application/octet-stream"
            output.add_attachment(file.name or "attached", kind, bytes(file.data or b""))
        return []
    return [f"{_count(len(files), 'attached file')} left out"] if files else []


def untold(source: InputContainer) -> list[str]:
    """Return notes of streams that no output holds: data, and frames of further cameras."""
    covers = av.stream.Disposition.attached_pic
    data = [s for s in source.streams if s.type == "data" and "timecode" not in s.metadata]
    more = [s for s in source.streams.video if not s.disposition & covers][1:]
    notes = [f"{_count(len(data), 'data stream')} left out"] if data else []
    return notes + ([f"{_count(len(more), 'further video stream')} left out"] if more else [])


def timecode(source: InputContainer, target: Stream, form: Format, info: StreamInfo) -> list[str]:
    """Give the output the input's timecode, moved on by what is cut off; return notes.

    Args:
        source: the input.
        target: the output's frames.
        form: of the output.
        info: of the input.
    """
    places = [*(s.metadata for s in source.streams), source.metadata]
    tags = ({key.lower(): value for key, value in place.items()} for place in places)
    told = next((tag["timecode"] for tag in tags if "timecode" in tag), None)
    if told is None:
        return []
    if form.ending not in _TIMECODES:
        return [f"the timecode {told} is left out: {form.ending} holds none"]
    cut = max(info.start - Fraction(source.start_time or 0, av.time_base), Fraction(0))
    moved = moved_timecode(told, round(cut * info.rate), info.rate)
    if moved is None:
        return [f"the timecode {told} is left out: it is not one"]
    target.metadata["timecode"] = moved
    return []


def moved_timecode(text: str, frames: int, rate: Fraction) -> str | None:
    """Return a timecode (SMPTE ST 12-1) so many frames later; None where it is not one."""
    found = _TIMECODE.fullmatch(text.strip())
    if found is None:
        return None
    base = round(rate)
    hours, minutes, seconds, number = (int(found[i]) for i in (1, 2, 3, 5))
    drop = _NTSC_DROPS.get(base, 0) if found[4] in ";." else 0
    whole = hours * 60 + minutes
    count = (whole * 60 + seconds) * base + number - drop * (whole - whole // 10) + frames
    ten, minute = 600 * base - 9 * drop, 60 * base - drop
    tens, rest = divmod(count, ten)
    passed = max(0, (rest - drop) // minute) if drop else 0
    count += drop * (9 * tens + passed)
    seconds, number = divmod(count, base)
    clock = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{clock}{found[4]}{number:02}"


def shifted_chapters(info: StreamInfo) -> list[Any]:
    """Return the input's chapters on the output's clock, without what was cut away."""
    kept = []
    for chapter in info.chapters:
        unit = chapter["time_base"]
        shift = round(info.start / unit)
        last = chapter["end"] if info.end is None else round(info.end / unit)
        begin, end = max(chapter["start"] - shift, 0), min(chapter["end"], last) - shift
        if end > begin:
            kept.append({**chapter, "start": begin, "end": end})
    return kept


def holds(form: Format, stream: Any) -> bool:
    """Whether a format takes a stream's packets as they are: FFmpeg is asked, on a scratch file."""
    try:
        with av.open(io.BytesIO(), "w", format=form.muxer) as scratch:
            scratch.add_stream_from_template(stream)
            scratch.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _count(count: int, what: str) -> str:
    return f"1 {what} is" if count == 1 else f"{count} {what}s are"
