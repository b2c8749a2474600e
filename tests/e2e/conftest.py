"""Fixtures of the end-to-end tests: labs in a folder of their own. What is missing is a failure, never a skip."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.lab.lab import Lab, tear_down
from ryu_netpol.lab.specs import node_specs, pod_specs
from ryu_netpol.lab.state import LabState
from tests.e2e.shop import CLUSTER, POD, PODS, POLICY, cluster

FAKE_AGENT = (sys.executable, str(Path(__file__).with_name("fake_agent.py")))


@pytest.fixture
def base() -> Iterator[Path]:
    """Where the labs of one test keep their records; what a failed test left goes with it."""
    folder = Path("/run", f"npl-e2e-{os.getpid()}")
    yield folder
    for state in LabState.all(folder):
        tear_down(state)


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """An empty folder; the fake agent takes flows from drops.txt in it."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    return folder


@pytest.fixture
def lab(base: Path, manifests: Path) -> Iterator[Lab]:
    """One node with the fake agent, without policies."""
    with Lab(manifests, program=FAKE_AGENT, base=base) as made:
        yield made
    assert LabState.all(base) == ()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Manifests of four pods and two policies; tests edit them."""
    made = tmp_path / "manifests"
    made.mkdir()
    pods = (POD.format(namespace=namespace, name=name, n=n) for namespace, name, n in PODS)
    (made / "cluster.yaml").write_text(CLUSTER + "".join(pods))
    (made / "policy.yaml").write_text(POLICY)
    return made


@pytest.fixture
def shop(base: Path, folder: Path) -> Iterator[Lab]:
    """The lab with these manifests, all pods attached."""
    found = cluster(folder)
    with Lab(folder, node_specs(found), base=base) as lab:
        lab.attach(pod_specs(found))
        yield lab
