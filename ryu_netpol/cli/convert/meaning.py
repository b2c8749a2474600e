"""What the legacy API says, said in networking.k8s.io/v1.

There an annotation isolates a namespace and policies only allow (LG-1, LG-4); here a policy isolates what it selects.
So the annotation becomes a policy that denies, beside which the others only allow, too; and where there is no
annotation, policies become nothing: they had no effect, and would isolate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ryu_netpol.model.decode.core import ANNOTATION
from ryu_netpol.model.load import Item
from ryu_netpol.model.names import Direction, PolicyKey
from ryu_netpol.model.objects import Namespace, Policy, Rule

DENY = "default-deny-ingress"
"""What the policy that stands for the annotation is called."""
LONGEST_NAME = 253
_INGRESS = frozenset({Direction.INGRESS})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one object."""

    item: Item
    sentence: str
    policy: Policy | None = None
    """What is new in its place; None where nothing is."""
    refused: bool = False
    """Whether it cannot be converted, for the reason that the sentence gives."""

    def __str__(self) -> str:
        """`file:line: kind namespace/name: sentence`."""
        return f"{self.item.file}:{self.item.line}: {self.item.title}: {self.sentence}"


def convert(items: Iterable[Item]) -> tuple[Outcome, ...]:
    """What becomes of every annotation and every legacy policy, in their order; other objects stay as they are."""
    items = tuple(items)
    namespaces = {item.object.name: item.object for item in items if isinstance(item.object, Namespace)}
    v1 = {policy.key: policy for policy in (item.object for item in items) if isinstance(policy, Policy)}
    names = _Names({key: policy for key, policy in v1.items() if not policy.legacy})
    outcomes = []
    for item in items:
        if isinstance(item.object, Namespace) and item.object.default_deny:
            outcomes.append(_annotation(item, item.object, names))
        elif isinstance(item.object, Policy) and item.object.legacy:
            outcomes.append(_policy(item, item.object, namespaces.get(item.object.key.namespace), names))
    return tuple(outcomes)


def _annotation(item: Item, namespace: Namespace, names: _Names) -> Outcome:
    deny, there = names.place(Policy(PolicyKey(namespace.name, DENY), directions=_INGRESS))
    said = "is there already, as" if there else "becomes"
    sentence = (
        f"its annotation {said} NetworkPolicy {deny.key}; "
        f"when that is applied, kubectl annotate namespace {namespace.name} {ANNOTATION}- takes it away"
    )
    return Outcome(item, sentence, None if there else deny)


def _policy(item: Item, policy: Policy, namespace: Namespace | None, names: _Names) -> Outcome:
    name = policy.key.namespace
    if namespace is None:
        reason = "so nobody knows whether its annotation isolates it: add what kubectl get namespace -o yaml prints"
        return Outcome(item, f"namespace {name} is not among the manifests, {reason}", refused=True)
    if not namespace.default_deny:
        return Outcome(item, f"is left out: without the annotation of namespace {name} it has no effect")
    rules = tuple(rule for rule in policy.ingress if not _matches_nothing(rule))
    if not rules:
        return Outcome(item, "is left out: it allows nothing")
    written = replace(policy, key=PolicyKey(name, policy.key.name), ingress=rules, directions=_INGRESS, uid="")
    placed, there = names.place(written)
    parts = ["is there already, as" if there else "becomes", f"NetworkPolicy {placed.key} of {placed.key.api}"]
    if dropped := len(policy.ingress) - len(rules):
        parts.append(f"without {dropped} of {len(policy.ingress)} rules, which match nothing: their list is empty")
    return Outcome(item, " ".join(parts), None if there else placed)


def _matches_nothing(rule: Rule) -> bool:
    """Whether a list of it is there and empty (LG-7), which in networking.k8s.io/v1 would be everything."""
    return rule.peers == () or rule.ports == ()


class _Names:
    """The names of policies, those that were given out included."""

    def __init__(self, there: Mapping[PolicyKey, Policy]) -> None:
        self._there = {key: replace(policy, uid="") for key, policy in there.items()}
        self._given: set[PolicyKey] = set()

    def place(self, policy: Policy) -> tuple[Policy, bool]:
        """The policy under the first name that is free, and whether the very same one has it already."""
        variants = (replace(policy, key=policy.key._replace(name=name)) for name in _variants(policy.key.name))
        free = (one for one in variants if one.key not in self._given and self._there.get(one.key) in (None, one))
        placed = next(free)
        self._given.add(placed.key)
        return placed, placed.key in self._there


def _variants(name: str) -> Iterator[str]:
    yield name
    number = 1
    while True:
        suffix = "-legacy" if number == 1 else f"-legacy-{number}"
        yield name[: LONGEST_NAME - len(suffix)].rstrip("-.") + suffix
        number += 1
