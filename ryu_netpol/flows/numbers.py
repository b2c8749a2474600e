"""The numbers of identities and rules: given out once, kept while in use, found again on a switch after a restart.

A number that goes out of use is not given out again by this run of the agent: registers and conj_id have 32 bits. So a
flow that still waits for its deletion can never speak for somebody else (R6).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from typing import Protocol as Interface

from immutables import Map

from ryu_netpol.flows.conjunction import Place, Signature, direct_numbers, signature, signatures, versions_here
from ryu_netpol.flows.fields import DEST_IDENTITY, MARK_EPOCH, SOURCE_IDENTITY
from ryu_netpol.flows.ir import CookieKind, Flow, FlowKey, Load
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import ConjId, Epoch, IdentityId
from ryu_netpol.model.net import Address
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.rules import RuleKey
from ryu_netpol.policy.touched import Touched, everything

MAX_EPOCH = (1 << MARK_EPOCH.bits) - 1


@dataclass(frozen=True, slots=True)
class Numbers:
    """Who has which number, and the next one that is free."""

    identities: Mapping[Identity, IdentityId] = field(default_factory=Map)
    rules: Mapping[RuleKey, ConjId] = field(default_factory=Map)
    next_identity: int = 1
    next_rule: int = 1

    def assign(self, policy: NodePolicy, touched: Touched | None = None) -> Numbers:
        """Keep the numbers of who is still there, give new ones to who is new, forget the rest.

        `touched` names all that may differ between this policy and that which these numbers were assigned to; None:
        anything may.
        """
        if touched is None:
            own = Touched(identities=frozenset(self.identities), rules=frozenset(self.rules))
            touched = everything(policy) | own
        identities, next_identity = _assigned(
            self.identities, touched.identities, policy.members, self.next_identity, IdentityId
        )
        rules, next_rule = _assigned(self.rules, touched.rules, policy.rules, self.next_rule, ConjId)
        return Numbers(identities, rules, next_identity, next_rule)


class _Ordered(Hashable, Interface):
    @property
    def order(self) -> tuple[Any, ...]:
        """A sort key, so that numbers are given out in the same order on every run."""
        ...


Key = TypeVar("Key", bound=_Ordered)
Number = TypeVar("Number", bound=int)


def _assigned(
    known: Mapping[Key, Number],
    touched: Iterable[Key],
    wanted: Container[Key],
    free: int,
    number: Callable[[int], Number],
) -> tuple[Map[Key, Number], int]:
    """The numbers of those that are wanted, and the next that is free."""
    new: list[Key] = []
    changed = Map(known).mutate()  # Of a Map this is no copy.
    for key in touched:
        if key not in wanted:
            changed.pop(key, None)
        elif key not in known:
            new.append(key)
    for key in sorted(new, key=lambda key: key.order):
        changed[key] = number(free)
        free += 1
    return changed.finish(), free


def recover(installed: Mapping[FlowKey, Flow], policy: NodePolicy) -> Numbers:
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
        next_identity=1 + max((*by_address.values(), *cookies), default=0),
        next_rule=1 + highest_rule,
    ).assign(policy)
    if not highest_rule:
        return partial
    rules = _recovered_rules(policy, partial.identities, on_switch, direct)
    return Numbers(partial.identities, rules, partial.next_identity, 1 + highest_rule).assign(policy)


def _recovered_rules(
    policy: NodePolicy,
    identities: Mapping[Identity, IdentityId],
    on_switch: Mapping[int, Signature],
    direct: Mapping[Place, int],
) -> dict[RuleKey, ConjId]:
    by_signature: dict[Signature, list[int]] = defaultdict(list)
    for number in sorted(on_switch, reverse=True):
        by_signature[on_switch[number]].append(number)
    rules: dict[RuleKey, ConjId] = {}
    taken: set[int] = set()
    versions = versions_here(policy)
    for key, rule in sorted(policy.rules.items(), key=lambda item: item[0].order):
        clauses = signature(rule, identities, versions)
        if len(clauses) == 1:
            own = _number_of_direct(clauses, direct)
            if own is not None and own not in taken:
                rules[key] = ConjId(own)
                taken.add(own)
        elif equal := by_signature.get(clauses):
            rules[key] = ConjId(equal.pop())
            taken.add(rules[key])
    return rules


def _number_of_direct(clauses: Signature, on_switch: Mapping[Place, int]) -> int | None:
    """The number of a rule of one dimension.

    Of rules that share a flow the lowest number stands in its cookie, so a rule's own is the highest that it meets. One
    that is nowhere to be seen gets a new number, which is higher still and changes no cookie.
    """
    places = {(some.table, match) for some in clauses for match in some.matches}
    if not places <= on_switch.keys():
        return None
    own = max(on_switch[place] for place in places)
    return own if {place for place, number in on_switch.items() if number == own} <= places else None


def _identity_by_address(installed: Mapping[FlowKey, Flow]) -> dict[Address, int]:
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


def recover_epoch(installed: Mapping[FlowKey, Flow]) -> Epoch | None:
    """The epoch that the switch commits connections with; None if it has no such flow."""
    for flow in installed.values():
        mark = flow.match.get("ct_mark")
        if flow.table == TableId.CT_STATE and mark is not None and mark.mask == MARK_EPOCH.mask:
            return Epoch(mark.value)
    return None


def following(epoch: Epoch) -> Epoch:
    """The next epoch. 0 is what a connection that was never judged carries."""
    return Epoch(1 if epoch >= MAX_EPOCH else epoch + 1)
