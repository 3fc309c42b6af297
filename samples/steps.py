"""Print the tables of docs/measurements.md, "What each step is worth".

The clips are those of ``python -m streamcut.training clips``; networks beside the embedded one
are given as files::

    python samples/steps.py CLIPS selfie_segmentation.onnx

CPU is the time, milliseconds a frame, of everything that comes after the network; of the colours,
of the estimate alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import exp, log
from pathlib import Path
from statistics import mean

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from streamcut.compositing.foreground import decontaminate
from streamcut.core.config import Settings
from streamcut.diagnostics.evaluation import metrics
from streamcut.jobs.stages import matted, one_thread_per_frame, steadied, steadying_of
from streamcut.matting.guided_filter import upsample
from streamcut.matting.network import predict
from streamcut.media.frame import MattedFrame, PredictedFrame, StreamInfo
from streamcut.sessions import BaseSession, new_session
from streamcut.sources import open_source

Mattes = list[NDArray[np.float32]]
Step = Callable[[Iterable[PredictedFrame], StreamInfo], Iterable[MattedFrame]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, help="folder of clips with their true mattes")
    parser.add_argument("networks", nargs="*", type=Path, help=".onnx files beside the embedded")
    given = parser.parse_args()
    clips = sorted(
        given.clips / name.name.replace("_matte.mkv", ".mp4")
        for name in given.clips.glob("*_matte.mkv")
    )
    networks = [new_session(), *map(new_session, given.networks)]
    with one_thread_per_frame:
        for session in networks:
            table(session, clips, 48, STEPS)
        table(networks[0], clips, 30, MATTING)
        colour_table(networks[0], clips, 30)


def bilinear(frames: Iterable[PredictedFrame], info: StreamInfo) -> Iterator[MattedFrame]:
    """The network's matte enlarged, and nothing else."""
    for frame in frames:
        grown = cv2.resize(frame.prediction.alpha, (info.width, info.height))
        yield frame.matted(np.rint(grown * 255).astype(np.uint8))


def finished(**options: object) -> Step:
    """Everything that is done to a matte, with these settings."""
    settings = Settings().with_options({"only_mask": True, **options})

    def step(frames: Iterable[PredictedFrame], info: StreamInfo) -> Iterator[MattedFrame]:
        return matted(steadied(frames, steadying_of(settings, info)), info, settings)

    return step


STEPS: dict[str, Step] = {
    "bilinear enlargement": bilinear,
    "guided upsampling": upsample,
    "and `--smooth 0.6`, specks": finished(),
}
MATTING: dict[str, Step] = {
    "bilinear enlargement": bilinear,
    "`--matting off`": finished(),
    "`keyframes`, every 30 frames": finished(matting="keyframes", keyframe_interval=30),
    "`keyframes`, every 12 frames": finished(matting="keyframes"),
    "`every`": finished(matting="every"),
}


@dataclass
class Clip:
    """A clip with the network's mattes, ready for any step."""

    info: StreamInfo
    frames: list[PredictedFrame]
    truth: Mattes

    @classmethod
    def of(cls, path: Path, session: BaseSession, count: int) -> Clip:
        with open_source(str(path)) as source:
            frames = list(predict(islice(source, count), session))
            info = source.info
        with open_source(str(path).replace(".mp4", "_matte.mkv")) as source:
            truth = [
                unit(np.asarray(frame.source.to_ndarray(format="gray"), np.uint8))
                for frame in islice(source, count)
            ]
        return cls(info, frames, truth)

    def scores(self, step: Step) -> tuple[float, float, float, float]:
        """MAD, dtSSD, boundary F, and the step's CPU time a frame, milliseconds."""
        mattes: Mattes = []
        began, judging = time.thread_time(), 0.0
        for frame in step(self.frames, self.info):
            paused = time.thread_time()
            mattes.append(unit(frame.matte))
            judging += time.thread_time() - paused
        spent = time.thread_time() - began - judging
        pairs = list(zip(mattes, self.truth, strict=True))
        return (
            mean(metrics.mad(*pair) for pair in pairs),
            metrics.dtssd(mattes, self.truth),
            mean(metrics.boundary_f(*pair) for pair in pairs),
            1000 * spent / len(mattes),
        )


