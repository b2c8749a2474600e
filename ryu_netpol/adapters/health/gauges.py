"""How an agent stands, read in its thread when somebody asks for metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol, TypeVar

from prometheus_client import CollectorRegistry, Info, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ryu_netpol.adapters.health import proven
from ryu_netpol.adapters.health.record import Record
from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.events import Kind
from ryu_netpol.agent.glance import Glance
from ryu_netpol.agent.standing import Standing, Version
from ryu_netpol.flows.pipeline import TableId

STATES = ("ready", "waiting", "closed", "unknown")
_Counts = Mapping[int, int]
_T = TypeVar("_T")


class Ask(Protocol):
    """Has a question answered in the agent's thread. Who needs several answers asks for them together."""

    def __call__(self, question: Callable[[Agent], _T], /) -> _T:
        """The answer. Raises TimeoutError where there is none within 3 s."""


class Questions(NamedTuple):
    """What can be asked."""

    ask: Ask
    standing: Callable[[Agent], Standing]
    """A question: what can be proved. Takes as long as there are policies that select an endpoint here."""
    seen: Callable[[], Mapping[Kind, Version]]
    """Up to which version objects have been heard of. Always answered."""
    late: Callable[[], frozenset[Kind]]
    """The kinds of which the feed may not know everything that has happened. Always answered."""


class Gauges(Collector):
    """Asks the agent at each collection. Flows are counted again only after a change."""

    def __init__(self, questions: Questions, record: Record) -> None:
        self._questions = questions
        self._record = record
        self._counted: tuple[object, tuple[_Counts, _Counts]] | None = None

    def collect(self) -> Iterator[Metric]:
        """The gauges of this moment; but one of them only if the agent answers."""
        late = self._questions.late()
        states = {str(kind): int(kind in late) for kind in Kind}
        yield _gauges("feed_late", "1 if something may have happened that the feed has not heard of.", "kind", states)
        if self._record.last_event is not None:
            last = self._record.last_event
            yield _gauge("feed_last_event_timestamp_seconds", "When the feed said something last.", last)
        try:
            glance, standing, (desired, installed) = self._questions.ask(self._look)
        except TimeoutError:
            yield _gauge("answering", "1 if the agent's thread answers.", 0)
            return
        heard, switch, sizes = glance.heard, glance.switch, glance.sizes
        yield _gauge("answering", "1 if the agent's thread answers.", 1)
        yield _gauge("synced", "1 if everything has been installed since the switch connected.", switch.synced)
        yield _gauge("switch_connected", "1 if the switch is connected.", switch.connected)
        yield _gauge("generation", "The last plan that was sent.", switch.generation)
        if switch.in_force is not None:
            yield _gauge("generation_in_force", "The last plan that packets are known to feel.", switch.in_force)
        if switch.epoch is not None:
            yield _gauge("epoch", "Grows when policy becomes narrower.", switch.epoch)
        ports = Counter(port.state for port in glance.ports)
        yield _gauges("endpoints", "Ports of the bridge, by state.", "state", {state: ports[state] for state in STATES})
        yield _gauges(
            "objects",
            "Objects that the feed has told of.",
            "kind",
            {str(kind): count for kind, count in heard.objects.items()},
        )
        yield _gauge("policies", "Policies that select an endpoint of this node.", sizes.policies)
        yield _gauge("identities", "Identities that have a number.", sizes.identities)
        yield _gauge("rules", "Rules of these policies.", sizes.rules)
        yield _gauge("problems", "Problems of endpoints and addresses that last.", len(glance.problems))
        yield from proven.gauges(standing, self._questions.seen())
        yield _gauges("flows_desired", "Flows that should be on the switch.", "table", _named(desired))
        if switch.connected:
            yield _gauges("flows_installed", "Flows that are on the switch.", "table", _named(installed))

    def _look(self, agent: Agent) -> tuple[Glance, Standing, tuple[_Counts, _Counts]]:
        """What all gauges are read from; how many flows each table should have and has takes as long as there are."""
        glance = agent.glance()
        if self._counted is None or self._counted[0] != glance.switch:
            self._counted = glance.switch, agent.tables()
        return glance, self._questions.standing(agent), self._counted[1]


def make_registry() -> CollectorRegistry:
    """An agent's own: nothing here is shared by a process. CPU, memory and open files of the process are in it."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


def tell_build(registry: CollectorRegistry, *, version: str, stack: str) -> None:
    """Say what runs here: `ryu_netpol_build_info`."""
    Info("ryu_netpol_build", "What runs here.", registry=registry).info({"version": version, "stack": stack})


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"ryu_netpol_{name}", help_text, value=value)


def _gauges(name: str, help_text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(f"ryu_netpol_{name}", help_text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def _named(counts: _Counts) -> dict[str, int]:
    """All tables of the pipeline by name. Any other has no flows that are ours."""
    return {table.name.lower(): counts.get(table, 0) for table in TableId}
