"""`--via model` for all pairs of pods: few verdicts, since hardly any policy tells one pod from the next.

Pods of one kind are asked for the same ports, and no policy can tell them apart. Verdicts are those of the reference
evaluator; where a reason names the pod that was judged, it is FROM or TO, for any of its kind.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.model.names import Direction, PodKey
from ryu_netpol.model.net import VERSIONS, Address, Version
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection, Verdict
from ryu_netpol.model.probe import default_shots
from ryu_netpol.oracle.board import Board
from ryu_netpol.oracle.evaluate import combine
from ryu_netpol.oracle.places import Places, place_set, places, union
from ryu_netpol.oracle.sight import Judged, Terms
from ryu_netpol.oracle.space import Space
from ryu_netpol.oracle.traffic import Shot

FROM, TO = PodKey("<the", "source>"), PodKey("<the", "destination>")
"""Stand for pods in reasons; no pod can have such a name."""


class At(NamedTuple):
    """How the pods of one kind are reached in one IP version."""

    address: Address
    """That of one of them."""
    owner: PodKey | None = None
    """Whose policies count where several pods claim it; None where each pod has an address of its own."""
    disputed: bool = False
    """Several claim it with equal right (NP-71)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Pods that nobody can tell apart."""

    number: int
    pods: tuple[PodKey, ...]
    shots: tuple[Shot, ...]
    """What is asked of them as destinations."""
    at: Mapping[Version, At]


class Answers(NamedTuple):
    """What is answered about one kind of destination, in one IP version."""

    asked: Places
    """The kinds from which one pod or more is asked to reach one of these, other than itself."""
    allowed: tuple[Places, ...]
    """Those that reach it, for each of its shots."""


class Kinds:
    """All pods of a cluster that have an address which policies can see."""

    def __init__(self, cluster: Cluster) -> None:
        self._space = Space(cluster, Terms(cluster))
        pods = [pod for _, pod in sorted(cluster.pods.items()) if pod.visible and pod.addresses]
        claimants = Counter(address for pod in pods for address in pod.addresses)
        groups: dict[object, list[PodKey]] = defaultdict(list)
        found: dict[object, tuple[tuple[Shot, ...], Mapping[Version, At]]] = {}
        for pod in pods:
            at = {address.version: self._at(address, claimants) for address in pod.addresses}
            key = (default_shots(pod), *((v, self._seen(pod.key, v, some)) for v, some in sorted(at.items())))
            groups[key].append(pod.key)
            found.setdefault(key, (default_shots(pod), at))
        self.kinds = tuple(Kind(n, tuple(groups[key]), *fields) for n, (key, fields) in enumerate(found.items()))
        self._boards = {v: Board(self._space, v, [_ends(kind, v) for kind in self.kinds]) for v in VERSIONS}
        self._disputed = {v: self._places(lambda at: at.disputed, v) for v in VERSIONS}
        self._known: dict[int, dict[Version, Answers]] = {}
        self._verdicts: dict[tuple[Judged, PodKey, Judged, PodKey, Shot], Verdict] = {}

    def _at(self, address: Address, claimants: Mapping[Address, int]) -> At:
        if claimants[address] == 1:
            return At(address)
        claims = self._space.oracle.claims
        rivals = claims.disputed.get(address, ())
        return At(address, (rivals[0] if rivals else claims.owners[address]).key, disputed=bool(rivals))

    def _seen(self, pod: PodKey, version: Version, at: At) -> object:
        """What tells pods apart in one version; those with one address are apart from all others."""
        return self._space.sight(at.owner or pod, version), at if at.owner else None

    def _places(self, wanted: Callable[[At], bool], version: Version) -> Places:
        return place_set(kind.number for kind in self.kinds if version in kind.at and wanted(kind.at[version]))

    def counts(self) -> dict[str, int]:
        """How many probes are allowed, and how many denied."""
        found = {"allowed": 0, "denied": 0}
        for kind in self.kinds:
            for answers in self.answers(kind).values():
                for allowed in answers.allowed:
                    found["allowed"] += self._pairs(allowed, kind)
                    found["denied"] += self._pairs(answers.asked & ~allowed, kind)
        return found

    def _pairs(self, sources: Places, destination: Kind) -> int:
        """How many pairs of pods these are; nobody is asked to reach itself."""
        there = (len(self.kinds[place].pods) - (place == destination.number) for place in places(sources))
        return sum(there) * len(destination.pods)

    def answers(self, destination: Kind) -> Mapping[Version, Answers]:
        """What is answered about all pods of this kind, in each version in which somebody is asked to reach them."""
        if destination.number not in self._known:
            found = {version: self._answers(destination, version) for version in VERSIONS}
            self._known[destination.number] = {version: each for version, each in found.items() if each.asked}
        return self._known[destination.number]

    def _answers(self, destination: Kind, version: Version) -> Answers:
        asked = self._sources(destination, version)
        if not asked:
            return Answers(0, ())
        apart = asked & self._apart(destination, version)
        board, number = self._boards[version], destination.number
        egress = [*board.heard(Direction.EGRESS, number, asked & ~apart)]
        ingress = [*board.shares(Direction.INGRESS, number, asked & ~apart)]
        allowed = []
        for shot in destination.shots:
            left, let_in = (union(some for some, said in half if shot in said.allowed) for half in (egress, ingress))
            one_by_one = (n for n in places(apart) if self.verdict(self.kinds[n], destination, version, shot).allowed)
            allowed.append(left & let_in | place_set(one_by_one))
        return Answers(asked, tuple(allowed))

    def _sources(self, destination: Kind, version: Version) -> Places:
        if version not in destination.at:
            return 0
        there = self._boards[version].there
        return there & ~(1 << destination.number) if len(destination.pods) == 1 else there

    def verdict(self, source: Kind, destination: Kind, version: Version, shot: Shot) -> Verdict:
        """What is said of one pod and another, both with an address of this version."""
        start, end = source.at[version], destination.at[version]
        if self._apart(destination, version) >> source.number & 1:
            return self._space.oracle.evaluate(Connection(start.address, end.address, *shot))
        board = self._boards[version]
        _, egress = board.share(Direction.EGRESS, source.number, destination.number)
        _, ingress = board.share(Direction.INGRESS, destination.number, source.number)
        key = (egress, start.owner or FROM, ingress, end.owner or TO, shot)
        if key not in self._verdicts:
            self._verdicts[key] = _verdict(*key)
        return self._verdicts[key]

    def _apart(self, destination: Kind, version: Version) -> Places:
        """Sources of which an address says more than their policies: disputed ones, and this destination's own."""
        at = destination.at[version]
        if at.disputed:
            return self._boards[version].there
        own = self._places(lambda other: other.address == at.address, version) if at.owner else 0
        return own | self._disputed[version]


def _ends(kind: Kind, version: Version) -> Sequence[PodKey]:
    at = kind.at.get(version)
    return () if at is None else kind.pods if at.owner is None else (at.owner,)


def _verdict(egress: Judged, source: PodKey, ingress: Judged, destination: PodKey, shot: Shot) -> Verdict:
    both = (
        egress.judgement(Direction.EGRESS, source, shot),
        ingress.judgement(Direction.INGRESS, destination, shot),
    )
    return combine([(judgement, str(judgement)) for judgement in both])
