"""Objects of a server come out as the decoder of manifests has them, whatever else the server writes into them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ryu_netpol.adapters.kube import objects
from ryu_netpol.agent.events import Kind
from ryu_netpol.agent.store import key_of, kind_of
from ryu_netpol.model.decode import decode
from ryu_netpol.model.names import Api, NodeName, PodKey, PolicyKey
from ryu_netpol.model.objects import Namespace, Object, Policy
from tests.corpus.replay import ACCEPTED, corpus
from tests.support import build, manifests

OBJECTS: list[Object] = [
    build.pod("shop/web", "10.0.0.1", labelled="app=web", ports=["http=TCP/80"]),
    build.namespace("shop", "team=a"),
    build.policy("shop/p"),
]
NOISE = {
    "resourceVersion": "12",
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "generation": 3,
    "managedFields": [{"manager": "kubectl"}],
    "fieldOfTheFuture": {"a": [1]},
}


def written(document: Any) -> bytes:
    """As a server sends it in a list: without kind and apiVersion, with what only it writes."""
    metadata = {**document["metadata"], **NOISE}
    return json.dumps(
        {**{k: v for k, v in document.items() if k not in ("kind", "apiVersion")}, "metadata": metadata}
    ).encode()


@pytest.mark.parametrize("value", OBJECTS, ids=lambda value: type(value).__name__)
def test_objects_are_what_their_manifests_are(value: Object) -> None:
    """Every kind, with metadata that files do not have, and metadata that nobody knows yet."""
    (document,) = manifests.documents([value])
    entry = objects.entry(written(document), kind_of(value), str(document["apiVersion"]))

    assert decode(document).object == entry.object
    assert key_of(value) == entry.key
    assert entry.clean


def test_what_a_server_accepted() -> None:
    """The recorded objects that a real server took mean here what they mean in a file."""
    documents = [json.loads(entry.text) for entry in corpus() if entry.verdict == ACCEPTED and not entry.yaml]
    ours = [d for d in documents if d.get("kind") in set(Kind) and d.get("apiVersion") and d["metadata"].get("name")]
    found = [objects.entry(written(d), Kind(d["kind"]), d["apiVersion"]) for d in ours]

    assert len(found) > 200
    assert [decode(document).object for document in ours] == [entry.object for entry in found]
    assert all(entry.clean for entry in found)


def test_nodes_keep_their_addresses() -> None:
    """Addresses, labels and pod CIDRs; images and conditions are not even read."""
    status = {"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}], "images": [{"names": ["x"]}]}
    document = {"metadata": {"name": "n1"}, "spec": {"podCIDRs": ["10.244.1.0/24"], "taints": []}, "status": status}
    entry = objects.entry(written(document), Kind.NODE, "v1")

    assert entry.key == NodeName("n1")
    assert decode({"kind": "Node", "apiVersion": "v1", **document}).object == entry.object


def test_a_legacy_policy_has_the_old_meaning() -> None:
    """LG-7: the API version of the list decides, for lists do not repeat it in their items."""
    document = {"metadata": {"namespace": "shop", "name": "p"}, "spec": {"podSelector": {}, "ingress": [{"from": []}]}}
    entry = objects.entry(written(document), Kind.POLICY, Api.LEGACY)

    assert isinstance(entry.object, Policy)
    assert entry.object.ingress[0].peers == ()
    assert entry.key == PolicyKey("shop", "p", Api.LEGACY)


def test_unknown_fields_of_a_spec_are_errors() -> None:
    """A field that a newer server has may mean anything: the rule that has it is closed (UR-2)."""
    spec = {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}, "planet": "mars"}]}]}
    document = {"metadata": {"namespace": "shop", "name": "p", "uid": "u"}, "spec": spec, "status": {"new": 1}}
    entry = objects.entry(written(document), Kind.POLICY, Api.V1)

    assert not entry.clean
    assert isinstance(entry.object, Policy)
    assert entry.object.ingress == ()
    assert entry.uid == "u"


@pytest.mark.parametrize("annotations", ["text", ["a"], 5], ids=repr)
def test_metadata_of_another_shape(annotations: object) -> None:
    """What no server sends is an error of that object, and no exception."""
    document = json.dumps({"metadata": {"name": "shop", "annotations": annotations}}).encode()
    entry = objects.entry(document, Kind.NAMESPACE, "v1")

    assert not entry.clean
    assert isinstance(entry.object, Namespace)


@pytest.mark.parametrize(
    "text", [b"5", b"[]", b'"x"', b"{}", b'{"metadata": 5}', b'{"metadata": {"name": 5}}'], ids=repr
)
@pytest.mark.parametrize("kind", Kind)
def test_what_is_no_object_has_no_key(text: bytes, kind: Kind) -> None:
    """It cannot be identified, is an error, and raises nothing."""
    entry = objects.entry(text, kind, Api.V1 if kind is Kind.POLICY else "v1")

    assert entry.key is None
    assert entry.object is None
    assert not entry.clean
    assert objects.key(text, kind, "v1") is None


@pytest.mark.parametrize("text", [b"", b"{", b'{"metadata": {"name": "a}', b"\xff"], ids=repr)
def test_what_is_no_json_has_no_key_either(text: bytes) -> None:
    """Nor does it raise anything: the others of its list go on."""
    entry = objects.entry(text, Kind.POLICY, Api.V1)

    assert (entry.key, entry.object, entry.clean) == (None, None, False)
    assert str(entry.problems[0]).startswith("NetworkPolicy ?/?: metadata: cannot be read: JSON")


def test_keys_of_deleted_objects() -> None:
    """The last state of an object says which one it was."""
    document = written({"metadata": {"namespace": "shop", "name": "a"}})

    assert objects.key(document, Kind.POD, "v1") == PodKey("shop", "a")
    assert objects.key(document, Kind.POLICY, Api.V1) == PolicyKey("shop", "a", Api.V1)
    assert objects.key(document, Kind.NAMESPACE, "v1") == "a"
