"""What is counted, and how it reads in Prometheus' format: judged by prometheus_client's own parser."""

from __future__ import annotations

from collections import Counter

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ryu_netpol.adapters.health.gauges import Gauges, make_registry, tell_build
from ryu_netpol.adapters.health.proven import Proven
from ryu_netpol.adapters.health.record import LAST, Record, Told
from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.effects import Effect, MarkSynced, Program, SetAlarm
from ryu_netpol.agent.events import (
    CommitFailed,
    Committed,
    Deleted,
    Event,
    Kind,
    Relisted,
    Replaced,
    SwitchUp,
    Together,
    Upserted,
)
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import Flow
from tests.support import build
from tests.support.fake import World
from tests.support.questions import busy, questions
from tests.unit.agent.test_glance import started

POD = build.pod("default/a")


def samples(registry: CollectorRegistry) -> dict[str, float]:
    """Every sample by its name and labels."""
    found = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def told(record: Record, event: Event, *effects: Effect, took: float = 0.0, delivered: float = 0.0) -> None:
    """The agent has handled an event."""
    record.handled(event, effects, delivered=delivered, took=took, pending=False)


def test_events_of_the_feed_are_counted_by_kind() -> None:
    """Those that come together each count, and the time of the last is kept."""
    registry = CollectorRegistry()
    record = Record(registry, clock=lambda: 1234.5)
    assert record.last_event is None
    told(record, Upserted(POD))
    told(record, Together((Upserted(POD), Deleted(POD), Relisted(Kind.POLICY, frozenset()))))
    told(record, Replaced(frozenset()))

    assert record.last_event == 1234.5
    counted = {name: value for name, value in samples(registry).items() if "feed_events_total" in name}
    assert counted == {
        "ryu_netpol_feed_events_total{change=upserted,kind=Pod}": 2,
        "ryu_netpol_feed_events_total{change=deleted,kind=Pod}": 1,
        "ryu_netpol_feed_events_total{change=relisted,kind=NetworkPolicy}": 1,
        "ryu_netpol_feed_events_total{change=replaced,kind=all}": 1,
    }


def test_bundles_and_their_flows_are_counted() -> None:
    """What was sent, what was refused, and that it is tried again; planning is timed where a plan came of it."""
    flow: Flow = next(iter(started().flows.values()))
    registry = CollectorRegistry()
    record = Record(registry)
    told(record, SwitchUp(1), took=9)
    told(record, Upserted(POD), Program(Plan(1, adds=(flow, flow), deletes=(flow,)), 1), took=0.02)
    told(record, CommitFailed(1, ("no",)), SetAlarm(1.0), took=9)
    found = samples(registry)

    assert found["ryu_netpol_switch_connections_total"] == 1
    assert found["ryu_netpol_bundles_sent_total"] == 1
    assert found["ryu_netpol_bundles_refused_total"] == 1
    assert found["ryu_netpol_retries_total"] == 1
    assert found["ryu_netpol_flow_changes_total{change=add}"] == 2
    assert found["ryu_netpol_flow_changes_total{change=delete}"] == 1
    assert found["ryu_netpol_plan_seconds_count"] == 1
    assert found["ryu_netpol_plan_seconds_sum"] == pytest.approx(0.02)


def test_changes_are_timed() -> None:
    """From delivery to acknowledgement, in the bucket where it belongs."""
    registry = CollectorRegistry()
    record = Record(registry)
    told(record, Committed(0), MarkSynced(True))
    told(record, Upserted(POD), Program(Plan(1), 1), delivered=10.0)
    told(record, Committed(1), delivered=10.03)
    found = samples(registry)

    assert found["ryu_netpol_change_seconds_count"] == 1
    assert found["ryu_netpol_change_seconds_bucket{le=0.025}"] == 0
    assert found["ryu_netpol_change_seconds_bucket{le=0.05}"] == 1


