"""What connections must have done while one state of a server became another, compared with what they did."""

from __future__ import annotations

import collections
from collections.abc import Collection, Iterable, Iterator, Sequence

from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import Probe, parse_end, resolve
from ryu_netpol.oracle.evaluate import Oracle
from tests.kube.prober import Knock, Pair

OUTAGE = 2
"""So many connections of a pair in a row that nobody answers are an outage. A single packet may get lost on a busy
machine, where a switch with thousands of packets a second shares two processors with an API server.
"""

Allowed = frozenset[Pair]


def allowed(cluster: Cluster, pairs: Iterable[Pair], port: int) -> Allowed:
    """The pairs that the oracle lets through. To or from a pod that is not there nothing goes."""
    oracle = Oracle(cluster)
    found = []
    for pair in pairs:
        probe = Probe(parse_end(pair.source), parse_end(pair.destination), port=port, ip=4 if pair.version == 4 else 6)
        try:
            connection = resolve(cluster, probe)
        except ValueError:
            continue
        if oracle.evaluate(connection).allowed:
            found.append(pair)
    return frozenset(found)


def faults(knocks: Iterable[Knock], states: Collection[Allowed]) -> list[str]:
    """A sentence for each pair that was open although every state denies it, or lost although every state allows it."""
    ever, always = frozenset[Pair]().union(*states), frozenset.intersection(*states)
    found = []
    for pair, tries in _by_pair(knocks).items():
        if pair not in ever and (open_ := [knock.sent for knock in tries if knock.answered]):
            found.append(_tell(pair, "was open", open_, tries))
        if pair in always:
            found += [_tell(pair, "was lost", gap, tries) for gap in _gaps(tries)]
    return found


def unlike(knocks: Iterable[Knock], state: Allowed) -> list[str]:
    """A sentence for each pair that does not do what this state says."""
    met = _by_pair(knocks)
    missing = [f"{pair} was not tried" for pair in state - met.keys()]
    return missing + faults(knocks, [state])


def _by_pair(knocks: Iterable[Knock]) -> dict[Pair, list[Knock]]:
    found: dict[Pair, list[Knock]] = collections.defaultdict(list)
    for knock in knocks:
        found[knock.pair].append(knock)
    return found


def _gaps(tries: Sequence[Knock]) -> Iterator[list[float]]:
    gap: list[float] = []
    for knock in tries:
        if not knock.answered:
            gap.append(knock.sent)
            continue
        if len(gap) >= OUTAGE:
            yield gap
        gap = []
    if len(gap) >= OUTAGE:
        yield gap


def _tell(pair: Pair, what: str, when: Sequence[float], tries: Sequence[Knock]) -> str:
    since = tries[0].sent
    span = f"from {when[0] - since:.3f} s to {when[-1] - since:.3f} s"
    return f"{pair.source} to {pair.destination} (IPv{pair.version}) {what}, {len(when)} of {len(tries)} times, {span}"
