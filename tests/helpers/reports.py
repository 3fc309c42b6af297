"""Reports of measurements that nobody took."""

from __future__ import annotations

from streamcut.diagnostics.bench.parts import BenchReport, Cost

BENCH = BenchReport(
    clip="talk.mp4",
    size=(1280, 720),
    frames=100,
    model="portrait-hd",
    quality="balanced",
    cores=2,
    decode=Cost(2, 2),
    network=Cost(4, 2),
    encode=Cost(18, 11),
    parts=Cost(24, 12),
    job=Cost(36, 20),
    ratio=1.5,
    fps=50.0,
    bound=1000 / 12,
    reached=0.6,
    size_bytes=1234,
    others=0.0,
)