def test_reports_are_counted_and_the_last_remembered() -> None:
    """By kind; their sentences are in no label."""
    registry = CollectorRegistry()
    record = Record(registry, clock=lambda: 7.0)
    for number in range(LAST + 5):
        record.reported("closed_endpoint", f"pod {number}")
    found = {name: value for name, value in samples(registry).items() if name.startswith("ryu_netpol_reports_total")}

    assert found == {"ryu_netpol_reports_total{what=closed_endpoint}": LAST + 5}
    assert len(record.last_reports()) == LAST
    assert record.last_reports()[-1] == Told(7.0, "closed_endpoint", f"pod {LAST + 4}")


def gauges(world: World, registry: CollectorRegistry, record: Record) -> Gauges:
    """The gauges of an agent, asked in this thread."""
    return Gauges(questions(world, Proven(registry, "node1"), late=[Kind.POD]), record)


def test_gauges_are_those_of_the_agent() -> None:
    """Flows by the pipeline's tables, endpoints by state, objects by kind; and what runs here."""
    registry = make_registry()
    tell_build(registry, version="1.2.3", stack="os-ken 4")
    record = Record(registry)
    told(record, Upserted(POD))
    world = started()
    registry.register(gauges(world, registry, record))
    found = samples(registry)
    by_table = Counter(key.table for key in world.flows)

    assert found["ryu_netpol_build_info{stack=os-ken 4,version=1.2.3}"] == 1
    assert found["ryu_netpol_endpoints{state=ready}"] == 2
    assert found["ryu_netpol_endpoints{state=closed}"] == 0
    assert found["ryu_netpol_objects{kind=NetworkPolicy}"] == 2
    assert found["ryu_netpol_policies"] == 1
    assert found["ryu_netpol_feed_late{kind=Pod}"] == 1
    assert found["ryu_netpol_feed_late{kind=Node}"] == 0
    assert found["ryu_netpol_synced"] == found["ryu_netpol_switch_connected"] == found["ryu_netpol_answering"] == 1
    assert found["ryu_netpol_flows_installed{table=ingress}"] == by_table[51]
    assert found["ryu_netpol_flows_desired{table=forward}"] == by_table[70]
    assert found["ryu_netpol_generation"] == found["ryu_netpol_generation_in_force"] == 1
    assert found["process_resident_memory_bytes"] > 1e6
    assert "ryu_netpol_feed_last_event_timestamp_seconds" in found


def test_there_are_as_many_series_in_any_cluster() -> None:
    """No label has the name of a pod or policy, or an address: a hundred more pods add no series."""

    def names(pods: int) -> set[str]:
        registry = CollectorRegistry()
        record = Record(registry)
        everybody = [build.pod(f"default/p{n}", f"10.244.1.{n + 10}") for n in range(pods)]
        for pod in everybody:
            told(record, Upserted(pod))
        world = started(build.cluster(build.node("node1"), *everybody))
        registry.register(gauges(world, registry, record))
        return set(samples(registry))

    assert names(101) == names(1)


def test_flows_are_counted_again_only_after_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting takes as long as there are flows, in the agent's thread."""
    world = started()
    counted, count = [], Agent.tables

    def tables(agent: Agent) -> tuple[Counter[int], Counter[int]]:
        counted.append(agent.glance().switch.generation)
        return count(agent)

    monkeypatch.setattr(Agent, "tables", tables)
    registry = CollectorRegistry()
    collector = Gauges(questions(world, Proven(registry, "node1")), Record(registry))
    list(collector.collect())
    list(collector.collect())
    assert counted == [1]

    world.deliver(Upserted(build.policy("default/q", "", egress=[])))
    list(collector.collect())
    assert counted[:2] == [1, world.agent.glance().switch.generation]


def test_an_agent_that_does_not_answer() -> None:
    """What was counted is told all the same, and that it does not answer."""
    registry = CollectorRegistry()
    record = Record(registry)
    told(record, SwitchUp(1))
    registry.register(Gauges(busy(), record))
    found = samples(registry)

    assert found["ryu_netpol_answering"] == 0
    assert found["ryu_netpol_switch_connections_total"] == 1
    assert "ryu_netpol_synced" not in found
