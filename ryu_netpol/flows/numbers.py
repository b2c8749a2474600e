"""The numbers of identities and rules: given out once, kept while in use, found again on a switch after a restart.

A number that goes out of use is not given out again by this run of the agent: registers and conj_id have 32 bits. So a
flow that still waits for its deletion can never speak for somebody else (R6).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from ryu_netpol.flows.conjunction import Clause, Shape, Signature, direct_numbers, shape, signatures
from ryu_netpol.flows.fields import DEST_IDENTITY, MARK_EPOCH, SOURCE_IDENTITY
from ryu_netpol.flows.ir import CookieKind, FlowTable, Load
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import ConjId, Epoch, IdentityId
from ryu_netpol.model.net import Address
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import NodePolicy, RuleKey

MAX_EPOCH = (1 << MARK_EPOCH.bits) - 1


@dataclass(frozen=True, slots=True)
class Numbers:
    """Who has which number, and the next one that is free."""

    identities: Mapping[Identity, IdentityId] = field(default_factory=dict)
    rules: Mapping[RuleKey, ConjId] = field(default_factory=dict)
    next_identity: int = 1
    next_rule: int = 1

    def assign(self, policy: NodePolicy) -> Numbers:
        """Keep the numbers of who is still there, give new ones to who is new, forget the rest."""
        wanted = policy.identities()
        identities = {identity: number for identity, number in self.identities.items() if identity in wanted}
        next_identity, next_rule = self.next_identity, self.next_rule
        for identity in sorted(wanted - identities.keys(), key=lambda i: i.order):
            identities[identity] = IdentityId(next_identity)
            next_identity += 1
        rules = {key: number for key, number in self.rules.items() if key in policy.rules}
        for key in sorted(policy.rules.keys() - rules.keys(), key=lambda k: k.order):
            rules[key] = ConjId(next_rule)
            next_rule += 1
        return Numbers(identities, rules, next_identity, next_rule)

    def shapes(self, policy: NodePolicy) -> dict[RuleKey, Shape]:
        """Every rule in terms of matches."""
        return {key: shape(rule, self.identities) for key, rule in policy.rules.items()}


def recover(installed: FlowTable, policy: NodePolicy) -> Numbers:
    """The numbers under which this policy, or most of it, is on the switch already.

    An identity has the number that the addresses of its pods are mapped to; a rule the number of the conjunction that
    matches the same. Whoever is not found gets a number that nobody on the switch has.
    """
    by_address = _identity_by_address(installed)
    identities: dict[Identity, IdentityId] = {}
    taken: set[int] = set()
    owned = {a: policy.endpoints[e] for a, e in policy.local.items()} | dict(policy.remote)
    for address in sorted(owned):
        number = by_address.get(address)
        if number is not None and number not in taken and owned[address] not in identities:
            identities[owned[address]] = IdentityId(number)
            taken.add(number)
    on_switch, direct = signatures(installed), direct_numbers(installed)
    highest_rule = max((*on_switch, *direct.values()), default=0)
    cookies = {f.cookie.value for f in installed.values() if f.cookie.kind in (CookieKind.ISOLATED, CookieKind.ADDRESS)}
    partial = Numbers(
        identities,
        {},
        1 + max((*by_address.values(), *cookies), default=0),
        1 + highest_rule,
    ).assign(policy)
    by_signature: dict[Signature, list[int]] = defaultdict(list)
    for number in sorted(on_switch, reverse=True):
        by_signature[on_switch[number]].append(number)
    rules: dict[RuleKey, ConjId] = {}
    for key, matches in sorted(partial.shapes(policy).items(), key=lambda item: item[0].order):
        if matches.dimensions == 1:
            own = _number_of_direct(matches.clauses, direct)
            if own is not None and own not in rules.values():
                rules[key] = ConjId(own)
        elif equal := by_signature.get(matches.clauses):
            rules[key] = ConjId(equal.pop())
    return Numbers(partial.identities, rules, partial.next_identity, 1 + highest_rule).assign(policy)


def _number_of_direct(clauses: Signature, on_switch: Mapping[Clause, int]) -> int | None:
    """The number of a rule of one dimension.

    Of rules that share a flow the lowest number stands in its cookie, so a rule's own is the highest that it meets. One
    that is nowhere to be seen gets a new number, which is higher still and changes no cookie.
    """
    if not clauses <= on_switch.keys():
        return None
    own = max(on_switch[clause] for clause in clauses)
    return own if {clause for clause, number in on_switch.items() if number == own} <= clauses else None


def _identity_by_address(installed: FlowTable) -> dict[Address, int]:
    found: dict[Address, int] = {}
    for flow in installed.values():
        if flow.table not in (TableId.SOURCE_ID, TableId.DEST_ID):
            continue
        number = next(
            (a.value for a in flow.actions if isinstance(a, Load) and a.target in (SOURCE_IDENTITY, DEST_IDENTITY)),
            None,
        )
        if number is not None:
            for name, version in (("ipv4_src", 4), ("ipv4_dst", 4), ("ipv6_src", 6), ("ipv6_dst", 6)):
                if (value := flow.match.value(name)) is not None:
                    found[Address(4 if version == 4 else 6, value)] = number
    return found


def recover_epoch(installed: FlowTable) -> Epoch | None:
    """The epoch that the switch commits connections with; None if it has no such flow."""
    for flow in installed.values():
        mark = flow.match.get("ct_mark")
        if flow.table == TableId.CT_STATE and mark is not None and mark.mask == MARK_EPOCH.mask:
            return Epoch(mark.value)
    return None


def following(epoch: Epoch) -> Epoch:
    """The next epoch. 0 is what a connection that was never judged carries."""
    return Epoch(1 if epoch >= MAX_EPOCH else epoch + 1)
