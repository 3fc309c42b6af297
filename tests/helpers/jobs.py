"""Running the command: what it is called and what it leaves behind."""

from __future__ import annotations

import sys
from dataclasses import dataclass

PROGRAM = [sys.executable, "-m", "streamcut"]


@dataclass
class Ran:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str
