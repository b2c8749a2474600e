"""All about an agent as one JSON value, for `ryu-netpol status`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass

from ryu_netpol.adapters.health.checks import Check, conditions, unanswered
from ryu_netpol.adapters.health.gauges import Questions
from ryu_netpol.adapters.health.logs import level, rfc3339
from ryu_netpol.adapters.health.proven import enforcement
from ryu_netpol.adapters.health.record import Record
from ryu_netpol.agent.events import Kind
from ryu_netpol.agent.glance import Glance

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class About:
    """What does not change while an agent runs."""

    node: str
    version: str
    stack: str
    source: str
    """Where the cluster's state comes from, in words."""
    started: float
    """Seconds since 1970."""


def status(about: About, record: Record, questions: Questions) -> Json:
    """Everything; only what is known without it where the agent does not answer."""
    try:
        now, standing = questions.ask(lambda agent: (agent.glance(), questions.standing(agent)))
    except TimeoutError as error:
        return _always(about, record, unanswered(error))
    said = _always(about, record, conditions(now)) | _standing(about, record, now, questions.late())
    return said | {"enforcement": enforcement(standing, questions.seen())}


def _always(about: About, record: Record, checks: Collection[Check]) -> Json:
    return {
        "node": about.node,
        "version": about.version,
        "stack": about.stack,
        "started": rfc3339(about.started),
        "log_level": level(),
        "ready": all(check.ok for check in checks),
        "checks": [asdict(check) for check in checks],
        "reports": [{"ts": rfc3339(t.at), "what": t.what, "message": t.message} for t in record.last_reports()],
    }


def _standing(about: About, record: Record, now: Glance, late: Collection[Kind]) -> Json:
    last, switch = record.last_event, now.switch
    return {
        "feed": {
            "source": about.source,
            "objects": {kind: count for kind, count in now.heard.objects.items() if kind in now.heard.listed},
            "late": sorted(late),
            "last_event": None if last is None else rfc3339(last),
        },
        "switch": {
            "connected": switch.connected,
            "connections": record.connections,
            "bundles_refused": record.refused,
            "generation": switch.generation,
            "in_flight": switch.in_flight,
            "in_force": switch.in_force,
            "epoch": switch.epoch,
        },
        "policies": asdict(now.sizes),
        "endpoints": [{"port": p.name, "pod": str(p.pod) if p.pod else None, "state": p.state} for p in now.ports],
        "problems": [{"what": problem.what, "message": problem.message} for problem in sorted(now.problems)],
    }
