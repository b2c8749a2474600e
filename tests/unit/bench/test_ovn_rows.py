"""The policies as OVN gets them: the same policies, so that the comparison is one."""

from __future__ import annotations

import pytest

from ryu_netpol.bench.clusters.mixed import Mixed
from ryu_netpol.bench.clusters.scene import Scene, pod, tcp
from ryu_netpol.bench.ovn_rows import Rows, port_name, switch
from ryu_netpol.model.labels import EVERYTHING, Labels, Selector
from ryu_netpol.model.names import Direction, PolicyKey
from ryu_netpol.model.net import Cidr
from ryu_netpol.model.objects import BlockPeer, Namespace, PodPeer, Policy, PortSpec, Rule

WEB = Selector.of(app="web")
PODS = (pod("shop", "a", 0, {"app": "web"}), pod("shop", "b", 1, {"app": "db"}), pod("other", "c", 2, {"app": "web"}))
SPACES = (Namespace("shop"), Namespace("other", Labels({"team": "x"})))


def rows(*rules: Rule, direction: Direction = Direction.INGRESS) -> Rows:
    ends = {"ingress": rules} if direction is Direction.INGRESS else {"egress": rules}
    policy = Policy(PolicyKey("shop", "p-1"), WEB, frozenset({direction}), **ends)
    return Rows(Scene(PODS, SPACES, (policy,)), {pod.key: f"uuid-{pod.key.name}" for pod in PODS})


def of(table: str, made: Rows) -> list[dict[str, object]]:
    return [operation["row"] for operation in made.operations if operation["table"] == table]


def test_subjects_are_a_port_group() -> None:
    """The pods that the policy applies to, with an ACL that drops and one for each rule."""
    made = rows(Rule(None, (tcp(80), tcp(90, 99))))
    (group,) = of("Port_Group", made)

    assert group["name"] == "pg_shop_p_1"
    assert group["ports"] == ["set", [["uuid", "uuid-a"]]]
    ports = "(tcp.dst == 80 || 90 <= tcp.dst <= 99)"
    acls = [("drop", 1000, "ip4"), ("allow-related", 1001, f"ip4 && {ports}")]
    found = [(acl["action"], acl["priority"], acl["match"]) for acl in of("ACL", made)]
    assert [(action, number, f"outport == @pg_shop_p_1 && {match}") for action, number, match in acls] == found


@pytest.mark.parametrize(
    ("peer", "addresses"),
    [
        pytest.param(PodPeer(WEB), ["10.1.0.0"], id="own namespace"),
        pytest.param(PodPeer(None, Selector.of(team="x")), ["10.1.0.2"], id="all pods of other namespaces"),
        pytest.param(PodPeer(WEB, EVERYTHING), ["10.1.0.0", "10.1.0.2"], id="everywhere"),
    ],
)
def test_peers_are_address_sets(peer: PodPeer, addresses: list[str]) -> None:
    """A set has the addresses of the pods that the peer selects; the ACL refers to it by name."""
    made = rows(Rule((peer,)))

    assert [{"name": "as0", "addresses": ["set", addresses]}] == of("Address_Set", made)
    assert of("ACL", made)[1]["match"] == "outport == @pg_shop_p_1 && ip4.src == {$as0}"


def test_blocks() -> None:
    """A block is an ACL of its own, its excepts left out; egress looks at the other end."""
    block = BlockPeer(Cidr.parse("172.16.0.0/24"), (Cidr.parse("172.16.0.64/26"),))
    made = rows(Rule((block,), (PortSpec(),)), direction=Direction.EGRESS)

    assert (
        of("ACL", made)[1]["match"]
        == "inport == @pg_shop_p_1 && ip4.dst == 172.16.0.0/24 && ip4.dst != {172.16.0.64/26} && (tcp)"
    )
    assert of("ACL", made)[1]["direction"] == "from-lport"


def test_a_pod_joins_the_sets_that_select_it() -> None:
    """And no other."""
    made = rows(Rule((PodPeer(WEB),)), Rule((PodPeer(Selector.of(app="db")),)))
    (change,) = made.joined(pod("shop", "new", 7, {"app": "db"}))

    assert change["where"] == [["name", "==", "as1"]]
    assert change["mutations"] == [["addresses", "insert", "10.1.0.7"]]


def test_every_joining_pod_of_b3_joins_something() -> None:
    """Else OVN would have nothing to do, and would be no peer."""
    size = Mixed(namespaces=3)
    scene = size.scene()
    made = Rows(scene, {pod.key: "uuid" for pod in scene.local})

    assert all(made.joined(pod) for pod in size.joining(scene, 20))


def test_the_switch_has_the_pods_of_this_node() -> None:
    """One logical port each, with its addresses."""
    operations = switch(PODS[:2])

    assert [operation["row"]["name"] for operation in operations] == ["shop.a", "shop.b", "node"]
    assert operations[0]["row"]["addresses"] == "0a:00:00:00:00:00 10.1.0.0"
    assert port_name(PODS[2].key) == "other.c"
