"""Rules as conjunctive matches (ovs-fields(7), "Conjunctive Match Fields").

A rule has up to three dimensions: subject, peer, protocol and port; one that is "any" is left out. n1 x n2 x n3
combinations cost n1 + n2 + n3 clauses, and equal clauses of different rules are one flow with several conjunction
actions (clauses.py). Clauses of one dimension may overlap: each contributes on its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from ryu_netpol.flows.fields import DEST_IDENTITY, SOURCE_IDENTITY
from ryu_netpol.flows.ir import Conjunction, Cookie, CookieKind, Flow, FlowKey, Goto, Match
from ryu_netpol.flows.matches import destination, exact, later_fragments, port, protocol, reg, source, unpaged
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import ConjId, Direction, IdentityId
from ryu_netpol.model.net import VERSIONS, Cidr, Version, port_masks
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.rules import PortMatch, Ports, ResolvedRule

TABLE = {Direction.INGRESS: TableId.INGRESS, Direction.EGRESS: TableId.EGRESS}
ALLOWED = {TableId.INGRESS: TableId.COMMIT, TableId.EGRESS: TableId.INGRESS_ADMIN}
"""Where a packet goes on that a rule allows."""

DIRECT_PRIORITY = 20001
CLAUSE_PRIORITY = 20000
ISOLATED_PRIORITY = 1000
_NO_MATCHES: frozenset[Match] = frozenset()

SUBJECT = 1
"""The dimension of the subjects: the first, and every rule has it."""


class PortsIn(NamedTuple):
    """The ports of a rule in some IP versions: a match on a port is one on a version, too."""

    ports: Ports
    versions: tuple[Version, ...]


Alternative = Identity | Cidr | PortsIn
"""One member of a dimension. No two of one dimension have a match in common: therefore all ports together are one."""


def versions_here(policy: NodePolicy) -> tuple[Version, ...]:
    """The IP versions that endpoints of this node have: rules need no ports in others. All, where there are none."""
    return versions_of({address.version for address in policy.local})


def versions_of(found: Container[Version]) -> tuple[Version, ...]:
    """These IP versions in order; all of them, where these are none."""
    return tuple(version for version in VERSIONS if version in found) or VERSIONS


class Dimension(NamedTuple):
    """One dimension of a rule that has a number: where its clauses stand, and what they do."""

    table: TableId
    priority: int
    action: Conjunction


def dimensions(
    rule: ResolvedRule, number: ConjId, versions: tuple[Version, ...]
) -> dict[Dimension, frozenset[Alternative]]:
    """The dimensions of a rule, each with its alternatives."""
    found: list[frozenset[Alternative]] = [frozenset(rule.subjects)]
    if rule.peers is not None:
        found.append(rule.peers.identities | rule.peers.blocks)
    if rule.ports is not None:
        found.append(frozenset((PortsIn(rule.ports, versions),)))
    priority = CLAUSE_PRIORITY if len(found) > 1 else DIRECT_PRIORITY
    return {
        Dimension(TABLE[rule.key.direction], priority, Conjunction(number, position, len(found))): alternatives
        for position, alternatives in enumerate(found, SUBJECT)
    }


def matches(
    dimension: Dimension, alternatives: Iterable[Alternative], identities: Mapping[Identity, IdentityId]
) -> list[Match]:
    """What these alternatives of a dimension match, nothing twice."""
    # What comes in has its subject for a destination, what goes out has its peer there.
    at_destination = (dimension.table is TableId.INGRESS) == (dimension.action.clause == SUBJECT)
    register, block = (DEST_IDENTITY, destination) if at_destination else (SOURCE_IDENTITY, source)
    found: list[Match] = []
    for alternative in alternatives:
        if isinstance(alternative, Identity):
            found.append(reg(register, identities[alternative]))
        elif isinstance(alternative, Cidr):
            found.append(block(alternative))
        else:
            found += port_matches(alternative)
    return found


def port_matches(wanted: PortsIn) -> frozenset[Match]:
    """Packets to any of these ports."""
    return _NO_MATCHES.union(*(_matches_of_port(port, version) for version in wanted.versions for port in wanted.ports))


@lru_cache(maxsize=16384)
def _matches_of_port(wanted: PortMatch, version: Version) -> frozenset[Match]:
    return frozenset(_port_matches(wanted, version))


def _port_matches(wanted: PortMatch, version: Version) -> Iterator[Match]:
    if wanted.range is None:
        yield protocol(version, wanted.protocol)
    else:
        yield from (port(version, wanted.protocol, *masked) for masked in port_masks(wanted.range))
    if version == 6 or wanted.range is not None:
        # Later fragments have no ports, those of IPv6 not even a protocol; of a denied datagram the first one
        # is dropped, so it never becomes whole (NP-84).
        yield later_fragments(version, wanted.protocol)


def conjunction_flow(rule: ResolvedRule, number: ConjId) -> tuple[Flow, ...]:
    """What a packet meets that all dimensions of a rule match; where there is but one, its own clauses say so."""
    if rule.peers is None and rule.ports is None:
        return ()
    table, cookie = TABLE[rule.key.direction], Cookie(CookieKind.RULE, number)
    return (Flow(table, CLAUSE_PRIORITY, exact("conj_id", number), (Goto(ALLOWED[table]),), cookie),)


def isolation_flows(
    identity: Identity, policy: NodePolicy, identities: Mapping[Identity, IdentityId]
) -> Iterator[Flow]:
    """Drops for what no rule allows, so that it is counted: one for each direction in which somebody is isolated."""
    for direction, register in ((Direction.INGRESS, DEST_IDENTITY), (Direction.EGRESS, SOURCE_IDENTITY)):
        if identity in policy.isolated[direction]:
            number = identities[identity]
            cookie = Cookie(CookieKind.ISOLATED, number)
            yield Flow(TABLE[direction], ISOLATED_PRIORITY, reg(register, number), (), cookie)


class Clauses(NamedTuple):
    """One dimension of a rule without a number: which one, of how many, and all that it matches."""

    table: int
    clause: int
    clauses: int
    matches: frozenset[Match]


Signature = frozenset[Clauses]
"""Everything a rule matches: by this a rule finds its number again on a switch (docs/architecture.md, Restart)."""


def signature(
    rule: ResolvedRule, identities: Mapping[Identity, IdentityId], versions: tuple[Version, ...]
) -> Signature:
    """Everything that a rule matches."""
    return frozenset(
        Clauses(d.table, d.action.clause, d.action.clauses, frozenset(matches(d, alternatives, identities)))
        for d, alternatives in dimensions(rule, ConjId(0), versions).items()
    )


def signatures(flows: Mapping[FlowKey, Flow]) -> dict[int, Signature]:
    """The rules of two dimensions or more on a switch, by number, in terms of what they match."""
    found: dict[int, dict[tuple[int, int, int], set[Match]]] = defaultdict(lambda: defaultdict(set))
    for flow in flows.values():
        if flow.table in ALLOWED:
            for action in flow.actions:
                if isinstance(action, Conjunction):
                    found[action.id][flow.table, action.clause, action.clauses].add(unpaged(flow.match))
    return {
        number: frozenset(Clauses(*place, frozenset(some)) for place, some in places.items())
        for number, places in found.items()
    }


Place = tuple[int, Match]
"""Table and match of a flow of DIRECT_PRIORITY."""


def direct_numbers(flows: Mapping[FlowKey, Flow]) -> dict[Place, int]:
    """What rules of one dimension match on a switch, each with the lowest number of those that match it."""
    return {
        (flow.table, flow.match): flow.cookie.value
        for flow in flows.values()
        if flow.priority == DIRECT_PRIORITY and flow.table in ALLOWED
    }
