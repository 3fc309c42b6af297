"""The network's stage: what it sees, and several frames at once, only where it is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers import graphs
from helpers.media import Bright, Brightness, pictures, views
from numpy.typing import NDArray

from streamcut.core.errors import ModelError
from streamcut.core.pipeline import Channel
from streamcut.matting.network import predict
from streamcut.media.frame import Frame
from streamcut.sessions import RGB, BatchStream, MapSession, Prediction, new_session
from streamcut.sessions.networks.saliency import MapStream
from streamcut.sessions.runtime import runner


@pytest.fixture
def session(tmp_path: Path) -> MapSession:
    """A session whose graph takes any number of pictures."""
    made = new_session("modnet", model_path=graphs.modnet(tmp_path / "modnet.onnx"))
    assert isinstance(made, MapSession)
    return made


def noise(count: int, seed: int = 0) -> list[RGB]:
    random = np.random.default_rng(seed)
    return list(random.integers(0, 256, (count, 64, 96, 3), np.uint8))


@pytest.mark.parametrize("bound", [False, True])
def test_together_gives_what_one_by_one_gives(
    session: MapSession, bound: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bound:
        monkeypatch.setattr(runner, "_device_of", lambda _: (("cpu", 1), False))
    together, singly = session.stream(), session.stream()
    assert isinstance(together, BatchStream)
    for count in (4, 1, 4, 2):
        shots = noise(count, seed=count)
        made = together.many(shots) if count > 1 else [together(shots[0])]
        alone = [singly(shot) for shot in shots]
        assert all(np.array_equal(a.alpha, b.alpha) for a, b in zip(made, alone, strict=True))


class OnGpu:
    """A session that says it runs on a GPU."""

    def __init__(self, inner: Any, provider: str) -> None:
        self._inner, self._provider = inner, provider

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get_providers(self) -> list[str]:
        return [self._provider, "CPUExecutionProvider"]


def test_batches_are_for_cuda_and_graphs_that_take_any_number(
    session: MapSession, tmp_path: Path
) -> None:
    assert session.batch == 1
    fixed = new_session(str(graphs.plain(tmp_path / "fixed.onnx", "x", "y", 64)))
    assert isinstance(fixed, MapSession)
    for provider, batches in (("CUDAExecutionProvider", (4, 1)), ("DmlExecutionProvider", (1, 1))):
        for made, batch in zip((session, fixed), batches, strict=True):
            made.inner_session = OnGpu(made.inner_session, provider)
            assert made.batch == batch


class Counting(MapStream):
    """A stream that takes four at once, and notes how many it was given."""

    def __init__(self, session: MapSession) -> None:
        super().__init__(session)
        self.batch = 4
        self.given: list[int] = []

    def __call__(self, picture: RGB) -> Prediction:
        self.given.append(1)
        return super().__call__(picture)

    def many(self, pictures: Any) -> list[Prediction]:
        self.given.append(len(pictures))
        return super().many(pictures)


class Colouring:
    """A stream that tells each picture's own mean colour as the subject's."""

    batch = 4

    def __call__(self, picture: RGB) -> Prediction:
        alpha = np.ones(picture.shape[:2], np.float32)
        colour = picture.mean(axis=(0, 1), dtype=np.float32)
        foreground = np.broadcast_to(colour / np.float32(255), picture.shape)
        return Prediction(alpha, foreground, tuple(colour.tolist()))

    def many(self, pictures: Any) -> list[Prediction]:
        return [self(picture) for picture in pictures]

    def reset(self) -> None:
        pass


def test_a_batch_s_frames_have_their_own_foreground_and_screen(
    session: MapSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "stream", Colouring)
    made = list(predict(waiting(4), session, together=True))
    assert len(made) == 4
    for frame in made:
        assert frame.prediction.foreground is not None
        colour = frame.seen.mean(axis=(0, 1), dtype=np.float32)
        assert np.allclose(frame.prediction.foreground[0, 0] * 255, colour, atol=1e-3)
        assert frame.prediction.screen == pytest.approx(tuple(colour.tolist()))
    assert len({frame.prediction.screen for frame in made}) == 4


@pytest.mark.parametrize("answer", [None, "a matte", np.zeros((4, 4, 3), np.float32)])
def test_what_is_no_prediction_is_one_line(
    session: MapSession, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(session, "stream", lambda: lambda _: answer)
    with pytest.raises(ModelError, match="not a Prediction"):
        list(predict(waiting(1), session))


def test_a_bare_matte_is_a_prediction_without_foreground(
    session: MapSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    width, height = session.input_size(96, 64)
    plain = np.full((height, width), 0.5, np.float32)
    monkeypatch.setattr(session, "stream", lambda: lambda _: plain)
    [frame] = predict(waiting(1), session)
    assert frame.prediction.alpha is plain
    assert frame.prediction.foreground is None
    assert frame.prediction.screen is None


@pytest.mark.parametrize(("share", "level", "words"), [(2, 0.5, "not of"), (1, np.nan, "NaN")])
def test_a_matte_of_another_size_or_of_no_numbers_is_refused(
    session: MapSession, monkeypatch: pytest.MonkeyPatch, share: int, level: float, words: str
) -> None:
    width, height = session.input_size(96, 64)
    answer = np.full((height // share, width // share), level, np.float32)
    monkeypatch.setattr(session, "stream", lambda: lambda _: answer)
    with pytest.raises(ModelError, match=words):
        list(predict(waiting(1), session))


def waiting(count: int) -> Channel[Frame]:
    channel: Channel[Frame] = Channel(9)
    for shot in pictures(count, 96, 64):
        channel.put(Frame(source=shot))
    channel.close()
    return channel


@pytest.mark.parametrize(("together", "given"), [(True, [4, 1, 1]), (False, [1] * 6)])
def test_the_stage_takes_together_what_waits(
    session: MapSession, monkeypatch: pytest.MonkeyPatch, together: bool, given: list[int]
) -> None:
    plain = [frame.prediction.alpha for frame in predict(waiting(6), session)]
    stream = Counting(session)
    monkeypatch.setattr(session, "stream", lambda: stream)
    made = list(predict(waiting(6), session, together=together))
    assert stream.given == given
    assert all(
        np.array_equal(frame.prediction.alpha, each)
        for frame, each in zip(made, plain, strict=True)
    )
    assert [frame.source.pts for frame in made] == [shot.pts for shot in pictures(6, 96, 64)]


def test_the_network_sees_the_picture_in_its_colours() -> None:
    """RGB by the picture's own matrix and range, at the size that the session asks for."""
    seen: list[np.ndarray] = []

    class Looking(Brightness):
        def stream(self) -> Bright:
            class Stream(Bright):
                def __call__(self, picture: NDArray[Any]) -> Prediction:
                    seen.append(picture.copy())
                    return super().__call__(picture)

            return Stream()

    for matrix, luma, red in [(5, 81, (255, 0, 0)), (1, 63, (255, 0, 0))]:
        shot = av.VideoFrame(96, 64, "yuv444p")
        codes = {5: (81, 90, 240), 1: (63, 102, 240)}[matrix]
        assert codes[0] == luma
        for plane, code in zip(views(shot), codes, strict=True):
            plane[:] = code
        shot.colorspace, shot.color_range = matrix, 1
        list(predict([Frame(source=shot)], Looking()))
        assert seen[-1].shape == (32, 48, 3)
        assert seen[-1].dtype == np.uint8
        assert np.abs(seen[-1].reshape(-1, 3).astype(int) - red).max() <= 3
