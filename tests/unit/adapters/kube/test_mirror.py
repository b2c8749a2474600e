"""What is known of one kind: news, lists, and objects that cannot be decoded (UR-1, UR-2)."""

from __future__ import annotations

import json
from typing import Any

from ryu_netpol.adapters.kube import objects
from ryu_netpol.adapters.kube.mirror import Mirror
from ryu_netpol.agent.events import Deleted, Kind, Relisted, Upserted
from ryu_netpol.model.names import Api, PolicyKey
from ryu_netpol.model.objects import Policy
from tests.unit.adapters.kube.world import policy

BAD = {"ingress": [{"from": [{"planets": {}}]}]}
KEY = PolicyKey("shop", "p")


def entry(document: dict[str, Any]) -> objects.Entry:
    """A policy as the feed decodes it."""
    return objects.entry(json.dumps(document).encode(), Kind.POLICY, Api.V1)


def value(document: dict[str, Any]) -> Policy:
    """The policy itself."""
    found = entry(document).object
    assert isinstance(found, Policy)
    return found


GOOD = policy("shop/p", ingress=[{"ports": [{"port": 80}]}])


def test_news_and_no_news() -> None:
    """Created, the same again, changed, gone, gone again."""
    mirror = Mirror(Kind.POLICY)
    other = policy("shop/p", ingress=[{}])

    assert Upserted(value(GOOD)) == mirror.put(entry(GOOD))
    assert mirror.put(entry(GOOD)) is None
    assert Upserted(value(other)) == mirror.put(entry(other))
    assert Deleted(value(other)) == mirror.remove(KEY)
    assert mirror.remove(KEY) is None


def test_a_list_replaces() -> None:
    """What is not in it is gone (R12)."""
    mirror = Mirror(Kind.POLICY)
    mirror.put(entry(GOOD))
    other = policy("shop/q")

    assert Relisted(Kind.POLICY, frozenset({value(other)})) == mirror.replace([entry(other)])
    assert mirror.remove(KEY) is None


def test_the_last_good_version_stays() -> None:
    """UR-1: by an event and by a list; the message says that it does, once."""
    mirror = Mirror(Kind.POLICY)
    mirror.put(entry(GOOD))
    bad = policy("shop/p", **BAD)

    assert mirror.put(entry(bad)) is None
    ((what, text),) = mirror.problems()
    assert what == "object_error"
    assert text.startswith("NetworkPolicy shop/p: spec.ingress[0].from[0].planets: unknown field")
    assert text.endswith("what it said before stays in force")

    assert Relisted(Kind.POLICY, frozenset({value(GOOD)})) == mirror.replace([entry(bad)])
    assert list(mirror.problems()) == []


def test_another_object_of_the_name_has_no_last_good_version() -> None:
    """It was deleted and made again, which its uid tells: what the former said means nothing (UR-2)."""
    mirror = Mirror(Kind.POLICY)
    mirror.put(entry(GOOD))
    bad = policy("shop/p", uid="another", **BAD)
    change = mirror.put(entry(bad))

    assert Upserted(value(bad)) == change
    assert value(bad).ingress == ()


def test_what_was_never_good_is_closed() -> None:
    """UR-2: and when it is corrected, it is as it says."""
    mirror = Mirror(Kind.POLICY)
    bad = policy("shop/p", **BAD)

    assert Upserted(value(bad)) == mirror.put(entry(bad))
    assert Upserted(value(GOOD)) == mirror.put(entry(GOOD))


def test_problems_are_told_again_when_they_come_back() -> None:
    """Bad, good, bad: two messages."""
    mirror = Mirror(Kind.POLICY)
    for document in (policy("shop/p", **BAD), GOOD, policy("shop/p", **BAD)):
        mirror.put(entry(document))

    assert len(list(mirror.problems())) == 2


def test_warnings_are_no_errors() -> None:
    """What an API server would accept counts by another name, and the object is as it says."""
    mirror = Mirror(Kind.POLICY)
    odd = policy("shop/p", policyTypes=["Egress"], ingress=[{}])

    assert Upserted(value(odd)) == mirror.put(entry(odd))
    ((what, _),) = mirror.problems()
    assert what == "object_warning"


def test_nobody_knows_who_it_is() -> None:
    """An object without a name is left out, and said to be."""
    mirror = Mirror(Kind.POLICY)
    nameless = policy("shop/p")
    del nameless["metadata"]["name"]

    assert mirror.put(entry(nameless)) is None
    assert any("left out" in text for _, text in mirror.problems())


def test_a_list_with_one_that_nobody_can_name_proves_nobody_gone() -> None:
    """It may be the policy that seems to be missing, which stays in force (UR-1); the next list without it counts."""
    mirror = Mirror(Kind.POLICY)
    mirror.put(entry(GOOD))
    other = policy("shop/q")
    nameless = objects.entry(b"tru", Kind.POLICY, Api.V1)

    assert frozenset({value(GOOD), value(other)}) == mirror.replace([entry(other), nameless]).objects
    assert any("left out" in text for _, text in mirror.problems())
    assert frozenset({value(other)}) == mirror.replace([entry(other)]).objects


def test_an_object_that_becomes_unusable_with_another_uid_is_gone() -> None:
    """A pod of the name is there, but nothing is known of it: the former pod must not stay."""
    mirror = Mirror(Kind.POD)
    good = {"metadata": {"namespace": "shop", "name": "web", "uid": "1"}, "spec": {"containers": []}}
    bad = {"metadata": {"namespace": "shop", "name": "web", "uid": "2"}, "spec": {"nodeName": 5, "containers": []}}
    decoded = [objects.entry(json.dumps(one).encode(), Kind.POD, "v1") for one in (good, bad)]
    mirror.put(decoded[0])
    before = decoded[0].object
    assert before is not None

    assert Deleted(before) == mirror.put(decoded[1])
