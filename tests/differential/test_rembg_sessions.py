"""Each of rembg's models beside rembg's own session class: the same feeds, the same masks.

The weights are not needed: one small graph of the model's inputs and outputs is injected into
both. What reaches the graph and what is made of its answer has to be equal number by number.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from helpers.graphs import REMBG, model_file, sam
from PIL import Image

from streamcut.cutout import remove
from streamcut.sessions import CATALOG, BaseSession, new_session

pytest.importorskip("rembg")
theirs: Any = pytest.importorskip("rembg.sessions")
bg: Any = pytest.importorskip("rembg.bg")

RNG = np.random.default_rng(4)
CPU = ["CPUExecutionProvider"]
PICTURES = {
    "noise": Image.fromarray(RNG.integers(0, 256, (37, 61, 3), dtype=np.uint8)),
    "dark": Image.fromarray(RNG.integers(0, 90, (61, 37, 3), dtype=np.uint8)),
    "black": Image.fromarray(np.zeros((9, 8, 3), np.uint8)),
    "grey": Image.fromarray(RNG.integers(0, 256, (20, 30), dtype=np.uint8)),
    "RGBA": Image.fromarray(RNG.integers(0, 256, (40, 40, 4), dtype=np.uint8)),
}
SOME = ("u2net", "u2net_cloth_seg", "birefnet-general", "sam")


class Recorded:
    """A loaded graph that keeps what it is fed."""

    def __init__(self, inner: ort.InferenceSession) -> None:
        self._inner = inner
        self.feeds: list[dict[str, np.ndarray]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def run(self, names: Any, feed: dict[str, np.ndarray], *args: Any) -> Any:
        self.feeds.append({name: value.copy() for name, value in feed.items()})
        return self._inner.run(names, feed, *args)


def recorded(session: Any) -> list[Recorded]:
    """Make a session's graphs keep what they are fed."""
    graphs = []
    for name in ("inner_session", "encoder", "decoder"):
        if isinstance(getattr(session, name, None), ort.InferenceSession):
            graphs.append(Recorded(getattr(session, name)))
            setattr(session, name, graphs[-1])
    return graphs[-2:]


def pair(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, BaseSession]:
    """Return rembg's session and ours, both with the same graph."""
    path = model_file(name, folder)
    injected = (path, Path(str(path).replace(".encoder", ".decoder"))) if name == "sam" else path
    kind = theirs.sessions[name]
    monkeypatch.setattr(kind, "download_models", classmethod(lambda cls, *a, **k: injected))
    # rembg lets SAM alone choose its providers, and ONNX Runtime then reports them all.
    their = kind(name, ort.SessionOptions(), model_path=str(path), providers=CPU)
    return their, new_session(name, model_path=path, providers=CPU)


