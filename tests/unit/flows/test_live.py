"""LiveFlows: what is looked at when something changes, and parts that give the same flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ryu_netpol.flows import live as live_flows
from ryu_netpol.flows.bridge import Bridge, ClosedPort
from ryu_netpol.flows.compile import compile_node
from ryu_netpol.flows.ir import FlowKey
from ryu_netpol.flows.live import LiveFlows
from ryu_netpol.flows.numbers import Numbers, following
from ryu_netpol.flows.offline import FIRST_EPOCH
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import Epoch, OfPort
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster, Object
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy, resolve
from ryu_netpol.policy.touched import Touched, everything
from tests.support import build
from tests.support.nodes import pod_cidrs
from tests.support.strategies import OURS
from tests.support.touched import difference

BRIDGE = Bridge(1, 0x0E_00_00_00_00_01, pod_cidrs(1), node_addresses=frozenset({build.address("192.168.0.1")}))
ELSEWHERE = tuple(build.pod(f"shop/web{n}", f"10.244.2.{n}", labelled="app=web", node="node2") for n in range(10, 60))
POLICIES = tuple(
    build.policy(f"shop/p{n}", "app=db", ingress=[build.rule(build.pods("app=web"), ports=[f"TCP/{n}"])])
    for n in range(80, 100)
)
OBJECTS: tuple[Object, ...] = (
    build.node("node1", "192.168.0.1"),
    build.pod("shop/db0", "10.244.1.10", labelled="app=db"),
    build.pod("shop/db1", "10.244.1.11", labelled="app=db"),
    *ELSEWHERE,
    *POLICIES,
)


def policy_of(*objects: Object) -> NodePolicy:
    """Our node, with a port for each of our pods."""
    cluster = Cluster.of(*objects)
    ours = (pod for pod in cluster.pods.values() if pod.node == OURS)
    return resolve(cluster, OURS, [endpoint(int(pod.key.name[-1]), *pod.addresses) for pod in ours])


def endpoint(number: int, *addresses: Address, created: int = 0) -> Endpoint:
    """The port of pod shop/db<number>."""
    return Endpoint(build.pod(f"shop/db{number}").key, OfPort(number + 2), number + 2, addresses, created)


class Node:
    """A node that has been compiled once, and follows changes."""

    def __init__(self, policy: NodePolicy) -> None:
        self.policy, self.bridge, self.epoch = policy, BRIDGE, FIRST_EPOCH
        self.numbers = Numbers().assign(policy)
        self.live = LiveFlows()
        self.changed = self.live.update(policy, BRIDGE, self.numbers, FIRST_EPOCH, everything(policy))

    def become(
        self, policy: NodePolicy | None = None, bridge: Bridge | None = None, epoch: Epoch | None = None
    ) -> set[FlowKey]:
        """Change something; what it leads to must be what the compiler says."""
        touched = Touched() if policy is None else difference(self.policy, policy)
        self.policy, self.bridge, self.epoch = policy or self.policy, bridge or self.bridge, epoch or self.epoch
        self.numbers = self.numbers.assign(self.policy, touched)
        changed = self.live.update(self.policy, self.bridge, self.numbers, self.epoch, touched)

        assert dict(self.live.table) == dict(compile_node(self.policy, self.bridge, self.numbers, self.epoch))
        return changed


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many parts of each kind have been made."""
    counter: Counter[str] = Counter()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            counter[name] += 1
            return function(*arguments)

        return call

    names = ("address_flows", "endpoint_flows", "isolation_flows", "dimensions", "base_flows", "silent_flows")
    for name in names:
        monkeypatch.setattr(live_flows, name, counted(name, getattr(live_flows, name)))
    return counter


NEW_POD = build.pod("shop/web9", "10.244.2.99", labelled="app=web", node="node2")
ALONE = build.policy("shop/other", "app=db", ingress=[build.rule(build.pods("app=web"), ports=["UDP/53"])])
CLOSED = ClosedPort(99, 99, (build.address("10.244.1.99"),))
CHANGES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "nothing": ({}, {}),
    "an epoch": ({"epoch": following(FIRST_EPOCH)}, {}),
    "a pod elsewhere": ({"policy": policy_of(*OBJECTS, NEW_POD)}, {"address_flows": 1, "isolation_flows": 1}),
    "a policy": ({"policy": policy_of(*OBJECTS, ALONE)}, {"dimensions": 1, "isolation_flows": 1}),
    "a port of ours": (
        {"policy": policy_of(*OBJECTS, build.pod("shop/db2", "10.244.1.12", labelled="app=db"))},
        {"address_flows": 1, "endpoint_flows": 1, "isolation_flows": 1},
    ),
    "a closed port": ({"bridge": replace(BRIDGE, closed=(CLOSED,))}, {"silent_flows": 1}),
    "an unknown port": ({"bridge": replace(BRIDGE, unknown=(7,))}, {"silent_flows": 1}),
    "an address of the node": (
        {"bridge": replace(BRIDGE, node_addresses=frozenset())},
        {"base_flows": 1, "silent_flows": 1},
    ),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_work_follows_the_change(change: dict[str, Any], expected: dict[str, int], made: Counter[str]) -> None:
    """Of 50 pods, 20 policies and 2 ports only those are looked at that the change is about."""
    node = Node(policy_of(*OBJECTS))
    made.clear()
    node.become(**change)

    assert dict(made) == expected


def test_a_pod_changes_its_own_flows() -> None:
    """A pod elsewhere, of an identity that rules refer to, brings two flows, whatever the policies."""
    node = Node(policy_of(*OBJECTS))

    changed = node.become(policy_of(*OBJECTS, NEW_POD))
    assert {TableId.SOURCE_ID, TableId.DEST_ID} == {key.table for key in changed}
    assert len(changed) == 2


def test_a_flow_that_two_parts_give() -> None:
    """Two endpoints with one port bring the same flows of that port: these stay until both are gone."""
    pods = (build.node("node1", "192.168.0.1"), build.pod("shop/db1", "10.244.1.11"))
    cluster = build.cluster(*pods)
    address = build.address("10.244.1.11")
    old, new = endpoint(1, address, created=1), endpoint(1, address, created=2)
    node = Node(resolve(cluster, OURS, [old, new]))

    port = {key for key in node.changed if key.match.value("in_port") == old.port}
    assert node.become(resolve(cluster, OURS, [new])) == set()
    assert node.become(resolve(cluster, OURS, [])) >= port


def test_parts_that_disagree() -> None:
    """Two flows for one match are a defect, here as in the compiler."""
    policy = policy_of(*OBJECTS)
    node = Node(policy)

    with pytest.raises(ValueError, match="two flows for one match"):
        node.become(bridge=replace(BRIDGE, unknown=(2,)))
