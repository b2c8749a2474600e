"""What `explain` says is true, on generated clusters: verdicts, rules that allow, and failures, by repairing them.

A rule that is said to fail by some things must match once all of them are repaired, and must not match while one is
left: so nothing is missing, and nothing is made up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from ryu_netpol.model.labels import EVERYTHING, Selector
from ryu_netpol.model.names import Direction
from ryu_netpol.model.net import BITS, Cidr, PortRange
from ryu_netpol.model.objects import BlockPeer, Cluster, Peer, PodPeer, PortSpec, Rule
from ryu_netpol.model.packet import Connection
from ryu_netpol.oracle.evaluate import Oracle
from ryu_netpol.oracle.explain import Explanation, Side, Why, explain
from ryu_netpol.oracle.failures import Failure, Kind, RuleMiss
from ryu_netpol.oracle.match import End, rule_matches
from tests.support.grid import grid
from tests.support.strategies import ALL, OURS, random_cluster

CLUSTERS, PROBES, CHUNKS = 300, 60, 5


def lies(oracle: Oracle, told: Explanation) -> Iterator[str]:
    """Everything in an explanation that is not so."""
    verdict = oracle.evaluate(told.connection)
    if told.verdict != verdict or tuple(side.judgement for side in told.sides) != verdict.judgements:
        yield "the verdict is another one"
    if (told.situation is None) == (not told.sides):
        yield "it has neither a situation nor sides, or both"
    for side in told.sides:
        yield from lies_about(side, told)


def lies_about(side: Side, told: Explanation) -> Iterator[str]:
    """Everything about one direction that is not so."""
    judged = side.judgement
    peer = told.destination if judged.direction is Direction.EGRESS else told.source
    first = [(hit.policy, hit.index) for hit in side.allowing[:1]]
    if first != ([] if judged.policy is None else [(judged.policy, judged.rule)]):
        yield "the verdict names another rule"
    if judged.allowed is (side.why is Why.NO_RULE):
        yield "the reason is another one"
    for hit in side.allowing:
        if not matches(hit.rule, hit.policy.namespace, told.connection, peer, told.destination):
            yield f"{hit} does not match"
    if [miss.distance for miss in side.misses] != sorted(miss.distance for miss in side.misses):
        yield "the closest rule is not the first"
    for miss in side.misses:
        if not miss.failures or not all(entry.failures for entry in (*miss.peers, *miss.ports)):
            yield f"{miss} fails by nothing"
        if not matches(*repaired(miss, miss.failures, told, peer), peer, told.destination):
            yield f"{miss} does not match after all repairs"
        for failure in miss.failures:
            others = tuple(f for f in miss.failures if f != failure)
            if matches(*repaired(miss, others, told, peer), peer, told.destination):
                yield f"{miss} matches without the repair of {failure}"


def matches(rule: Rule, namespace: str, connection: Connection, peer: End, destination: End) -> bool:
    """Whether a rule matches, in another order of arguments."""
    return rule_matches(rule, namespace, peer=peer, destination=destination, connection=connection)


def repaired(
    miss: RuleMiss, failures: tuple[Failure, ...], told: Explanation, peer: End
) -> tuple[Rule, str, Connection]:
    """The rule reduced to its closest entries, and the connection, with these failures repaired."""
    rule, connection = miss.rule, told.connection
    if miss.peers and miss.peers[0].index is not None and rule.peers:
        rule = replace(rule, peers=(rule.peers[miss.peers[0].index],))
    if miss.ports and miss.ports[0].index is not None and rule.ports:
        rule = replace(rule, ports=(rule.ports[miss.ports[0].index],))
    for failure in failures:
        if failure.kind is Kind.NOBODY:
            rule = replace(rule, peers=None)
        elif failure.kind in (Kind.NO_PORTS, Kind.PORTLESS):
            rule = replace(rule, ports=None)
        elif failure.kind is Kind.PROTOCOL and rule.ports:
            connection = replace(connection, protocol=rule.ports[0].protocol)
        elif failure.kind in PEERS and rule.peers:
            rule = replace(rule, peers=(PEERS[failure.kind](rule.peers[0], failure, peer),))
        elif rule.ports:
            rule = replace(rule, ports=(any_port(rule.ports[0]),))
    return rule, miss.policy.namespace, connection


def any_port(spec: PortSpec) -> PortSpec:
    return replace(spec, port=PortRange(1, 0xFFFF))


def without(selector: Selector | None, wanted: str) -> Selector | None:
    """The selector without a requirement, which it must have."""
    if selector is None or wanted not in map(str, selector.requirements):
        return selector
    return Selector(tuple(requirement for requirement in selector.requirements if str(requirement) != wanted))


def label(entry: Peer, failure: Failure, _: End) -> Peer:
    return replace(entry, pods=without(entry.pods, failure.wanted)) if isinstance(entry, PodPeer) else entry


def namespace_label(entry: Peer, failure: Failure, _: End) -> Peer:
    return replace(entry, namespaces=without(entry.namespaces, failure.wanted)) if isinstance(entry, PodPeer) else entry


def namespace(entry: Peer, _: Failure, __: End) -> Peer:
    return replace(entry, namespaces=EVERYTHING) if isinstance(entry, PodPeer) else entry


def just(_: Peer, __: Failure, peer: End) -> Peer:
    return BlockPeer(Cidr(peer.address.version, peer.address.value, BITS[peer.address.version]))


def hole(entry: Peer, failure: Failure, _: End) -> Peer:
    return (
        replace(entry, excepts=tuple(h for h in entry.excepts if not failure.wanted.endswith(f" {h}")))
        if isinstance(entry, BlockPeer)
        else entry
    )


PEERS: dict[Kind, Callable[[Peer, Failure, End], Peer]] = {
    Kind.LABEL: label,
    Kind.NAMESPACE_LABEL: namespace_label,
    Kind.NAMESPACE: namespace,
    Kind.NOT_A_POD: just,
    Kind.FAMILY: just,
    Kind.CIDR: just,
    Kind.EXCEPT: hole,
}
"""How to repair a peer."""


def explanations(seeds: range) -> Iterator[tuple[int, Oracle, Explanation]]:
    for seed in seeds:
        rng = random.Random(seed)
        cluster: Cluster = random_cluster(rng, features=ALL)
        oracle = Oracle(cluster)
        for connection in grid(cluster, OURS).sample(rng, PROBES):
            yield seed, oracle, explain(oracle, connection)


@pytest.mark.parametrize("chunk", range(CHUNKS), ids=lambda n: f"seeds-{n}")
def test_explanations_are_true(chunk: int) -> None:
    """A fifth of the clusters, every feature in them; and nearly every kind of failure occurs."""
    kinds: set[Kind] = set()
    for seed, oracle, told in explanations(range(chunk * CLUSTERS // CHUNKS, (chunk + 1) * CLUSTERS // CHUNKS)):
        kinds |= {f.kind for side in told.sides for miss in side.misses for f in miss.failures}

        assert list(lies(oracle, told)) == [], f"seed {seed}: {told.connection}"
    assert set() == set(Kind) - kinds - {Kind.NO_PORTS, Kind.NOBODY}


def a_failure_less(miss: RuleMiss) -> RuleMiss:
    closest = (miss.peers or miss.ports)[0]
    shorter = (replace(closest, failures=closest.failures[1:]),)
    return replace(miss, peers=shorter) if miss.peers else replace(miss, ports=shorter)


def a_failure_more(miss: RuleMiss) -> RuleMiss:
    closest = (miss.peers or miss.ports)[0]
    longer = (replace(closest, failures=(*closest.failures, Failure(Kind.LABEL, "made=up", "no label made"))),)
    return replace(miss, peers=longer) if miss.peers else replace(miss, ports=longer)


def a_list_less(miss: RuleMiss) -> RuleMiss:
    return replace(miss, peers=()) if miss.peers else replace(miss, ports=())


@pytest.mark.parametrize("tamper", [a_failure_less, a_failure_more, a_list_less], ids=lambda f: f.__name__)
def test_the_checker_catches(tamper: Callable[[RuleMiss], RuleMiss]) -> None:
    """P10: an explanation that leaves a failure out, or makes one up, is found out, whichever it is."""
    tampered = 0
    for _, oracle, told in explanations(range(20)):
        for number, side in enumerate(told.sides):
            for miss in side.misses[:1]:
                tampered += 1
                wrong = replace(side, misses=(tamper(miss), *side.misses[1:]))
                sides = (*told.sides[:number], wrong, *told.sides[number + 1 :])

                assert list(lies(oracle, replace(told, sides=sides)))
    assert tampered > 100
