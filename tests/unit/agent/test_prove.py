"""What can be proved at one moment, put together."""

from __future__ import annotations

from dataclasses import replace

from ryu_netpol.agent.events import InForce, Kind, Reached, Said
from ryu_netpol.agent.glance import Port
from ryu_netpol.agent.problems import Problem, Refused
from ryu_netpol.agent.progress import Progress
from ryu_netpol.agent.proof import Proof
from ryu_netpol.agent.prove import Facts, prove
from ryu_netpol.agent.standing import Concern
from ryu_netpol.model.names import Api, Direction, NodeName, PodKey, PolicyKey, Protocol
from ryu_netpol.policy.coverage import Coverage, PortName

A, B = PolicyKey("shop", "a"), PolicyKey("shop", "b")
WEB = PodKey("shop", "web")
GOOD, BAD = Said("u1", "10", 3), Said("u2", "11", 2, ("spec.ingress: must be a list",))


def proof() -> Proof:
    """A is good, B cannot be decoded; both are so since 5."""
    made = Proof()
    made.follow(
        Reached(Kind.POLICY, Api.V1, "11", {A: GOOD, B: BAD}, complete=True), at=4, progress=Progress(False, 1, None)
    )
    made.follow(InForce(1), at=5, progress=Progress(False, 1, 1))
    return made


def facts(
    *policies: Coverage,
    problems: tuple[Problem, ...] = (),
    refused: Refused | None = None,
    ports: tuple[Port, ...] = (),
) -> Facts:
    """How an agent stands."""
    return Facts(NodeName("n1"), ports, policies, frozenset(problems), refused or Refused())


def test_policies_here() -> None:
    """Generation seen and in force, since when in wall-clock time, how many endpoints."""
    standing = prove(proof(), facts(Coverage(B, 2), Coverage(A, 1)), offset=1000)

    assert [(p.key, p.seen, p.in_force, p.since, p.endpoints) for p in standing.policies] == [
        (A, 3, 3, 1005, 1),
        (B, 2, None, None, 2),
    ]
    assert [one.message for one in standing.policies[1].failures] == [
        "spec.ingress: must be a list; what cannot be read of it allows nothing"
    ]
    assert standing.in_force is not None
    assert (standing.in_force.since, standing.in_force.versions[Kind.POLICY].version) == (1005, "11")


def test_nothing_is_in_force_where_nobody_knows() -> None:
    """A switch that is away."""
    made = proof()
    made.follow(InForce(1), at=6, progress=Progress(True, 1, None))
    standing = prove(made, facts(Coverage(A, 1)), offset=0)

    assert standing.in_force is None
    assert (standing.policies[0].seen, standing.policies[0].in_force) == (3, None)


def test_failures_are_of_objects() -> None:
    """Policies come first; closed pods are named, and what the switch refused is the node's and the policies'."""
    problems = (
        Problem("closed_endpoint", "pod shop/web is closed: it has finished", (WEB,)),
        Problem("unknown_port", "port x is closed"),
    )
    refused = Refused(("BAD: table=51",), frozenset({A}))
    standing = prove(proof(), facts(Coverage(A, 1), problems=problems, refused=refused), offset=0)

    assert [(one.kind, one.namespace, one.name, one.reason) for one in standing.failures] == [
        ("NetworkPolicy", "shop", "a", "FlowRefused"),
        ("NetworkPolicy", "shop", "b", "CannotDecode"),
        ("Node", "", "n1", "BundleRefused"),
        ("Pod", "shop", "web", "EndpointClosed"),
    ]
    assert [one.reason for one in standing.policies[0].failures] == ["FlowRefused"]
    assert (standing.failures[1].uid, standing.failures[1].version, standing.failures[1].since) == ("u2", "11", 4)


def test_pods_without_a_port() -> None:
    """Whoever has an address and no port here passes all policy: that is said of the pod."""
    (failure,) = prove(Proof(), replace(facts(), strays=(WEB,)), offset=0).failures

    assert (failure.kind, failure.namespace, failure.name, failure.reason) == ("Pod", "shop", "web", "NotAttached")


def test_many_errors_are_told_in_part() -> None:
    """The first three, and how many more there are."""
    refused = Refused(tuple(f"error {number}" for number in range(5)))
    (failure,) = prove(Proof(), facts(refused=refused), offset=0).failures

    assert failure.message.endswith("error 0; error 1; error 2; and 2 more")


def test_port_names_that_nobody_has_are_hints() -> None:
    """The policy is enforced as it is written; that of ingress is about this node, that of egress about all."""
    unknown = (
        PortName(Direction.EGRESS, Protocol.UDP, "dns"),
        PortName(Direction.INGRESS, Protocol.TCP, "http"),
    )
    standing = prove(proof(), facts(Coverage(A, 1, unknown)), offset=0)

    assert [one.message for one in standing.hints] == [
        "no pod that its egress rules mean has a UDP port named 'dns': this name allows nothing there",
        "on some node, no pod that it selects has a TCP port named 'http': this name allows nothing there",
    ]
    assert standing.hints[0] == Concern(
        "NetworkPolicy", Api.V1, "shop", "a", "PortNotFound", standing.hints[0].message, "u1", "10"
    )
    assert standing.policies[0].hints == standing.hints
    assert "FlowRefused" not in {one.reason for one in standing.failures}


def test_endpoints_are_counted() -> None:
    """Ports that nobody declared reach nobody either; one that waits is neither ready nor closed."""
    states = ["ready", "ready", "closed", "unknown", "waiting"]
    ports = tuple(Port(f"p{number}", None, state) for number, state in enumerate(states))
    standing = prove(Proof(), facts(ports=ports), offset=0)

    assert (standing.ready, standing.closed) == (2, 2)
