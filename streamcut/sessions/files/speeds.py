"""How fast models are on this machine, as far as it was measured: kept between runs."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from streamcut.core.cache import recall, remember


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one model is here.

    Attributes:
        model: its name, or its file.
        device: where it ran: CPU, CUDA ...
        width: of its input, for frames of 1920x1080.
        height: likewise.
        ms: median of the milliseconds that one frame took the network, and what it needs
            around it; reading, compositing and writing come on top.
        frames: how many frames were measured.
        machine: name of the computer.
        date: when, as ISO 8601.
    """

    model: str
    device: str
    width: int
    height: int
    ms: float
    frames: int
    machine: str
    date: str

    @property
    def fps(self) -> float:
        """Frames per second."""
        return 1000 / self.ms


def keep(speed: Speed) -> None:
    """Keep what was measured in place of what was kept for that model, device and machine."""
    remember("speeds", f"{speed.model} {speed.device} {speed.machine}", asdict(speed))


def kept(name: str) -> Speed | None:
    """Return what was measured last for a model on this machine, if anything was."""
    return max(
        (speed for speed in _all() if (speed.model, speed.machine) == (name, platform.node())),
        key=lambda speed: speed.date,
        default=None,
    )


def _all() -> Iterator[Speed]:
    """Yield what is kept; another version of streamcut may have kept something else."""
    for facts in recall("speeds").values():
        try:
            speed = Speed(**facts)
        except TypeError:
            continue
        if isinstance(speed.ms, float) and speed.ms > 0:
            yield speed
