"""Who reaches whom among all pods, in as few lines as say it: which pods reach which, at which ports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ryu_netpol.cli.diff.describe import Words
from ryu_netpol.cli.diff.merge import Rectangle, rectangles
from ryu_netpol.cli.judges.kinds import Answers, Kinds
from ryu_netpol.model.net import Version
from ryu_netpol.model.objects import Cluster
from ryu_netpol.oracle.places import Places, place_set, places, union
from ryu_netpol.oracle.sight import End
from ryu_netpol.oracle.traffic import Shot

Json = dict[str, object]

EVERYBODY = "all pods"


@dataclass(frozen=True, slots=True)
class Group:
    """Each of these pods reaches each of those others; a pod itself, which nobody asks about, may be on both sides."""

    sources: frozenset[End]
    destinations: frozenset[End]
    shots: tuple[Shot, ...]
    version: Version | None
    """None: in each IP version that both ends have."""


def groups(kinds: Kinds) -> Iterator[Group]:
    """All that is allowed: each pair of pods at each port in one group, and in none what is denied."""
    found: dict[tuple[Shot, Version | None], dict[int, Places]] = defaultdict(dict)
    for kind in kinds.kinds:
        answers = kinds.answers(kind)
        for index, shot in enumerate(kind.shots):
            for version, sources in _by_version(answers, index):
                if sources:
                    found[shot, version][kind.number] = sources

    itself = {kind.number: 1 << kind.number for kind in kinds.kinds if len(kind.pods) == 1}
    everybody = place_set(kind.number for kind in kinds.kinds)
    merged: dict[tuple[Version | None, Rectangle], list[Shot]] = defaultdict(list)
    for (shot, version), pairs in sorted(found.items(), key=lambda item: item[0][0]):
        for rectangle in rectangles(pairs, itself, everybody=everybody):
            merged[version, rectangle].append(shot)
    for (version, rectangle), shots in merged.items():
        yield Group(_pods(kinds, rectangle.sources), _pods(kinds, rectangle.destinations), tuple(shots), version)


def _by_version(answers: Mapping[Version, Answers], shot: int) -> Iterator[tuple[Version | None, Places]]:
    """Who reaches a destination, by version; None: in each in which they are asked."""
    denied = union(each.asked & ~each.allowed[shot] for each in answers.values())
    yield None, union(each.asked for each in answers.values()) & ~denied
    yield from ((version, each.allowed[shot] & denied) for version, each in answers.items())


def _pods(kinds: Kinds, some: Places) -> frozenset[End]:
    return frozenset(pod for number in places(some) for pod in kinds.kinds[number].pods)


# --- what is printed -------------------------------------------------------------------------------------------------


class Groups:
    """All groups of a cluster, in words."""

    def __init__(self, kinds: Kinds, cluster: Cluster) -> None:
        pods = frozenset(pod for kind in kinds.kinds for pod in kind.pods)
        labels = {key: pod.labels for key, pod in cluster.pods.items()}
        self._words = Words(pods, labels, name=EVERYBODY)
        self._groups = sorted(((*self._ends(group), group) for group in groups(kinds)), key=lambda told: told[1::-1])

    def _ends(self, group: Group) -> tuple[str, str]:
        """Who reaches whom; one pod alone may be said to reach itself, or not, as is shorter."""
        one, other = (ends if len(ends) == 1 else frozenset() for ends in (group.sources, group.destinations))
        return self._words.who(group.sources, other), self._words.who(group.destinations, one)

    def lines(self) -> Iterator[str]:
        """A line for each, by destination."""
        for source, destination, group in self._groups:
            version = f" (IPv{group.version})" if group.version else ""
            yield f"{source} -> {destination}: {', '.join(f'{p.name}/{n}' for p, n in group.shots)}{version}"

    def json(self) -> list[Json]:
        """The same, with every pod by name."""
        return [
            {
                "from": {"text": source, "pods": sorted(map(str, group.sources))},
                "to": {"text": destination, "pods": sorted(map(str, group.destinations))},
                "ports": [{"protocol": protocol.name, "port": port} for protocol, port in group.shots],
                "ip": group.version,
            }
            for source, destination, group in self._groups
        ]
