"""What the first plan of a run, or the first after flows were lost, must revoke (NP-71, NP-94)."""

from __future__ import annotations

from dataclasses import replace

from ryu_netpol.agent.events import Deleted, Upserted
from ryu_netpol.flows.ir import CookieKind, FlowTable
from ryu_netpol.flows.numbers import recover_epoch
from ryu_netpol.model.objects import Pod
from tests.replay.test_restart import CLIENT, CLOSED, KEEP, NODE, ONLY_WEB, established, show, started
from tests.support import build

FORMER = build.pod("default/former", "10.244.1.10", labelled="app=former")
HEIR = build.pod("default/z-heir", "10.244.1.10", labelled="app=heir")


def test_local_heir_in_the_first_plan() -> None:
    """A pod goes, the agent restarts, and when it is back somebody isolated has the address already."""
    before = started(build.cluster(NODE, CLIENT, KEEP, FORMER, CLOSED))
    epoch = recover_epoch(before.flows)
    without, after = build.cluster(NODE, CLIENT, KEEP, CLOSED), build.cluster(NODE, CLIENT, KEEP, HEIR, CLOSED)
    before.deliver(Deleted(FORMER))
    show(before, without)
    world = started(after, before)

    assert established(world, after, "10.244.1.10", epoch) == (False, False)


def test_remote_heir_in_the_first_plan() -> None:
    """The same elsewhere, where some rule speaks of the heir: who is spoken of by none leaves no trace in flows."""
    web = build.pod("default/web", "10.244.2.10", labelled="app=web", node="node2")
    other = build.policy("default/keep", "app=heir", ingress=[build.rule(build.pods("app=other"))])
    rest = (NODE, CLIENT, KEEP, ONLY_WEB, other)
    heir: Pod = replace(web, key=build.pod("default/heir").key, uid="heir", labels=build.labels("app=other"))
    before = started(build.cluster(*rest, web))
    epoch = recover_epoch(before.flows)
    before.deliver(Deleted(web))
    after = build.cluster(*rest, heir)
    world = started(after, before)

    assert established(world, after, "10.244.2.10", epoch) == (False, False)


def test_a_pod_that_moved_away_while_the_agent_was_down() -> None:
    """It had the address here, its heir has it elsewhere (a migrated machine) and has lost the label that counted."""
    old = build.pod("default/z-old", "10.244.1.10", labelled="app=web")
    twin = build.pod("default/twin", "10.244.1.13", labelled="app=web")
    new = build.pod("default/new", "10.244.1.10", labelled="app=x", node="node2")
    rest = (NODE, CLIENT, twin, ONLY_WEB)
    before = started(build.cluster(*rest, old))
    epoch = recover_epoch(before.flows)
    after = build.cluster(*rest, new)
    world = started(after, before)

    assert established(world, after, "10.244.1.10", epoch) == (False, False)


def test_flows_that_somebody_deleted() -> None:
    """Flows of a rule are deleted by hand, the switch is lost, the rule goes: what it allowed is revoked."""
    web = build.pod("default/web", "10.244.1.10", labelled="app=web")
    rest = (NODE, CLIENT, web)
    world = started(build.cluster(*rest, ONLY_WEB))
    epoch = recover_epoch(world.flows)
    kinds = (CookieKind.CLAUSE, CookieKind.RULE)
    world.flows = FlowTable(flow for flow in world.flows.values() if flow.cookie.kind not in kinds)
    world.disconnect()
    none = replace(ONLY_WEB, egress=())
    world.deliver(Upserted(none))
    world.connect()

    assert established(world, build.cluster(*rest, none), "10.244.1.10", epoch) == (False, False)
