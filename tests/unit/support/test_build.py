"""The builders' short notations."""

from __future__ import annotations

import pytest

from ryu_netpol.model.labels import EVERYTHING, Operator, Requirement, Selector
from ryu_netpol.model.names import Api, Direction, PodKey, Protocol
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import NamedPort, PodPeer, PortSpec
from tests.support.build import labels, pod, pods, policy, port, rule, selector


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", EVERYTHING),
        ("*", EVERYTHING),
        ("a=b", Selector.of(a="b")),
        ("a=", Selector.of(a="")),
        ("a", Selector((Requirement("a", Operator.EXISTS),))),
        ("!a", Selector((Requirement("a", Operator.DOES_NOT_EXIST),))),
        (
            "a in (x,y),b=c",
            Selector((Requirement("a", Operator.IN, ("x", "y")), Requirement("b", Operator.IN, ("c",)))),
        ),
        ("a notin (x,)", Selector((Requirement("a", Operator.NOT_IN, ("", "x")),))),
    ],
)
def test_selectors(text: str, expected: Selector) -> None:
    """Selectors are read as kubectl writes them."""
    assert expected == selector(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TCP", PortSpec(Protocol.TCP)),
        ("UDP/53", PortSpec(Protocol.UDP, PortRange(53, 53))),
        ("SCTP/1-9", PortSpec(Protocol.SCTP, PortRange(1, 9))),
        ("TCP/http-2", PortSpec(Protocol.TCP, "http-2")),
    ],
)
def test_ports(text: str, expected: PortSpec) -> None:
    """Ports are numbers, ranges, names or all of a protocol."""
    assert expected == port(text)


def test_pods() -> None:
    """Ports with and without names, the default namespace, and any other field."""
    made = pod("x", "10.0.0.1", labelled="a=b,c=", ports=["http=TCP/80", "UDP/53"], finished=True)

    assert PodKey("default", "x") == made.key
    assert labels("a=b,c=") == made.labels
    assert (NamedPort("http", Protocol.TCP, 80),) == made.ports
    assert made.container_ports == ((Protocol.TCP, 80), (Protocol.UDP, 53))
    assert made.finished


def test_a_container_port_is_a_number() -> None:
    """A range or a name is no container port."""
    with pytest.raises(ValueError, match="TCP/1-2 is not the port of a container"):
        pod("x", ports=["TCP/1-2"])


def test_policies_have_the_default_types() -> None:
    """NP-11, as in a manifest; legacy policies have ingress only."""
    assert frozenset({Direction.INGRESS}) == policy("a/b").directions
    assert frozenset(Direction) == policy("a/b", egress=[rule()]).directions
    assert policy("a/b", legacy=True).key.api is Api.LEGACY


def test_peers() -> None:
    """What is not said is None."""
    assert PodPeer(pods=EVERYTHING) == pods()
    assert PodPeer(pods=Selector.of(a="b")) == pods("a=b")
    assert PodPeer(namespaces=EVERYTHING) == pods(ns="*")
    assert rule().peers is None
    assert rule(nobody=True).peers == ()
