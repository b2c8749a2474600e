"""Whether one policy of a node allows everything that another one allows: if not, connections are judged again.

Exact in terms of the two policies, one direction at a time: pods that are there before and after under the same owner,
and everybody else by address. Pods that come open nothing that was judged before; pods that go say nothing any more;
that an address passes to another owner is not seen here, the agent keeps count of it (decision 0004).

What is not touched takes nothing away, so the work follows the change: what rules and pods that are touched, and rules
that refer to such pods, allowed is in doubt, unless the same rule still says it; only doubts are looked into by peer,
by address and by port (policy/covered.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from ryu_netpol.model.names import Direction
from ryu_netpol.policy.covered import Doubt, covered
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import NodePolicy, ResolvedRule
from ryu_netpol.policy.stayed import Stayed
from ryu_netpol.policy.touched import Touched, everything


def narrower(before: NodePolicy, after: NodePolicy, touched: Touched | None = None) -> bool:
    """Tell whether somebody may no longer do, at one of its ends here, what he might do before.

    `touched`: where the two policies may differ. None, anywhere: the full comparison.
    """
    return _Comparison(before, after, everything(before, after) if touched is None else touched).narrower()


class _Comparison:
    def __init__(self, before: NodePolicy, after: NodePolicy, touched: Touched) -> None:
        self._before = before
        self._after = after
        self._touched = touched
        self._stayed = Stayed(before, after, touched.addresses)

    def narrower(self) -> bool:
        if self._stayed.arrived:
            return True  # Its egress and ingress were judged on another node: nobody knows by which policy.
        doubts = [*self._isolated(), *self._allowed()]
        if not doubts:
            return False
        rules = self._rules_of(frozenset(doubt.now for doubt in doubts))
        return not all(covered(doubt, rules[doubt.direction][doubt.now], self._stayed) for doubt in doubts)

    def _isolated(self) -> Iterator[Doubt]:
        """Pods that had everything in a direction in which they are isolated now."""
        same = ((identity, identity) for identity in self._touched.identities if self._stayed.remains(identity))
        for was, now in (*same, *self._stayed.changes()):
            for direction in Direction:
                was_isolated, isolated = self._before.isolated[direction], self._after.isolated[direction]
                if now is not None and now in isolated and was not in was_isolated:
                    yield Doubt(direction, was, now, None, None)

    def _allowed(self) -> Iterator[Doubt]:
        """What rules allowed, where it is not the same rule that still allows it."""
        for rule, same in self._suspects():
            isolated = self._after.isolated[rule.key.direction]
            kept = same.subjects if same is not None and self._kept(rule, same) else frozenset()
            for was, now in self._subjects(rule, kept):
                if now in isolated:
                    yield Doubt(rule.key.direction, was, now, rule.peers, rule.ports)

    def _suspects(self) -> Iterator[tuple[ResolvedRule, ResolvedRule | None]]:
        """Rules that are touched, and rules that had to do with pods that are something else now: before and after."""
        for key in self._touched.rules:
            if (touched := self._before.rules.get(key)) is not None:
                yield touched, self._after.rules.get(key)
        if moved := self._stayed.moved:
            for rule in self._before.rules.values():
                peers = rule.peers.identities if rule.peers is not None else frozenset()
                # Sets keep the hashes of what is in them, so that this is quick; the hash of a key is not.
                concerned = not (moved.isdisjoint(rule.subjects) and moved.isdisjoint(peers))
                if concerned and rule.key not in self._touched.rules:
                    yield rule, rule

    def _subjects(self, rule: ResolvedRule, kept: frozenset[Identity]) -> Iterator[tuple[Identity, Identity]]:
        """What a rule's subjects were and are, but for those for whom it is still there."""
        yield from ((subject, subject) for subject in rule.subjects - kept if self._stayed.remains(subject))
        for was in rule.subjects & self._stayed.moved:
            yield from ((was, now) for now in self._stayed.became(was) if now is not None and now not in kept)

    def _kept(self, rule: ResolvedRule, same: ResolvedRule) -> bool:
        """Whether the rule has all the peers that it had."""
        if rule.peers is None or same.peers is None:
            return same.peers is None
        peers, now = rule.peers.identities, same.peers.identities
        gone = peers - now if peers is not now else ()  # Thousands, where everybody is a peer.
        return (
            rule.peers.blocks <= same.peers.blocks
            and not any(self._stayed.remains(identity) for identity in gone)
            and all(now.issuperset(self._stayed.became(identity)) for identity in peers & self._stayed.moved)
        )

    def _rules_of(self, subjects: frozenset[Identity]) -> dict[Direction, dict[Identity, list[ResolvedRule]]]:
        """What some subjects are allowed now."""
        found: dict[Direction, dict[Identity, list[ResolvedRule]]] = {
            direction: {subject: [] for subject in subjects} for direction in Direction
        }
        new = (rule for key in self._touched.rules if (rule := self._after.rules.get(key)) is not None)
        for rule in chain(new, self._after.rules.values()):  # New ones first: most likely they replace what is gone.
            for subject in rule.subjects & subjects:
                found[rule.key.direction][subject].append(rule)
        return found