def table(session: BaseSession, paths: list[Path], count: int, steps: dict[str, Step]) -> None:
    """Print the means over clips; the last column is MAD beside the first step's, clip by clip."""
    scores: dict[str, list[tuple[float, ...]]] = {name: [] for name in steps}
    for step in steps.values():  # What is compiled on first use is no step's cost.
        Clip.of(paths[0], session, 2).scores(step)
    for path in paths:
        clip = Clip.of(path, session, count)
        for name, step in steps.items():
            scores[name].append(clip.scores(step))
    print(f"\n{session.model_name}, {len(paths)} clips, {count} frames each\n")
    print("| step | MAD | dtSSD | boundary F | CPU | MAD, each clip |\n|---|---|---|---|---|---|")
    first = [mad for mad, *_ in next(iter(scores.values()))]
    for name, rows in scores.items():
        mad, dtssd, boundary, spent = (mean(column) for column in zip(*rows, strict=True))
        ratio = exp(mean(log(row[0] / one) for row, one in zip(rows, first, strict=True)))
        print(f"| {name} | {mad:.1f} | {dtssd:.2f} | {boundary:.3f} | {spent:.1f} | {ratio:.2f} |")


def colour_table(session: BaseSession, paths: list[Path], count: int) -> None:
    """Print the mean error of the border's colours, of the first, middle and last frame."""
    errors: dict[str, list[list[float]]] = {name: [[], [], []] for name in COLOURS}
    for path in paths:
        with open_source(str(path).replace(".mp4", "_foreground.mkv")) as source:
            colours = [rgb(frame.source) for frame in islice(source, count)]
        clip = Clip.of(path, session, count)
        own = list(upsample(clip.frames, clip.info))
        for index in (0, count // 2, count - 1):
            truth = np.rint(clip.truth[index] * 255).astype(np.uint8)
            for name, estimate in COLOURS.items():
                for column, mask in enumerate((truth, own[index].matte)):
                    began = time.thread_time()
                    (made,) = estimate(iter([replace(own[index], matte=mask)]))
                    errors[name][2].append(1000 * (time.thread_time() - began))
                    found = colour_error(rgb(made.subject), colours[index], truth)
                    errors[name][column].append(found)
    print(f"\ncolours in the border, {len(paths)} clips\n")
    print(f"| | true matte | {session.model_name}'s matte | CPU |\n|---|---|---|---|")
    for name, columns in errors.items():
        print(f"| {name} |", " | ".join(f"{np.nanmean(column):.1f}" for column in columns), "|")


COLOURS: dict[str, Callable[[Iterator[MattedFrame]], Iterable[MattedFrame]]] = {
    "as decoded": iter,
    "`--decontaminate`": decontaminate,
    "the same by several levels": lambda frames: decontaminate(frames, thorough=True),
}


def colour_error(
    seen: NDArray[np.float32], colours: NDArray[np.float32], truth: NDArray[np.uint8]
) -> float:
    """Mean absolute error, 0..255, where the true matte is partial, weighed by it."""
    weight = np.where((truth > 0) & (truth < 255), truth, 0).astype(np.float32)
    error = np.abs(seen - colours).mean(axis=2)
    return float((error * weight).sum() / weight.sum()) if weight.any() else float("nan")


def rgb(frame: av.VideoFrame) -> NDArray[np.float32]:
    made = frame.reformat(format="rgb24", src_colorspace=1)
    return np.asarray(made.to_ndarray(), np.float32)


def unit(plane: NDArray[np.uint8]) -> NDArray[np.float32]:
    return plane.astype(np.float32) / np.float32(255)


if __name__ == "__main__":
    main()
