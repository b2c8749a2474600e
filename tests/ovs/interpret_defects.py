"""Interpreters with one defect each, for P10: the comparison with Open vSwitch must find every one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest

from ryu_netpol.flows import interpret
from ryu_netpol.flows.fields import Subfield
from ryu_netpol.flows.interpret import lookup
from ryu_netpol.flows.interpret.lookup import Bucket, Classifier, Entry, Subtable
from ryu_netpol.flows.ir import Action, Ct, Flow, Output, Resubmit

Defect = Callable[[pytest.MonkeyPatch], None]
Run = interpret._Run


def ignores_masks(patch: pytest.MonkeyPatch) -> None:
    """Compares whole fields."""

    def key(self: Subtable, fields: Mapping[str, int]) -> lookup.Key:
        values = tuple(fields.get(name, 0) for name, _ in self.bits)
        return values[0] if len(values) == 1 else values

    patch.setattr(Subtable, "key", key)


def ignores_a_dimension(patch: pytest.MonkeyPatch) -> None:
    """Takes a conjunction for complete without its first clause."""

    def complete(entries: Iterable[Entry]) -> list[int]:
        missing: dict[int, int] = {}
        for entry in entries:
            for number, bit, every in entry.clauses:
                missing[number] = missing.get(number, every) & ~bit
        return sorted(number for number, bits in missing.items() if not bits & ~1)

    patch.setattr(lookup, "_complete", complete)


def ignores_conjunctions(patch: pytest.MonkeyPatch) -> None:
    """Never finds a conjunction complete."""
    patch.setattr(lookup, "_complete", lambda entries: [])


def mixes_clauses_of_priorities(patch: pytest.MonkeyPatch) -> None:
    """Takes soft matches of every priority together."""
    search = Classifier._search

    def mixed(self: Classifier, fields: Mapping[str, int], *, soft: bool = True) -> object:
        hard, above = search(self, fields, soft=soft)
        top = [(bucket, n) for bucket, n in above if bucket[n].flow.priority > (hard[0].priority if hard else -1)]
        if len(top) < 2:
            return hard, above
        clauses = tuple(clause for bucket, n in top for clause in bucket[n].clauses)
        return hard, [([Entry(top[0][0][0].flow, clauses)], 0)]

    patch.setattr(Classifier, "_search", mixed)


def prefers_low_priorities(patch: pytest.MonkeyPatch) -> None:
    """The lowest hard match wins, unless it is a miss flow."""

    def search(self: Classifier, fields: Mapping[str, int], *, soft: bool = True) -> tuple[list[Flow], list[object]]:
        buckets = [found for table in self._subtables if (found := table.buckets.get(table.key(fields)))]
        hard = [entry.flow for bucket in buckets for entry in bucket if not entry.clauses]
        return sorted(hard, key=lambda flow: flow.priority or 0xFFFF)[:1], []

    patch.setattr(Classifier, "_search", search)


def prefers_conjunctions(patch: pytest.MonkeyPatch) -> None:
    """A conjunction beats a hard match of the same priority."""
    search = Classifier._search

    def eager(self: Classifier, fields: Mapping[str, int], *, soft: bool = True) -> tuple[list[Flow], object]:
        hard, _ = search(self, fields, soft=soft)
        if not soft or not hard:
            return search(self, fields, soft=soft)
        buckets = [found for table in self._subtables if (found := table.buckets.get(table.key(fields)))]
        equal = [b for b in buckets if b[0].clauses and b[0].flow.priority >= hard[0].priority]
        numbers = lookup._complete([b[0] for b in equal if b[0].flow.priority == hard[0].priority])
        for number in numbers:
            if winner := search(self, {**fields, "conj_id": number}, soft=False)[0]:
                return winner, []
        return search(self, fields, soft=soft)

    patch.setattr(Classifier, "_search", eager)


def looks_below_soft_matches(patch: pytest.MonkeyPatch) -> None:
    """Its second search finds a hard match below a soft one of the identical match: sensible, but not what OVS does."""
    search = Classifier._search

    def deep(self: Classifier, fields: Mapping[str, int], *, soft: bool = True) -> tuple[list[Flow], object]:
        hard, above = search(self, fields, soft=soft)
        if soft:
            return hard, above
        buckets = [found for table in self._subtables if (found := table.buckets.get(table.key(fields)))]
        firsts = [first(bucket) for bucket in buckets]
        return max((f for f in (hard, *firsts) if f), key=lambda flows: flows[0].priority, default=[]), []

    def first(bucket: Bucket) -> list[Flow]:
        return [entry.flow for entry in bucket if not entry.clauses][:1]

    patch.setattr(Classifier, "_search", deep)


def _instead(kind: type, does: Callable[[interpret._Run, Flow, Action], None]) -> Defect:
    def defect(patch: pytest.MonkeyPatch) -> None:
        act = Run.act

        def other(self: interpret._Run, flow: Flow, action: Action) -> None:
            if isinstance(action, kind):
                does(self, flow, action)
            else:
                act(self, flow, action)

        patch.setattr(Run, "act", other)

    return defect


def sends_back_without_in_port(patch: pytest.MonkeyPatch) -> None:
    """Sends to the port of arrival on a plain output."""
    _instead(Output, lambda run, flow, action: run.send(action.port))(patch)  # type: ignore[union-attr]


def undoes_what_a_resubmit_wrote(patch: pytest.MonkeyPatch) -> None:
    """Gives the packet back as it was before the resubmit."""

    def resubmit(run: interpret._Run, flow: Flow, action: Action) -> None:
        assert isinstance(action, Resubmit)
        before = dict(run.fields)
        run.enter(action.table)
        run.fields = before

    _instead(Resubmit, resubmit)(patch)


def never_resubmits(patch: pytest.MonkeyPatch) -> None:
    """Goes on with the next action."""
    _instead(Resubmit, lambda run, flow, action: None)(patch)


def keeps_ct_fields(patch: pytest.MonkeyPatch) -> None:
    """Leaves the ct fields of the packet as they were before ct()."""

    def track(run: interpret._Run, flow: Flow, action: Action) -> None:
        assert isinstance(action, Ct)
        before = {name: value for name, value in run.fields.items() if name.startswith("ct_")}
        run.track(action)
        run.fields.update(before)

    _instead(Ct, track)(patch)


def stays_in_the_first_state(patch: pytest.MonkeyPatch) -> None:
    """Every ct() says what the first one said."""

    def track(run: interpret._Run, flow: Flow, action: Action) -> None:
        assert isinstance(action, Ct)
        run.tracked = 0
        run.track(action)

    _instead(Ct, track)(patch)


def forgets_the_mark(patch: pytest.MonkeyPatch) -> None:
    """The mark that ct(commit, table=...) writes does not show in that table."""
    commit = Run.commit

    def forgetful(self: interpret._Run, action: Ct, mark: int) -> int:
        commit(self, action, mark)
        return mark

    patch.setattr(Run, "commit", forgetful)


def reads_the_lowest_bits(patch: pytest.MonkeyPatch) -> None:
    """Reads a subfield from bit 0."""
    patch.setattr(Run, "read", lambda self, source: self.fields.get(source.field, 0) & ((1 << source.bits) - 1))


def overwrites_the_field(patch: pytest.MonkeyPatch) -> None:
    """Clears the other bits of a field."""

    def write(self: interpret._Run, flow: Flow, target: Subfield, value: int) -> None:
        self.fields[target.field] = value << target.first

    patch.setattr(Run, "write", write)


def pops_the_oldest(patch: pytest.MonkeyPatch) -> None:
    """The stack is a queue."""
    pop = Run.pop

    def oldest(self: interpret._Run, flow: Flow, target: Subfield) -> None:
        if self.stack:
            self.stack.append(self.stack.pop(0))
        pop(self, flow, target)

    patch.setattr(Run, "pop", oldest)


DEFECTS: tuple[Defect, ...] = (
    ignores_masks,
    ignores_a_dimension,
    ignores_conjunctions,
    mixes_clauses_of_priorities,
    prefers_low_priorities,
    prefers_conjunctions,
    looks_below_soft_matches,
    sends_back_without_in_port,
    undoes_what_a_resubmit_wrote,
    never_resubmits,
    keeps_ct_fields,
    stays_in_the_first_state,
    forgets_the_mark,
    reads_the_lowest_bits,
    overwrites_the_field,
    pops_the_oldest,
)
