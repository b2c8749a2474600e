"""B7: packets through the tables of the agent, beside bare connection tracking and beside a plain bridge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import median

from ryu_netpol.bench.bench import Bench
from ryu_netpol.bench.clusters.scene import one_of, policy_key, tcp
from ryu_netpol.bench.pair import CLIENT, SERVER, SPACE, Pair, allowed, selected
from ryu_netpol.bench.results import Target
from ryu_netpol.bench.stream import Line
from ryu_netpol.lab.node import BRIDGE
from ryu_netpol.model.net import Cidr
from ryu_netpol.model.objects import BlockPeer, PodPeer, Policy, Rule

ROUNDS = 8
COUNTS = (0, 10, 1000)
"""How many policies select the server; with 0 it is not isolated."""
BARE, PLAIN = "bare connection tracking", "a plain bridge (NORMAL)"
_SECONDS = 0.75
_FIRST_PACKETS = 20


def run(bench: Bench) -> None:
    """The same two pods all the time; only the tables of their bridge are replaced, again and again."""
    seconds = _SECONDS if not bench.quick else _SECONDS / 2
    bench.begin("packets through the lab", Target(0.95, least=True, of_ratio=True))
    with Pair(allowed()) as pair:
        tables = {f"{count:,} policies": agents_tables(pair, count) for count in COUNTS}
        pair.node.stop_agent()
        tables |= {BARE: bare(pair), PLAIN: plain(pair)}
        pair.fix_neighbours()
        streams, opened, first = (defaultdict[str, list[float]](list) for _ in range(3))
        with Line(pair.netns(CLIENT), pair.netns(SERVER), pair.address(SERVER)) as line:
            for _ in range(bench.size(ROUNDS, 2)):
                for name, flows in tables.items():
                    pair.ovs.replace_flows(BRIDGE, flows)
                    streams[name].append(line.stream(seconds))
                    opened[name].append(line.open(seconds))
                    first[name].append(median(_first(pair, line) for _ in range(bench.size(_FIRST_PACKETS, 5))))
    tell(bench, "one TCP stream", streams, "MiB/s", Target(0.95, least=True, of_ratio=True))
    tell(bench, "new TCP connections", opened, "1/s", Target(0.8, least=True, of_ratio=True))
    tell(bench, "first packet of a connection, slow path included, there and back", first, "ms", None)


def tell(bench: Bench, what: str, found: dict[str, list[float]], unit: str, target: Target | None) -> None:
    """Medians, each beside bare connection tracking; and whether many policies cost more than a few."""
    values = {name: median(samples) for name, samples in found.items()}
    few, many = (f"{count:,} policies" for count in COUNTS[1:])
    for name, value in values.items():
        if name != BARE:
            wanted = None if name == PLAIN else target
            bench.result(f"{what}, {name}, beside {BARE}", value, unit, peer=values[BARE], target=wanted)
    flat = Target(0.9, least=True, of_ratio=True) if target else None
    bench.result(f"{what}, {many}, beside {few}", values[many], unit, peer=values[few], target=flat)


def policies(count: int) -> Iterable[Policy]:
    """So many that select the server, the last one of which allows what is measured."""
    for number in range(count - 1):
        block = Cidr(4, Cidr.parse("172.16.0.0/12").address(number << 8).value, 24)
        rule = Rule((PodPeer(one_of("app", [f"other{number}"])), BlockPeer(block)), (tcp(30_000 + number),))
        yield Policy(policy_key(SPACE, f"more-{number}"), selected(SERVER), ingress=(rule,))
    if count:
        yield from (policy for policy in allowed() if policy.key.name == "server")


def agents_tables(pair: Pair, count: int) -> str:
    """What the agent makes of so many policies, as the switch shows it."""
    pair.restart(policies(count))
    lines = pair.ovs.ofctl("--no-stats", "--no-names", "dump-flows", BRIDGE).splitlines()
    return "\n".join(line for line in lines if "actions=" in line) + "\n"


def bare(pair: Pair) -> str:
    """The least that a stateful bridge does: track, let established connections pass, commit new ones."""
    return (
        "table=0, priority=10, ip, actions=ct(table=1,zone=7)\n"
        + _to_pods(pair, "table=1, priority=20, ct_state=+trk+est, ip", "", "output:{port}")
        + _to_pods(pair, "table=1, priority=10, ct_state=+trk+new, ip", "ct(commit,zone=7),", "output:{port}")
    )


def plain(pair: Pair) -> str:
    """A learning switch. Pods send to their gateway, which is no pod: so the destination's MAC is put right before."""
    return _to_pods(pair, "table=0, priority=10, ip", "", "NORMAL") + "table=0, priority=0, actions=NORMAL\n"


def _to_pods(pair: Pair, match: str, before: str, last: str) -> str:
    flows = ""
    for port in pair.ports()[1]:
        if port.attachment is not None:
            mac = ":".join(f"{octet:02x}" for octet in port.attachment.mac.to_bytes(6, "big"))
            go = f"{before}set_field:{mac}->eth_dst,{last.format(port=port.number)}"
            flows += f"{match}, nw_dst={port.attachment.addresses[0]}, actions={go}\n"
    return flows


def _first(pair: Pair, line: Line) -> float:
    """Milliseconds, after the datapath has forgotten everything."""
    pair.ovs.appctl("revalidator/purge")
    return 1000 * line.echo()
