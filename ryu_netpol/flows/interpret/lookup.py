"""One table's lookup, as Open vSwitch's classifier does it (lib/classifier.c, classifier_lookup__, release 3.1).

Tuple-space search: flows that look at the same bits of the same fields stand in one subtable, a dictionary keyed by
the values of those bits. A lookup costs one key per subtable, however many flows there are.

Conjunctions, as ovs-fields(7) and the code have it. A flow with conjunction actions is a soft match. Priorities are
tried from the top; at each one a hard match beats the soft ones. If all clauses of a conjunction are among the soft
matches of one priority, the table is searched again with conj_id set, soft matches left out, and whatever that finds
is the answer, of a lower priority too. Only if it finds nothing the next lower priority gets its turn.

Trap, tried on 3.1.0: the second search leaves out a subtable altogether whose matching flow of highest priority is
soft. A hard flow with the identical match and a lower priority is not found then. It shows only where a complete
conjunction has no conj_id flow of its own priority, which the compiler never does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ryu_netpol.flows.fields import FIELDS
from ryu_netpol.flows.interpret.check import InterpreterError
from ryu_netpol.flows.ir import Conjunction, Flow


@dataclass(frozen=True, slots=True)
class Entry:
    """A flow, and of which clauses it is part: conjunction, bit of the clause, bits of all clauses."""

    flow: Flow
    clauses: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, flow: Flow) -> Entry:
        """Read the clauses out of the flow's actions."""
        found = (action for action in flow.actions if isinstance(action, Conjunction))
        return cls(flow, tuple((c.id, 1 << (c.clause - 1), (1 << c.clauses) - 1) for c in found))


Key = int | tuple[int, ...]
Bucket = list[Entry]
"""Flows with the same match, by falling priority."""


@dataclass(slots=True)
class Subtable:
    """The flows that look at the same bits."""

    bits: tuple[tuple[str, int], ...]
    """Fields with their masks."""
    highest: int = -1
    buckets: dict[Key, Bucket] = field(default_factory=dict)

    def key(self, fields: Mapping[str, int]) -> Key:
        """The packet's values of these bits."""
        if len(self.bits) == 1:
            ((name, mask),) = self.bits
            return fields.get(name, 0) & mask
        return tuple([fields.get(name, 0) & mask for name, mask in self.bits])

    def add(self, flow: Flow) -> None:
        """Enter a flow."""
        self.highest = max(self.highest, flow.priority)
        bucket = self.buckets.setdefault(self.key({f.field: f.value for f in flow.match.fields}), [])
        bucket.append(Entry.of(flow))
        bucket.sort(key=lambda entry: -entry.flow.priority)


class Classifier:
    """The flows of one table, ready for lookups."""

    def __init__(self, flows: Iterable[Flow]) -> None:
        subtables: dict[tuple[tuple[str, int], ...], Subtable] = {}
        for flow in flows:
            bits = tuple(
                (name, (1 << FIELDS[name].bits) - 1 if mask is None else mask) for name, _, mask in flow.match.fields
            )
            subtables.setdefault(bits, Subtable(bits)).add(flow)
        self._subtables = sorted(subtables.values(), key=lambda subtable: -subtable.highest)

    def lookup(self, fields: Mapping[str, int]) -> tuple[Flow, ...]:
        """The flow that the packet hits; others of equal right only if they do the same. Empty: none matches.

        Raises InterpreterError where it is undefined which of several flows with different actions is hit.
        """
        hard, soft = self._search(fields)
        priority = hard[0].priority if hard else -1
        while soft := [(bucket, n) for bucket, n in soft if n < len(bucket) and bucket[n].flow.priority > priority]:
            top = max(bucket[n].flow.priority for bucket, n in soft)
            best = [bucket[n] for bucket, n in soft if bucket[n].flow.priority == top]
            if numbers := _complete(best):
                answers = [self._search({**fields, "conj_id": number}, soft=False)[0] for number in numbers]
                if any(answers):
                    if not all(answers):
                        raise InterpreterError(
                            f"not all of the conjunctions {numbers} that match have a flow: {fields}"
                        )
                    return _agreeing([flow for answer in answers for flow in answer])
            soft = [(bucket, n + (bucket[n].flow.priority == top)) for bucket, n in soft]
            for bucket, n in soft:
                if n < len(bucket) and not bucket[n].clauses and bucket[n].flow.priority >= priority:
                    hard = [*(hard if bucket[n].flow.priority == priority else ()), bucket[n].flow]
                    priority = bucket[n].flow.priority
        return _agreeing(hard)

    def _search(self, fields: Mapping[str, int], *, soft: bool = True) -> tuple[list[Flow], list[tuple[Bucket, int]]]:
        """The hard matches of highest priority, and the soft matches above them: a bucket and the place in it."""
        hard: list[Flow] = []
        above: list[tuple[Bucket, int]] = []
        priority = -1
        for subtable in self._subtables:
            if subtable.highest < priority:
                break
            bucket = subtable.buckets.get(subtable.key(fields))
            if bucket is None:
                continue
            flow = bucket[0].flow
            if bucket[0].clauses:
                if soft and flow.priority > priority:
                    above.append((bucket, 0))
            elif flow.priority > priority:
                hard, priority = [flow], flow.priority
            elif flow.priority == priority:
                hard.append(flow)
        return hard, above


def _complete(entries: Iterable[Entry]) -> list[int]:
    """The conjunctions all of whose clauses are there, by number."""
    missing: dict[int, int] = {}
    for entry in entries:
        for number, bit, every in entry.clauses:
            missing[number] = missing.get(number, every) & ~bit
    return sorted(number for number, bits in missing.items() if not bits)


def _agreeing(flows: list[Flow]) -> tuple[Flow, ...]:
    for flow in flows[1:]:
        if flow.actions != flows[0].actions:
            raise InterpreterError(f"it is undefined which one a packet hits: {flows[0]} or {flow}")
    return tuple(dict.fromkeys(flows))
