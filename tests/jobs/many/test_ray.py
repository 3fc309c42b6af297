"""The same plan on a Ray cluster of two nodes; one of them dies in the middle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.media import Sound, audio_packets, pictures, shown, write
from PIL import Image

from streamcut.core.config import Settings
from streamcut.core.errors import MissingDependencyError, StreamcutError
from streamcut.jobs.many.batch import FolderBatch, items_of
from streamcut.jobs.many.ray_team import RayTeam
from streamcut.jobs.many.team import shared_out

QUICK = Settings().with_options({"threads": 1})
_STORE = 100 * 2**20
MS_50 = Fraction(1, 20)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any]]:
    """A head that computes nothing and two nodes with one processor each."""
    ray: Any = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    node = {"object_store_memory": _STORE, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **node})
    nodes = [made.add_node(num_cpus=1, object_store_memory=_STORE) for _ in range(2)]
    made.wait_for_nodes()
    yield made, nodes[0]
    ray.shutdown()
    made.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "in"
    home.mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.fromarray(np.full((32, 48, 3), 200, np.uint8)).save(home / name)
    write(
        home / "c.mp4",
        pictures(80),
        codec="libx264",
        options={"g": "20", "preset": "ultrafast"},
        times=list(range(80)),
        time_base=MS_50,
        rate=20,
        sounds=[Sound("aac", seconds=4.0, click=2.5)],
    )
    return home


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore")
def test_a_node_that_dies_costs_its_part_only(
    cluster: tuple[Any, Any], folder: Path, tmp_path: Path
) -> None:
    made, node = cluster
    out = tmp_path / "out"
    batch = FolderBatch(items_of(str(folder), str(out), ".png", ".webm"), QUICK, seconds=0.9)
    done: list[str] = []
    killed = False
    with RayTeam(made.address) as team:
        assert team.size == 2
        for each in shared_out(batch.tasks(), team):
            if each is not None:
                done.append(os.path.basename(each[0]["output"]))
                batch.take(*each)
            if len(done) >= 3 and not killed:
                made.remove_node(node, allow_graceful=False)
                killed = True
    assert killed
    assert batch.summary.failed == {}
    assert batch.summary.done == 3
    assert len(done) == len(set(done)) == 2 + 4  # Each image and each part, once.
    assert len(shown(out / "c.webm").pictures) == 80
    assert float(audio_packets(out / "c.webm")[-1][1]) == pytest.approx(4.0, abs=0.1)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'streamcut\[ray\]'"):
        RayTeam("auto")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:99999"])
def test_no_cluster_is_one_line(address: str) -> None:
    pytest.importorskip("ray")
    with pytest.raises(StreamcutError, match=f"no Ray cluster at '{address}'") as caught:
        RayTeam(address)
    assert "\n" not in str(caught.value)
