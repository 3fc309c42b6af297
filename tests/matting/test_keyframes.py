"""Keyframe matting on drawn clips whose true mattes are known, frame by frame."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from helpers.frames import in_scenes, predicted

from streamcut.core.pipeline import Pipeline
from streamcut.matting import keyframes
from streamcut.matting.guided_filter import upsample
from streamcut.matting.keyframes import every_frame, on_keyframes, on_keyframes_live
from streamcut.matting.solver import Problem, Solver
from streamcut.media.frame import MattedFrame, PredictedFrame, StreamInfo

W, H, FACTOR = 320, 180, 5
INFO = StreamInfo(W, H, "yuv444p")


def texture(seed: int, low: tuple[int, ...], high: tuple[int, ...]) -> np.ndarray:
    """Blotches between two colours, which flow finds its way in."""
    blurred = cv2.GaussianBlur(
        np.random.default_rng(seed).random((H, W)).astype(np.float32), (0, 0), 3
    )
    noise = (blurred - blurred.min()) / (blurred.max() - blurred.min())
    return np.asarray(noise[..., None] * np.array(high) + (1 - noise[..., None]) * np.array(low))


PLACE, CLOTH = texture(0, (20, 40, 90), (60, 110, 190)), texture(1, (150, 40, 20), (240, 150, 60))


def bar(left: float, width: float = 60) -> np.ndarray:
    """The opacity of an upright bar with a toothed border, as fine as hair."""
    teeth = 4 * (np.arange(H) % 6 < 3)[:, None]
    x = np.arange(W)[None]
    inside = np.minimum(x - (left - teeth), left + width + teeth - x) + 0.5
    return np.asarray(np.clip(inside, 0, 1).astype(np.float32))


def body(left: float) -> np.ndarray:
    """The bar, out of a body that rests at the lower edge."""
    solid = np.zeros((H, W), np.float32)
    solid[150:] = 1
    return np.asarray(np.maximum(bar(left), solid))


def frame(alpha: np.ndarray, shift: int = 0, place: np.ndarray = PLACE) -> PredictedFrame:
    """A picture of a subject with that opacity, and what a network sees and says of it."""
    cloth = np.roll(CLOTH, shift, axis=1)
    rgb = np.rint(alpha[..., None] * cloth + (1 - alpha[..., None]) * place).astype(np.uint8)
    picture = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv444p", dst_colorspace=1)
    picture.colorspace, picture.pts, picture.time_base = 1, shift, Fraction(1, 30)
    size = (W // FACTOR, H // FACTOR)
    rough = cv2.resize(cv2.GaussianBlur(alpha, (0, 0), 3), size, interpolation=cv2.INTER_AREA)
    # As large as a network's usual input, so that flow sees as much of the motion as usual.
    small = cv2.resize(rgb, (256, 144), interpolation=cv2.INTER_AREA)
    coarse = np.asarray(cv2.resize(rough.astype(np.float32), (256, 144)), np.float32)
    return predicted(picture, coarse, seen=small)


def clip(lefts: list[float]) -> tuple[list[MattedFrame], list[np.ndarray]]:
    """Frames with the network's mattes at full size, and the truth."""
    truths = [body(left) for left in lefts]
    frames = [frame(truth, round(left)) for truth, left in zip(truths, lefts, strict=True)]
    return list(upsample(in_scenes(frames), INFO)), truths


def errors(frames: list[MattedFrame], truths: list[np.ndarray]) -> np.ndarray:
    return np.array(
        [np.abs(f.matte / 255 - t).mean() * 1000 for f, t in zip(frames, truths, strict=True)]
    )


def plain_and_made(
    lefts: list[float], interval: int
) -> tuple[np.ndarray, np.ndarray, list[MattedFrame]]:
    frames, truths = clip(lefts)
    plain = errors(frames, truths)
    made = list(on_keyframes(frames, INFO, interval))
    assert all(after.source is before.source for after, before in zip(made, frames, strict=True))
    return plain, errors(made, truths), made


STILL = [100.0] * 7
SLOW = [100.0 + 2 * t for t in range(13)]
FAST = [40.0 + 14 * t for t in range(13)]


def test_every_frame_is_nearer_to_the_truth() -> None:
    frames, truths = clip(SLOW[:4])
    before = errors(frames, truths)
    after = errors(list(every_frame(frames, INFO)), truths)
    assert (after < 0.6 * before).all()


@pytest.mark.parametrize("lefts", [STILL, SLOW], ids=["still", "slow"])
def test_detail_is_kept_between_keyframes(lefts: list[float]) -> None:
    before, after, _ = plain_and_made(lefts, 6)
    assert (after < 0.75 * before).all()


def test_an_arm_that_moves_fast_drags_nothing_along() -> None:
    """At no frame is the matte worse than without keyframes."""
    before, after, _ = plain_and_made(FAST, 6)
    assert (after <= before + 0.3).all()
    assert after.mean() < before.mean()


def lag(frames: list[MattedFrame], truths: list[np.ndarray]) -> int:
    """By how many frames the matte's motion follows the truth's, by cross-correlation."""
    moved = [
        np.stack(clip).astype(np.float32) for clip in ([f.matte / 255 for f in frames], truths)
    ]
    mattes, true = (np.diff(clip, axis=0) for clip in moved)
    count = len(true)
    scores = {
        shift: float(
            (
                mattes[max(0, shift) : count + min(0, shift)]
                * true[max(0, -shift) : count - max(0, shift)]
            ).mean()
        )
        for shift in range(-3, 4)
    }
    return max(scores, key=lambda shift: scores[shift])


