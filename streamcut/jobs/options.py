"""Which settings a call takes as keywords, for type checkers: nonsense fails there already.

The types repeat the rows of :mod:`streamcut.core.config`; a test holds them to it.
"""

from __future__ import annotations

from typing import TypedDict

from streamcut.core.config import ClothCategory, Cutout, Matting, OnGap, Quality


class MatteOptions(TypedDict, total=False):
    """How the subject is found, and where the network runs."""

    prompt: str
    cloth_category: ClothCategory
    screen: str
    plate: str
    post_process_mask: bool
    threshold: float
    expand: int
    contract: int
    feather: int
    matting: Matting
    alpha_matting_foreground_threshold: int
    alpha_matting_background_threshold: int
    alpha_matting_erode_size: int
    smooth: float
    min_area: float
    keep: str
    invert: bool
    threads: int
    device: str
    require_gpu: bool
    half: bool
    cuda_graphs: bool
    mirror: str
    allow_large: bool


class FrameOptions(MatteOptions, total=False):
    """What Python's frames take besides."""

    model: str
    keyframe_interval: int
    decontaminate: bool
    light_wrap: float
    size: str
    quality: Quality
    on_gap: OnGap
    allow_playlists: bool


class VideoOptions(FrameOptions, total=False):
    """What a job on a file takes: every setting but the live ones."""

    background: str
    cutout: Cutout
    only_mask: bool
    stacked: bool
    codec: str
    audio: bool
    fail_if_empty: bool
