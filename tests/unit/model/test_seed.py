"""The seed's own documents, and the examples made from them (LG)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ryu_netpol.adapters.files import load
from ryu_netpol.model.decode import decode
from ryu_netpol.model.labels import Selector
from ryu_netpol.model.load import read
from ryu_netpol.model.names import Api, PolicyKey, Protocol
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import Namespace, PodPeer, Policy, PortSpec, Rule
from tests.unit.model import seed

EXAMPLES = Path(__file__).parents[3] / "examples"

EXPECTED = Policy(
    PolicyKey("default", "test-network-policy", Api.LEGACY),
    subject=Selector.of(role="db"),
    ingress=(
        Rule(
            peers=(PodPeer(namespaces=Selector.of(project="myproject")), PodPeer(pods=Selector.of(role="frontend"))),
            ports=(PortSpec(Protocol.TCP, PortRange(6379, 6379)),),
        ),
    ),
)


def test_policy() -> None:
    """LG-8, LG-9: the policy means what the text says, with a warning for its `tcp`."""
    loaded = read(seed.POLICY, file="seed.yaml")

    assert loaded.objects == (EXPECTED,)
    assert [str(p) for p in loaded.problems] == [
        "seed.yaml:19: NetworkPolicy default/test-network-policy: spec.ingress[0].ports[0].protocol: "
        "is read as TCP; API servers want upper case"
    ]
    assert loaded.errors == 0


def test_namespace() -> None:
    """LG-1: the namespace is isolated; the text leaves its name to the reader."""
    nameless = read(seed.NAMESPACE, file="seed.yaml")
    named = read(seed.NAMESPACE.replace("metadata:\n", "metadata:\n  name: default\n"), file="seed.yaml")

    assert nameless.objects == ()
    assert [p.field for p in nameless.problems] == ["metadata.name"]
    assert named.objects == (Namespace("default", default_deny=True),)
    assert named.problems == ()


def test_annotate_command() -> None:
    """LG-2: the annotation as the text's kubectl command writes it."""
    metadata = {"name": "a", "annotations": {"net.beta.kubernetes.io/network-policy": seed.ANNOTATE}}

    assert decode({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}).object == Namespace(
        "a", default_deny=True
    )


def test_example_has_the_seed_verbatim() -> None:
    """examples/seed holds both documents letter by letter."""
    text = (EXAMPLES / "seed" / "1-namespaces.yaml").read_text()

    assert seed.NAMESPACE.replace("metadata:\n", "metadata:\n  name: default\n") in text
    assert (EXAMPLES / "seed" / "2-policy.yaml").read_text().endswith("\n" + seed.POLICY)


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_examples(name: str) -> None:
    """Every example is free of errors, says what it is about, and has pods with ports to probe."""
    loaded = load([str(EXAMPLES / name)])

    assert loaded.errors == 0
    assert loaded.items
    assert all(path.read_text().startswith("# ") for path in (EXAMPLES / name).glob("*.yaml"))
