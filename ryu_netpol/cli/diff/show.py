"""A comparison for people, grouped by what makes the difference, and for programs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Set

from rich.text import Text

from ryu_netpol.cli.common import Terminal
from ryu_netpol.cli.diff.cause import Cause, Presence
from ryu_netpol.cli.diff.compare import Change, Comparison
from ryu_netpol.cli.diff.describe import Words
from ryu_netpol.cli.diff.numbers import blocks, port_texts, traffic_words
from ryu_netpol.cli.diff.pairs import AT_NODE_PORTS
from ryu_netpol.cli.diff.reasons import CHANGED, GONE, NEW, Json, Reasons, order, state
from ryu_netpol.model.names import PORT_PROTOCOLS, PodKey
from ryu_netpol.oracle.sight import End, NodeAddress, Outside

_STYLES = {True: "green", False: "red"}
_SIGNS = {True: "+", False: "-"}
_CHANGES = {True: "gained", False: "lost"}


class Report:
    """What is said about a comparison."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._reasons = Reasons(comparison.old.cluster, comparison.new.cluster)
        pods = {**comparison.old.cluster.pods, **comparison.new.cluster.pods}
        self._labels = {key: pod.labels for key, pod in pods.items()}
        self._sides = {new: comparison.there(new=new) for new in (True, False)}
        self._known: dict[frozenset[End], Words] = {}
        self._groups: dict[frozenset[Cause], list[Change]] = defaultdict(list)
        for change in comparison.changes:
            self._groups[change.causes].append(change)

    def print(self) -> None:
        """Print the groups, then how many lines there were, and what else differs."""
        console = Terminal(soft_wrap=True, highlight=False)
        for causes in sorted(self._groups, key=lambda causes: sorted(map(order, causes))):
            changes = self._groups[causes]
            console.print(Text(self._heading(causes, changes), "bold"))
            for _, line, gained in sorted((change.gained, self._line(change), change.gained) for change in changes):
                console.print(Text(f"  {line}", _STYLES[gained]))
            console.print()
        console.print(Text(" ".join(self._summary())))

    def json(self) -> Json:
        """All groups, with their members one by one."""
        lines = sorted((self._json(change) for change in self._comparison.changes), key=str)
        return {"changes": lines, **{word: self._count(gained) for gained, word in _CHANGES.items()}}

    # One group

    def _heading(self, causes: frozenset[Cause], changes: Iterable[Change]) -> str:
        heading = ", ".join(self._reasons.words(cause) for cause in sorted(causes, key=order))
        for new in (True, False):
            if Presence(new) in causes:
                ends = frozenset(end for change in changes for end in change.sources | change.destinations)
                only = (ends & self._sides[new]) - self._sides[not new]
                return f"{heading}: {self._words(self._sides[new]).who(only) or 'addresses'}"
        return heading

    # One line

    def _line(self, change: Change) -> str:
        version = f" (IPv{change.version})" if change.version else ""
        return f"{_SIGNS[change.gained]} {' -> '.join(self._ends(change))}: {traffic_words(change.traffic)}{version}"

    def _ends(self, change: Change) -> tuple[str, str]:
        """Who opens the connections, and to whom."""
        there = self._there(change)
        sources = self._words(there).who(change.sources, *self._unsaid(change.destinations, there))
        unsaid = self._unsaid(change.sources, there, nodes=not change.traffic & AT_NODE_PORTS)
        return sources, self._words(there & self._comparison.destinations).who(change.destinations, *unsaid)

    def _there(self, change: Change) -> frozenset[End]:
        """Who is compared: everybody of the cluster that alone has one of the ends, else who is in both."""
        for new, there in self._sides.items():
            if Presence(new) in change.causes:
                return there
        return self._sides[True] & self._sides[False]

    def _words(self, there: frozenset[End]) -> Words:
        if there not in self._known:
            self._known[there] = Words(there, self._labels)
        return self._known[there]

    def _unsaid(self, ends: frozenset[End], there: Set[End], *, nodes: bool = True) -> list[frozenset[End]]:
        """Who may be said to be at the other end or not, since they are never compared: a pod itself, its node too."""
        pods = [end for end in ends if isinstance(end, PodKey)]
        if len(pods) < len(ends):
            return []
        itself = ends if len(ends) == 1 else frozenset()
        homes = frozenset(home for pod in pods for home in self._comparison.nodes(pod))
        if not nodes or len(homes) > 1:
            return [itself]
        at_home = frozenset(end for end in there if isinstance(end, NodeAddress) and end.node in homes)
        return [itself, at_home, itself | at_home]

    def _json(self, change: Change) -> Json:
        sources, destinations = self._ends(change)
        ports = {protocol.name: port_texts(change.traffic, protocol) for protocol in PORT_PROTOCOLS}
        return {
            "change": _CHANGES[change.gained],
            "because": [self._reasons.json(cause) for cause in sorted(change.causes, key=order)],
            "from": {"text": sources, **_members(change.sources)},
            "to": {"text": destinations, **_members(change.destinations)},
            "ports": {"text": traffic_words(change.traffic), **ports, "other": change.traffic.other},
            "ip": change.version,
        }

    # How many

    def _summary(self) -> list[str]:
        counts = {word: self._count(gained) for gained, word in _CHANGES.items()}
        first = ", ".join(f"{count} {word}" for word, count in counts.items())
        found = [f"{first}." if any(counts.values()) else "No connection is gained or lost."]
        old, new = ({end for end in self._sides[side] if isinstance(end, PodKey)} for side in (False, True))
        pods = [state(pod in old or None, pod in new or None) for pod in old | new]
        for noun, states in (("Policies", list(self._reasons.policies.values())), ("Pods", pods)):
            each = Counter(states)
            if told := [f"{each[word]} {word}" for word in (NEW, GONE, CHANGED) if each[word]]:
                found.append(f"{noun}: {', '.join(told)}.")
        return found

    def _count(self, gained: bool) -> int:
        return sum(change.gained is gained for change in self._comparison.changes)


def _members(ends: Set[End]) -> Json:
    """The ends one by one, by what they are."""
    nodes = sorted(end for end in ends if isinstance(end, NodeAddress))
    return {
        "pods": sorted(str(end) for end in ends if isinstance(end, PodKey)),
        "nodes": [{"name": end.node, "address": str(end.address)} for end in nodes],
        "outside": blocks(end for end in ends if isinstance(end, Outside)),
    }