def assert_alike(their: Any, our: Any, picture: Image.Image, **options: Any) -> None:
    fed = [recorded(their), recorded(our)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rembg's own, of Pillow's and of dividing by zero.
        expected = their.predict(picture, **options)
    found = our.predict(picture, **options)
    for theirs_, ours in zip(*fed, strict=True):
        [one], [other] = theirs_.feeds, ours.feeds
        assert one.keys() == other.keys()
        for name, values in one.items():
            assert values.dtype == other[name].dtype
            np.testing.assert_array_equal(values, other[name])
    assert len(found) == len(expected)
    for mask, wanted in zip(found, expected, strict=True):
        assert (mask.mode, mask.size) == (wanted.mode, wanted.size)
        np.testing.assert_array_equal(np.asarray(mask), np.asarray(wanted))


def test_the_catalogue_knows_all_local_models_of_rembg() -> None:
    local = {name for name, kind in theirs.sessions.items() if kind.is_local()}
    # What rembg makes of another model on the user's machine is no model of its own.
    assert local - {"birefnet-general-fp16"} == {*REMBG, "sam"}
    assert local - {model.name for model in CATALOG} == {"birefnet-general-fp16"}


GENERAL = "birefnet-general"
INHERITED = [name for name in REMBG if name.startswith(GENERAL[:8]) and name != GENERAL]
"""rembg's models that do as another one does."""


@pytest.mark.parametrize("name", INHERITED)
def test_what_rembg_inherits_is_read_as_its_parent(name: str) -> None:
    assert theirs.sessions[name].predict is theirs.sessions[GENERAL].predict
    ours, parent = ({m.name: m for m in CATALOG}[key] for key in (name, GENERAL))
    renamed = replace(parent, name=name, purpose=ours.purpose, weights=ours.weights)
    assert renamed == ours


@pytest.mark.parametrize("name", [*sorted({*REMBG} - {*INHERITED}), "sam"])
def test_feeds_and_masks_are_equal(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_alike(*pair(name, tmp_path, monkeypatch), PICTURES["noise"])


@pytest.mark.parametrize("picture", ["dark", "RGBA"])
@pytest.mark.parametrize("name", SOME[:3])
def test_feeds_and_masks_of_other_pictures_are_equal(
    name: str, picture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_alike(*pair(name, tmp_path, monkeypatch), PICTURES[picture])


@pytest.mark.parametrize("option", ["cc", "cloth_category"])
@pytest.mark.parametrize("category", ["upper", "lower", "full", "attire"])
def test_categories_of_clothes_are_equal(
    option: str, category: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    their, our = pair("u2net_cloth_seg", tmp_path, monkeypatch)
    assert_alike(their, our, PICTURES["noise"], **{option: category})


PROMPTS: list[list[dict[str, Any]]] = [
    [{"type": "point", "label": 1, "data": [3, 30]}, {"type": "point", "label": 0, "data": [9, 9]}],
    [
        {"type": "rectangle", "data": [5.5, 7, 40, 31]},
        {"type": "point", "label": 1, "data": [9, 9]},
    ],
]


@pytest.mark.parametrize("prompt", PROMPTS, ids=["points", "box and point"])
def test_prompts_are_equal(
    prompt: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    their, our = pair("sam", tmp_path, monkeypatch)
    assert_alike(their, our, PICTURES["noise"], sam_prompt=prompt)


@pytest.mark.parametrize("name", SOME)
def test_cutouts_are_equal(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    their, our = pair(name, tmp_path, monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = bg.remove(PICTURES["noise"], session=their)
    found = remove(PICTURES["noise"], session=our)
    assert isinstance(found, Image.Image)
    assert (found.mode, found.size) == (expected.mode, expected.size)
    assert found.tobytes() == expected.tobytes()


def test_an_answer_that_is_the_same_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rembg divides by zero, and what it makes of that depends on the processor."""
    their, our = pair("u2net", tmp_path, monkeypatch)
    with pytest.warns(RuntimeWarning, match="invalid value"):
        their.predict(PICTURES["black"])
    [mask] = our.predict(PICTURES["black"])
    logit = float(np.dot([1.5, -0.75, -0.25], np.divide([-0.485, -0.456, -0.406], 0.225)))
    assert len(set(mask.tobytes())) == 1
    assert np.asarray(mask).mean() / 255 == pytest.approx(1 / (1 + np.exp(-logit)), abs=0.02)


def test_addresses_checksums_and_names_are_those_of_rembg(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    monkeypatch.delenv("MODEL_CHECKSUM_DISABLED", raising=False)
    asked: set[tuple[str, str, str]] = set()

    def retrieve(url: str, known_hash: str, fname: str, **_: Any) -> None:
        asked.add((url, known_hash, fname))

    monkeypatch.setattr("pooch.retrieve", retrieve)
    for name, kind in theirs.sessions.items():
        if kind.is_local() and "custom" not in name and "fp16" not in name:
            kind.download_models()
    ours = {
        (weights.url, weights.checksum, weights.file)
        for model in CATALOG
        if model.name in {*REMBG, "sam"}
        for weights in model.weights
    }
    assert ours == asked


@pytest.mark.parametrize("quant", [False, True])
@pytest.mark.parametrize("checkpoint", ["sam_vit_b_01ec64", "sam_vit_l_0b3195"])
def test_other_checkpoints_of_sam_are_those_of_rembg(
    checkpoint: str, quant: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from streamcut.sessions.files.catalog import sam_weights

    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    asked: list[tuple[str, str, str]] = []

    def retrieve(url: str, known_hash: str, fname: str, **_: Any) -> None:
        asked.append((url, known_hash, fname))

    monkeypatch.setattr("pooch.retrieve", retrieve)
    kind = theirs.sessions["sam"]
    kind.download_models(sam_model=checkpoint, sam_quant=quant)
    ours = [(w.url, w.checksum, w.file) for w in sam_weights(checkpoint, quant)]
    assert ours == asked


def test_sam_is_one_file_and_the_other_beside_it(tmp_path: Path) -> None:
    encoder = sam(tmp_path, "mine")
    by_path, by_name = new_session(str(encoder)), new_session("sam", model_path=encoder)
    for session in (by_path, by_name):
        [mask] = session.predict(PICTURES["noise"])
        assert set(mask.tobytes()) <= {0, 255}
