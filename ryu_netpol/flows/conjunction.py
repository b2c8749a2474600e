"""Rules as conjunctive matches (ovs-fields(7), "Conjunctive Match Fields").

A rule has up to three dimensions: subject, peer, protocol and port; one that is "any" is left out. n1 x n2 x n3
combinations cost n1 + n2 + n3 clauses, and equal clauses of different rules are one flow with several conjunction
actions. Clauses of one dimension may overlap: each contributes on its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.flows.fields import DEST_IDENTITY, SOURCE_IDENTITY
from ryu_netpol.flows.ir import Conjunction, Cookie, CookieKind, Flow, FlowTable, Goto, Match
from ryu_netpol.flows.matches import destination, later_fragments, port, protocol, reg, source
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import ConjId, Direction, IdentityId
from ryu_netpol.model.net import VERSIONS, port_masks
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import NodePolicy, Ports, ResolvedRule, RuleKey

TABLE = {Direction.INGRESS: TableId.INGRESS, Direction.EGRESS: TableId.EGRESS}
ALLOWED = {Direction.INGRESS: TableId.COMMIT, Direction.EGRESS: TableId.INGRESS_ADMIN}
"""Where a packet goes on that a rule allows."""

DIRECT_PRIORITY = 20001
CLAUSE_PRIORITY = 20000
ISOLATED_PRIORITY = 1000
RULES_PER_BAND = 4000
"""A flow-mod is at most 65,535 bytes, which is 4,080 conjunction actions of 16: rules whose numbers are further apart
have their clauses at different priorities, which OVS looks through one after the other."""


class Clause(NamedTuple):
    """One alternative of one dimension of a rule, before it has a number."""

    table: TableId
    dimension: int
    dimensions: int
    match: Match


Signature = frozenset[Clause]
"""Everything a rule matches: by this a rule finds its number again on a switch (docs/architecture.md, Restart)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A rule in terms of matches, once identities have numbers."""

    direction: Direction
    clauses: Signature

    @property
    def dimensions(self) -> int:
        """How many dimensions it has; at least one, since it always has subjects."""
        return next(iter(self.clauses)).dimensions


def shape(rule: ResolvedRule, identities: Mapping[Identity, IdentityId]) -> Shape:
    """The matches of a rule."""
    direction = rule.key.direction
    own, other = (
        (DEST_IDENTITY, SOURCE_IDENTITY) if direction is Direction.INGRESS else (SOURCE_IDENTITY, DEST_IDENTITY)
    )
    dimensions = [[reg(own, identities[subject]) for subject in rule.subjects]]
    if rule.peers is not None:
        blocks = source if direction is Direction.INGRESS else destination
        dimensions.append(
            [reg(other, identities[peer]) for peer in rule.peers.identities] + [blocks(b) for b in rule.peers.blocks]
        )
    if rule.ports is not None:
        dimensions.append(list(_port_matches(rule.ports)))
    table, count = TABLE[direction], len(dimensions)
    return Shape(
        direction,
        frozenset(Clause(table, number, count, match) for number, some in enumerate(dimensions, 1) for match in some),
    )


def _port_matches(ports: Ports) -> Iterator[Match]:
    for version in VERSIONS:
        for wanted in ports:
            if wanted.range is None:
                yield protocol(version, wanted.protocol)
            else:
                yield from (port(version, wanted.protocol, *masked) for masked in port_masks(wanted.range))
            if version == 6 or wanted.range is not None:
                # Later fragments have no ports, those of IPv6 not even a protocol; of a denied datagram the first one
                # is dropped, so it never becomes whole (NP-84).
                yield later_fragments(version, wanted.protocol)


def rule_flows(shapes: Mapping[RuleKey, Shape], numbers: Mapping[RuleKey, ConjId]) -> Iterator[Flow]:
    """The flows of all rules. Equal clauses are merged; a rule of two dimensions or more gets a conj_id flow."""
    clauses: dict[tuple[TableId, int, Match], set[Conjunction]] = defaultdict(set)
    direct: dict[tuple[TableId, Match], ConjId] = {}
    for key, matches in shapes.items():
        number = numbers[key]
        go = (Goto(ALLOWED[matches.direction]),)
        priority = CLAUSE_PRIORITY - number // RULES_PER_BAND
        if matches.dimensions > 1:
            table = TABLE[matches.direction]
            yield Flow(table, priority, Match.of(conj_id=number), go, Cookie(CookieKind.RULE, number))
        for clause in matches.clauses:
            if clause.dimensions == 1:
                place = clause.table, clause.match
                direct[place] = min(number, direct.get(place, number))
            else:
                action = Conjunction(number, clause.dimension, clause.dimensions)
                clauses[clause.table, priority, clause.match].add(action)
    for (table, match), number in direct.items():
        go = (Goto(ALLOWED[Direction.INGRESS if table is TableId.INGRESS else Direction.EGRESS]),)
        yield Flow(table, DIRECT_PRIORITY, match, go, Cookie(CookieKind.RULE, number))
    for (table, priority, match), actions in clauses.items():
        yield Flow(table, priority, match, tuple(sorted(actions)), Cookie(CookieKind.CLAUSE))


def isolation_flows(policy: NodePolicy, identities: Mapping[Identity, IdentityId]) -> Iterator[Flow]:
    """Drops for what no rule allows, one for each isolated identity and direction, so that it is counted."""
    for direction, register in ((Direction.INGRESS, DEST_IDENTITY), (Direction.EGRESS, SOURCE_IDENTITY)):
        for identity in policy.isolated[direction]:
            number = identities[identity]
            cookie = Cookie(CookieKind.ISOLATED, number)
            yield Flow(TABLE[direction], ISOLATED_PRIORITY, reg(register, number), (), cookie)


def signatures(flows: FlowTable) -> dict[int, Signature]:
    """The rules of two dimensions or more on a switch, by number, in terms of what they match."""
    found: dict[int, set[Clause]] = defaultdict(set)
    for flow in flows.values():
        for action in flow.actions:
            if isinstance(action, Conjunction) and flow.table in TABLE.values():
                found[action.id].add(Clause(TableId(flow.table), action.clause, action.clauses, flow.match))
    return {number: frozenset(clauses) for number, clauses in found.items()}


def direct_numbers(flows: FlowTable) -> dict[Clause, int]:
    """What rules of one dimension match on a switch, each with the lowest number of those that match it."""
    return {
        Clause(TableId(flow.table), 1, 1, flow.match): flow.cookie.value
        for flow in flows.values()
        if flow.priority == DIRECT_PRIORITY and flow.table in TABLE.values()
    }
