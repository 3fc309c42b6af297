"""Frames converted from one pixel format, size and colour to another."""

from __future__ import annotations

SCALING_THREADS = 1
"""Threads of every scaling and conversion. FFmpeg's scaler writes up to 32 bytes past the end of
a row, which PyAV's frames (rows aligned to 16 bytes) do not always leave room for: with more
threads, one may overwrite the first pixels of a row that another has finished."""
