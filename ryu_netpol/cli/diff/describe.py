"""Sets of ends in as few words as say exactly them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from itertools import combinations

from ryu_netpol.cli.diff.numbers import short_blocks
from ryu_netpol.model.labels import Labels
from ryu_netpol.model.names import NodeName, PodKey
from ryu_netpol.model.net import VERSIONS, Address
from ryu_netpol.oracle.sight import End, NodeAddress, Outside

EVERYBODY = "everybody"
_NAMES = 8
"""How many pods are listed by name; of more, the first few and how many there are."""
_FEW = 3
_WORTHWHILE = 2
"""Shorter lists are left as they are."""
_VALUES = 4
"""How many values of a label are listed."""


class Words:
    """Describes ends among those that there are."""

    def __init__(self, everybody: Set[End], labels: Mapping[PodKey, Labels], *, name: str = EVERYBODY) -> None:
        """Take all ends, the labels of those that are pods, and what all of them together are called."""
        self._everybody = everybody
        self._labels = labels
        self._name = name
        self._known: dict[frozenset[End], list[str]] = {}
        self._pods_there = {end for end in everybody if isinstance(end, PodKey)}
        self._spaces_there = _spaces(self._pods_there)
        self._nodes_there = _addresses(end for end in everybody if isinstance(end, NodeAddress))
        self._outside_there = {end for end in everybody if isinstance(end, Outside)}

    def who(self, ends: Set[End], *optional: Set[End]) -> str:
        """These ends; those of one of the optional sets may be said with them or not, as is shorter."""
        if not ends:
            return ""
        candidates = [self._parts(frozenset(ends | (some & self._everybody))) for some in (frozenset(), *optional)]
        shortest = min(map(_effort, candidates))
        short = [parts for parts in candidates if _effort(parts) == shortest]
        # Who is named should be those whom a policy speaks of: no filling, or if the others are named, all of it.
        best = short[-1] if short[-1][0].partition(" but ")[0] == self._name else short[0]
        return best[0] if len(best) == 1 else _joined(best)

    def _parts(self, ends: frozenset[End]) -> list[str]:
        if ends not in self._known:
            direct = [self._name] if ends == self._everybody else self._listed(ends)
            self._known[ends] = _shorter(self._name, direct, lambda: self._listed(self._everybody - ends))
        return self._known[ends]

    def _listed(self, ends: Set[End]) -> list[str]:
        pods = self._pods({end for end in ends if isinstance(end, PodKey)})
        nodes = self._nodes({end for end in ends if isinstance(end, NodeAddress)})
        return [*pods, *nodes, *self._outside({end for end in ends if isinstance(end, Outside)})]

    # Pods

    def _pods(self, pods: Set[PodKey]) -> list[str]:
        """Whole namespaces, then what remains; or all pods but what is not in it."""
        if pods == self._pods_there and len(pods) > 1:
            return ["all pods"]
        direct = [*self._by_namespace(pods)]
        if len(direct) > 1 and (label := self._label(pods, self._pods_there)):
            return [f"{label} in any namespace ({len(pods)} pods)"]
        return _shorter("all pods", direct, lambda: [*self._by_namespace(self._pods_there - pods)])

    def _by_namespace(self, pods: Set[PodKey]) -> Iterator[str]:
        chosen, there = _spaces(pods), self._spaces_there
        whole = [space for space, some in chosen.items() if some == there[space] and len(some) > 1]
        if whole:
            yield f"all pods of {', '.join(sorted(whole))}"
        alike: dict[str, list[str]] = defaultdict(list)
        for space in sorted(chosen.keys() - whole):
            pods, rest = chosen[space], there[space] - chosen[space]
            if len(pods) == 1:
                yield str(next(iter(pods)))
            elif label := self._label(pods, there[space]):
                alike[label].append(space)
            elif len(rest) == 1:
                yield f"all pods of {space} but {next(iter(rest)).name}"
            elif values := self._values(pods, there[space]):
                alike[values].append(space)
            else:
                yield _names(space, pods)
        for label, spaces in alike.items():
            count = sum(len(chosen[space]) for space in spaces)
            yield f"{label} in {', '.join(spaces)} ({count} pods)"

    def _label(self, pods: Set[PodKey], there: Set[PodKey]) -> str | None:
        """A label or two that these pods have and nobody else there."""
        labels = [self._labels[pod] for pod in sorted(pods)]
        common = [item for item in labels[0].items() if all(other.get(item[0]) == item[1] for other in labels)]
        for count in (1, 2):
            for items in combinations(sorted(common, key=lambda item: len(item[0] + item[1])), count):
                if all(pod in pods or not set(items) <= self._labels[pod].items() for pod in there):
                    return ",".join(f"{key}={value}" for key, value in items)
        return None

    def _values(self, pods: Set[PodKey], there: Set[PodKey]) -> str | None:
        """Some values of a label, one of which each of these pods has and nobody else there."""
        for key in self._labels[min(pods)]:
            values = {self._labels[pod].get(key) for pod in pods}
            few = 1 < len(values) <= min(_VALUES, len(pods) - 1) and None not in values
            if few and all(pod in pods or self._labels[pod].get(key) not in values for pod in there):
                return f"{key} in ({','.join(sorted(map(str, values)))})"
        return None

    # Nodes and everybody else

    def _nodes(self, nodes: Set[NodeAddress]) -> list[str]:
        chosen, there = _addresses(nodes), self._nodes_there
        if chosen == there and len(there) > 1:
            return ["all nodes"]
        return [
            f"node/{name}" if some == there[name] else f"node/{name} at {', '.join(map(str, sorted(some)))}"
            for name, some in sorted(chosen.items())
        ]

    def _outside(self, ranges: Set[Outside]) -> list[str]:
        if ranges and ranges == self._outside_there:
            return ["everybody outside"]
        by_version = ([found for found in ranges if found.version == version] for version in VERSIONS)
        return [text for some in by_version for text in short_blocks(some)]


def _names(space: str, pods: Set[PodKey]) -> str:
    names = sorted(map(str, pods))
    if len(names) > _NAMES:
        return f"{', '.join(names[:_FEW])} and {len(names) - _FEW} more pods of {space}"
    return ", ".join(names)


def _shorter(everybody: str, direct: list[str], rest: Callable[[], list[str]]) -> list[str]:
    """Who is there; or everybody but who is not, where those are fewer."""
    if _names_in(direct) > _WORTHWHILE and _names_in(others := rest()) + 1 < _names_in(direct):
        return [f"{everybody} but {_joined(others)}"]
    return direct


def _joined(parts: Iterable[str]) -> str:
    """Parts of a longer description; one with exceptions of its own is in brackets, to show where they end."""
    return ", ".join(f"({part})" if " but " in part or " except " in part else part for part in parts)


def _names_in(parts: list[str]) -> int:
    """How many things a reader has to look at."""
    return sum(part.count(", ") + 1 for part in parts)


def _effort(parts: list[str]) -> tuple[int, int]:
    """How hard a description is to read: what there is to look at, then exceptions, which may be of exceptions."""
    return _names_in(parts), sum(part.count(" but ") for part in parts)


def _spaces(pods: Iterable[PodKey]) -> dict[str, set[PodKey]]:
    found: dict[str, set[PodKey]] = defaultdict(set)
    for pod in pods:
        found[pod.namespace].add(pod)
    return found


def _addresses(nodes: Iterable[NodeAddress]) -> dict[NodeName, set[Address]]:
    found: dict[NodeName, set[Address]] = defaultdict(set)
    for node in nodes:
        found[node.node].add(node.address)
    return found
