"""What is lost of an input that is read only once: all that lies beside its frames."""

from __future__ import annotations

from av.container import InputContainer
from av.stream import Disposition, Stream

_KINDS = {"audio": "sound", "subtitle": "subtitles", "attachment": "attached files", "data": "data"}


def lost_of(container: InputContainer) -> list[str]:
    """Return a note of what is left out, since nothing can be read twice; none where there is none.

    Args:
        container: as opened for its frames.
    """
    lost = list(dict.fromkeys(filter(None, map(_kind, container.streams))))
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    lost += ["further video"] * (len(moving) > 1)
    if any("timecode" in map(str.lower, each.metadata) for each in (container, *container.streams)):
        lost.append("timecode")
    if not lost:
        return []
    *most, last = lost
    named = f"{', '.join(most)} and {last}" if most else last
    many = most or last.endswith("s")
    return [f"its {named} {'are' if many else 'is'} left out: a pipe is read only once"]


def _kind(stream: Stream) -> str:
    """Return what a stream beside the frames holds; nothing for frames and for timecode."""
    if stream.type == "video":
        return "cover image" if stream.disposition & Disposition.attached_pic else ""
    if "timecode" in map(str.lower, stream.metadata):
        return ""
    return _KINDS.get(stream.type, "")
