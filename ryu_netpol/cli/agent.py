"""`ryu-netpol agent`: the agent of one node, until SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import time
from pathlib import Path

from ryu_netpol import __version__
from ryu_netpol.adapters.gateway import Gateway, GatewayError
from ryu_netpol.adapters.health import logs
from ryu_netpol.adapters.health.health import About, Health, Questions
from ryu_netpol.adapters.hostaddr import HostAddresses
from ryu_netpol.adapters.openflow import OpenFlowSession
from ryu_netpol.adapters.ovsdb import OvsdbAdapter
from ryu_netpol.adapters.ryu_compat.stack import VARIABLE, Stack, StackError, choose, describe
from ryu_netpol.adapters.settle import RevalidatorSettler
from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.events import BridgeSeen, Event
from ryu_netpol.cli.common import USAGE, complain
from ryu_netpol.cli.feeds import Adapter, make_feed
from ryu_netpol.config import Settings, SettingsError, listen_address
from ryu_netpol.model.names import NodeName
from ryu_netpol.model.net import Cidr
from ryu_netpol.runtime import Runtime, spare_collections

LOG = logging.getLogger("ryu_netpol.agent")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "agent",
        help="enforce policies on this node",
        description="Program this node's Open vSwitch bridge so that the network policies of a folder of manifests, "
        "or of a Kubernetes API server, hold. "
        "Runs until SIGTERM; what is installed then stays in force.",
    )
    run_dir = os.environ.get("OVS_RUNDIR", "/var/run/openvswitch")
    parser.add_argument(
        "--node", required=True, metavar="NAME", help="name of this node, as pods' spec.nodeName says it"
    )
    parser.add_argument("--manifests", metavar="DIR", type=Path, help="folder of manifests to follow")
    parser.add_argument("--kubeconfig", metavar="FILE", type=Path, help="follow this API server instead")
    parser.add_argument("--context", metavar="NAME", help="of the kubeconfig (default: its current context)")
    parser.add_argument("--in-cluster", action="store_true",
                        help="follow the API server of the pod that the agent runs in")  # fmt: skip
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
    parser.add_argument("--metrics-bind", metavar="ADDRESS:PORT", default="127.0.0.1:9464",
                        help="for probes, metrics, `ryu-netpol status`; off: none (default: %(default)s)")  # fmt: skip
    parser.add_argument("--log-level", choices=logs.LEVELS, default="info",
                        help="default: info; SIGUSR1 changes to debug, SIGUSR2 back")  # fmt: skip
    parser.add_argument("--log-format", choices=logs.FORMATS, default="text", help="default: text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the agent."""
    logs.set_up(form=args.log_format, level=args.log_level)
    try:
        settings = Settings(
            node=NodeName(args.node),
            pod_cidrs=tuple(map(Cidr.parse, args.pod_cidrs)),
            manifests=args.manifests,
            kubeconfig=args.kubeconfig,
            context=args.context,
            in_cluster=args.in_cluster,
            bridge=args.bridge,
            gateway=args.gateway,
            ovsdb=args.ovsdb,
            openflow=args.openflow,
            datapath_type=args.datapath_type,
            metrics=listen_address(args.metrics_bind),
        )
        serve(settings, choose(args.stack))
    except (SettingsError, StackError, GatewayError, ValueError) as error:
        return complain("agent", str(error), USAGE)
    return 0


def serve(settings: Settings, stack: Stack) -> None:
    """Put an agent and its adapters together, and run it until SIGTERM or SIGINT. Raises OSError, GatewayError."""
    spare_collections()
    health = Health(About(settings.node, __version__, describe(stack), settings.source, time.time()))
    runtime = Runtime(Agent(node=settings.node, pod_cidrs=settings.pod_cidrs), health)
    _heed_signals(runtime)
    # The first import decides which framework this process runs on. It takes a while, in which signals are heeded.
    os.environ[VARIABLE] = stack
    from ryu_netpol.app import run_switch_app

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
        agent=health.agent,
    )
    # Open vSwitch connects only to sockets in its run directory, so that is where this one is.
    settler = RevalidatorSettler(
        settings.openflow.parent, nudge=session.nudge, deliver=runtime.deliver, report=runtime.report
    )
    feed, tellers = make_feed(settings, runtime, health)
    with contextlib.ExitStack() as running:
        if settings.metrics is not None:
            questions = Questions(runtime.ask, health.proven.standing, health.proven.seen, feed.late)
            listening = health.listen(*settings.metrics, questions=questions, do=runtime.do, report=runtime.report)
            running.callback(listening.stop)
            listening.start()
        server = run_switch_app(settings.openflow, session)
        running.callback(server.stop)
        running.callback(addresses.stop)
        adapters: list[Adapter] = [settler, database, feed, *tellers]
        for adapter in adapters:
            adapter.start()
            running.callback(adapter.stop)
        LOG.info("agent of node %s started: %s", settings.node, health.agent, extra=logs.fields("started"))
        runtime.run(session, database, settler)
    LOG.info("agent of node %s ended; what is installed stays in force", settings.node, extra=logs.fields("ended"))


def _heed_signals(runtime: Runtime) -> None:
    """Handlers only put something into the runtime's inbox: what they interrupt may hold any lock, the log's too."""
    level = logs.level()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runtime.stop())
    signal.signal(signal.SIGUSR1, lambda *_: runtime.do(lambda: logs.change_level("debug")))
    signal.signal(signal.SIGUSR2, lambda *_: runtime.do(lambda: logs.change_level(level)))
