"""An explanation for people: the verdict, who asks whom, then a block for each direction and for each way.

On a terminal there are colours and folded lines; in a pipe every sentence is one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from rich.padding import Padding
from rich.text import Text

from ryu_netpol.cli.common import Terminal
from ryu_netpol.cli.judges.decide import Passage, Ways, table_name
from ryu_netpol.cli.judges.words import NO_BRIDGE
from ryu_netpol.model.names import Api, Direction, PodKey, PolicyKey
from ryu_netpol.model.objects import METADATA_NAME
from ryu_netpol.model.probe import End as Asked
from ryu_netpol.model.probe import NodeEnd, Probe
from ryu_netpol.oracle.explain import Explanation, RuleHit, Side, Situation, Why
from ryu_netpol.oracle.failures import EntryMiss, Failure, RuleMiss
from ryu_netpol.oracle.match import End
from ryu_netpol.oracle.words import rule_words

_MOST = 5
"""How much of a long list is told; JSON has all of it."""
_ENDLESS = 100_000
_WAYS = {"flows": "the compiled flows", "lab": "the switches of the lab"}

Part = str | tuple[str, str]


class Page:
    """Where it is printed."""

    def __init__(self) -> None:
        """To standard output, as it is when this is made."""
        self._console = Terminal(highlight=False)
        if not self._console.is_terminal:
            self._console = Terminal(highlight=False, width=_ENDLESS)

    def line(self, depth: int, *parts: Part) -> None:
        """Print a sentence, folded at its own depth where it is wider than the terminal."""
        self._console.print(Padding(Text.assemble(*parts), (0, 0, 0, 4 * depth), expand=False))

    def gap(self) -> None:
        """Print an empty line."""
        self._console.print()


def tell(probe: Probe, explanation: Explanation, ways: Ways) -> None:
    """Print everything that helps to understand the verdict."""
    page = Page()
    connection = explanation.connection
    port = "" if connection.port is None else f"/{connection.port}"
    asked = f"{probe.source} to {probe.destination} {connection.protocol.name}{port}"
    page.line(0, _verdict(explanation.verdict.allowed, "bold "), f"  {asked} (IPv{connection.destination.version})")
    page.line(1, ("from  ", "dim"), _end(probe.source, explanation.source, explanation))
    page.line(1, ("to    ", "dim"), _end(probe.destination, explanation.destination, explanation))
    if explanation.situation is not None:
        page.gap()
        page.line(0, explanation.verdict.reason)
    for side in explanation.sides:
        page.gap()
        _side(page, side)
    for note in explanation.notes:
        page.gap()
        page.line(0, ("note: ", "yellow"), note)
    for way, passages in ways.items():
        page.gap()
        _way(page, _WAYS[way], passages)


def _verdict(allowed: bool, style: str = "") -> Part:
    return ("ALLOWED" if allowed else "DENIED", style + ("green" if allowed else "red"))


def _end(asked: Asked, end: End, explanation: Explanation) -> str:
    """Who it is in the eyes of policies."""
    if end.pod is None or end.namespace is None:
        if isinstance(asked, PodKey) and explanation.situation is Situation.DISPUTED:
            return f"{asked}, {end.address}: nobody's address while several pods claim it (NP-71)"
        if isinstance(asked, PodKey):
            return f"{asked}, {end.address}: a pod in its node's network, which policies do not see (NP-61)"
        if isinstance(asked, NodeEnd):
            return f"{asked}, {end.address}: the node's own processes"
        return f"{end.address}: no pod that policies can see"
    of_namespace = (f"{key}={value}" for key, value in end.namespace.labels.items() if key != METADATA_NAME)
    labels = f"{str(end.pod.labels) or 'no labels'}; its namespace: {','.join(of_namespace) or 'no labels'}"
    if isinstance(asked, PodKey) and asked != end.pod.key:
        return f"{asked}, whose address {end.address} is that of {end.pod.key} now (NP-71): {labels}"
    return f"{end.pod.key}, {end.address}: {labels}"


# --- a direction -----------------------------------------------------------------------------------------------------


def _side(page: Page, side: Side) -> None:
    judged = side.judgement
    word = judged.direction.lower()
    page.line(0, (f"{word} at {judged.subject}: ", "bold"), _verdict(judged.allowed))
    page.line(1, _isolation(side))
    if side.why is Why.OWN_NODE:
        egress = judged.direction is Direction.EGRESS
        page.line(
            1, "a pod always reaches its own node (NP-51)" if egress else "its own node always reaches it (NP-50)"
        )
    for number, hit in enumerate(side.allowing[:_MOST]):
        page.line(1, ("allowed by " if number == 0 else "and by ", "green"), _rule(hit, judged.direction))
    if len(side.allowing) > _MOST:
        page.line(1, _more(len(side.allowing)))
    if side.why is Why.NO_RULE:
        _denied(page, side)
    for key in side.without_effect:
        page.line(1, ("note: ", "yellow"), f"{_named(key)} selects it without any effect: policies of this API count "
                  "only in a namespace with the annotation DefaultDeny (LG-4)")  # fmt: skip
    if side.other_direction:
        page.line(1, f"not about {word}: {_some(map(_named, side.other_direction))}")
    if side.not_selecting:
        each = (f"{_named(p.policy)} ({_first(p.failures)})" for p in side.not_selecting)
        page.line(1, f"not for this pod: {_some(each)}")


def _isolation(side: Side) -> str:
    judged = side.judgement
    if not judged.isolated:
        what = "go out" if judged.direction is Direction.EGRESS else "come in"
        return f"not isolated: no policy for it is about {judged.direction.lower()}, so everything may {what}"
    by = [_named(key) for key in judged.isolated_by]
    if side.annotation:
        by.append(f"the annotation of namespace {judged.subject.namespace}")
    return f"isolated by {_some(by, ' and ')}"


def _denied(page: Page, side: Side) -> None:
    direction = side.judgement.direction
    if not side.misses:
        page.line(1, "there is no rule that could allow it")
        return
    closest, *others = side.misses
    page.line(1, ("no rule allows it; closest is ", "red"), _rule(closest, direction))
    for noun, misses in (("peer", closest.peers), ("port", closest.ports)):
        if not misses:
            page.line(2, (f"the {noun} matches", "green"))
        for entry in islice(misses, _MOST):
            page.line(2, *_entry(noun, entry, several=len(misses) > 1))
        if len(misses) > _MOST:
            page.line(2, _more(len(misses)))
    for miss in islice(others, _MOST):
        failures = "; ".join(map(str, miss.failures))
        page.line(1, f"{_named(miss.policy)} rule {miss.index} neither: {failures}")
    if len(others) > _MOST:
        page.line(1, _more(len(others)))


def _entry(noun: str, miss: EntryMiss, *, several: bool) -> Iterable[Part]:
    where = f"{noun} {miss.index}, {miss.words}: " if several else ""
    return (where, ("; ".join(map(str, miss.failures)), "yellow"))


def _rule(of: RuleHit | RuleMiss, direction: Direction) -> str:
    return f"{_named(of.policy)} rule {of.index}: {rule_words(of.rule, of.policy.namespace, direction)}"


def _named(key: PolicyKey) -> str:
    return f"{key} ({key.api})" if key.api is Api.LEGACY else str(key)


def _first(failures: Sequence[Failure]) -> str:
    """One is enough to see that it is another policy's pod; labels of charts are long."""
    return f"{failures[0]}; and {len(failures) - 1} more" if len(failures) > 1 else str(failures[0])


def _some(words: Iterable[str], between: str = ", ") -> str:
    told = list(words)
    return between.join(told[:_MOST]) + (f", {_more(len(told))}" if len(told) > _MOST else "")


def _more(of: int) -> str:
    return f"and {of - _MOST} more (-o json has all)"


# --- flows -----------------------------------------------------------------------------------------------------------


def _way(page: Page, name: str, passages: list[Passage]) -> None:
    page.line(0, (f"{name}:", "bold"), *(() if passages else (f" {NO_BRIDGE}",)))
    for passage in passages:
        page.line(1, f"{passage.node}: ", _verdict(bool(passage.answer.allowed)))
        page.line(2, (" > ".join(map(table_name, passage.tables)), "dim"))
        for decision in passage.decisions:
            page.line(2, f"{decision.table_name}: {decision.meaning}")
            page.line(3, (decision.flow, "cyan"))
            if decision.cookie is not None:
                kind = decision.cookie.kind
                page.line(3, (f"cookie {kind.name} {decision.cookie.value}: {kind.meaning}", "dim"))
            if decision.packets is not None:
                page.line(3, f"{decision.packets} packet{'s' * (decision.packets != 1)} so far")
