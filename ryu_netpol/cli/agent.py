"""`ryu-netpol agent`: the agent of one node, until SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from ryu_netpol import __version__
from ryu_netpol.adapters.folder import FolderFeed, FolderState
from ryu_netpol.adapters.gateway import Gateway, GatewayError
from ryu_netpol.adapters.hostaddr import HostAddresses
from ryu_netpol.adapters.openflow import OpenFlowSession
from ryu_netpol.adapters.ovsdb import OvsdbAdapter
from ryu_netpol.adapters.ryu_compat.stack import VARIABLE, Stack, StackError, choose, describe
from ryu_netpol.adapters.settle import RevalidatorSettler
from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.events import BridgeSeen, Event, Replaced
from ryu_netpol.cli.common import USAGE, complain
from ryu_netpol.config import Settings, SettingsError
from ryu_netpol.model.load import LocatedProblem
from ryu_netpol.model.names import NodeName
from ryu_netpol.model.net import Cidr
from ryu_netpol.model.objects import Namespace, Object, Pod, Policy
from ryu_netpol.runtime import Runtime, spare_collections

LOG = logging.getLogger("ryu_netpol.agent")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "agent",
        help="enforce policies on this node",
        description="Program this node's Open vSwitch bridge so that the network policies of the manifests hold. "
        "Runs until SIGTERM; what is installed then stays in force.",
    )
    run_dir = os.environ.get("OVS_RUNDIR", "/var/run/openvswitch")
    parser.add_argument(
        "--node", required=True, metavar="NAME", help="name of this node, as pods' spec.nodeName says it"
    )
    parser.add_argument("--manifests", required=True, metavar="DIR", type=Path, help="folder of manifests to follow")
    parser.add_argument("--pod-cidr", dest="pod_cidrs", metavar="CIDR", action="append", default=[],
                        help="this node's block of pod addresses; once for IPv4, once for IPv6")  # fmt: skip
    parser.add_argument("--bridge", default="br-int", metavar="NAME", help="bridge (default: br-int)")
    parser.add_argument("--gateway", default="np-gw0", metavar="NAME", help="the node's own port (default: np-gw0)")
    parser.add_argument("--ovsdb", default=f"unix:{run_dir}/db.sock", metavar="REMOTE",
                        help="database of Open vSwitch (default: %(default)s)")  # fmt: skip
    parser.add_argument("--openflow", type=Path, metavar="PATH", default=Path(run_dir) / "ryu-netpol.sock",
                        help="Unix socket for Open vSwitch, in its run directory (default: %(default)s)")  # fmt: skip
    parser.add_argument("--datapath-type", choices=("system", "netdev", "dummy"), default="system",
                        help="of a bridge that has to be made: kernel (system) or userspace (netdev)")  # fmt: skip
    parser.add_argument("--stack", choices=tuple(Stack), default=os.environ.get(VARIABLE),
                        help="os-ken in native threads, or classic: Ryu 4.34 with eventlet "
                        f"(default: ${VARIABLE}, else what is installed; of both, classic)")  # fmt: skip
    parser.add_argument("--log-level", choices=("debug", "info", "warning"), default="info", help="default: info")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the agent."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("ryu_netpol").setLevel(args.log_level.upper())
    try:
        settings = Settings(
            node=NodeName(args.node),
            pod_cidrs=tuple(map(Cidr.parse, args.pod_cidrs)),
            manifests=args.manifests,
            bridge=args.bridge,
            gateway=args.gateway,
            ovsdb=args.ovsdb,
            openflow=args.openflow,
            datapath_type=args.datapath_type,
        )
        serve(settings, choose(args.stack))
    except (SettingsError, StackError, GatewayError, ValueError) as error:
        return complain("agent", str(error), USAGE)
    return 0


def serve(settings: Settings, stack: Stack) -> None:
    """Put an agent and its adapters together, and run it until SIGTERM or SIGINT. Raises OSError, GatewayError."""
    # The first import decides which framework this process runs on.
    os.environ[VARIABLE] = stack
    from ryu_netpol.app import run_switch_app

    spare_collections()
    program = f"ryu-netpol {__version__} on {describe(stack)}"
    runtime = Runtime(Agent(node=settings.node, pod_cidrs=settings.pod_cidrs))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runtime.stop())
    gateway = Gateway(settings.gateway, settings.pod_cidrs, report=runtime.report)
    addresses = HostAddresses(deliver=runtime.deliver, report=runtime.report, changed=gateway.repair)

    def deliver(event: Event) -> None:
        # The gateway port exists once the bridge is seen with it: only then can it be given its addresses.
        if isinstance(event, BridgeSeen) and event.gateway is not None and not addresses.started:
            addresses.start()
        runtime.deliver(event)

    session = OpenFlowSession(deliver=runtime.deliver, report=lambda r: runtime.report(r.what, r.message))
    database = OvsdbAdapter(
        controller=f"unix:{settings.openflow}",
        deliver=deliver,
        report=runtime.report,
        remote=settings.ovsdb,
        bridge=settings.bridge,
        gateway=settings.gateway,
        datapath_type=settings.datapath_type,
        agent=program,
    )
    # Open vSwitch connects only to sockets in its run directory, so that is where this one is.
    settler = RevalidatorSettler(
        settings.openflow.parent, nudge=session.nudge, deliver=runtime.deliver, report=runtime.report
    )
    feed = FolderFeed(settings.manifests, FeedToEvents(runtime))
    with contextlib.ExitStack() as running:
        server = run_switch_app(settings.openflow, session)
        running.callback(server.stop)
        running.callback(addresses.stop)
        for adapter in (settler, database, feed):
            adapter.start()
            running.callback(adapter.stop)
        LOG.info("agent of node %s started: %s", settings.node, program)
        runtime.run(session, database, settler)
    LOG.info("agent of node %s ended; what is installed stays in force", settings.node)


class FeedToEvents:
    """What the folder says, as events: everything at once each time, and what is wrong with the files."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._told: frozenset[LocatedProblem] = frozenset()
        self._mentioned: frozenset[str] = frozenset()

    def __call__(self, state: FolderState) -> None:
        """Take in what the folder says now."""
        problems = frozenset(state.problems)
        for problem in sorted(problems - self._told, key=str):
            self._runtime.report("manifest_error" if problem.is_error else "manifest_warning", str(problem))
        self._told = problems
        if not any(problem.is_error for problem in problems):
            self._mentioned = mentioned(state.objects)
        if state.known:
            everything = (*state.objects, *namespaces(self._mentioned, state.objects))
            self._runtime.deliver(Replaced(frozenset(everything)))


def mentioned(objects: Iterable[Object]) -> frozenset[str]:
    """Namespaces that pods and policies name: in a folder, unlike in a cluster, nobody need describe them.

    Taken from a folder without errors only: what cannot be read may be the Namespace that isolates its pods (LG-1).
    """
    return frozenset(item.key.namespace for item in objects if isinstance(item, Pod | Policy))


def namespaces(names: frozenset[str], objects: Iterable[Object]) -> list[Namespace]:
    """Those of these namespaces that no object describes."""
    described = {item.name for item in objects if isinstance(item, Namespace)}
    return [Namespace(name) for name in sorted(names - described)]
