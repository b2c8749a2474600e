"""Clusters as folders of manifests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ryu_netpol.adapters.files import load
from ryu_netpol.bench.b9 import edited, with_ports
from ryu_netpol.bench.clusters.dense import Dense
from ryu_netpol.bench.clusters.fanout import Fanout
from ryu_netpol.bench.clusters.mixed import Mixed
from ryu_netpol.bench.clusters.scene import Scene
from ryu_netpol.bench.clusters.wide import Wide
from ryu_netpol.bench.manifests import write
from ryu_netpol.model.objects import Policy

SCENES = {
    "fanout": Fanout(6, policies=2, local_namespaces=2, excepts=2).scene(),
    "mixed": Mixed(namespaces=2).scene(),
    "mixed with ports": with_ports(Mixed(namespaces=1).scene()),
    "wide": Wide(6, local=2).scene(),
    "dense": Dense(5, 5, local=2).scene(),
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_what_is_written_is_read_back(scene: Scene, tmp_path: Path) -> None:
    """The manifests mean the objects that the other workloads deliver, and have no errors."""
    write(scene, tmp_path / "m")
    loaded = load([str(tmp_path / "m")])

    assert loaded.problems == ()
    assert set(scene.objects) == {_without_uid(item) for item in loaded.objects}


def _without_uid(item: object) -> object:
    return replace(item, uid="") if isinstance(item, Policy) else item


def test_edits_open_a_port() -> None:
    """Every tenth policy of the new cluster is another, the rest is the same."""
    old = Mixed(namespaces=2).scene()
    new = edited(old)

    assert [at for at, (a, b) in enumerate(zip(old.policies, new.policies, strict=True)) if a != b] == [0, 10]
    assert old.pods == new.pods
