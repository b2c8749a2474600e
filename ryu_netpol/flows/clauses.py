"""The clauses of many rules: equal ones are one flow with several conjunction actions.

Where these are more than a message has room for, the flow goes on in pages: flows of the same priority that match the
same packets, but whose matches differ. Open vSwitch takes the conjunction actions of all of them (docs/ovs-facts.md).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ryu_netpol.flows.conjunction import ALLOWED, DIRECT_PRIORITY, Alternative, Dimension, matches
from ryu_netpol.flows.ir import Conjunction, Cookie, CookieKind, Flow, FlowKey, Goto, Match
from ryu_netpol.flows.matches import paged
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import IdentityId
from ryu_netpol.policy.identity import Identity

Dimensions = Mapping[Dimension, frozenset[Alternative]]
Place = tuple[TableId, int]
"""Table and priority."""
ACTIONS_PER_FLOW = 4000
"""A flow-mod is at most 65,535 bytes, which is 4,080 conjunction actions of 16."""

_CLAUSE = Cookie(CookieKind.CLAUSE)
_NOBODY: frozenset[Alternative] = frozenset()


@dataclass(slots=True)
class _Clause:
    """A clause, and who shares it."""

    place: Place
    match: Match
    actions: list[Conjunction] = field(default_factory=list)
    """Sorted, as those of a flow are."""
    flows: int = 0
    """In how many flows it was last."""
    changed: bool = False


class MergedClauses:
    """Who shares which clause. It knows what has changed since it was asked last."""

    def __init__(self) -> None:
        self._clauses: dict[Place, dict[Match, _Clause]] = defaultdict(dict)
        self._changed: list[_Clause] = []

    def add(
        self, dimensions: Dimensions, identities: Mapping[Identity, IdentityId], *, but: Dimensions | None = None
    ) -> None:
        """Give a rule its clauses, but for those that it has."""
        for dimension, some in _without(dimensions, but):
            place, action = dimension[:2], dimension.action
            there = self._clauses[place]
            for match in matches(dimension, some, identities):
                clause = there.get(match)
                if clause is None:
                    clause = there[match] = _Clause(place, match)
                if not clause.actions or clause.actions[-1] < action:
                    clause.actions.append(action)
                else:
                    insort(clause.actions, action)
                self._note(clause)

    def remove(
        self, dimensions: Dimensions, identities: Mapping[Identity, IdentityId], *, but: Dimensions | None = None
    ) -> None:
        """Take a rule's clauses away, but for those that it keeps."""
        for dimension, some in _without(dimensions, but):
            place, action = dimension[:2], dimension.action
            for match in matches(dimension, some, identities):
                clause = self._clauses[place][match]
                del clause.actions[bisect_left(clause.actions, action)]
                self._note(clause)

    def _note(self, clause: _Clause) -> None:
        if not clause.changed:
            clause.changed = True
            self._changed.append(clause)

    def changes(self) -> Iterator[tuple[FlowKey, Flow | None]]:
        """Every flow that is another since the last time; None: it is gone."""
        changed, self._changed = self._changed, []
        for clause in changed:
            clause.changed = False
            if not clause.actions:
                del self._clauses[clause.place][clause.match]
            flows = _flows(clause)
            yield from ((flow.key, flow) for flow in flows)
            for page in range(len(flows), clause.flows):
                yield FlowKey(*clause.place, paged(clause.match, page)), None
            clause.flows = len(flows)


def _without(dimensions: Dimensions, but: Dimensions | None) -> Iterable[tuple[Dimension, frozenset[Alternative]]]:
    if not but:
        return dimensions.items()
    return ((dimension, some - but.get(dimension, _NOBODY)) for dimension, some in dimensions.items())


def _flows(clause: _Clause) -> list[Flow]:
    table, priority = clause.place
    if clause.actions and priority == DIRECT_PRIORITY:
        # Of rules that share it, the one with the lowest number stands there.
        cookie = Cookie(CookieKind.RULE, clause.actions[0].id)
        return [Flow(table, priority, clause.match, (Goto(ALLOWED[table]),), cookie)]
    pages = enumerate(range(0, len(clause.actions), ACTIONS_PER_FLOW))
    return [
        Flow(table, priority, paged(clause.match, page), tuple(clause.actions[at : at + ACTIONS_PER_FLOW]), _CLAUSE)
        for page, at in pages
    ]