@pytest.mark.parametrize("lefts", [SLOW, FAST], ids=["slow", "fast"])
def test_the_matte_moves_when_the_subject_does(lefts: list[float]) -> None:
    _, truths = clip(lefts)
    _, _, made = plain_and_made(lefts, 6)
    assert lag(made, truths) == 0
    assert lag(made[1:], truths[:-1]) == -1  # The measure itself sees a frame's shift.


class Solved:
    """Counts the frames that a solver is asked for, and solves them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times: list[int | None] = []
        solve = Solver.__call__

        def counted(solver: Solver, frame: PredictedFrame) -> np.ndarray | None:
            self.times.append(frame.source.pts)
            return solve(solver, frame)

        monkeypatch.setattr(Solver, "__call__", counted)


def numbered(frames: list[MattedFrame]) -> list[MattedFrame]:
    for number, one in enumerate(frames):
        one.source.pts = number
    return frames


def test_keyframes_come_at_their_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    solved = Solved(monkeypatch)
    list(on_keyframes(numbered(clip([100.0] * 10)[0]), INFO, 4))
    assert solved.times == [0, 4, 8]


def test_a_cut_begins_with_a_keyframe_and_nothing_crosses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    solved = Solved(monkeypatch)
    other = texture(5, (200, 230, 200), (255, 255, 255))
    truths = [body(100)] * 3 + [body(180)] * 3
    frames = [
        frame(truth, 0, PLACE if number < 3 else other) for number, truth in enumerate(truths)
    ]
    given = numbered(list(upsample(in_scenes(frames), INFO)))
    before = errors(given, truths)
    after = errors(list(on_keyframes(given, INFO, 30)), truths)
    assert solved.times == [0, 3]
    assert (after < before).all()


def test_a_border_that_flow_cannot_explain_asks_for_a_keyframe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bar is somewhere else from the sixth frame on: too far for any flow."""
    solved = Solved(monkeypatch)
    list(on_keyframes(numbered(clip([60.0] * 6 + [200.0] * 3)[0]), INFO, 9))
    assert solved.times == [0, 6]


def test_the_same_clip_gives_the_same_mattes() -> None:
    first, second = (plain_and_made(SLOW[:8], 4)[2] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.matte, other.matte)


def test_no_more_frames_are_held_back_than_memory_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keyframes, "_HELD", 3 * keyframes._held_bytes(INFO))
    taken = 0

    def counted() -> Iterator[MattedFrame]:
        nonlocal taken
        for one in clip([100.0] * 12)[0]:
            taken += 1
            yield one

    ahead = [taken - given for given, _ in enumerate(on_keyframes(counted(), INFO, 30), 1)]
    assert max(ahead) == 3
    assert taken == len(ahead) == 12


def test_deep_pictures_have_deep_mattes() -> None:
    info = StreamInfo(W, H, "yuv444p10le")
    truth = body(100)
    shown = frame(truth)
    shown = replace(shown, source=shown.source.reformat(format="yuv444p10le"))
    (plain,) = upsample([shown], info)
    before = np.abs(plain.matte / 1023 - truth).mean()
    (made,) = on_keyframes([plain], info, 4)
    assert made.matte.dtype == np.uint16
    assert np.abs(made.matte / 1023 - truth).mean() < 0.6 * before


def test_an_empty_room_stays_empty() -> None:
    frames = [frame(np.zeros((H, W), np.float32)) for _ in range(4)]
    for made in on_keyframes(upsample(frames, INFO), INFO, 2):
        assert not made.matte.any()


def test_live_frames_never_wait_and_use_what_is_solved_when_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may, done = threading.Event(), threading.Event()
    solve = Solver.solved

    def held(solver: Solver, problem: Problem | None) -> np.ndarray | None:
        # PyAV changes a frame's tags while it converts it: the other thread is given arrays.
        assert isinstance(problem, Problem)
        assert may.wait(60)
        try:
            return solve(solver, problem)
        finally:
            done.set()

    monkeypatch.setattr(Solver, "solved", held)
    frames, truths = clip(SLOW[:10])
    before = [one.matte.copy() for one in frames]
    with Pipeline() as pipeline:
        live = on_keyframes_live(iter(frames), pipeline, INFO, 100)
        early = [next(live) for _ in range(4)]
        for one, matte in zip(early, before, strict=False):
            np.testing.assert_array_equal(one.matte, matte)
        may.set()
        assert done.wait(60)
        live_errors = []
        for one, truth in zip(live, truths[4:], strict=True):
            live_errors.append(errors([one], [truth])[0])
            threading.Event().wait(0.02)  # The answer is on its way through a channel.
    plain = np.array(
        [np.abs(m / 255 - t).mean() * 1000 for m, t in zip(before, truths, strict=True)]
    )
    assert (np.array(live_errors[2:]) < 0.8 * plain[6:]).all()
    assert not [thread for thread in threading.enumerate() if "keyframes" in thread.name]


def stopped_early(frames: list[MattedFrame]) -> None:
    with Pipeline() as pipeline:
        live = pipeline.spawn("all", on_keyframes_live(iter(frames), pipeline, INFO, 3))
        next(live)
        raise KeyboardInterrupt


def test_a_live_job_that_ends_early_leaves_no_thread() -> None:
    frames, _ = clip(STILL)
    with pytest.raises(KeyboardInterrupt):
        stopped_early(frames)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("streamcut")]


def run_live(frames: list[MattedFrame]) -> None:
    with Pipeline() as pipeline:
        for _ in on_keyframes_live(iter(frames), pipeline, INFO, 3):
            threading.Event().wait(0.02)


def test_a_fault_while_solving_reaches_the_live_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no more")

    monkeypatch.setattr(Solver, "solved", fail)
    frames, _ = clip([100.0] * 7)
    with pytest.raises(RuntimeError, match="no more"):
        run_live(frames)
